package store

import (
	"context"
	"crypto/sha256"
	"errors"
	"fmt"
	"strings"

	"github.com/namelet/namelet/rr"
)

// Verified is what Verify has looked at.
type Verified struct {
	Zones    int
	RRsets   uint64
	Journal  uint64 // entries
	Modules  int
	Rows     uint64 // of all tables
	Findings int
}

// Verify reads every row of the store, at one moment, and holds the rows against
// each other: the counts and serials of zones and what may stand at a name; the
// journal, which must lead to what the zone has; requests; modules by their
// digests; attachments with their zones and guests; and that nothing is there that
// nothing names. It calls found with a line for each thing that is wrong, and goes
// on. The error is that of a store that cannot be read, or of found.
func (s *Store) Verify(ctx context.Context, found func(line string) error) (Verified, error) {
	var v verifier
	err := s.Snapshot(ctx, func(snapshot *Snapshot) error {
		v = verifier{Snapshot: snapshot, ctx: ctx, found: found, zones: map[string]*zoneRow{}}
		for _, step := range []func() error{v.meta, v.zoneRows, v.garbageRows, v.sets, v.journals, v.requests, v.modules, v.guests, v.attachments, v.access} {
			if err := step(); err != nil {
				return err
			}
		}
		return nil
	})
	return v.seen, err
}

type verifier struct {
	*Snapshot
	seen  Verified
	ctx   context.Context
	found func(string) error

	zones       map[string]*zoneRow // by key, deleted ones among them
	garbage     []*garbage
	incarnation uint64 // the last that was given
	catalog     uint64 // number of its last change
	digests     map[Digest]bool
	versions    map[string]bool // keys of guest versions
}

func (v *verifier) report(format string, args ...any) error {
	v.seen.Findings++
	return v.found(fmt.Sprintf(format, args...))
}

// rows calls fn for the rows of a table whose form is right, and reports the others.
func (v *verifier) rows(t Table, fn func(key string, value []byte) error) error {
	return v.scan(v.ctx, t, []Range{{"", allKeys}}, func(key, value []byte) error {
		if v.seen.Rows++; v.seen.Rows%1024 == 0 && v.ctx.Err() != nil {
			return v.ctx.Err()
		}
		if err := checkRow(t, string(key), value); err != nil {
			return v.bad(err)
		}
		return fn(string(key), value)
	})
}

// bad reports a row that cannot be read; any other error is the caller's.
func (v *verifier) bad(err error) error {
	var row *CorruptError
	if !errors.As(err, &row) {
		return err
	}
	return v.report("%v %q: %s", row.Table, row.Key, row.Why)
}

func (v *verifier) meta() error {
	err := v.rows(TableMeta, func(key string, value []byte) (err error) {
		switch key {
		case metaCatalog:
			v.catalog, err = decodeNumber(TableMeta, []byte(key), value)
		case metaIncarnation:
			v.incarnation, err = decodeNumber(TableMeta, []byte(key), value)
		}
		return err
	})
	return err
}

func (v *verifier) zoneRows() error {
	return v.rows(TableZones, func(key string, value []byte) error {
		z, err := decodeZone([]byte(key), value)
		if err != nil {
			return err
		}
		v.zones[key] = z
		if !z.deleted {
			v.seen.Zones++
		}
		if z.incarnation > v.incarnation {
			return v.report("zone %v: incarnation %d was never given, the last is %d", z.Name, z.incarnation, v.incarnation)
		}
		return nil
	})
}

func (v *verifier) garbageRows() error {
	return v.rows(TableGarbage, func(key string, value []byte) error {
		g, err := decodeGarbage([]byte(key), value)
		v.garbage = append(v.garbage, g)
		return err
	})
}

// access looks at tokens and the audit, which hang on nothing else.
func (v *verifier) access() error {
	fine := func(string, []byte) error { return nil }
	if err := v.rows(TableTokens, fine); err != nil {
		return err
	}
	return v.rows(TableAudit, fine)
}

// discarded reports whether a row waits to be reclaimed.
func (v *verifier) discarded(t Table, key string) bool {
	for _, g := range v.garbage {
		if g.table == t && key >= g.from && key < g.to {
			return true
		}
	}
	return false
}

// setRun is the rows of one zone and incarnation, as they go by.
type setRun struct {
	prefix string
	zone   *zoneRow // nil where the rows are no zone's
	rows   uint64
	owner  string
	at     ownerCheck
	signed bool
	serial uint32
	soa    bool
}

func (v *verifier) sets() error {
	var run setRun
	seen := map[*zoneRow]bool{}
	err := v.rows(TableSets, func(key string, value []byte) error {
		zone, incarnation, set, err := splitRowKey(key)
		if err != nil {
			return err
		}
		if prefix := setPrefix(zone, incarnation); run.rows == 0 || prefix != run.prefix {
			if err := v.endRun(&run); err != nil {
				return err
			}
			run = setRun{prefix: prefix}
			if z := v.zones[string(zone)]; z != nil && !z.deleted && z.incarnation == incarnation {
				run.zone = z
				seen[z] = true
			}
		}
		return v.addRow(&run, set, value)
	})
	if err == nil {
		err = v.endRun(&run)
	}
	if err != nil {
		return err
	}
	for _, z := range v.zones {
		if !z.deleted && !seen[z] {
			if err := v.report("zone %v: has no RRsets, its row says %d", z.Name, z.Sets); err != nil {
				return err
			}
		}
	}
	return nil
}

func (v *verifier) addRow(run *setRun, set string, value []byte) error {
	run.rows++
	if run.zone == nil {
		return nil
	}
	v.seen.RRsets++
	owner, t, covered, _ := splitSetKey(set)
	if owner != run.owner {
		if err := v.endOwner(run); err != nil {
			return err
		}
		run.owner, run.at = owner, ownerCheck{}
	}
	run.at.add(t)
	run.signed = run.signed || owner == "" && covered == rr.TypeSOA
	s, err := decodeSet(run.zone.key(), set, value)
	if err != nil {
		return err
	}
	if set == soaKey {
		run.serial, run.soa = soaSerial(s.Data[0])
	}
	if err := checkSet(run.zone.Name, s); err != nil {
		return v.report("zone %v: %s", run.zone.Name, plainError(err))
	}
	return nil
}

func (v *verifier) endOwner(run *setRun) error {
	if run.rows <= 1 && run.owner == "" && run.at == (ownerCheck{}) {
		return nil // before the first
	}
	if err := run.at.verdict(run.zone.Name, run.owner); err != nil {
		return v.report("zone %v: %s", run.zone.Name, plainError(err))
	}
	return nil
}

func (v *verifier) endRun(run *setRun) error {
	z := run.zone
	switch {
	case run.rows == 0:
		return nil
	case z == nil && v.discarded(TableSets, run.prefix):
		return nil
	case z == nil:
		return v.report("rrsets %q: %d rows belong to no zone, and nothing will reclaim them", run.prefix, run.rows)
	}
	if err := v.endOwner(run); err != nil {
		return err
	}
	for _, wrong := range []struct {
		is   bool
		what string
	}{
		{run.rows != z.Sets, fmt.Sprintf("has %d RRsets, its row says %d", run.rows, z.Sets)},
		{!run.soa, "has no SOA"},
		{run.soa && run.serial != z.Serial, fmt.Sprintf("its SOA has serial %d, its row %d", run.serial, z.Serial)},
		{run.signed != z.Signed, fmt.Sprintf("its SOA is signed: %v, its row says %v", run.signed, z.Signed)},
	} {
		if wrong.is {
			if err := v.report("zone %v: %s", z.Name, wrong.what); err != nil {
				return err
			}
		}
	}
	return nil
}

// plainError leaves the package and the kind out of the error of a check.
func plainError(err error) string {
	text := strings.TrimPrefix(err.Error(), "store: ")
	for _, kind := range []error{ErrInvalid, ErrTooLarge} {
		text = strings.TrimSuffix(text, ": "+kind.Error())
	}
	return text
}

// journals looks at the keys of all entries, then replays those of each zone.
func (v *verifier) journals() error {
	err := v.rows(TableJournal, func(key string, _ []byte) error {
		end, _ := nameEnd(key)
		version := uint64(0)
		for _, c := range []byte(key[end+1 : end+9]) {
			version = version<<8 | uint64(c)
		}
		if z := v.zones[key[:end]]; z != nil && !z.deleted && version > z.JournalFrom && version <= z.Version || v.discarded(TableJournal, key) {
			return nil
		}
		return v.report("journal %q: entry of version %d belongs to no zone, and nothing will reclaim it", key, version)
	})
	for _, z := range v.zones {
		if err == nil && !z.deleted {
			err = v.replay(z)
		}
	}
	return err
}

// replayed is what the journal says is at a key: a sum of the row, or that there is
// none.
type replayed struct {
	sum   [16]byte
	there bool
}

func sumOf(s rr.Set) replayed {
	sum := sha256.Sum256(encodeSet(s))
	return replayed{[16]byte(sum[:16]), true}
}

// replay follows a zone's journal from entry to entry, and in the end to the rows
// that the zone has.
func (v *verifier) replay(z *zoneRow) error {
	now, requests := map[string]replayed{}, map[string]uint64{}
	serial, first := uint32(0), true
	err := v.Journal(v.ctx, z.Name, z.JournalFrom, func(e JournalEntry) error {
		v.seen.Journal++
		if !first && e.SerialBefore != serial {
			if err := v.report("zone %v: journal: version %d begins at serial %d, the one before ends at %d", z.Name, e.Version, e.SerialBefore, serial); err != nil {
				return err
			}
		}
		serial, first = e.SerialAfter, false
		if e.RequestID != "" {
			requests[e.RequestID] = e.Version
		}
		return v.follow(z, e, now)
	})
	if err != nil {
		return v.bad(err)
	}
	if !first && serial != z.Serial {
		if err := v.report("zone %v: journal ends at serial %d, the zone is at %d", z.Name, serial, z.Serial); err != nil {
			return err
		}
	}
	for id, version := range requests {
		if err := v.requestRow(z, id, version); err != nil {
			return err
		}
	}
	return v.arrive(z, now)
}

func relativeSetKey(zone rr.Name, s rr.Set) string {
	covered := rr.Type(0)
	if s.Type == rr.TypeRRSIG {
		covered = rr.Covered(s.Data[0])
	}
	return setKey(relative(zone, s.Name), s.Type, covered)
}

// follow applies an entry to what is known.
func (v *verifier) follow(z *zoneRow, e JournalEntry, now map[string]replayed) error {
	taken := map[string]bool{}
	for _, s := range e.Removed {
		key := relativeSetKey(z.Name, s)
		if was, known := now[key]; known && was != sumOf(s) {
			if err := v.report("zone %v: journal: version %d removes %v as it was not", z.Name, e.Version, s); err != nil {
				return err
			}
		}
		now[key], taken[key] = replayed{}, true
	}
	for _, s := range e.Added {
		key := relativeSetKey(z.Name, s)
		if was, known := now[key]; known && was.there && !taken[key] {
			if err := v.report("zone %v: journal: version %d adds %v, which was there", z.Name, e.Version, s); err != nil {
				return err
			}
		}
		now[key] = sumOf(s)
	}
	return nil
}

// arrive holds the end of the journal against the zone.
func (v *verifier) arrive(z *zoneRow, now map[string]replayed) error {
	prefix := setPrefix(z.key(), z.incarnation)
	for key, want := range now {
		row, err := v.get(v.ctx, TableSets, prefix+key)
		if err != nil {
			return err
		}
		have := replayed{there: row != nil}
		if row != nil {
			s, err := decodeSet(z.key(), key, row)
			if err != nil {
				continue // reported as a row
			}
			have = sumOf(s)
		}
		if have == want {
			continue
		}
		owner, t, _, _ := splitSetKey(key)
		name, _ := (z.key() + rr.Key(owner)).Name()
		if err := v.report("zone %v: %v %v is not what the journal leads to", z.Name, name, t); err != nil {
			return err
		}
	}
	return nil
}

// requestRow looks for the row that an entry's request must have.
func (v *verifier) requestRow(z *zoneRow, id string, version uint64) error {
	row, err := v.get(v.ctx, TableRequests, requestKey(z.key(), id))
	if err != nil {
		return err
	}
	if has, err := decodeNumber(TableRequests, nil, row); err != nil || has != version {
		return v.report("zone %v: request %q of version %d is not known as that version's", z.Name, id, version)
	}
	return nil
}

func (v *verifier) requests() error {
	return v.rows(TableRequests, func(key string, value []byte) error {
		end, ok := nameEnd(key)
		version, err := decodeNumber(TableRequests, []byte(key), value)
		if err != nil {
			return err
		}
		if ok {
			if z := v.zones[key[:end]]; z != nil && !z.deleted && version > z.JournalFrom && version <= z.Version {
				return nil
			}
			if v.discarded(TableJournal, journalKey(rr.Key(key[:end]), version, 0)) {
				return nil
			}
		}
		return v.report("requests %q: the journal has no version %d", key, version)
	})
}
