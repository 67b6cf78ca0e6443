package cache

import "encoding/binary"

// Leaf is an answer as it is kept.
type Leaf struct {
	// Msg is a whole message without an OPT record. Its id and the RD bit are to
	// be set for each query, and the qname to be written as it was sent.
	Msg []byte

	// Options are EDNS options that go with it to clients that use EDNS.
	Options []byte

	Meta Meta

	// ScopeV4 and ScopeV6 are the scopes of the question's answers (RFC 7871), in
	// bits. Get sets them, for all answers of a question alike; Put takes them from
	// the trace.
	ScopeV4, ScopeV6 uint8
}

// Meta is what else is to be known of an answer when it is sent.
type Meta struct {
	Required uint16 // records at the front of the additional section that must fit (RFC 9471)
	RCode    uint16 // whole, with the bits that go into the OPT record: 12 of them
	Class    uint8  // as its user likes, below 16
	Bucket   uint64 // as its user likes
}

// A code takes twelve bits (RFC 6891 section 6.1.3).
const (
	rcodeBits = 12
	rcodeMask = 1<<rcodeBits - 1
)

// A leaf's body begins with:
//
//	 0  u16 length of Msg, u16 length of Options
//	 4  u32 number of groups
//	 8  u16 Required, u16 RCode and Class above it
//	12  u32 number of the guest that the answer is of, 0 for none
//	16  u64 Bucket
//	24  the groups: u32 zone, u32 number of slots, u64 version, u32 for each slot
//	    Msg, Options
const leafHeaderLen = 24

// group is what an answer depends on in one zone.
type group struct {
	zone    uint32 // of the cache's zones
	version uint64
	slots   []uint32
}

const groupHeaderLen = 16

func leafLen(l *Leaf, groups []group) int {
	n := leafHeaderLen + len(l.Msg) + len(l.Options)
	for i := range groups {
		n += groupHeaderLen + 4*len(groups[i].slots)
	}
	return n
}

// guest returns the number of the guest that a leaf is of.
func (e entry) guest() uint32 { return binary.LittleEndian.Uint32(e.body()[12:]) }

func (e entry) setLeaf(l *Leaf, groups []group, guest uint32) {
	b := e.body()
	le := binary.LittleEndian
	le.PutUint16(b, uint16(len(l.Msg)))
	le.PutUint16(b[2:], uint16(len(l.Options)))
	le.PutUint32(b[4:], uint32(len(groups)))
	le.PutUint16(b[8:], l.Meta.Required)
	le.PutUint16(b[10:], l.Meta.RCode&rcodeMask|uint16(l.Meta.Class)<<rcodeBits)
	le.PutUint32(b[12:], guest)
	le.PutUint64(b[16:], l.Meta.Bucket)
	b = b[leafHeaderLen:]
	for _, g := range groups {
		le.PutUint32(b, g.zone)
		le.PutUint32(b[4:], uint32(len(g.slots)))
		le.PutUint64(b[8:], g.version)
		b = b[groupHeaderLen:]
		for _, slot := range g.slots {
			le.PutUint32(b, slot)
			b = b[4:]
		}
	}
	copy(b[copy(b, l.Msg):], l.Options)
}

// leaf returns a leaf, and the number of the guest that it is of.
func (e entry) leaf() (l Leaf, guest uint32) {
	b := e.body()
	le := binary.LittleEndian
	msg, options, groups := int(le.Uint16(b)), int(le.Uint16(b[2:])), le.Uint32(b[4:])
	code := le.Uint16(b[10:])
	guest = le.Uint32(b[12:])
	l = Leaf{Meta: Meta{Required: le.Uint16(b[8:]), RCode: code & rcodeMask, Class: uint8(code >> rcodeBits), Bucket: le.Uint64(b[16:])}}
	b = b[leafHeaderLen:]
	for ; groups > 0; groups-- {
		b = b[groupHeaderLen+4*int(le.Uint32(b[4:])):]
	}
	l.Msg, l.Options = b[:msg:msg], b[msg:msg+options:msg+options]
	return l, guest
}

// valid reports whether nothing that a leaf depends on has changed. What has been
// found unchanged up to a version is not looked at again until there is a later
// one.
func (c *Cache) valid(e entry) bool {
	b := e.body()
	le := binary.LittleEndian
	groups := le.Uint32(b[4:])
	for b = b[leafHeaderLen:]; groups > 0; groups-- {
		slots, count, version := c.zones.at(le.Uint32(b)), int(le.Uint32(b[4:])), le.Uint64(b[8:])
		after := b[groupHeaderLen+4*count:]
		// Newest comes first: it is raised after the slots, so what it speaks of
		// is in them by now.
		if newest := slots.Newest(); newest > version {
			for i := range count {
				if slots.At(le.Uint32(b[groupHeaderLen+4*i:])) > version {
					return false
				}
			}
			le.PutUint64(b[8:], newest)
		}
		b = after
	}
	return true
}

// release lets go of the zones that a leaf depends on, and of its guest.
func (c *Cache) release(e entry) {
	c.guests.release(e.guest())
	b := e.body()
	le := binary.LittleEndian
	groups := le.Uint32(b[4:])
	for b = b[leafHeaderLen:]; groups > 0; groups-- {
		c.zones.release(le.Uint32(b))
		b = b[groupHeaderLen+4*int(le.Uint32(b[4:])):]
	}
}
