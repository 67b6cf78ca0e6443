package cache

import (
	"encoding/binary"

	"github.com/namelet/namelet/internal/resolve"
)

// entry is one entry's bytes in a ring, all numbers in little endian:
//
//	 0  u32 size of the entry, a multiple of 8
//	 4  u8 kind, u8 how often it was asked for lately, u16 length of the key
//	 8  u32 hash of the key
//	12  u32 hash of the node above, 0 for a root
//	16  u64 stamp: of a root the routing generation, else the id of the node above
//	24  key, filled up to a multiple of 8
//	    an inner node or a leaf
type entry []byte

const (
	headerLen = 24
	mostAsked = 3 // how far askings are counted
)

// kind says what an entry is.
type kind uint8

const (
	kindGap   kind = iota // nothing: the end of a ring, or what was replaced
	kindInner             // an input that was asked for
	kindLeaf              // an answer
)

func (e entry) size() int       { return int(binary.LittleEndian.Uint32(e)) }
func (e entry) hash() uint32    { return binary.LittleEndian.Uint32(e[8:]) }
func (e entry) kind() kind      { return kind(e[4]) }
func (e entry) key() []byte     { return e[headerLen : headerLen+e.keyLen()] }
func (e entry) keyLen() int     { return int(binary.LittleEndian.Uint16(e[6:])) }
func (e entry) parent() uint32  { return binary.LittleEndian.Uint32(e[12:]) }
func (e entry) stamp() uint64   { return binary.LittleEndian.Uint64(e[16:]) }
func (e entry) isRoot() bool    { return e[headerLen] != tagBranch }
func (e entry) body() []byte    { return e[headerLen+padded(e.keyLen()):] }
func (e entry) inner() inner    { return inner(e.body()) }
func (e entry) asked() int      { return int(e[5]) }
func (e entry) forgetOnce()     { e[5]-- }
func (e entry) setGap(size int) { binary.LittleEndian.PutUint32(e, uint32(size)); e[4] = byte(kindGap) }

// forget sets back how often the entry was asked for.
func (e entry) forget() { e[5] = 0 }

// touch counts that the entry was asked for.
func (e entry) touch() {
	if e[5] < mostAsked {
		e[5]++
	}
}

// begin writes all of an entry but its body. Where it is new its size is set
// already.
func (e entry) begin(at *position, k kind) {
	binary.LittleEndian.PutUint32(e[8:], at.hash)
	e[4] = byte(k)
	binary.LittleEndian.PutUint16(e[6:], uint16(len(at.key)))
	binary.LittleEndian.PutUint32(e[12:], at.parent)
	binary.LittleEndian.PutUint64(e[16:], at.stamp)
	copy(e[headerLen:], at.key)
}

// scopes returns the scopes of a root's answers: a leaf that is a root asked for
// nothing.
func (e entry) scopes() (v4, v6 uint8) {
	if e.kind() != kindInner {
		return 0, 0
	}
	n := e.inner()
	return n[19], n[20]
}

func padded(n int) int { return (n + 7) &^ 7 }

// inner is the body of an inner node:
//
//	 0  u64 id, no other node's
//	 8  i64 argument of the input
//	16  u8 input, u8 IPv4 bits, u8 IPv6 bits
//	19  u8, u8 scope of all answers below, for IPv4 and IPv6
//	24  u32 leaves put below, of a root
type inner []byte

const innerLen = 32

func (n inner) id() uint64                { return binary.LittleEndian.Uint64(n) }
func (n inner) arg() int64                { return int64(binary.LittleEndian.Uint64(n[8:])) }
func (n inner) v4() int                   { return int(n[17]) }
func (n inner) v6() int                   { return int(n[18]) }
func (n inner) leaves() uint32            { return binary.LittleEndian.Uint32(n[24:]) }
func (n inner) setLeaves(leaves uint32)   { binary.LittleEndian.PutUint32(n[24:], leaves) }
func (n inner) input() resolve.InputKind  { return resolve.InputKind(n[16]) }
func (n inner) widen(scope4, scope6 byte) { n[19], n[20] = max(n[19], scope4), max(n[20], scope6) }

func (n inner) set(id uint64, in *resolve.Input) {
	clear(n[:innerLen])
	binary.LittleEndian.PutUint64(n, id)
	binary.LittleEndian.PutUint64(n[8:], uint64(in.Arg))
	n[16], n[17], n[18] = byte(in.Kind), in.V4, in.V6
}

// renew gives the node another id, so that all below it is gone.
func (n inner) renew(id uint64) {
	binary.LittleEndian.PutUint64(n, id)
	n.setLeaves(0)
}

// asks reports whether the node is for that input.
func (n inner) asks(in *resolve.Input) bool {
	return n.input() == in.Kind && n.v4() == int(in.V4) && n.v6() == int(in.V6) && n.arg() == in.Arg
}
