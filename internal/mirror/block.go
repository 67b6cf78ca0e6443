package mirror

import (
	"encoding/binary"
	"errors"
	"hash/crc32"

	"github.com/namelet/namelet/rr"
)

// A block is RRsets in a row of a table:
//
//	number of sets, number of rdata (varints)
//	for each owner name in its order:
//	    name in wire form, number of its sets (varint)
//	    for each set: type (2 octets), TTL (varint), number of rdata (varint),
//	        and each rdata behind its length (varint)
//	CRC-32C of all that (4 octets)
//
// A set without rdata says that there is none.

// blockBytes is about how large the blocks of a base are.
const blockBytes = 64 << 10

var castagnoli = crc32.MakeTable(crc32.Castagnoli)

var errBlock = errors.New("block of RRsets is damaged")

// block is one in the making.
type block struct {
	body  []byte
	sets  int
	rdata int
	name  rr.Name // of the last set
	count int     // where the number of that name's sets stands in body
}

func (b *block) size() int { return len(b.body) }

// add appends a set. At most 255 sets stand under one mention of a name.
func (b *block) add(s rr.Set) {
	if b.sets == 0 || s.Name != b.name || b.body[b.count] == 255 {
		b.name = s.Name
		b.body = append(b.body, s.Name.Wire()...)
		b.count = len(b.body)
		b.body = append(b.body, 0)
	}
	b.body[b.count]++
	b.body = binary.BigEndian.AppendUint16(b.body, uint16(s.Type))
	b.body = binary.AppendUvarint(b.body, uint64(s.TTL))
	b.body = binary.AppendUvarint(b.body, uint64(len(s.Data)))
	for _, data := range s.Data {
		b.body = binary.AppendUvarint(b.body, uint64(len(data)))
		b.body = append(b.body, data...)
	}
	b.sets++
	b.rdata += len(s.Data)
}

// finish returns the block and makes room for the next.
func (b *block) finish() []byte {
	out := make([]byte, 0, len(b.body)+16)
	out = binary.AppendUvarint(out, uint64(b.sets))
	out = binary.AppendUvarint(out, uint64(b.rdata))
	out = append(out, b.body...)
	out = binary.BigEndian.AppendUint32(out, crc32.Checksum(out, castagnoli))
	*b = block{body: b.body[:0]}
	return out
}

// parseBlock returns the sets of a block, which share a copy of it.
func parseBlock(value []byte) ([]rr.Set, error) {
	end := len(value) - 4
	if end < 0 || crc32.Checksum(value[:end], castagnoli) != binary.BigEndian.Uint32(value[end:]) {
		return nil, errBlock
	}
	r := blockReader{rest: string(value[:end])}
	n, rdata := r.number(), r.number()
	if n > len(r.rest) || rdata > len(r.rest) {
		return nil, errBlock
	}
	r.sets, r.rdata = make([]rr.Set, 0, n), make([]rr.Rdata, 0, rdata)
	for len(r.rest) > 0 && !r.bad {
		r.owner()
	}
	if r.bad || len(r.sets) != n || len(r.rdata) != rdata {
		return nil, errBlock
	}
	return r.sets, nil
}

// blockReader reads a block; bad stays true after what makes no sense.
type blockReader struct {
	rest  string
	bad   bool
	sets  []rr.Set
	rdata []rr.Rdata // of all sets, which have their parts of it
}

// owner reads a name and its sets.
func (r *blockReader) owner() {
	name := r.take(nameLen(r.rest))
	count := r.take(1)
	if r.bad {
		return
	}
	owner, err := rr.NameFromWireString(name)
	r.bad = err != nil
	for i := 0; i < int(count[0]) && !r.bad; i++ {
		r.set(owner)
	}
}

func (r *blockReader) set(owner rr.Name) {
	typ := r.take(2)
	ttl, n := r.number(), r.number()
	from := len(r.rdata)
	if r.bad || ttl > rr.MaxTTL || n > cap(r.rdata)-from || len(r.sets) == cap(r.sets) {
		r.bad = true
		return
	}
	for range n {
		r.rdata = append(r.rdata, r.take(r.number()))
	}
	set := rr.Set{Name: owner, Type: rr.Type(typ[0])<<8 | rr.Type(typ[1]), TTL: uint32(ttl)}
	if n > 0 {
		set.Data = r.rdata[from:len(r.rdata):len(r.rdata)]
	}
	r.sets = append(r.sets, set)
}

// take returns the next n octets.
func (r *blockReader) take(n int) string {
	if n < 0 || n > len(r.rest) {
		r.bad, r.rest = true, ""
		return ""
	}
	s := r.rest[:n]
	r.rest = r.rest[n:]
	return s
}

// number reads a varint of at most 31 bits.
func (r *blockReader) number() int {
	n := uint64(0)
	for i := 0; i < len(r.rest) && i < 5; i++ {
		c := r.rest[i]
		n |= uint64(c&0x7f) << (7 * i)
		if c < 0x80 && n < 1<<31 {
			r.rest = r.rest[i+1:]
			return int(n)
		}
	}
	r.bad, r.rest = true, ""
	return 0
}

// nameLen returns how many octets the name at the front of s takes; -1 where there
// is none.
func nameLen(s string) int {
	for n := 0; n < len(s); n += 1 + int(s[n]) {
		if s[n] == 0 {
			return n + 1
		}
	}
	return -1
}
