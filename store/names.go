package store

import (
	"context"
	"slices"
	"strings"

	"github.com/namelet/namelet/rr"
)

// Around is what a zone has at some owner names.
type Around struct {
	Zone Zone
	Sets []rr.Set // at the names, in canonical order of owner, then by type

	// Inner are those of the names that have no RRset and exist all the same, since
	// something below them has one: empty non-terminals (RFC 4592 section 2.2.2).
	Inner []rr.Name
}

// Names returns what a zone has at the owner names, which are no others than the
// zone's; the apex is never inner. Its cost is that of the names given, however
// large the zone is: one read, and another short one for each name that has no
// RRsets and no other of the names with some below it. ErrNotFound means the zone.
func (s *Snapshot) Names(ctx context.Context, zone rr.Name, owners []rr.Name) (Around, error) {
	z, err := s.liveZone(ctx, zone)
	if err != nil {
		return Around{}, err
	}
	out := Around{Zone: z.Zone}
	prefix := setPrefix(z.key(), z.incarnation)
	exist := map[string]bool{"": true}
	for set, err := range s.sets(ctx, z.key(), prefix, ownerRanges(z.Name, prefix, owners)) {
		if err != nil {
			return Around{}, err
		}
		out.Sets = append(out.Sets, set)
		noteWithAncestors(exist, relative(z.Name, set.Name))
	}
	at := map[string]bool{}
	for _, set := range out.Sets {
		at[relative(z.Name, set.Name)] = true
	}
	names := slices.Clone(owners)
	slices.SortFunc(names, func(a, b rr.Name) int { return strings.Compare(string(a.Key()), string(b.Key())) })
	missing := "" // what lies below it is missing, too
	for _, name := range names {
		key := relative(z.Name, name)
		if key == "" || at[key] || missing != "" && strings.HasPrefix(key, missing) {
			continue
		}
		if !exist[key] {
			below, err := s.firstBelow(ctx, prefix, key)
			if err != nil {
				return Around{}, err
			}
			if below == "" {
				missing = key
				continue
			}
			noteWithAncestors(exist, below)
		}
		out.Inner = append(out.Inner, name)
	}
	return out, nil
}

// noteWithAncestors notes that an owner exists, and so all names above it.
func noteWithAncestors(exist map[string]bool, owner string) {
	for owner != "" && !exist[owner] {
		exist[owner] = true
		owner = owner[:strings.LastIndexByte(owner[:len(owner)-1], 0)+1]
	}
}

// firstBelow returns the first owner below another that has RRsets; empty where none
// has.
func (s *Snapshot) firstBelow(ctx context.Context, prefix, owner string) (below string, err error) {
	r := prefixed(prefix + owner)
	r.From = prefix + owner + "\x01" // behind the owner's own rows
	err = s.scan(ctx, TableSets, []Range{r}, func(key, _ []byte) error {
		found, _, _, ok := splitSetKey(string(key[len(prefix):]))
		if !ok {
			return corruptWhy(TableSets, key, "key is malformed")
		}
		below = found
		return errStop
	})
	if err == errStop {
		err = nil
	}
	return below, err
}
