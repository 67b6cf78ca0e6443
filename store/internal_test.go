package store

import (
	"testing"
	"time"

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

func TestSerialStyles(t *testing.T) {
	noon := time.Date(2026, 3, 9, 12, 0, 0, 0, time.UTC)
	late := time.Date(2026, 3, 9, 23, 30, 0, 0, time.FixedZone("", -3600)) // the 10th in UTC
	wrapped := time.Unix(1<<32+5, 0)
	for _, test := range []struct {
		style  SerialStyle
		serial uint32
		now    time.Time
		want   uint32
	}{
		{SerialIncrement, 7, noon, 8},
		{SerialIncrement, 1<<32 - 1, noon, 1},
		{SerialDate, 7, noon, 2026030900},
		{SerialDate, 2026030899, noon, 2026030900},
		{SerialDate, 2026030900, noon, 2026030901},
		{SerialDate, 2026030998, noon, 2026030999},
		{SerialDate, 2026030999, noon, 2026031000}, // nn is used up
		{SerialDate, 2026031007, noon, 2026031008}, // and stays ahead of the clock
		{SerialDate, 2026030905, late, 2026031000},
		{SerialDate, 1<<32 - 1, noon, 2026030900},                        // around the wrap that is ahead
		{SerialDate, 3000000000, noon, 3000000001},                       // higher than any date of today
		{SerialDate, (2026030900 + 1<<31) % (1 << 32), noon, 4173514549}, // half the circle away
		{SerialDate, 7, time.Date(4294, 12, 31, 0, 0, 0, 0, time.UTC), 8},
		{SerialUnix, 7, noon, uint32(noon.Unix())},
		{SerialUnix, uint32(noon.Unix()), noon, uint32(noon.Unix()) + 1},       // two in a second
		{SerialUnix, uint32(noon.Unix()) + 90, noon, uint32(noon.Unix()) + 91}, // the clock was set back
		{SerialUnix, 1<<32 - 1, wrapped, 5},
		{SerialUnix, 1<<32 - 1, time.Unix(1<<32, 0), 1},
		{SerialUnix, 5, time.Unix(1<<32-1, 0), 6},
	} {
		got := test.style.next(test.serial, test.now)
		if got != test.want || !serialHigher(test.serial, got) {
			t.Errorf("%v: after %d at %v comes %d, want %d", test.style, test.serial, test.now, got, test.want)
		}
	}
}

// A row without settings is as the releases before them wrote it; one with
// settings has a form that they refuse.
func TestZoneForms(t *testing.T) {
	z := &zoneRow{incarnation: 7}
	z.Name, z.Version, z.Serial = testZone, 3, 9
	key := []byte(testZone.Key())
	before := append([]byte{1, 0, 0, 0, 13}, "\x07Example\x03org\x00"...)
	before = append(before, 3, 9, 0, 0, 7, 0, 0, 0)
	if row := encodeZone(z); string(row) != string(before) {
		t.Errorf("row without settings is %x, want %x", row, before)
	}
	if got, err := decodeZone(key, before); err != nil || got.Zone != z.Zone {
		t.Errorf("row of an older release is %+v, %v", got, err)
	}
	z.ZoneSettings = ZoneSettings{Serial: SerialUnix, MaxStale: 90 * time.Second, Residency: ResidencyLookup, IgnoreClientSubnet: true}
	row := encodeZone(z)
	if got, err := decodeZone(key, row); row[0] != 2 || err != nil || got.Zone != z.Zone {
		t.Errorf("row with settings has form %d and is %+v, %v", row[0], got, err)
	}
	row[0] = 1
	if got, err := decodeZone(key, row); err == nil {
		t.Errorf("a row with octets too many is %+v", got)
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
