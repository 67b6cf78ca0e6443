package replica

import (
	"context"
	"errors"
	"fmt"
	"iter"
	"time"

	"github.com/namelet/namelet/internal/authority"
	"github.com/namelet/namelet/rr"
	"github.com/namelet/namelet/store"
)

// newServed makes the served form of a zone, without its content.
func newServed(z store.Zone) *authority.Zone {
	return &authority.Zone{Apex: z.Name, Private: z.Private, Direct: z.IgnoreClientSubnet}
}

// load makes the served form of a zone: from the last one and the journal where
// that reaches back, else from all its RRsets. The error is the store's; what is
// wrong with the content is in the heldZone, and the last content stays.
func (r *Replica) load(ctx context.Context, v *store.Snapshot, w *watch, z store.Zone, before heldZone, last *authority.Zone) (*authority.Zone, heldZone, error) {
	if z.Residency == store.ResidencyLookup {
		return r.loadUnheld(ctx, v, w, z, last)
	}
	served := newServed(z)
	if last != nil && last.Source != nil {
		r.steps = append(r.steps, ended(last))
		last = nil
	}
	if last != nil {
		served.Snapshot = last.Snapshot
	}
	same := served.Snapshot != nil && served.Snapshot.Version() == z.Version && before.zone.Created.Equal(z.Created)
	if same {
		r.mirrored(z, served, z.Version, nil)
		return served, heldZone{zone: z}, nil
	}
	snapshot, changes, err := r.snapshot(ctx, v, w, z, before, served.Snapshot)
	if err == nil {
		if served.Snapshot != nil {
			r.steps = append(r.steps, step{old: served.Snapshot, next: snapshot, changes: changes})
		}
		from := uint64(0)
		if changes != nil {
			from = served.Snapshot.Version()
		}
		served.Snapshot = snapshot
		r.mirrored(z, served, from, changes)
		return served, heldZone{zone: z}, nil
	}
	var content *authority.Error
	if !errors.As(err, &content) && !errors.Is(err, store.ErrCorrupt) {
		return nil, heldZone{}, err
	}
	if before.failed == nil || before.failed.Error() != err.Error() {
		r.Log.Error("zone cannot be served as it is in the store", "zone", z.Name.String(), "version", z.Version, "error", err)
	}
	return served, heldZone{zone: z, failed: err, retry: before.retry.next(time.Now())}, nil
}

// loadUnheld makes the served form of a zone that is not held.
func (r *Replica) loadUnheld(ctx context.Context, v *store.Snapshot, w *watch, z store.Zone, last *authority.Zone) (*authority.Zone, heldZone, error) {
	served := newServed(z)
	var source *unheld
	if last != nil {
		source, _ = last.Source.(*unheld)
	}
	switch {
	case source == nil, r.state() == Refused: // what was read before it was refused may be another store's
		if last != nil {
			r.steps = append(r.steps, ended(last))
		}
		source = r.reads.newUnheld(z)
	case source.version != z.Version || !source.created.Equal(z.Created):
		outdate, err := source.follow(ctx, v, w, z)
		if err != nil {
			return nil, heldZone{}, err
		}
		r.steps = append(r.steps, step{unheld: outdate})
	}
	served.Source = source
	r.mirrored(z, served, 0, nil)
	return served, heldZone{zone: z}, nil
}

// snapshot reads a zone at the version that it has in v. The changes are what lies
// between it and the last one, and nil where it was read anew.
func (r *Replica) snapshot(ctx context.Context, v *store.Snapshot, w *watch, z store.Zone, before heldZone, last *authority.Snapshot) (*authority.Snapshot, []authority.Change, error) {
	if last != nil && before.zone.Created.Equal(z.Created) {
		next, changes, err := replay(ctx, v, w, z.Name, last)
		switch {
		case err == nil && next.Version() >= z.Version:
			return next, changes, nil
		case err != nil && !errors.Is(err, store.ErrGone) && !errors.Is(err, store.ErrForeign):
			return nil, nil, err
		}
	}
	var snapshot *authority.Snapshot
	err := v.LoadZone(ctx, z.Name, func(z store.Zone, rows iter.Seq2[rr.Set, error]) error {
		var failed error
		sets := func(yield func(rr.Set) bool) {
			for set, err := range rows {
				w.row()
				if failed = err; err != nil || !yield(set) {
					return
				}
			}
			w.hold(true) // nothing more comes while the zone is built
		}
		defer w.hold(false)
		var err error
		snapshot, err = authority.Build(z.Name, z.Version, sets)
		return errors.Join(failed, err)
	})
	if err != nil {
		return nil, nil, fmt.Errorf("zone %v: %w", z.Name, err)
	}
	return snapshot, nil, nil
}

// replay applies the journal to a snapshot, and returns the changes too.
func replay(ctx context.Context, v *store.Snapshot, w *watch, zone rr.Name, s *authority.Snapshot) (*authority.Snapshot, []authority.Change, error) {
	all := []authority.Change{} // not nil: a version may change settings alone
	err := v.Journal(ctx, zone, s.Version(), func(e store.JournalEntry) error {
		w.row()
		before := func(name rr.Name) rr.Set {
			set, _ := s.Get(name, rr.TypeRRSIG)
			return set
		}
		changes := e.Effects(before)
		all = append(all, changes...)
		var err error
		s, err = s.Apply(e.Version, changes)
		return err
	})
	if err != nil {
		return nil, nil, fmt.Errorf("zone %v: journal: %w", zone, err)
	}
	return s, all, nil
}
