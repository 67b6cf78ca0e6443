package store

import (
	"testing"

	"github.com/namelet/namelet/rr"
)

func TestSerialArithmetic(t *testing.T) {
	// RFC 1982 section 3.2, and the wrap without 0.
	for _, test := range []struct {
		a, b   uint32
		higher bool
	}{
		{1, 2, true}, {2, 1, false}, {1, 1, false}, {1<<32 - 1, 0, true}, {1<<32 - 1, 1, true}, {0, 1 << 31, false}, {1 << 31, 0, false}, {0, 1<<31 - 1, true}, {0, 1<<31 + 1, false},
	} {
		if got := serialHigher(test.a, test.b); got != test.higher {
			t.Errorf("serialHigher(%d, %d) = %v", test.a, test.b, got)
		}
	}
	for _, from := range []uint32{0, 1, 1 << 31, 1<<32 - 2, 1<<32 - 1} {
		next := nextSerial(from)
		if !serialHigher(from, next) || next == 0 {
			t.Errorf("nextSerial(%d) = %d", from, next)
		}
	}
}

// Rows of a zone stand in canonical order of their owners, then by type, and
// those of one owner in its range.
func TestSetKeys(t *testing.T) {
	zone := testZone.Key()
	var last string
	for _, text := range []string{"example.org", `\000.example.org`, `\001.example.org`, "*.example.org", "a.example.org", `\000.a.example.org`, "b.a.example.org", "aa.example.org", "b.example.org"} {
		name := rr.MustParseName(text)
		owner := relative(testZone, name)
		r := ownerRange(setPrefix(zone, 1), owner)
		for _, typ := range []rr.Type{rr.TypeA, rr.TypeRRSIG, 256, 65535} {
			key := setKey(owner, typ, rr.TypeA)
			if key <= last {
				t.Errorf("%s %v does not sort after the one before", text, typ)
			}
			last = key
			o, gotType, covered, ok := splitSetKey(key)
			if !ok || o != owner || gotType != typ || (covered == rr.TypeA) != (typ == rr.TypeRRSIG) {
				t.Errorf("%s %v is split into %q, %v, %v, %v", text, typ, o, gotType, covered, ok)
			}
			if row := setPrefix(zone, 1) + key; row < r.From || row >= r.To {
				t.Errorf("%s %v is not in its owner's range", text, typ)
			}
		}
		if below := setPrefix(zone, 1) + setKey(owner+"x\x00", rr.TypeA, 0); below < r.To {
			t.Errorf("a name below %s is in its range", text)
		}
	}
}

func TestSOASerial(t *testing.T) {
	soa := testZone.Wire() + rr.Root.Wire() + "\x01\x02\x03\x04" + string(make([]byte, 16))
	if got, ok := soaSerial(soa); !ok || got != 0x01020304 {
		t.Errorf("soaSerial = %x, %v", got, ok)
	}
	changed, ok := withSerial(soa, 5)
	if got, _ := soaSerial(changed); !ok || got != 5 || len(changed) != len(soa) {
		t.Errorf("withSerial = %x, %v", changed, ok)
	}
	for _, bad := range []string{"", "\x00", testZone.Wire(), soa[:len(soa)-1], soa + "x"} {
		if _, ok := soaSerial(bad); ok {
			t.Errorf("soaSerial(%x) is taken", bad)
		}
	}
}
