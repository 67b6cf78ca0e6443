package authority

import "slices"

// pageMax is the most entries a page holds. A change copies one page a level.
const pageMax = 32

// page is the children of a node, in canonical order of their labels: a sorted
// slice while they are few, and the root of a B-tree with its nodes in the leaves
// once they are more than pageMax. Pages are never changed: put and remove return
// pages that share all but one path with the old ones. The nil page is empty.
type page struct {
	items []item   // of a leaf
	below []branch // of an inner page; never empty there
}

type item struct {
	head uint64 // of the node's label
	node *node
}

// branch is one page of an inner page, under its least label.
type branch struct {
	head  uint64
	label string
	page  *page
}

func (it item) less(head uint64, label string) bool {
	return it.head < head || it.head == head && compareLabels(it.node.label(), label) < 0
}

// search returns the place of the first item of a leaf that is not before label.
func (p *page) search(head uint64, label string) int {
	lo, hi := 0, len(p.items)
	for lo < hi {
		if mid := int(uint(lo+hi) >> 1); p.items[mid].less(head, label) {
			lo = mid + 1
		} else {
			hi = mid
		}
	}
	return lo
}

// route returns the place of the branch of an inner page that label belongs to.
func (p *page) route(head uint64, label string) int {
	lo, hi := 1, len(p.below) // what is before the second branch is the first's
	for lo < hi {
		mid := int(uint(lo+hi) >> 1)
		b := &p.below[mid]
		if b.head < head || b.head == head && compareLabels(b.label, label) <= 0 {
			lo = mid + 1
		} else {
			hi = mid
		}
	}
	return lo - 1
}

// holds reports whether the i-th item of a leaf has this label.
func (p *page) holds(i int, head uint64, label string) bool {
	return i < len(p.items) && p.items[i].head == head && compareLabels(p.items[i].node.label(), label) == 0
}

// find returns the child of that label, or nil.
func (p *page) find(label string) *node {
	if p == nil {
		return nil
	}
	head := headOf(label)
	for p.below != nil {
		p = p.below[p.route(head, label)].page
	}
	if i := p.search(head, label); p.holds(i, head, label) {
		return p.items[i].node
	}
	return nil
}

// put returns the children with n in the place of the child of its label.
func (p *page) put(n *node) *page {
	it := item{headOf(n.label()), n}
	if p == nil {
		return &page{items: []item{it}}
	}
	left, right := p.putSplit(it)
	if right == nil {
		return left
	}
	return &page{below: []branch{left.branch(), right.branch()}}
}

// putSplit is put below the root: a page that has become too wide comes back as
// two.
func (p *page) putSplit(it item) (left, right *page) {
	label := it.node.label()
	if p.below == nil {
		i := p.search(it.head, label)
		if p.holds(i, it.head, label) {
			items := slices.Clone(p.items)
			items[i] = it
			return &page{items: items}, nil
		}
		return splitLeaf(spliced(p.items, i, 0, it))
	}
	i := p.route(it.head, label)
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
	p = p.drop(headOf(label), label)
	for p != nil && len(p.below) == 1 {
		p = p.below[0].page
	}
	return p
}

func (p *page) drop(head uint64, label string) *page {
	if p.below == nil {
		i := p.search(head, label)
		if !p.holds(i, head, label) {
			return p
		}
		if len(p.items) == 1 {
			return nil
		}
		return &page{items: spliced(p.items, i, 1)}
	}
	i := p.route(head, label)
	switch sub := p.below[i].page.drop(head, label); {
	case sub == p.below[i].page:
		return p
	case sub != nil:
		return &page{below: merged(spliced(p.below, i, 1, sub.branch()), i)}
	case len(p.below) == 1:
		return nil
	}
	return &page{below: spliced(p.below, i, 1)}
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
		both := &page{}
		if l.below == nil {
			both.items = slices.Concat(l.items, r.items)
		} else {
			both.below = slices.Concat(l.below, r.below)
		}
		return spliced(below, at, 2, both.branch())
	}
	return below
}

// len counts the entries of this page alone.
func (p *page) len() int { return len(p.items) + len(p.below) }

// branch returns the entry of p in the page above it.
func (p *page) branch() branch {
	first := p
	for first.below != nil {
		first = first.below[0].page
	}
	return branch{first.items[0].head, first.items[0].node.label(), p}
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
		return &page{items: items}, nil
	}
	half := len(items) / 2
	return &page{items: slices.Clone(items[:half])}, &page{items: slices.Clone(items[half:])}
}

func splitInner(below []branch) (left, right *page) {
	if len(below) <= pageMax {
		return &page{below: below}, nil
	}
	half := len(below) / 2
	return &page{below: slices.Clone(below[:half])}, &page{below: slices.Clone(below[half:])}
}

// packed makes the children from items in order, in pages as full as can be. It
// copies items.
func packed(items []item) *page {
	if len(items) == 0 {
		return nil
	}
	var level []branch
	for part := range evenly(items) {
		level = append(level, (&page{items: slices.Clone(part)}).branch())
	}
	for len(level) > 1 {
		var up []branch
		for part := range evenly(level) {
			up = append(up, (&page{below: slices.Clone(part)}).branch())
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
