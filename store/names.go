package store

import (
	"context"
	"maps"
	"slices"
	"strings"

	"github.com/namelet/namelet/rr"
)

// Around is what a zone has at some owner names.
type Around struct {
	Sets []rr.Set // at the names, in canonical order of owner, then by type

	// Inner are those of the names that have no RRset and exist all the same, since
	// something below them has one: empty non-terminals (RFC 4592 section 2.2.2).
	Inner []rr.Name
}

// Names reads a zone at some of its names. It is used as its Snapshot is.
type Names struct {
	snapshot *Snapshot
	zone     *zoneRow
}

// Names begins to read a zone at some of its names; ErrNotFound.
func (s *Snapshot) Names(ctx context.Context, zone rr.Name) (*Names, error) {
	z, err := s.liveZone(ctx, zone)
	if err != nil {
		return nil, err
	}
	return &Names{s, z}, nil
}

// Zone returns the zone.
func (n *Names) Zone() Zone { return n.zone.Zone }

// At returns what the zone has at the owner names, which are no others than the
// zone's; the apex is never inner. Its cost is that of the names given, however
// large the zone is: one read, a second short one where names that are no wildcards
// have no RRsets and no other of the names with some below them, and another for
// each name without RRsets that exists all the same.
func (n *Names) At(ctx context.Context, owners []rr.Name) (Around, error) {
	a := newAround(n.zone.Name, owners)
	prefix := setPrefix(n.zone.key(), n.zone.incarnation)
	for ranges := a.ranges(prefix); len(ranges) > 0; {
		below := ""
		for set, err := range n.snapshot.sets(ctx, n.zone.key(), prefix, ranges) {
			if err != nil {
				return Around{}, err
			}
			if owner := relative(n.zone.Name, set.Name); !a.add(owner, set) {
				below = prefix + owner
				break
			}
		}
		next := slices.IndexFunc(ranges, func(r Range) bool { return r.From > below })
		if below == "" || next < 0 {
			break
		}
		ranges = ranges[next:]
	}
	inner, err := n.snapshot.innerOf(ctx, prefix, a.doubtful(), a.exist)
	for _, key := range inner {
		a.Inner = append(a.Inner, a.names[key])
	}
	return a.Around, err
}

// around is an Around in the making. Names are known by their keys relative to the
// zone's.
type around struct {
	Around
	names map[string]rr.Name // that are asked for
	keys  []string           // of these, in order: a name stands before what is below it
	whole map[string]bool    // those that are read with all that is below them
	at    map[string]bool    // those that have RRsets
	exist map[string]bool    // any that are known to exist
}

func newAround(zone rr.Name, owners []rr.Name) *around {
	a := &around{names: map[string]rr.Name{}, whole: map[string]bool{}, at: map[string]bool{}, exist: map[string]bool{"": true}}
	for _, name := range owners {
		a.names[relative(zone, name)] = name
	}
	a.keys = slices.Sorted(maps.Keys(a.names))
	return a
}

// ranges are what to read first: the names' own rows and, since hardly ever there is
// anything below a wildcard, what that would be.
func (a *around) ranges(prefix string) []Range {
	ranges := make([]Range, len(a.keys))
	for i, key := range a.keys {
		alone := i+1 == len(a.keys) || !strings.HasPrefix(a.keys[i+1], key)
		if a.whole[key] = alone && a.names[key].IsWildcard(); a.whole[key] {
			ranges[i] = prefixed(prefix + key)
		} else {
			ranges[i] = ownerRange(prefix, key)
		}
	}
	return ranges
}

// add takes an RRset; false where it is below a name and at none.
func (a *around) add(owner string, set rr.Set) bool {
	noteWithAncestors(a.exist, owner)
	if _, asked := a.names[owner]; !asked {
		return false
	}
	a.at[owner] = true
	a.Sets = append(a.Sets, set)
	return true
}

// doubtful are the names that have no RRsets and may be inner.
func (a *around) doubtful() []string {
	return slices.DeleteFunc(a.keys, func(key string) bool {
		return key == "" || a.at[key] || a.whole[key] && !a.exist[key]
	})
}

// innerOf returns those of some owners without RRsets that have some below them.
// The owners are in order, so that one stands before what lies below it; exist has
// owners that are known to exist.
func (s *Snapshot) innerOf(ctx context.Context, prefix string, owners []string, exist map[string]bool) (inner []string, err error) {
	for len(owners) > 0 {
		if exist[owners[0]] {
			inner, owners = append(inner, owners[0]), owners[1:]
			continue
		}
		tops, found := topmost(owners, exist), ""
		ranges := make([]Range, len(tops))
		for i, top := range tops {
			ranges[i] = prefixed(prefix + top)
			ranges[i].From = prefix + top + "\x01" // behind the owner's own rows
		}
		err := s.scan(ctx, TableSets, ranges, func(key, _ []byte) error {
			owner, _, _, ok := splitSetKey(string(key[len(prefix):]))
			if !ok {
				return corruptWhy(TableSets, key, "key is malformed")
			}
			found = owner
			return errStop
		})
		if err != nil && err != errStop {
			return nil, err
		}
		noteWithAncestors(exist, found)
		// Nothing is below those before what was found, nor below what is below them.
		owners = slices.DeleteFunc(owners, func(owner string) bool {
			return !exist[owner] && (found == "" || owner < found)
		})
	}
	return inner, nil
}

// topmost returns the owners, which are in order, that are not known to exist and
// have no such owner above them.
func topmost(owners []string, exist map[string]bool) (tops []string) {
	for _, owner := range owners {
		if !exist[owner] && (len(tops) == 0 || !strings.HasPrefix(owner, tops[len(tops)-1])) {
			tops = append(tops, owner)
		}
	}
	return tops
}

// noteWithAncestors notes that an owner exists, and so all names above it.
func noteWithAncestors(exist map[string]bool, owner string) {
	for owner != "" && !exist[owner] {
		exist[owner] = true
		owner = owner[:strings.LastIndexByte(owner[:len(owner)-1], 0)+1]
	}
}
