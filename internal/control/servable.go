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

// change does one change to a zone, if the zone can be served afterwards.
func (s *Service) change(ctx context.Context, zone rr.Name, c store.Change, ifVersion uint64) (store.Result, error) {
	changes := []store.Change{c}
	if !structural(c.Set.Type) {
		return s.store.Change(ctx, zone, changes, store.WriteOptions{IfVersion: ifVersion})
	}
	for try := 1; ; try++ {
		// What a server wants to see is at one name or at the apex.
		z, sets, err := s.store.Sets(ctx, zone, zone, c.Set.Name)
		if err != nil {
			return store.Result{}, err
		}
		if ifVersion == 0 || ifVersion == z.Version {
			if err := servable(z.Name, changed(sets, c)); err != nil && !z.Signed {
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

// changed gives the sets as the change would leave them.
func changed(sets []rr.Set, c store.Change) []rr.Set {
	after := slices.DeleteFunc(slices.Clone(sets), func(s rr.Set) bool {
		return s.Type == c.Set.Type && s.Name.Equal(c.Set.Name)
	})
	if !c.Delete {
		after = append(after, c.Set)
	}
	return after
}
