package authority

import (
	"slices"

	"github.com/namelet/namelet/rr"
)

// Change is one RRset as it is to be from now on. Without Data, the set is
// removed. A change of type RRSIG speaks of all signatures at its name.
type Change = rr.Set

// Apply returns the snapshot that the changes make of s. Those of one batch are
// one step: only their result has to be a zone that can be served. Of two changes
// to one name and type the later counts. Removing what is not there is no error.
//
// What differs between the two is told to those who keep answers by [Outdate].
//
// The cost is that of the names changed, however large the zone is. The new
// snapshot keeps the slices of the changes. The error is an [*Error]; s is valid
// for ever in any case.
func (s *Snapshot) Apply(version uint64, changes []Change) (*Snapshot, error) {
	next := &Snapshot{apex: s.apex, version: version, root: s.root, hashed: s.hashed, names: s.names, sets: s.sets, slots: s.slots}
	entries := make([]entry, 0, len(changes))
	for i, change := range changes {
		if !change.Name.IsSubdomainOf(s.apex) {
			return nil, s.refuse(change.Name, change.Type, ReasonOutOfZone)
		}
		if len(change.Data) > 0 {
			if err := s.checkSet(change); err != nil {
				return nil, err
			}
		}
		entries = append(entries, entry{change.Name.Key(), change, i})
	}
	slices.SortFunc(entries, byName)
	for len(entries) > 0 {
		n := sameName(entries)
		if err := next.change(entries[:n]); err != nil {
			return nil, err
		}
		entries = entries[n:]
	}
	if err := next.checkApex(); err != nil {
		return nil, err
	}
	if next.slots.outgrown(next.names) {
		next.slots = newSlots(next.names)
	}
	return next, nil
}

// change puts the changes of one name in place. Only a snapshot that nobody has
// seen yet is changed.
func (s *Snapshot) change(entries []entry) error {
	var l labels
	l.cut(entries[0].set.Name, s.apex)
	root, err := s.changed(s.root, &l, 0, entries)
	if err != nil {
		return err
	}
	if root == nil {
		root = &node{name: s.apex}
	}
	s.root = root
	return nil
}

// changed returns n as the changes to a name at or below it leave it, nil where
// nothing is left of it. n is nil where there is no such node; depth is how many
// labels it has below the apex.
func (s *Snapshot) changed(n *node, l *labels, depth int, entries []entry) (*node, error) {
	next := &node{}
	if n != nil {
		*next = *n
	}
	if depth == l.depth {
		if err := s.replaceSets(next, entries); err != nil {
			return nil, err
		}
	} else if err := s.changeKid(next, l, depth, entries); err != nil {
		return nil, err
	}
	if len(next.sets) == 0 && next.kids == nil {
		return nil, nil
	}
	if next.name.IsZero() {
		next.name = l.name(depth - 1)
	}
	return next, nil
}

func (s *Snapshot) changeKid(n *node, l *labels, depth int, entries []entry) error {
	label := l.label(depth)
	kid, err := s.changed(n.kids.find(label), l, depth+1, entries)
	switch {
	case err != nil:
		return err
	case kid == nil:
		n.kids = n.kids.remove(label)
	default:
		n.kids = n.kids.put(kid)
	}
	return nil
}

// replaceSets gives n the sets that the changes leave it.
func (s *Snapshot) replaceSets(n *node, entries []entry) error {
	name := entries[0].set.Name
	before := len(n.sets)
	all := n
	hashed := s.hashedAt(name)
	if hashed != nil {
		all = &node{name: hashed.name, sets: slices.Concat(n.sets, hashed.sets)}
	}
	var nsec3 []set
	n.sets, nsec3 = splitNSEC3(composed(remaining(all, entries)))
	if before == 0 && len(n.sets) > 0 {
		n.name = name
	}
	s.count(min(1, len(n.sets))-min(1, before), len(n.sets)-before)
	s.replaceNSEC3(hashed, name, nsec3)
	return s.checkNode(n)
}

// replaceNSEC3 does the same for the NSEC3 set of a name, which old holds.
func (s *Snapshot) replaceNSEC3(old *node, name rr.Name, nsec3 []set) {
	if old != nil {
		s.hashed = s.hashed.remove(old.label())
		s.count(-1, -1)
	}
	if nsec3 != nil {
		s.hashed = s.hashed.put(&node{name: name, sets: nsec3})
		s.count(1, 1)
	}
}

// remaining returns the RRsets of n, in order of their types, after the changes.
func remaining(n *node, entries []entry) []rr.Set {
	slices.SortFunc(entries, byType)
	var sets []rr.Set
	replaced := func(t rr.Type) bool {
		return slices.ContainsFunc(entries, func(e entry) bool { return e.set.Type == t })
	}
	for i := range n.sets {
		if st := &n.sets[i]; st.typ != rr.TypeRRSIG && !replaced(st.typ) {
			sets = append(sets, st.records(n.name))
		}
	}
	if rrsigs, ok := n.allSignatures(); ok && !replaced(rr.TypeRRSIG) {
		sets = append(sets, rrsigs)
	}
	for i, e := range entries {
		last := i+1 == len(entries) || entries[i+1].set.Type != e.set.Type
		if last && len(e.set.Data) > 0 {
			sets = append(sets, e.set)
		}
	}
	slices.SortStableFunc(sets, func(a, b rr.Set) int { return int(a.Type) - int(b.Type) })
	return sets
}
