package cache

// place is where an entry lies: the ring, and the offset there in units of 8,
// counted from 1. The zero place is none.
type place uint32

const mainRing place = 1 << 31

// ring holds entries one after another, from the oldest to the newest. None is cut
// in two by the ring's end.
type ring struct {
	buf  []byte
	base place // mainRing or 0
	head int   // where the next entry goes
	tail int   // where the oldest is
	used int   // bytes from tail to head
}

func (r *ring) init(size int, base place) {
	const most = (1<<31 - 2) * 8
	r.buf, r.base = memory[byte](int(min(int64(size), most))&^7), base
}

func (r *ring) place(off int) place { return r.base | place(off/8+1) }

func (r *ring) entry(off int) entry {
	e := entry(r.buf[off:])
	return e[:e.size()]
}

// room reports whether an entry of that size can be pushed, after the gap that it
// may need at the end.
func (r *ring) room(size int) bool {
	if rest := len(r.buf) - r.head; rest < size {
		size += rest
	}
	return r.used+size <= len(r.buf)
}

// push makes room for an entry at the head. There must be room.
func (r *ring) push(size int) (entry, place) {
	if rest := len(r.buf) - r.head; rest < size {
		if rest > 0 {
			entry(r.buf[r.head:]).setGap(rest)
		}
		r.used += rest
		r.head = 0
	}
	off := r.head
	r.head += size
	r.used += size
	if r.head == len(r.buf) {
		r.head = 0
	}
	entry(r.buf[off:]).setGap(size)
	return r.entry(off), r.place(off)
}

// oldest returns the entry at the tail. The ring must not be empty.
func (r *ring) oldest() (entry, place) { return r.entry(r.tail), r.place(r.tail) }

// drop gives up the entry at the tail.
func (r *ring) drop() {
	size := r.entry(r.tail).size()
	r.used -= size
	if r.tail += size; r.tail == len(r.buf) {
		r.tail = 0
	}
}
