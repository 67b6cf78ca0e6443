package store

import (
	"context"

	"github.com/namelet/namelet/rr"
)

// Content that is much, or much different, is written under an incarnation of
// its own. The zone's row names the incarnation that counts, so the version in
// which it is put in place changes few rows, and readers see the old content or
// the new. What no row names is garbage: a row of TableGarbage tells of it from
// before the first of it is written.

const (
	stageRows  = 8192    // rows of one transaction
	stageBytes = 4 << 20 // octets of one transaction
)

// replaceStaged writes the content beside the zone's, then puts it in place.
func (s *Store) replaceStaged(ctx context.Context, c *content) (Result, error) {
	g, err := s.beginStage(ctx, c.spec.Name)
	if err != nil {
		return Result{}, err
	}
	defer s.endStage(g)
	for rest := c.rows; len(rest) > 0; {
		n, bytes := 0, 0
		for n < len(rest) && n < stageRows && (n == 0 || bytes < stageBytes) {
			bytes += len(rest[n].key) + len(rest[n].value)
			n++
		}
		if err := s.stage(ctx, g, rest[:n]); err != nil {
			return Result{}, err
		}
		rest = rest[n:]
		if c.o.Progress != nil {
			c.o.Progress(len(c.rows)-len(rest), len(c.rows))
		}
	}
	return s.replaceWhole(ctx, c, g)
}

// beginStage takes an incarnation and enters it as garbage to be.
func (s *Store) beginStage(ctx context.Context, zone rr.Name) (*garbage, error) {
	var g *garbage
	err := s.commit(ctx, 2, func(ctx context.Context, t *tx) error {
		if g != nil {
			s.forgetStage(g)
		}
		incarnation, err := t.count(ctx, metaIncarnation)
		if err != nil {
			return err
		}
		g = setsGarbage(zone.Key(), incarnation)
		g.staging, g.since = true, t.now
		s.mu.Lock()
		s.staging[g.key] = true
		s.mu.Unlock()
		t.put(TableGarbage, g.key, encodeGarbage(g))
		return nil
	})
	if err != nil && g != nil {
		s.forgetStage(g)
	}
	return g, err
}

func (s *Store) forgetStage(g *garbage) {
	s.mu.Lock()
	delete(s.staging, g.key)
	s.mu.Unlock()
}

// endStage leaves what was staged, where it was not put in place, to be reclaimed.
func (s *Store) endStage(g *garbage) {
	s.forgetStage(g)
	wake(s.reclaim)
}

// stage writes rows under an incarnation and shows that it is alive.
func (s *Store) stage(ctx context.Context, g *garbage, rows []setRow) error {
	writes := make([]Write, len(rows))
	for i, row := range rows {
		writes[i] = Write{TableSets, g.from + row.key, row.value}
	}
	return s.commit(ctx, weight(len(rows), size(rows)), func(ctx context.Context, t *tx) error {
		if err := t.ownStage(ctx, g); err != nil {
			return err
		}
		alive := *g
		alive.since = t.now
		t.put(TableGarbage, g.key, encodeGarbage(&alive))
		t.bulk = append(t.bulk, writes...)
		return nil
	})
}

// ownStage makes sure that nobody has taken the staging for abandoned.
func (t *tx) ownStage(ctx context.Context, g *garbage) error {
	if err := t.guard(ctx, TableGarbage, g.key); err != nil {
		return err
	}
	row, err := t.get(ctx, TableGarbage, g.key)
	if err != nil {
		return err
	}
	if row != nil {
		now, err := decodeGarbage([]byte(g.key), row)
		if err != nil {
			return err
		}
		if now.staging {
			return nil
		}
	}
	return fail(ErrVersionConflict, "the import took so long that its rows were reclaimed: import again")
}

// replaceWhole puts content in place as a new incarnation: the one that was
// staged, or, where that is nil, one that it writes itself.
func (s *Store) replaceWhole(ctx context.Context, c *content, staged *garbage) (Result, error) {
	var res Result
	w := weight(8, 0)
	if staged == nil {
		w += weight(len(c.rows), size(c.rows))
	}
	err := s.commit(ctx, w, func(ctx context.Context, t *tx) error {
		z, err := t.succeed(ctx, c)
		if err != nil {
			return err
		}
		if staged != nil {
			if err := t.ownStage(ctx, staged); err != nil {
				return err
			}
			t.delete(TableGarbage, staged.key)
			z.incarnation = staged.incarnation
		} else if err := t.writeWhole(ctx, z, c.rows); err != nil {
			return err
		}
		t.put(TableZones, string(z.key()), encodeZone(z))
		t.announce(Event{Kind: EventZone, Zone: z.Name, Version: z.Version})
		res = Result{Zone: z.Zone, Version: z.Version, Changed: true}
		return nil
	})
	return res, err
}

func (t *tx) writeWhole(ctx context.Context, z *zoneRow, rows []setRow) (err error) {
	if z.incarnation, err = t.count(ctx, metaIncarnation); err != nil {
		return err
	}
	prefix := setPrefix(z.key(), z.incarnation)
	for _, row := range rows {
		t.put(TableSets, prefix+row.key, row.value)
	}
	return nil
}

// succeed makes the row of the zone that the content will be, but for its
// incarnation, and discards what the one before it had.
func (t *tx) succeed(ctx context.Context, c *content) (*zoneRow, error) {
	name := c.spec.Name
	if err := t.guard(ctx, TableZones, string(name.Key())); err != nil {
		return nil, err
	}
	old, err := (&Snapshot{t}).zoneRow(ctx, name)
	if err != nil {
		return nil, err
	}
	if err := c.admit(old); err != nil {
		return nil, err
	}
	spec, err := c.settings(old)
	if err != nil {
		return nil, err
	}
	z := &zoneRow{deleted: true}
	z.Created = t.now
	if old != nil {
		t.discard(old)
		z.Version = old.Version
		if !old.deleted {
			if c.serial == old.Serial && !c.o.Force {
				return nil, &SerialError{Zone: name, Have: old.Serial, Got: c.serial}
			}
			z.Private, z.Signed, z.deleted, z.Created = old.Private, old.Signed, false, old.Created
		}
	}
	if err := t.changeSettings(ctx, z, spec, c.signed); err != nil {
		return nil, err
	}
	z.deleted = false
	z.Version++
	z.JournalFrom = z.Version
	z.Serial, z.Changed, z.Sets = c.serial, t.now, uint64(len(c.rows))
	return z, nil
}

// DeleteZone deletes a zone with its attachments. A zone of its name that is
// created later continues above its version. ErrNotFound; *VersionError;
// ErrInUse where an attachment of another zone is granted it. A request id has
// no use here: a repetition is ErrNotFound.
func (s *Store) DeleteZone(ctx context.Context, name rr.Name, o WriteOptions) error {
	return s.commit(ctx, 8, func(ctx context.Context, t *tx) error {
		z, err := t.openZone(ctx, name, o.IfVersion)
		if err != nil {
			return err
		}
		if _, err := t.count(ctx, metaCatalog); err != nil {
			return err
		}
		if err := t.dropAttachments(ctx, z.Name); err != nil {
			return err
		}
		t.discard(z)
		gone := &zoneRow{deleted: true}
		gone.Name, gone.Version, gone.Changed = z.Name, z.Version+1, t.now
		gone.JournalFrom = gone.Version
		t.put(TableZones, string(z.key()), encodeZone(gone))
		t.announce(Event{Kind: EventZoneDeleted, Zone: z.Name, Version: gone.Version})
		return nil
	})
}

// dropAttachments deletes the attachments of a zone that is to go.
func (t *tx) dropAttachments(ctx context.Context, zone rr.Name) error {
	all, err := (&Snapshot{t}).Attachments(ctx, rr.Name{})
	if err != nil {
		return err
	}
	for _, a := range all {
		if a.Zone.Equal(zone) {
			t.delete(TableAttachments, a.key())
			continue
		}
		for _, grant := range a.Grants {
			if grant.Equal(zone) {
				return fail(ErrInUse, "zone %v is granted to the guest attached at %v: detach it, or attach it without the grant, first", zone, a.At)
			}
		}
	}
	return nil
}
