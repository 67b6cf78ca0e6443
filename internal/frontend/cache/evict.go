package cache

import "bytes"

// at returns the entry that lies at a place.
func (c *Cache) at(p place) entry {
	r := &c.small
	if p&mainRing != 0 {
		r = &c.main
	}
	return r.entry(int(p&^mainRing-1) * 8)
}

// find returns the entry under a key, or nil.
func (c *Cache) find(hash uint32, key []byte) entry {
	e, _ := c.locate(hash, key)
	return e
}

func (c *Cache) locate(hash uint32, key []byte) (entry, place) {
	for p, i := c.index.next(hash, hash); p != 0; p, i = c.index.next(hash, i+1) {
		if e := c.at(p); bytes.Equal(e.key(), key) {
			return e, p
		}
	}
	return nil, 0
}

// node returns the inner node with a hash and an id, or nil.
func (c *Cache) node(hash uint32, id uint64) inner {
	for p, i := c.index.next(hash, hash); p != 0; p, i = c.index.next(hash, i+1) {
		if e := c.at(p); e.kind() == kindInner && e.inner().id() == id {
			return e.inner()
		}
	}
	return nil
}

// place makes an entry with a body of so many bytes at a position, in the place of
// what is there: in the same memory where it fits well. It is nil where the entry
// is too large.
func (c *Cache) place(at *position, k kind, body int) entry {
	size := padded(headerLen + padded(len(at.key)) + body)
	old, p := c.locate(at.hash, at.key)
	toMain := at.known
	if old != nil {
		c.empty(old)
		if old.size() >= size && old.size() <= 2*size {
			old.begin(at, k)
			c.countKind(k, 1)
			return old
		}
		toMain = toMain || p&mainRing != 0
		c.index.remove(at.hash, p)
		old.setGap(old.size())
		c.counts.bytes.Add(-int64(old.size()))
	}
	r := &c.small
	if toMain || c.ghosts.take(at.hash) {
		r = &c.main
	}
	if size > len(r.buf)/8 {
		return nil
	}
	c.makeRoom(r, size)
	e, p := r.push(size)
	e.begin(at, k)
	e.forget()
	c.index.add(at.hash, p)
	c.countKind(k, 1)
	c.counts.bytes.Add(int64(size))
	return e
}

// empty lets go of what an entry holds.
func (c *Cache) empty(e entry) {
	if e.kind() == kindLeaf {
		c.release(e)
	}
	c.countKind(e.kind(), -1)
}

// makeRoom evicts until an entry of that size can be pushed to a ring, and found.
func (c *Cache) makeRoom(r *ring, size int) {
	for c.index.full() || r == &c.small && !r.room(size) {
		if c.small.used == 0 {
			c.shrinkMain()
			continue
		}
		c.evictSmall()
	}
	if r == &c.main {
		c.makeRoomInMain(size)
	}
}

func (c *Cache) makeRoomInMain(size int) {
	for !c.main.room(size) {
		c.shrinkMain()
	}
}

// mostKept bounds how many entries are kept on the way to one that goes, and so
// the time that it takes.
const mostKept = 64

// shrinkMain takes one entry, or a gap, out of the main ring.
func (c *Cache) shrinkMain() {
	for kept := 0; c.evictMain(kept < mostKept); kept++ {
	}
}

// evictSmall takes the oldest entry out of the small ring: into the main one where
// it was asked for since and could still be given, else away.
func (c *Cache) evictSmall() {
	e, from := c.small.oldest()
	if e.kind() != kindGap {
		if e.asked() > 1 && c.alive(e) {
			c.promote(e, from)
		} else {
			c.ghosts.add(e.hash())
			c.evict(e, from)
		}
	}
	c.small.drop()
}

func (c *Cache) promote(e entry, from place) {
	c.makeRoomInMain(e.size())
	to, p := c.main.push(e.size())
	copy(to, e)
	to.forget()
	c.index.move(e.hash(), from, p)
}

// alive reports whether the way to an entry still leads there, and whether it is
// valid.
func (c *Cache) alive(e entry) bool {
	if !e.isRoot() && c.node(e.parent(), e.stamp()) == nil {
		return false
	}
	return e.kind() != kindLeaf || c.valid(e)
}

// evictMain takes the oldest entry out of the main ring. Where it was asked for
// since it came to lie there and may be kept, that counts once less, and it goes
// to the head.
func (c *Cache) evictMain(mayKeep bool) (kept bool) {
	e, from := c.main.oldest()
	switch {
	case e.kind() == kindGap:
		c.main.drop()
		return false
	case !mayKeep || e.asked() == 0 || !c.alive(e):
		c.evict(e, from)
		c.main.drop()
		return false
	}
	c.moving = append(c.moving[:0], e...)
	c.main.drop()
	e = entry(c.moving)
	if !c.main.room(e.size()) { // the ring's end is too near
		c.evict(e, from)
		return false
	}
	e.forgetOnce()
	to, p := c.main.push(e.size())
	copy(to, e)
	c.index.move(e.hash(), from, p)
	return true
}

// evict takes an entry out of the index.
func (c *Cache) evict(e entry, from place) {
	c.empty(e)
	c.index.remove(e.hash(), from)
	c.counts.evictions.Add(1)
	c.counts.bytes.Add(-int64(e.size()))
}
