package frontend

import "github.com/namelet/namelet/rr"

const (
	nameSlots     = 512    // a power of two
	maxSuffixes   = 384    // suffixes remembered of one message
	maxProbes     = 8      // slots looked at for one suffix
	pointerLimit  = 0x4000 // offsets that a pointer can hold (RFC 1035 section 4.1.4)
	maxNameLabels = rr.MaxNameLen / 2
)

// compressor remembers where names stand in the message being packed. It is a
// hash table over suffixes of names; the names themselves are compared in the
// message, without regard to letter case, so that the size of a response does
// not depend on the case of its question (RFC 4343 section 4.1 allows it).
type compressor struct {
	slots [nameSlots]suffixSlot
	log   [maxSuffixes]uint16 // the slots in use
	used  int
}

type suffixSlot struct {
	at  uint16 // offset in the message; 0 where the slot is free
	tag uint16 // more of the hash
}

// reset forgets every name.
func (c *compressor) reset() {
	for _, slot := range c.log[:c.used] {
		c.slots[slot] = suffixSlot{}
	}
	c.used = 0
}

// suffixes are the starts of a name's labels and the hashes of the suffixes that
// begin there.
type suffixes struct {
	count  int
	starts [maxNameLabels]uint8
	hashes [maxNameLabels]uint32
}

// split finds the suffixes of name, which is in wire form, and hashes them from
// the root up. Case is folded coarsely: a collision costs a comparison only.
func split[T string | []byte](s *suffixes, name T) {
	s.count = 0
	for i := 0; name[i] != 0; i += 1 + int(name[i]) {
		s.starts[s.count] = uint8(i)
		s.count++
	}
	h := uint32(2166136261)
	end := len(name) - 1
	for i := s.count - 1; i >= 0; i-- {
		start := int(s.starts[i])
		for k := start; k < end; k++ {
			h = (h ^ uint32(name[k]|0x20)) * 16777619
		}
		s.hashes[i] = h
		end = start
	}
}

// appendName appends name, in wire form, to a message: the labels that are new,
// then a pointer to the longest suffix that has been written before.
func (c *compressor) appendName(msg []byte, name string) []byte {
	var s suffixes
	split(&s, name)
	known, pointer := s.count, 0
	for i := 0; i < s.count; i++ {
		if pointer = c.find(msg, name[s.starts[i]:], s.hashes[i]); pointer != 0 {
			known = i
			break
		}
	}
	at := len(msg)
	if pointer == 0 {
		msg = append(msg, name...)
	} else {
		msg = append(msg, name[:s.starts[known]]...)
		msg = append(msg, byte(pointer>>8)|0xc0, byte(pointer))
	}
	c.remember(&s, known, at)
	return msg
}

// remember notes the first count suffixes of a name that stands at octet at.
func (c *compressor) remember(s *suffixes, count, at int) {
	for i := 0; i < count; i++ {
		c.insert(s.hashes[i], at+int(s.starts[i]))
	}
}

// learn notes a name that already stands in the message at octet at,
// uncompressed.
func (c *compressor) learn(name []byte, at int) {
	var s suffixes
	split(&s, name)
	c.remember(&s, s.count, at)
}

func (c *compressor) insert(hash uint32, at int) {
	if at >= pointerLimit || c.used == maxSuffixes {
		return
	}
	for probe := uint32(0); probe < maxProbes; probe++ {
		i := (hash + probe) % nameSlots
		if c.slots[i].at == 0 {
			c.slots[i] = suffixSlot{at: uint16(at), tag: uint16(hash >> 16)}
			c.log[c.used] = uint16(i)
			c.used++
			return
		}
	}
}

// find returns where suffix stands in the message, 0 where it does not.
func (c *compressor) find(msg []byte, suffix string, hash uint32) int {
	for probe := uint32(0); probe < maxProbes; probe++ {
		slot := c.slots[(hash+probe)%nameSlots]
		if slot.at == 0 {
			return 0
		}
		if slot.tag == uint16(hash>>16) && sameName(msg, int(slot.at), suffix) {
			return int(slot.at)
		}
	}
	return 0
}

// sameName compares the name at octet at of a message that this package packed
// with name, which is in wire form. Pointers point backwards only, so it ends.
func sameName(msg []byte, at int, name string) bool {
	for i := 0; ; {
		n := int(msg[at])
		if n >= 0xc0 {
			at = n&0x3f<<8 | int(msg[at+1])
			continue
		}
		if n != int(name[i]) {
			return false
		}
		if n == 0 {
			return true
		}
		for k := 1; k <= n; k++ {
			if a, b := msg[at+k], name[i+k]; a != b && lower(a) != lower(b) {
				return false
			}
		}
		at += 1 + n
		i += 1 + n
	}
}

func lower(c byte) byte {
	if 'A' <= c && c <= 'Z' {
		return c + 'a' - 'A'
	}
	return c
}
