package store

import (
	"encoding/binary"
	"errors"
	"sort"

	"github.com/namelet/namelet/rr"
)

// Rows begin with the version of their form, then have fields in a fixed order:
// unsigned varints, and byte strings behind their length.

const formVersion = 1

func appendUint(dst []byte, v uint64) []byte { return binary.AppendUvarint(dst, v) }

func appendString[S ~string | ~[]byte](dst []byte, s S) []byte {
	return append(binary.AppendUvarint(dst, uint64(len(s))), s...)
}

func appendBools(dst []byte, flags ...bool) []byte {
	var b byte
	for i, f := range flags {
		if f {
			b |= 1 << i
		}
	}
	return append(dst, b)
}

// decoder reads a row. After a failure it gives zero values and keeps err.
type decoder struct {
	rest string
	err  error
}

// decode begins with a row's form version.
func decode(row []byte) *decoder {
	d, _ := decodeForm(row, formVersion)
	return d
}

// decodeForm is decode of a row that has had several forms, up to newest. The
// later ones add fields at the end; a row is written in the least form that
// holds what it says, and all of them are read.
func decodeForm(row []byte, newest byte) (*decoder, byte) {
	d := &decoder{rest: string(row)}
	form := d.byte()
	if d.err == nil && (form < formVersion || form > newest) {
		d.fail("row has a form of another release")
	}
	return d, form
}

func (d *decoder) fail(why string) {
	if d.err == nil {
		d.err = errors.New(why)
	}
	d.rest = ""
}

func (d *decoder) byte() byte {
	if len(d.rest) == 0 {
		d.fail("row ends too soon")
		return 0
	}
	b := d.rest[0]
	d.rest = d.rest[1:]
	return b
}

// bools reads one octet of flags; more than n of them are a failure.
func (d *decoder) bools(n int) byte {
	b := d.byte()
	if b>>n != 0 {
		d.fail("row has unknown flags")
		return 0
	}
	return b
}

// uint reads a number of at most max.
func (d *decoder) uint(max uint64) uint64 {
	var v uint64
	for shift := 0; shift < 64; shift += 7 {
		b := d.byte()
		if d.err != nil {
			return 0
		}
		if shift == 63 && b > 1 {
			break
		}
		v |= uint64(b&0x7f) << shift
		if b&0x80 == 0 {
			if v > max {
				d.fail("number is out of range")
				return 0
			}
			return v
		}
	}
	d.fail("number is malformed")
	return 0
}

// string reads a byte string of at most max octets. It shares the row's memory.
func (d *decoder) string(max int) string {
	n := int(d.uint(uint64(max)))
	if n > len(d.rest) {
		d.fail("row ends too soon")
		return ""
	}
	s := d.rest[:n]
	d.rest = d.rest[n:]
	return s
}

// name reads a name in wire form; the zero Name is the empty string.
func (d *decoder) name() rr.Name {
	s := d.string(rr.MaxNameLen)
	if s == "" {
		return rr.Name{}
	}
	n, err := rr.NameFromWireString(s)
	if err != nil {
		d.fail(err.Error())
	}
	return n
}

// count reads how many items of at least size octets follow.
func (d *decoder) count(size int) int {
	n := d.uint(uint64(len(d.rest)))
	if int(n)*size > len(d.rest) {
		d.fail("count is out of range")
		return 0
	}
	return int(n)
}

// end is the row's last word: nothing may follow.
func (d *decoder) end() error {
	if d.err == nil && len(d.rest) != 0 {
		d.fail("row has octets too many")
	}
	return d.err
}

func appendNames(dst []byte, names []rr.Name) []byte {
	dst = appendUint(dst, uint64(len(names)))
	for _, n := range names {
		dst = appendString(dst, n.Wire())
	}
	return dst
}

func (d *decoder) names() []rr.Name {
	var names []rr.Name
	for range d.count(2) {
		n := d.name()
		if d.err == nil && n.IsZero() {
			d.fail("name is empty")
		}
		names = append(names, n)
	}
	return names
}

func appendPairs(dst []byte, m map[string]string) []byte {
	keys := make([]string, 0, len(m))
	for k := range m {
		keys = append(keys, k)
	}
	sort.Strings(keys)
	dst = appendUint(dst, uint64(len(keys)))
	for _, k := range keys {
		dst = appendString(appendString(dst, k), m[k])
	}
	return dst
}

func (d *decoder) pairs(max int) map[string]string {
	n := d.count(2)
	if n == 0 {
		return nil
	}
	m := make(map[string]string, n)
	for range n {
		k := d.string(max)
		m[k] = d.string(max)
	}
	return m
}

func appendBig64(dst []byte, v uint64) []byte { return binary.BigEndian.AppendUint64(dst, v) }
