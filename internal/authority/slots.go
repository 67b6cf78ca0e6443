package authority

import (
	"encoding/binary"
	"math"
	"math/bits"
	"sync/atomic"

	"github.com/namelet/namelet/rr"
)

// Slots say when the parts of a zone last changed, so that an answer kept
// elsewhere can be told from one that is out of date. Each slot holds the version
// of the zone that last changed one of the things that hash to it: an RRset, or
// whether a name exists. Slot [Epoch] stands for what may change any answer.
//
// Successive snapshots of a zone share their Slots. A zone that is built anew has
// new ones, and so has one that outgrew its own. Slots are safe for concurrent
// use.
//
// # Order
//
// An answer remembers its [Dep]s with the version of the snapshot that it was
// made from, which its query had pinned before it began. Whoever changes a zone
// (1) publishes the next snapshot, (2) raises the slots of what it changed, the
// newest version last, and (3) tells whoever asked for the change. So:
//
//   - After (3) no answer from before the change is valid any more, whenever it
//     was or will be kept: it has a version below that of a raised slot. A query
//     that pinned the old snapshot and is slow cannot bring old data back.
//   - An answer that a change does not concern stays valid: its slots stay.
//   - Between (1) and (3) both answers are right, as the change is under way.
//   - Who reads Newest, then finds the slots of an answer unraised, knows that
//     nothing up to that version concerned the answer, since Newest is raised
//     after the slots. (The other way round this would be wrong.)
type Slots struct {
	newest atomic.Uint64
	at     []atomic.Uint64
}

// Epoch is the slot of what every answer of a zone depends on: zone cuts, DNAMEs,
// how absence is proved, and whether the Slots are still in use.
const Epoch uint32 = 0

// What lies in one line of memory is what one name needs: a line is chosen by the
// name, a slot in it by the type. The first line is the epoch's.
const (
	slotsPerLine = 8
	namesPerLine = 2 // so that there are four slots a name
)

// fewestLines is how many lines the smallest zone has: a power of two.
var fewestLines = 8

// typeExists stands for whether a name exists, and what an alias there says. It
// is OPT, which no name has.
const typeExists = rr.TypeOPT

// newSlots makes slots for a zone of so many names.
func newSlots(names int) *Slots {
	lines := fewestLines
	if want := names / namesPerLine; want > lines {
		lines = 1 << bits.Len(uint(want-1))
	}
	return &Slots{at: make([]atomic.Uint64, (1+lines)*slotsPerLine)}
}

// outgrown reports whether a zone of so many names wants more slots.
func (s *Slots) outgrown(names int) bool {
	return names > 2*namesPerLine*(len(s.at)/slotsPerLine-1)
}

// At returns the version that last changed what the slot stands for.
func (s *Slots) At(slot uint32) uint64 { return s.at[slot].Load() }

// Newest returns the version up to which all slots have been raised.
func (s *Slots) Newest() uint64 { return s.newest.Load() }

// raise sets a slot to a version, unless it has a later one.
func (s *Slots) raise(slot uint32, version uint64) { raise(&s.at[slot], version) }

// seal tells readers that all slots are raised up to version.
func (s *Slots) seal(version uint64) { raise(&s.newest, version) }

func raise(at *atomic.Uint64, version uint64) {
	for {
		old := at.Load()
		if old >= version || at.CompareAndSwap(old, version) {
			return
		}
	}
}

// retire ends the use of the slots: no answer that depends on them is valid.
func (s *Slots) retire() {
	s.raise(Epoch, math.MaxUint64)
	s.seal(math.MaxUint64)
}

// slot returns the slot of a name whose hash is given, and of a type.
func (s *Slots) slot(hash uint64, t rr.Type) uint32 {
	lines := uint64(len(s.at)/slotsPerLine - 1) // a power of two
	line := 1 + hash>>32&(lines-1)
	return uint32(line*slotsPerLine + (hash+slotInLine(t))%slotsPerLine)
}

// slotInLine gives the types of one name different slots: existence, all sets
// together, and the types that are asked for most.
func slotInLine(t rr.Type) uint64 {
	switch t {
	case typeExists:
		return 0
	case rr.TypeANY:
		return slotsPerLine - 1
	}
	return 1 + uint64(t)*31>>3%(slotsPerLine-2) // tells A, AAAA, MX, TXT, SRV and HTTPS apart
}

// hashName hashes a name in wire form without regard to letter case. It need not
// tell names apart that differ in bit 5 of an octet alone: names that share a
// slot cost a second look, no wrong answer.
func hashName[T string | []byte](wire T) uint64 {
	const fold = 0x2020202020202020
	h := uint64(len(wire)) * 0x9e3779b97f4a7c15
	for len(wire) >= 8 {
		h = mix(h ^ (uint64(wire[0]) | uint64(wire[1])<<8 | uint64(wire[2])<<16 | uint64(wire[3])<<24 |
			uint64(wire[4])<<32 | uint64(wire[5])<<40 | uint64(wire[6])<<48 | uint64(wire[7])<<56 | fold))
		wire = wire[8:]
	}
	var rest [8]byte
	copy(rest[:], wire)
	return mix(h ^ (binary.LittleEndian.Uint64(rest[:]) | fold))
}

func mix(h uint64) uint64 {
	hi, lo := bits.Mul64(h, 0xd6e8feb86659fd93)
	return hi ^ lo
}
