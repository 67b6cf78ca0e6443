package store

import (
	"context"
	"errors"
	"math/rand/v2"
	"time"

	"github.com/namelet/namelet/rr"
)

// A row of TableGarbage names rows that nothing names any more, or not yet. Its
// key is: zone key, 00, incarnation (8 octets) for a zone's RRsets; zone key, 00,
// ff octet, version (8) for its journal up to there.
type garbage struct {
	key     string
	staging bool // an import writes them still
	since   time.Time
	table   Table
	from    string
	to      string

	incarnation uint64 // of what beginStage made
}

const (
	// abandoned is how long another process's import may be silent.
	abandoned = time.Hour

	// reclaimEvery is how long a Store that nothing has told of garbage waits, about,
	// until it looks for some: that of processes that have ended, or its own that it
	// could not reclaim. A look is one read of a table that is mostly empty.
	reclaimEvery = 15 * time.Minute
)

func setsGarbage(zone rr.Key, incarnation uint64) *garbage {
	prefix := setPrefix(zone, incarnation)
	r := prefixed(prefix)
	return &garbage{key: prefix, table: TableSets, from: r.From, to: r.To, incarnation: incarnation}
}

func journalGarbage(zone rr.Key, version uint64) *garbage {
	key := appendBig64(append([]byte(zone), 0, 0xff), version)
	return &garbage{key: string(key), table: TableJournal, from: string(zone) + "\x00", to: journalKey(zone, version+1, 0)}
}

// discard makes garbage of a zone's rows.
func (t *tx) discard(z *zoneRow) {
	if z.deleted {
		return
	}
	for _, g := range []*garbage{setsGarbage(z.key(), z.incarnation), journalGarbage(z.key(), z.Version)} {
		g.since = t.now
		t.put(TableGarbage, g.key, encodeGarbage(g))
	}
	t.garbage = true
}

func encodeGarbage(g *garbage) []byte {
	b := appendBools([]byte{formVersion}, g.staging)
	b = append(appendTime(b, g.since), byte(g.table))
	return appendString(appendString(b, g.from), g.to)
}

func decodeGarbage(key, row []byte) (*garbage, error) {
	d := decode(row)
	g := &garbage{key: string(key), staging: d.bools(1) != 0, since: d.time(), table: Table(d.byte())}
	g.from, g.to = d.string(4096), d.string(4096)
	if d.err == nil && g.table != TableSets && g.table != TableJournal {
		d.fail("rows are of a table that has no garbage")
	}
	if err := d.end(); err != nil {
		return nil, corrupt(TableGarbage, key, err)
	}
	return g, nil
}

// reclaimer reclaims in the background, whenever there may be garbage.
func (s *Store) reclaimer() {
	for {
		timely := false
		// Stores of many processes do not look all at once.
		again := time.NewTimer(time.Duration(float64(reclaimEvery) * (0.5 + rand.Float64())))
		select {
		case <-s.reclaim:
		case <-again.C:
			timely = true
		case <-s.quit:
			again.Stop()
			return
		}
		again.Stop()
		// What fails is tried again later; nobody's work depends on it.
		err := s.Reclaim(s.ctx)
		if timely {
			err = errors.Join(err, s.TrimAudit(s.ctx))
		}
		if s.ctx.Err() != nil {
			continue // closing
		}
		s.mu.Lock()
		s.trouble = err
		s.mu.Unlock()
	}
}

// Trouble is what went wrong when the store last reclaimed space by itself; nil
// where nothing did. The store works on meanwhile, and takes up more space.
func (s *Store) Trouble() error {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.trouble
}

// Reclaim deletes the rows that replaced and deleted zones, and imports that did
// not come to their end, have left. A Store does so by itself; Reclaim returns
// when it is done. What cannot be read is passed over: the last such error is
// returned in the end.
func (s *Store) Reclaim(ctx context.Context) error {
	s.reclaiming.Lock()
	defer s.reclaiming.Unlock()
	var all []*garbage
	var bad error
	err := s.Snapshot(ctx, func(v *Snapshot) error {
		return v.scan(ctx, TableGarbage, []Range{{"", allKeys}}, func(key, row []byte) error {
			if g, err := decodeGarbage(key, row); err != nil {
				bad = err
			} else {
				all = append(all, g)
			}
			return nil
		})
	})
	if err != nil {
		return err
	}
	for _, g := range all {
		if g.staging && s.alive(g) {
			continue
		}
		err := s.reclaimOne(ctx, g)
		switch {
		case errors.Is(err, ErrCorrupt):
			bad = err
		case err != nil:
			return err
		}
	}
	return bad
}

// alive reports whether an import may still be at work on g.
func (s *Store) alive(g *garbage) bool {
	s.mu.Lock()
	mine := s.staging[g.key]
	s.mu.Unlock()
	return mine || !s.driver.Capabilities().Exclusive && s.now().Sub(g.since) < abandoned
}

func (s *Store) reclaimOne(ctx context.Context, g *garbage) error {
	if g.staging {
		if done, err := s.declareDead(ctx, g); done || err != nil {
			return err
		}
	}
	for {
		var writes []Write
		err := s.Snapshot(ctx, func(v *Snapshot) error {
			return v.scan(ctx, g.table, []Range{{g.from, g.to}}, func(key, row []byte) error {
				writes = append(writes, Write{Table: g.table, Key: string(key)})
				if w, ok := requestOf(g.table, key, row); ok {
					writes = append(writes, w)
				}
				if len(writes) >= stageRows {
					return errStop
				}
				return nil
			})
		})
		if err != nil && !errors.Is(err, errStop) {
			return err
		}
		last := err == nil
		gone := false
		err = s.commit(ctx, len(writes), func(ctx context.Context, t *tx) error {
			if err := t.guard(ctx, TableGarbage, g.key); err != nil {
				return err
			}
			row, err := t.get(ctx, TableGarbage, g.key)
			if gone = err == nil && row == nil; gone || err != nil {
				return err // another process has done it, or the store is a restored one
			}
			t.bulk = append(t.bulk, writes...)
			if last {
				t.delete(TableGarbage, g.key)
			}
			return nil
		})
		if last || gone || err != nil {
			return err
		}
	}
}

// declareDead takes an import's rows from it; done where there is nothing left
// to take, because the import came to its end meanwhile.
func (s *Store) declareDead(ctx context.Context, g *garbage) (done bool, err error) {
	err = s.commit(ctx, 1, func(ctx context.Context, t *tx) error {
		if err := t.guard(ctx, TableGarbage, g.key); err != nil {
			return err
		}
		row, err := t.get(ctx, TableGarbage, g.key)
		if err != nil {
			return err
		}
		done = row == nil
		if !done {
			dead := *g
			dead.staging = false
			t.put(TableGarbage, g.key, encodeGarbage(&dead))
		}
		return nil
	})
	return done, err
}

// requestOf is the deletion of the request that goes with a row of the journal.
func requestOf(table Table, key, row []byte) (Write, bool) {
	if table != TableJournal || len(key) < 13 || string(key[len(key)-4:]) != "\x00\x00\x00\x00" {
		return Write{}, false
	}
	h, d := decodeJournalHead(row)
	if d.err != nil || h.RequestID == "" {
		return Write{}, false
	}
	return Write{Table: TableRequests, Key: requestKey(rr.Key(key[:len(key)-13]), h.RequestID)}, true
}
