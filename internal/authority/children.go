package authority

import "slices"

// pageMax is the most entries a page holds. A change copies one page a level.
const pageMax = 32

// page is the children of a node, in canonical order of their labels: a sorted
// slice while they are few, and the root of a B-tree with its nodes in the leaves
// once they are more than pageMax. Pages are never changed: put and remove return
// pages that share all but one path with the old ones. The nil page is empty.
//
// Siblings often begin alike (host-0001, host-0002). A page leaves out what all
// its labels begin with, and keeps the eight octets after that beside each entry:
// a search reads the page, and hardly ever the nodes.
type page struct {
	skip  int      // how many octets all labels of the page begin with
	items []item   // of a leaf
	below []branch // of an inner page; never empty there
}

type item struct {
	head uint64 // of the node's label, from skip on
	node *node
}

// branch is one page of an inner page, under its least label.
type branch struct {
	head  uint64
	label string
	page  *page
}

// leaf makes a page of items, which are the page's from now on.
func leaf(items []item) *page {
	p := &page{items: items}
	if len(items) > 1 {
		p.skip = commonPrefix(items[0].node.label(), items[len(items)-1].node.label())
	}
	for i := range items {
		items[i].head = headOf(items[i].node.label()[p.skip:])
	}
	return p
}

// inner makes a page of branches, which are the page's from now on.
func inner(below []branch) *page {
	p := &page{below: below}
	if len(below) > 1 {
		p.skip = commonPrefix(below[0].label, below[len(below)-1].label)
	}
	for i := range below {
		below[i].head = headOf(below[i].label[p.skip:])
	}
	return p
}

// enter compares what label begins with to what all labels of the page, first
// among them, begin with. Where that is the same, the rest is left to compare.
func (p *page) enter(first, label string) (rest string, c int) {
	if p.skip == 0 {
		return label, 0
	}
	n := min(p.skip, len(label))
	return label[n:], compareLabels(label[:n], first[:p.skip])
}

// search returns the place of the first item of a leaf that is not before label.
func (p *page) search(label string) int {
	rest, c := p.enter(p.items[0].node.label(), label)
	if c < 0 {
		return 0
	} else if c > 0 {
		return len(p.items)
	}
	head := headOf(rest)
	lo, hi := 0, len(p.items)
	for lo < hi {
		mid := int(uint(lo+hi) >> 1)
		it := &p.items[mid]
		if it.head < head || it.head == head && compareLabels(it.node.label()[p.skip:], rest) < 0 {
			lo = mid + 1
		} else {
			hi = mid
		}
	}
	return lo
}

// route returns the place of the branch of an inner page that label belongs to.
func (p *page) route(label string) int {
	rest, c := p.enter(p.below[0].label, label)
	if c < 0 {
		return 0
	} else if c > 0 {
		return len(p.below) - 1
	}
	head := headOf(rest)
	lo, hi := 1, len(p.below) // what is before the second branch is the first's
	for lo < hi {
		mid := int(uint(lo+hi) >> 1)
		b := &p.below[mid]
		if b.head < head || b.head == head && compareLabels(b.label[p.skip:], rest) <= 0 {
			lo = mid + 1
		} else {
			hi = mid
		}
	}
	return lo - 1
}

// holds reports whether the i-th item of a leaf has this label.
func (p *page) holds(i int, label string) bool {
	return i < len(p.items) && compareLabels(p.items[i].node.label(), label) == 0
}

// find returns the child of that label, or nil.
func (p *page) find(label string) *node {
	if p == nil {
		return nil
	}
	for p.below != nil {
		p = p.below[p.route(label)].page
	}
	if i := p.search(label); p.holds(i, label) {
		return p.items[i].node
	}
	return nil
}

// put returns the children with n in the place of the child of its label.
func (p *page) put(n *node) *page {
	if p == nil {
		return leaf([]item{{node: n}})
	}
	left, right := p.putSplit(item{node: n})
	if right == nil {
		return left
	}
	return inner([]branch{left.branch(), right.branch()})
}

// putSplit is put below the root: a page that has become too wide comes back as
// two.
func (p *page) putSplit(it item) (left, right *page) {
	label := it.node.label()
	if p.below == nil {
		i := p.search(label)
		if p.holds(i, label) {
			return leaf(spliced(p.items, i, 1, it)), nil
		}
		return splitLeaf(spliced(p.items, i, 0, it))
	}
	i := p.route(label)
	l, r := p.below[i].page.putSplit(it)
	if r == nil {
		return splitInner(spliced(p.below, i, 1, l.branch()))
	}
	return splitInner(spliced(p.below, i, 1, l.branch(), r.branch()))
}

// remove returns the children without that of the label, nil where none is left.
func (p *page) remove(label string) *page {
	if p == nil {
		return nil
	}
	p = p.drop(label)
	for p != nil && len(p.below) == 1 {
		p = p.below[0].page
	}
	return p
}

func (p *page) drop(label string) *page {
	if p.below == nil {
		i := p.search(label)
		if !p.holds(i, label) {
			return p
		}
		if len(p.items) == 1 {
			return nil
		}
		return leaf(spliced(p.items, i, 1))
	}
	i := p.route(label)
	switch sub := p.below[i].page.drop(label); {
	case sub == p.below[i].page:
		return p
	case sub != nil:
		return inner(merged(spliced(p.below, i, 1, sub.branch()), i))
	case len(p.below) == 1:
		return nil
	}
	return inner(spliced(p.below, i, 1))
}

// merged joins the i-th page, where few entries are left in it, with a neighbour
// that has room.
func merged(below []branch, i int) []branch {
	if below[i].page.len() > pageMax/4 {
		return below
	}
	for _, at := range [2]int{i - 1, i} {
		if at < 0 || at+1 >= len(below) {
			continue
		}
		l, r := below[at].page, below[at+1].page
		if l.len()+r.len() > pageMax*3/4 {
			continue
		}
		var both *page
		if l.below == nil {
			both = leaf(slices.Concat(l.items, r.items))
		} else {
			both = inner(slices.Concat(l.below, r.below))
		}
		return spliced(below, at, 2, both.branch())
	}
	return below
}

// len counts the entries of this page alone.
func (p *page) len() int { return len(p.items) + len(p.below) }

// branch returns the entry of p in the page above it, which gives it its head.
func (p *page) branch() branch {
	first := p
	for first.below != nil {
		first = first.below[0].page
	}
	return branch{label: first.items[0].node.label(), page: p}
}

// spliced returns a copy of s, without slack, in which the n entries at i gave
// way to those of with.
func spliced[T any](s []T, i, n int, with ...T) []T {
	out := make([]T, 0, len(s)-n+len(with))
	out = append(out, s[:i]...)
	out = append(out, with...)
	return append(out, s[i+n:]...)
}

func splitLeaf(items []item) (left, right *page) {
	if len(items) <= pageMax {
		return leaf(items), nil
	}
	half := len(items) / 2
	return leaf(slices.Clone(items[:half])), leaf(slices.Clone(items[half:]))
}

func splitInner(below []branch) (left, right *page) {
	if len(below) <= pageMax {
		return inner(below), nil
	}
	half := len(below) / 2
	return inner(slices.Clone(below[:half])), inner(slices.Clone(below[half:]))
}

// packed makes the children from items in order, in pages as full as can be. It
// copies items.
func packed(items []item) *page {
	if len(items) == 0 {
		return nil
	}
	var level []branch
	for part := range evenly(items) {
		level = append(level, leaf(slices.Clone(part)).branch())
	}
	for len(level) > 1 {
		var up []branch
		for part := range evenly(level) {
			up = append(up, inner(slices.Clone(part)).branch())
		}
		level = up
	}
	return level[0].page
}

// evenly cuts s into the fewest parts of at most pageMax entries, all about as
// long.
func evenly[T any](s []T) func(yield func([]T) bool) {
	return func(yield func([]T) bool) {
		for parts := (len(s) + pageMax - 1) / pageMax; parts > 0; parts-- {
			n := (len(s) + parts - 1) / parts
			if !yield(s[:n]) {
				return
			}
			s = s[n:]
		}
	}
}

// each calls yield with the children in order until it returns false, and
// returns false then.
func (p *page) each(yield func(*node) bool) bool {
	if p == nil {
		return true
	}
	for i := range p.items {
		if !yield(p.items[i].node) {
			return false
		}
	}
	for i := range p.below {
		if !p.below[i].page.each(yield) {
			return false
		}
	}
	return true
}

// last goes through the children from the last one back, and returns what pick
// makes of the first for which that is not nil.
func (p *page) last(pick func(*node) *node) *node {
	if p == nil {
		return nil
	}
	for i := len(p.below) - 1; i >= 0; i-- {
		if found := p.below[i].page.last(pick); found != nil {
			return found
		}
	}
	for i := len(p.items) - 1; i >= 0; i-- {
		if found := pick(p.items[i].node); found != nil {
			return found
		}
	}
	return nil
}

// lastBefore is last for the children before label.
func (p *page) lastBefore(label string, pick func(*node) *node) *node {
	if p == nil {
		return nil
	}
	if p.below == nil {
		for i := p.search(label) - 1; i >= 0; i-- {
			if found := pick(p.items[i].node); found != nil {
				return found
			}
		}
		return nil
	}
	i := p.route(label)
	if found := p.below[i].page.lastBefore(label, pick); found != nil {
		return found
	}
	for i--; i >= 0; i-- {
		if found := p.below[i].page.last(pick); found != nil {
			return found
		}
	}
	return nil
}
