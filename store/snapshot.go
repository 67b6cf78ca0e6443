package store

import (
	"context"
	"iter"

	"github.com/namelet/namelet/rr"
)

// Snapshot is the store at one moment. One goroutine uses it; it is good until
// the function that it was given to returns.
type Snapshot struct {
	reader
}

// reader is what a snapshot and a transaction have in common.
type reader interface {
	// get returns nil where there is no row. The slice is not to be changed.
	get(ctx context.Context, t Table, key string) ([]byte, error)
	scan(ctx context.Context, t Table, ranges []Range, fn func(key, value []byte) error) error
}

type viewReader struct{ View }

func (v viewReader) get(ctx context.Context, t Table, key string) ([]byte, error) {
	var row []byte
	err := v.Scan(ctx, t, []Range{One(key)}, func(_, value []byte) error {
		row = append(make([]byte, 0, len(value)), value...)
		return nil
	})
	return row, err
}

func (v viewReader) scan(ctx context.Context, t Table, ranges []Range, fn func(key, value []byte) error) error {
	return v.Scan(ctx, t, ranges, fn)
}

// Snapshot calls use with the store as it is now. Nothing that is committed
// meanwhile shows in it. Keep it short: a backend may not reuse space before
// use returns.
func (s *Store) Snapshot(ctx context.Context, use func(*Snapshot) error) error {
	v, err := s.driver.View(ctx)
	if err != nil {
		return err
	}
	defer v.Close()
	return use(&Snapshot{viewReader{v}})
}

// LoadZone calls use with a zone and all its RRsets as of one version, in
// canonical order of owner, then by type. An error that the sequence yields is
// its last item. ErrNotFound; an error of use is returned as it is.
func (s *Store) LoadZone(ctx context.Context, name rr.Name, use func(Zone, iter.Seq2[rr.Set, error]) error) error {
	return s.Snapshot(ctx, func(v *Snapshot) error { return v.LoadZone(ctx, name, use) })
}

// LoadZone is Store.LoadZone at the snapshot.
func (s *Snapshot) LoadZone(ctx context.Context, name rr.Name, use func(Zone, iter.Seq2[rr.Set, error]) error) error {
	z, err := s.liveZone(ctx, name)
	if err != nil {
		return err
	}
	prefix := setPrefix(z.key(), z.incarnation)
	return use(z.Zone, s.sets(ctx, z.key(), prefix, []Range{prefixed(prefix)}))
}

// errStop ends a scan whose reader has enough.
var errStop = stopError{}

type stopError struct{}

func (stopError) Error() string { return "stop" }

// sets reads the RRsets in ranges of TableSets.
func (s *Snapshot) sets(ctx context.Context, zone rr.Key, prefix string, ranges []Range) iter.Seq2[rr.Set, error] {
	return func(yield func(rr.Set, error) bool) {
		err := s.scan(ctx, TableSets, ranges, func(key, value []byte) error {
			set, err := decodeSet(zone, string(key[len(prefix):]), value)
			if err != nil {
				return corrupt(TableSets, key, err)
			}
			if !yield(set, nil) {
				return errStop
			}
			return nil
		})
		if err != nil && err != errStop {
			yield(rr.Set{}, err)
		}
	}
}

// Sets returns the RRsets at the given owner names, all of a zone's where none
// is given, with the zone that they belong to. Names without RRsets, or outside
// the zone, have none. ErrNotFound means the zone.
func (s *Snapshot) Sets(ctx context.Context, zone rr.Name, owners ...rr.Name) (Zone, []rr.Set, error) {
	z, err := s.liveZone(ctx, zone)
	if err != nil {
		return Zone{}, nil, err
	}
	prefix := setPrefix(z.key(), z.incarnation)
	ranges := []Range{prefixed(prefix)}
	if len(owners) > 0 {
		ranges = ownerRanges(z.Name, prefix, owners)
	}
	var sets []rr.Set
	for set, err := range s.sets(ctx, z.key(), prefix, ranges) {
		if err != nil {
			return Zone{}, nil, err
		}
		sets = append(sets, set)
	}
	return z.Zone, sets, nil
}

// Sets is Snapshot.Sets now.
func (s *Store) Sets(ctx context.Context, zone rr.Name, owners ...rr.Name) (z Zone, sets []rr.Set, err error) {
	err = s.Snapshot(ctx, func(v *Snapshot) error {
		z, sets, err = v.Sets(ctx, zone, owners...)
		return err
	})
	return z, sets, err
}

// Zone returns a zone; ErrNotFound.
func (s *Store) Zone(ctx context.Context, name rr.Name) (z Zone, err error) {
	err = s.Snapshot(ctx, func(v *Snapshot) error {
		z, err = v.Zone(ctx, name)
		return err
	})
	return z, err
}

// Zones returns all zones in canonical order of their names.
func (s *Store) Zones(ctx context.Context) (zones []Zone, err error) {
	err = s.Snapshot(ctx, func(v *Snapshot) error {
		zones, err = v.Zones(ctx)
		return err
	})
	return zones, err
}
