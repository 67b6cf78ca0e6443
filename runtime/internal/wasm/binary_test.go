package wasm

import (
	"math"
	"testing"
)

func TestSignedNumbersRoundTrip(t *testing.T) {
	for _, v := range []int64{0, 1, -1, 63, 64, -64, -65, 127, 128, 1<<31 - 1, -1 << 31, 1 << 40, math.MaxInt64, math.MinInt64} {
		r := reader{b: AppendInt(nil, v)}
		if got := r.signed(64); got != v || r.err != nil || r.left() != 0 {
			t.Errorf("%d: got %d, error %v, %d bytes left", v, got, r.err, r.left())
		}
	}
}

func TestUnsignedNumbersRoundTrip(t *testing.T) {
	for _, v := range []uint32{0, 1, 127, 128, 16383, 16384, math.MaxUint32} {
		b := AppendUint(nil, uint64(v))
		if len(b) != uintLen(uint64(v)) {
			t.Errorf("%d: %d bytes, uintLen says %d", v, len(b), uintLen(uint64(v)))
		}
		r := reader{b: b}
		if got := r.u32(); got != v || r.err != nil || r.left() != 0 {
			t.Errorf("%d: got %d, error %v, %d bytes left", v, got, r.err, r.left())
		}
	}
}

func TestNumbersRefused(t *testing.T) {
	tests := []struct {
		name string
		b    []byte
		read func(*reader)
	}{
		{"u32 of six bytes", []byte{0x80, 0x80, 0x80, 0x80, 0x80, 0}, func(r *reader) { r.u32() }},
		{"u32 with a 33rd bit", []byte{0xff, 0xff, 0xff, 0xff, 0x1f}, func(r *reader) { r.u32() }},
		{"u32 cut off", []byte{0x80}, func(r *reader) { r.u32() }},
		{"s32 beyond", []byte{0xff, 0xff, 0xff, 0xff, 0x0f}, func(r *reader) { r.signed(32) }},
		{"s32 with a broken sign", []byte{0x80, 0x80, 0x80, 0x80, 0x70}, func(r *reader) { r.signed(32) }},
		{"s33 beyond", []byte{0x80, 0x80, 0x80, 0x80, 0x20}, func(r *reader) { r.signed(33) }},
		{"s64 of eleven bytes", []byte{0x80, 0x80, 0x80, 0x80, 0x80, 0x80, 0x80, 0x80, 0x80, 0x80, 0}, func(r *reader) { r.signed(64) }},
		{"s64 with a broken sign", []byte{0x80, 0x80, 0x80, 0x80, 0x80, 0x80, 0x80, 0x80, 0x80, 0x41}, func(r *reader) { r.signed(64) }},
	}
	for _, test := range tests {
		r := reader{b: test.b}
		if test.read(&r); r.err == nil {
			t.Errorf("%s: accepted", test.name)
		}
	}
}

// Linkers pad numbers to leave room; padding within the width is legal.
func TestPaddedNumbersAccepted(t *testing.T) {
	r := reader{b: []byte{0x81, 0x80, 0x80, 0x80, 0x00, 0xff, 0xff, 0xff, 0xff, 0x7f, 0x80, 0x80, 0x80, 0x80, 0x78}}
	if got := r.u32(); got != 1 {
		t.Errorf("padded 1: got %d", got)
	}
	if got := r.signed(32); got != -1 {
		t.Errorf("padded -1: got %d", got)
	}
	if got := r.signed(32); got != math.MinInt32 {
		t.Errorf("least s32: got %d", got)
	}
	if r.err != nil || r.left() != 0 {
		t.Errorf("error %v, %d bytes left", r.err, r.left())
	}
}

// The number of instructions is that of the index of instructions of the specification, appendix A.7, else and end included.
func TestOpcodeTables(t *testing.T) {
	count := func(table *[256]Info) int {
		n := 0
		for _, info := range table {
			if info.Class != ClassNone {
				n++
			}
		}
		return n
	}
	for _, test := range []struct {
		name  string
		table *[256]Info
		want  int
	}{{"plain", plainTable, 183}, {"misc", miscTable, 18}, {"vector", vectorTable, 236}} {
		if got := count(test.table); got != test.want {
			t.Errorf("%s: %d instructions, want %d", test.name, got, test.want)
		}
	}
}

func TestSpansDoNotOverlap(t *testing.T) {
	for name, spans := range map[string][]span{"plain": plainSpans, "misc": miscSpans, "vector": vectorSpans} {
		next := 0
		for _, s := range spans {
			if int(s.first) < next || s.last < s.first {
				t.Errorf("%s: span %#x..%#x out of order", name, s.first, s.last)
			}
			next = int(s.last) + 1
		}
	}
}
