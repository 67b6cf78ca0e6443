package wasm

import (
	"math/bits"
	"unicode/utf8"
)

// reader takes values of the binary format off a byte slice. The first error sticks: later reads give
// zeros, and loops over counts stop because a count read after an error is zero.
type reader struct {
	b    []byte
	pos  int
	base int // offset of b[0] in the module
	err  error
}

func (r *reader) offset() int { return r.base + r.pos }

func (r *reader) left() int { return len(r.b) - r.pos }

func (r *reader) fail(err error) {
	if r.err == nil {
		r.err = err
	}
	r.pos = len(r.b)
}

func (r *reader) malformed(what string) {
	r.fail(&FormatError{Offset: r.offset(), What: what})
}

func (r *reader) byte() byte {
	if r.pos >= len(r.b) {
		r.malformed("unexpected end")
		return 0
	}
	c := r.b[r.pos]
	r.pos++
	return c
}

func (r *reader) bytes(n uint32) []byte {
	if uint64(n) > uint64(r.left()) {
		r.malformed("length beyond the end")
		return nil
	}
	s := r.b[r.pos : r.pos+int(n) : r.pos+int(n)]
	r.pos += int(n)
	return s
}

// unsigned reads an unsigned LEB128 number of at most width bits: at most ceil(width/7) bytes, and no
// bits beyond the width in the last (core specification 2.0 section 5.2.2). Padding within that
// length is legal, linkers use it.
func (r *reader) unsigned(width uint) uint64 {
	var v uint64
	for shift := uint(0); shift < width; shift += 7 {
		c := r.byte()
		if rest := width - shift; rest < 7 && c>>rest != 0 {
			r.malformed("integer too large")
			return 0
		}
		v |= uint64(c&0x7f) << shift
		if c&0x80 == 0 {
			return v
		}
	}
	r.malformed("integer too long")
	return 0
}

func (r *reader) u32() uint32 { return uint32(r.unsigned(32)) }

// signed reads a signed LEB128 number of at most width bits; the bits of the last byte beyond the
// width must repeat the sign.
func (r *reader) signed(width uint) int64 {
	var v int64
	for shift := uint(0); shift < width; shift += 7 {
		c := r.byte()
		if rest := width - shift; rest < 7 && !signFits(c, rest) {
			r.malformed("integer too large")
			return 0
		}
		v |= int64(c&0x7f) << shift
		if c&0x80 == 0 {
			if end := shift + 7; end < 64 {
				v = v << (64 - end) >> (64 - end)
			}
			return v
		}
	}
	r.malformed("integer too long")
	return 0
}

// signFits says whether the last byte of a number, of which only rest bits belong to the value, ends
// the number and repeats the sign in the bits beyond.
func signFits(c byte, rest uint) bool {
	above := int8(c<<1) >> rest // bits rest-1 and up, moved so that the sign of the 7 bits extends
	return c&0x80 == 0 && (above == 0 || above == -1)
}

// count reads the length of a vector and checks it against a bound and against the bytes left, of
// which every item takes at least one.
func (r *reader) count(what string, most uint32) int {
	at := r.offset()
	n := r.u32()
	if r.err != nil {
		return 0
	}
	if n > most {
		r.fail(&BoundError{What: what, Got: uint64(n), Max: uint64(most), Offset: at})
		return 0
	}
	if uint64(n) > uint64(r.left()) {
		r.malformed("count of " + what + " beyond the end")
		return 0
	}
	return int(n)
}

func (r *reader) name(most uint32) string {
	at := r.offset()
	n := r.u32()
	if n > most {
		r.fail(&BoundError{What: "bytes in a name", Got: uint64(n), Max: uint64(most), Offset: at})
		return ""
	}
	b := r.bytes(n)
	if !utf8.Valid(b) {
		r.fail(&FormatError{Offset: at, What: "name is not UTF-8"})
		return ""
	}
	return string(b)
}

// AppendUint appends v as an unsigned LEB128 number in its shortest form.
func AppendUint(dst []byte, v uint64) []byte {
	for v >= 0x80 {
		dst = append(dst, byte(v)|0x80)
		v >>= 7
	}
	return append(dst, byte(v))
}

// AppendInt appends v as a signed LEB128 number in its shortest form.
func AppendInt(dst []byte, v int64) []byte {
	for {
		c := byte(v & 0x7f)
		v >>= 7
		if (v == 0 && c&0x40 == 0) || (v == -1 && c&0x40 != 0) {
			return append(dst, c)
		}
		dst = append(dst, c|0x80)
	}
}

func appendName(dst []byte, s string) []byte {
	return append(AppendUint(dst, uint64(len(s))), s...)
}

// uintLen gives the length of v as written by AppendUint.
func uintLen(v uint64) int { return (bits.Len64(v|1) + 6) / 7 }
