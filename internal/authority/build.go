package authority

import (
	"cmp"
	"iter"
	"slices"
	"strings"

	"github.com/namelet/namelet/rr"
)

// Build makes the snapshot of a zone from its RRsets, in any order; canonical
// order is the quickest. Sets of one name and type are joined, without
// duplicates, under their least TTL (RFC 2181 sections 5 and 5.2). RRSIG sets may
// come joined or apart; their TTL is that of the set they cover.
//
// The snapshot keeps the names, slices and rdata of the sets. The error is an
// [*Error], for the first name in canonical order that cannot stand.
func Build(apex rr.Name, version uint64, sets iter.Seq[rr.Set]) (*Snapshot, error) {
	s := &Snapshot{apex: apex, version: version}
	if err := s.build(sets); err != nil {
		return nil, err
	}
	s.slots = newSlots(s.names)
	return s, nil
}

// build fills a new snapshot. In one of some names only, a set of typeExists without
// data says that its owner exists, although nothing below it is known.
func (s *Snapshot) build(sets iter.Seq[rr.Set]) error {
	entries, err := s.collect(sets)
	if err != nil {
		return err
	}
	b := builder{snapshot: s}
	b.open(&node{name: s.apex}, s.apex.Key())
	for len(entries) > 0 {
		n := sameName(entries)
		if err := b.add(entries[:n]); err != nil {
			return err
		}
		entries = entries[n:]
	}
	for b.depth > 0 {
		b.close()
	}
	s.hashed = packed(b.hashed)
	return s.checkApex()
}

// marks reports whether a set only says that its owner exists.
func (s *Snapshot) marks(set *rr.Set) bool {
	return s.partial != nil && set.Type == typeExists && set.Data == nil
}

// entry is an RRset on its way into a zone.
type entry struct {
	key   rr.Key
	set   rr.Set
	order int // in which it came
}

// byName orders entries by their owner names, else as they came.
func byName(a, b entry) int {
	if c := strings.Compare(string(a.key), string(b.key)); c != 0 {
		return c
	}
	return cmp.Compare(a.order, b.order)
}

// byType orders the entries of one name, those of one type as they came.
func byType(a, b entry) int {
	return cmp.Or(cmp.Compare(a.set.Type, b.set.Type), cmp.Compare(a.order, b.order))
}

// sameName counts the entries at the front that have one owner name.
func sameName(entries []entry) int {
	n := 1
	for n < len(entries) && entries[n].key == entries[0].key {
		n++
	}
	return n
}

// collect checks the sets one by one and puts them in canonical order.
func (s *Snapshot) collect(sets iter.Seq[rr.Set]) ([]entry, error) {
	var entries []entry
	for set := range sets {
		if !set.Name.IsSubdomainOf(s.apex) {
			return nil, s.refuse(set.Name, set.Type, ReasonOutOfZone)
		}
		if err := s.checkSet(set); err != nil && !s.marks(&set) {
			return nil, err
		}
		entries = append(entries, entry{set.Name.Key(), set, len(entries)})
	}
	if !slices.IsSortedFunc(entries, byName) {
		slices.SortFunc(entries, byName)
	}
	return entries, nil
}

// builder lays out nodes in canonical order: the open ones are those from the
// apex to the last name, whose children are still coming.
type builder struct {
	snapshot *Snapshot
	path     []opened
	depth    int    // how many of path are open; the rest keep their memory
	hashed   []item // NSEC3
}

type opened struct {
	node *node
	key  rr.Key
	kids []item
	kept bool // it exists, whatever is known of it
}

// add lays out the sets of one name.
func (b *builder) add(entries []entry) error {
	key, name := entries[0].key, entries[0].set.Name
	for !b.path[b.depth-1].key.Contains(key) {
		b.close()
	}
	b.openDown(name, key)
	n := b.path[b.depth-1].node
	slices.SortFunc(entries, byType)
	sets := make([]rr.Set, 0, len(entries))
	for i := range entries {
		if b.snapshot.marks(&entries[i].set) {
			b.path[b.depth-1].kept = true
			continue
		}
		sets = append(sets, entries[i].set)
	}
	n.name = name
	var nsec3 []set
	n.sets, nsec3 = splitNSEC3(composed(sets))
	if nsec3 != nil {
		b.hashed = append(b.hashed, item{node: &node{name: name, sets: nsec3}})
		b.snapshot.count(1, 1)
	}
	if err := b.snapshot.checkNode(n); err != nil {
		return err
	}
	b.snapshot.count(min(1, len(n.sets)), len(n.sets))
	return nil
}

func (s *Snapshot) count(names, sets int) {
	s.names += names
	s.sets += sets
}

// splitNSEC3 takes the NSEC3 set out of the sets of a name: its owner is no name
// of the zone (RFC 5155 section 7.2.8), so it is kept apart.
func splitNSEC3(all []set) (sets, nsec3 []set) {
	for i := range all {
		if all[i].typ == rr.TypeNSEC3 {
			nsec3 = []set{all[i]}
			return slices.Delete(all, i, i+1), nsec3
		}
	}
	return all, nil
}

// openDown opens the nodes that lead from the last open one to name, which are
// empty non-terminals so far.
func (b *builder) openDown(name rr.Name, key rr.Key) {
	for from := len(b.path[b.depth-1].key); from < len(key); {
		from += strings.IndexByte(string(key[from:]), 0) + 1
		b.open(&node{name: name.Suffix(strings.Count(string(key[:from]), "\x00"))}, key[:from])
	}
}

func (b *builder) open(n *node, key rr.Key) {
	if b.depth == len(b.path) {
		b.path = append(b.path, opened{})
	}
	top := &b.path[b.depth]
	top.node, top.key, top.kids, top.kept = n, key, top.kids[:0], false
	b.depth++
}

// close finishes the deepest open node and gives it to its parent, unless there
// is nothing at or below it but NSEC3.
func (b *builder) close() {
	b.depth--
	top := &b.path[b.depth]
	top.node.kids = packed(top.kids)
	if b.depth == 0 {
		b.snapshot.root = top.node
		return
	}
	if top.node.kids == nil && len(top.node.sets) == 0 && !top.kept {
		return
	}
	parent := &b.path[b.depth-1]
	parent.kids = append(parent.kids, item{node: top.node})
}

// composed makes the sets of a node from the RRsets of one name, which are in
// order of their types.
func composed(in []rr.Set) []set {
	var rrsigs []rr.Rdata
	count := 0
	for i := range in {
		if in[i].Type == rr.TypeRRSIG {
			rrsigs = append(rrsigs, in[i].Data...)
		} else if i == 0 || in[i].Type != in[i-1].Type {
			count++
		}
	}
	out := make([]set, 0, count)
	for len(in) > 0 {
		n := 1
		for n < len(in) && in[n].Type == in[0].Type {
			n++
		}
		if in[0].Type != rr.TypeRRSIG {
			joined := join(in[:n])
			out = append(out, set{joined.Type, uint16(len(joined.Data)), joined.TTL, joined.Data})
		}
		in = in[n:]
	}
	if len(rrsigs) > 0 {
		out = cover(out, unique(rrsigs))
	}
	return out
}

// join makes one RRset of several of one name and type.
func join(in []rr.Set) rr.Set {
	out := in[0]
	if len(in) > 1 {
		out.Data = nil
		for i := range in {
			out.TTL = min(out.TTL, in[i].TTL)
			out.Data = append(out.Data, in[i].Data...)
		}
	}
	out.Data = unique(out.Data)
	out.Data = out.Data[:min(len(out.Data), maxRecords):min(len(out.Data), maxRecords)]
	return out
}

// unique returns data without the second of equal rdata; the same slice where
// there are none.
func unique(data []rr.Rdata) []rr.Rdata {
	if len(data) < 2 {
		return data
	}
	seen := make(map[rr.Rdata]bool, len(data))
	for _, d := range data {
		seen[d] = true
	}
	if len(seen) == len(data) {
		return data
	}
	out := make([]rr.Rdata, 0, len(seen))
	for _, d := range data {
		if seen[d] {
			out = append(out, d)
			seen[d] = false
		}
	}
	return out
}

// cover puts each signature beside the set it covers. Those that cover no set
// here stay a set of type RRSIG.
func cover(sets []set, rrsigs []rr.Rdata) []set {
	var stray []rr.Rdata
	byType := make(map[rr.Type][]rr.Rdata)
	for _, sig := range rrsigs {
		t := rr.Covered(sig)
		if !slices.ContainsFunc(sets, func(s set) bool { return s.typ == t }) {
			stray = append(stray, sig)
			continue
		}
		byType[t] = append(byType[t], sig)
	}
	for i := range sets {
		if sigs := byType[sets[i].typ]; len(sigs) > 0 {
			sets[i].data = slices.Concat(sets[i].data, sigs)
		}
	}
	if len(stray) == 0 {
		return sets
	}
	at := 0
	for at < len(sets) && sets[at].typ < rr.TypeRRSIG {
		at++
	}
	return slices.Insert(sets, at, set{rr.TypeRRSIG, uint16(len(stray)), 0, stray})
}
