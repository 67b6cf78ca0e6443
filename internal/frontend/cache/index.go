package cache

import "math/bits"

// index finds entries: an open table of the hashes of their keys and of where they
// lie. A slot is the hash above, the place below; 0 is free. An entry stands at or
// after the slot of its hash, with no free one between.
type index struct {
	slots []uint64
	mask  uint32
	count int
}

// bytesPerSlot is how much memory of the cache goes with one slot of the index.
const bytesPerSlot = 128

func (x *index) init(slots int) {
	x.slots = memory[uint64](1 << bits.Len(uint(slots-1)))
	x.mask = uint32(len(x.slots) - 1)
}

// full reports whether entries have to go before another comes, so that searches
// stay short.
func (x *index) full() bool { return x.count >= len(x.slots)/4*3 }

func slotOf(hash uint32, at place) uint64 { return uint64(hash)<<32 | uint64(at) }

// next returns the slot of the next entry with a hash, from slot i on.
func (x *index) next(hash, i uint32) (at place, slot uint32) {
	for ; ; i++ {
		s := x.slots[i&x.mask]
		if s == 0 {
			return 0, 0
		}
		if uint32(s>>32) == hash {
			return place(s), i & x.mask
		}
	}
}

func (x *index) add(hash uint32, at place) {
	i := hash & x.mask
	for x.slots[i] != 0 {
		i = (i + 1) & x.mask
	}
	x.slots[i] = slotOf(hash, at)
	x.count++
}

// slot returns the slot of an entry; it must be there.
func (x *index) slot(hash uint32, at place) uint32 {
	i := hash & x.mask
	for x.slots[i] != slotOf(hash, at) {
		i = (i + 1) & x.mask
	}
	return i
}

// move says that an entry lies elsewhere now.
func (x *index) move(hash uint32, from, to place) { x.slots[x.slot(hash, from)] = slotOf(hash, to) }

// remove takes an entry out, and moves those up that stood behind it for it.
func (x *index) remove(hash uint32, at place) {
	free := x.slot(hash, at)
	x.count--
	for i := (free + 1) & x.mask; x.slots[i] != 0; i = (i + 1) & x.mask {
		home := uint32(x.slots[i]>>32) & x.mask
		if (i-home)&x.mask >= (i-free)&x.mask {
			x.slots[free] = x.slots[i]
			free = i
		}
	}
	x.slots[free] = 0
}

// ghosts remember the hashes of entries that left the small ring lately.
type ghosts struct{ hashes []uint32 }

func (g *ghosts) init(n int) { g.hashes = memory[uint32](n) }

func (g *ghosts) add(hash uint32) { g.hashes[int(hash)&(len(g.hashes)-1)] = hash }

func (g *ghosts) take(hash uint32) bool {
	at := &g.hashes[int(hash)&(len(g.hashes)-1)]
	if *at != hash || hash == 0 {
		return false
	}
	*at = 0
	return true
}
