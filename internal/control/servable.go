package control

import (
	"context"
	"errors"
	"slices"

	"github.com/namelet/namelet/internal/authority"
	"github.com/namelet/namelet/rr"
	"github.com/namelet/namelet/store"
)

// servable refuses content of a zone that a server would not serve. The error is
// an *authority.Error.
func servable(apex rr.Name, sets []rr.Set) error {
	_, err := authority.Build(apex, 1, slices.Values(sets))
	return err
}

// structural reports whether an RRset of this type, put or deleted, may leave a
// zone that cannot be served, in ways that the store has no rule about.
func structural(t rr.Type) bool {
	return t == rr.TypeNS || t == rr.TypeDNAME || t == rr.TypeNSEC3PARAM
}

// maxTries is how often a change is held against a zone that others change too.
const maxTries = 100

// change does changes to a zone, if the zone can be served afterwards.
func (s *Service) change(ctx context.Context, zone rr.Name, changes []store.Change, ifVersion uint64) (store.Result, error) {
	owners := touched(zone, changes)
	if len(owners) == 0 {
		return s.store.Change(ctx, zone, changes, store.WriteOptions{IfVersion: ifVersion})
	}
	for try := 1; ; try++ {
		// What a server wants to see is at one name or at the apex.
		z, sets, err := s.store.Sets(ctx, zone, owners...)
		if err != nil {
			return store.Result{}, err
		}
		if ifVersion == 0 || ifVersion == z.Version {
			if err := servable(z.Name, changed(z.Name, sets, changes, owners)); err != nil && !z.Signed {
				return store.Result{}, err
			}
		}
		version := ifVersion
		if version == 0 {
			version = z.Version
		}
		res, err := s.store.Change(ctx, zone, changes, store.WriteOptions{IfVersion: version})
		if ifVersion != 0 || try == maxTries || !errors.Is(err, store.ErrVersionConflict) {
			return res, err
		}
	}
}

// touched lists the apex and the owners whose structure the changes touch, or
// nothing where they touch none.
func touched(apex rr.Name, changes []store.Change) []rr.Name {
	var owners []rr.Name
	for _, c := range changes {
		if structural(c.Set.Type) {
			owners = append(owners, c.Set.Name)
		}
	}
	if len(owners) == 0 {
		return nil
	}
	owners = append(owners, apex)
	slices.SortFunc(owners, rr.Name.Compare)
	return slices.CompactFunc(owners, rr.Name.Equal)
}

// changed gives the sets of the owners, which are in order, as the changes would
// leave them.
func changed(apex rr.Name, sets []rr.Set, changes []store.Change, owners []rr.Name) []rr.Set {
	after := slices.Clone(sets)
	for _, c := range changes {
		if _, ours := slices.BinarySearchFunc(owners, c.Set.Name, rr.Name.Compare); !ours {
			continue
		}
		after = slices.DeleteFunc(after, func(s rr.Set) bool {
			kept := s.Name.Equal(apex) && (s.Type == rr.TypeSOA || s.Type == rr.TypeNS)
			return s.Name.Equal(c.Set.Name) && (s.Type == c.Set.Type || c.Set.Type == rr.TypeANY && !kept)
		})
		if !c.Delete {
			after = append(after, c.Set)
		}
	}
	return after
}
