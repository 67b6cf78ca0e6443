package store

import (
	"context"
	"crypto/sha256"
	"encoding/binary"
	"slices"
	"sync/atomic"
	"time"
)

// AuditEntry says who changed something. It is a row of TableAudit, written in the
// transaction of the change, so that neither is there without the other.
//
// Its key is: shard (one octet, by the request's id, for keys that only rise would all
// be written to one place), the time's microseconds from the end of time (8 octets), so
// that the newest come first, the request's id.
type AuditEntry struct {
	// Time is when the change was committed, by the clock of who wrote it, to the
	// microsecond; the Store gives it. Of what one Store commits no two have the same,
	// and they are in the order of the commits.
	Time      time.Time
	RequestID string // at most 128 octets
	Who       string // a token, a certificate or a user
	From      string // an address; empty where there is none
	Operation string
	Subjects  []string // zones and guests
}

const (
	auditShards   = 16
	auditKeep     = 400 * 24 * time.Hour // and no longer
	auditTrim     = 2048                 // rows dropped by one commit
	maxAuditText  = 512                  // octets of each text
	maxAuditNames = 64
	maxAuditTime  = 1 << 58 // microseconds, some nine thousand years
)

// auditBounds are how many entries of a shard are kept, the newest ones. Those of one
// writer are bounded apart, so that nobody drives out what others did by changing
// something often.
type auditBounds struct{ ofOne, all int }

var auditRows = auditBounds{ofOne: 50_000 / auditShards, all: 200_000 / auditShards}

type auditKey struct{}

// auditing is the audit of one request.
type auditing struct {
	entry   AuditEntry
	written atomic.Bool // a change that was committed has it
}

// WithAudit returns a context for one request: the first commit of what is done with
// it that changes something adds the entry to the audit, those after it change
// nothing about that.
func WithAudit(ctx context.Context, e AuditEntry) context.Context {
	return context.WithValue(ctx, auditKey{}, &auditing{entry: e})
}

// audited makes a plan one that leaves the context's audit entry where it changes
// something: what the change log has, or what says so of itself. done is to be called
// once the plan's changes are committed.
func (s *Store) audited(ctx context.Context, p plan) (_ plan, done func()) {
	a, ok := ctx.Value(auditKey{}).(*auditing)
	if !ok || a.written.Load() {
		return p, func() {}
	}
	wrote := false
	return func(ctx context.Context, t *tx) error {
		logged := len(t.log)
		t.told = false
		if err := p(ctx, t); err != nil {
			return err
		}
		if wrote = t.told || len(t.log) > logged; wrote {
			e := a.entry
			e.Time = s.auditTime()
			t.put(TableAudit, e.key(), encodeAudit(&e))
		}
		return nil
	}, func() { a.written.Store(wrote) }
}

// auditTime gives each entry a time of its own, later than those before. Only the
// committer calls it.
func (s *Store) auditTime() time.Time {
	now := s.now().UTC().Truncate(time.Microsecond)
	if !now.After(s.audit) {
		now = s.audit.Add(time.Microsecond)
	}
	s.audit = now
	return now
}

func (e *AuditEntry) key() string {
	id := clip(e.RequestID, maxRequestID)
	sum := sha256.Sum256([]byte(id))
	return string(auditPlace(sum[0]%auditShards, e.Time)) + id
}

// auditPlace is where the keys of a time begin.
func auditPlace(shard byte, t time.Time) []byte {
	return appendBig64([]byte{shard}, maxUint64-uint64(max(0, t.UnixMicro())))
}

func clip(s string, most int) string { return s[:min(len(s), most)] }

func encodeAudit(e *AuditEntry) []byte {
	b := []byte{formVersion}
	for _, text := range []string{e.Who, e.From, e.Operation} {
		b = appendString(b, clip(text, maxAuditText))
	}
	subjects := e.Subjects[:min(len(e.Subjects), maxAuditNames)]
	b = appendUint(b, uint64(len(subjects)))
	for _, subject := range subjects {
		b = appendString(b, clip(subject, maxAuditText))
	}
	return b
}

func decodeAudit(key, row []byte) (AuditEntry, error) {
	d := decode(row)
	e := AuditEntry{Who: d.string(maxAuditText), From: d.string(maxAuditText), Operation: d.string(maxAuditText)}
	for range d.count(1) {
		e.Subjects = append(e.Subjects, d.string(maxAuditText))
	}
	if err := d.end(); err != nil {
		return e, corrupt(TableAudit, key, err)
	}
	if len(key) < 9 || len(key) > 9+maxRequestID || len(e.Subjects) > maxAuditNames {
		return e, corruptWhy(TableAudit, key, "key or number of subjects is out of range")
	}
	e.Time = time.UnixMicro(int64(min(maxUint64-binary.BigEndian.Uint64(key[1:9]), maxAuditTime))).UTC()
	e.RequestID = string(key[9:])
	if e.key() != string(key) {
		return e, corruptWhy(TableAudit, key, "key is that of another entry")
	}
	return e, nil
}

// Audit returns at most limit entries, the newest first, of those that use wants.
func (s *Store) Audit(ctx context.Context, limit int, wants func(*AuditEntry) bool) ([]AuditEntry, error) {
	var all []AuditEntry
	err := s.Snapshot(ctx, func(v *Snapshot) error {
		for shard := range byte(auditShards) {
			found := 0
			err := v.scan(ctx, TableAudit, []Range{auditRange(shard)}, func(key, row []byte) error {
				if found == limit {
					return errStop
				}
				e, err := decodeAudit(key, row)
				if err != nil || !wants(&e) {
					return err
				}
				found++
				all = append(all, e)
				return ctx.Err()
			})
			if unlessStop(err) != nil {
				return err
			}
		}
		return nil
	})
	slices.SortStableFunc(all, func(a, b AuditEntry) int { return b.Time.Compare(a.Time) })
	return all[:min(len(all), limit)], err
}

func auditRange(shard byte) Range { return Range{string([]byte{shard}), string([]byte{shard + 1})} }

// TrimAudit drops entries that are older than 400 days, and those beyond the newest
// fifty thousand of one writer and two hundred thousand of all, about. A Store does so
// by itself.
func (s *Store) TrimAudit(ctx context.Context) error { return s.trimAudit(ctx, auditRows) }

func (s *Store) trimAudit(ctx context.Context, most auditBounds) error {
	for shard := range byte(auditShards) {
		old, err := s.oldAudit(ctx, shard, most)
		if err != nil {
			return err
		}
		for keys := range slices.Chunk(old, auditTrim) {
			err := s.commit(ctx, len(keys), func(_ context.Context, t *tx) error {
				for _, key := range keys {
					t.delete(TableAudit, key)
				}
				return nil
			})
			if err != nil {
				return err
			}
		}
	}
	return nil
}

// oldAudit lists what of a shard is to be dropped.
func (s *Store) oldAudit(ctx context.Context, shard byte, most auditBounds) (old []string, err error) {
	expired := string(auditPlace(shard, s.now().Add(-auditKeep)))
	kept, of := 0, map[string]int{}
	err = s.Snapshot(ctx, func(v *Snapshot) error {
		return v.scan(ctx, TableAudit, []Range{auditRange(shard)}, func(key, row []byte) error {
			e, _ := decodeAudit(key, row) // Verify finds one that does not read; it counts as nobody's here
			if kept == most.all || of[e.Who] == most.ofOne || string(key) > expired {
				old = append(old, string(key))
			} else {
				kept++
				of[e.Who]++
			}
			return ctx.Err()
		})
	})
	return old, err
}
