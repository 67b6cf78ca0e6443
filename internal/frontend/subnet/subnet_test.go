package subnet

import (
	"bytes"
	"encoding/hex"
	"net/netip"
	"strings"
	"testing"

	"github.com/miekg/dns"
)

func unhex(t testing.TB, text string) []byte {
	t.Helper()
	b, err := hex.DecodeString(strings.ReplaceAll(text, " ", ""))
	if err != nil {
		t.Fatal(err)
	}
	return b
}

func TestOption(t *testing.T) {
	for _, test := range []struct {
		name, data string
		prefix     string // empty where the option gives none
		valid      bool
	}{
		{"/24", "0001 18 00 c0 00 02", "192.0.2.0/24", true},
		{"/32", "0001 20 00 c0 00 02 01", "192.0.2.1/32", true},
		{"/20, last octet in part", "0001 14 00 c0 00 f0", "192.0.240.0/20", true},
		{"/20, a bit beyond it", "0001 14 00 c0 00 f8", "", false},
		{"/1", "0001 01 00 80", "128.0.0.0/1", true},
		{"/0", "0001 00 00", "", true},
		{"/0 with an address", "0001 00 00 00", "", false},
		{"IPv6 /56", "0002 38 00 20 01 0d b8 00 01 02", "2001:db8:1:200::/56", true},
		{"IPv6 /128", "0002 80 00 20 01 0d b8 00 01 02 00 00 00 00 00 00 00 00 01", "2001:db8:1:200::1/128", true},
		{"IPv6 /0", "0002 00 00", "", true},
		{"no family, /0", "0000 00 00", "", true},
		{"no family, /8", "0000 08 00 0a", "", false},
		{"family 3", "0003 00 00", "", false},
		{"33 bits", "0001 21 00 c0 00 02 01 00", "", false},
		{"129 bits", "0002 81 00 20 01 0d b8 00 01 02 00 00 00 00 00 00 00 00 01 00", "", false},
		{"scope in a query", "0001 18 01 c0 00 02", "", false},
		{"address too short", "0001 18 00 c0 00", "", false},
		{"address too long", "0001 18 00 c0 00 02 00", "", false},
		{"cut off", "0001 18", "", false},
		{"empty", "", "", false},
	} {
		t.Run(test.name, func(t *testing.T) {
			data := unhex(t, test.data)
			if got := Valid(data); got != test.valid {
				t.Fatalf("valid: got %v, want %v", got, test.valid)
			}
			if !test.valid {
				return
			}
			got, ok := Prefix(data)
			if ok != (test.prefix != "") || ok && got != netip.MustParsePrefix(test.prefix) {
				t.Errorf("got prefix %v, want %q", got, test.prefix)
			}
		})
	}
}

func TestAppend(t *testing.T) {
	for _, test := range []struct {
		data  string
		scope uint8
		want  string
	}{
		{"0001 18 00 c0 00 02", 16, "0008 0007 0001 18 10 c0 00 02"},
		{"0001 18 00 c0 00 02", 32, "0008 0007 0001 18 20 c0 00 02"},
		{"0001 00 00", 24, "0008 0004 0001 00 00"},
	} {
		if got := Append(nil, unhex(t, test.data), test.scope); !bytes.Equal(got, unhex(t, test.want)) {
			t.Errorf("%s with scope %d: got %x, want %s", test.data, test.scope, got, test.want)
		}
	}
}

func TestScope(t *testing.T) {
	for data, want := range map[string]uint8{"0001 18 00 c0 00 02": 4, "0002 08 00 20": 6} {
		if got := Scope(unhex(t, data), 4, 6); got != want {
			t.Errorf("%s: got scope %d, want %d", data, got, want)
		}
	}
}

func TestAllocations(t *testing.T) {
	data, dst := unhex(t, "0002 38 00 20 01 0d b8 00 01 02"), make([]byte, 0, 64)
	if n := testing.AllocsPerRun(100, func() {
		if !Valid(data) {
			t.Fatal("not valid")
		}
		p, _ := Prefix(data)
		dst = Append(dst[:0], data, uint8(p.Bits()))
	}); n != 0 {
		t.Errorf("got %v allocations, want 0", n)
	}
}

// What is valid here is what the full codec takes too, with the same address; it
// is more lenient, since it drops bits beyond the source prefix and does not look
// at the scope of a query.
func FuzzOption(f *testing.F) {
	for _, seed := range []string{"0001 18 00 c0 00 02", "0002 38 00 20 01 0d b8 00 01 02", "0001 00 00", "0000 00 00", "0001 14 00 c0 00 f8"} {
		f.Add(unhex(f, seed))
	}
	f.Fuzz(func(t *testing.T, data []byte) {
		if len(data) > 1<<10 || !Valid(data) {
			return
		}
		msg := new(dns.Msg)
		msg.SetEdns0(1232, false)
		msg.IsEdns0().Option = []dns.EDNS0{&dns.EDNS0_LOCAL{Code: Code, Data: data}}
		wire, err := msg.Pack()
		if err != nil {
			t.Fatal(err)
		}
		if err := msg.Unpack(wire); err != nil {
			t.Fatalf("%x is valid, but not for the codec: %v", data, err)
		}
		want := msg.IsEdns0().Option[0].(*dns.EDNS0_SUBNET)
		p, ok := Prefix(data)
		if ok != (want.SourceNetmask != 0) {
			t.Fatalf("%x: prefix %v, codec has %v", data, p, want)
		}
		if addr, _ := netip.AddrFromSlice(want.Address); ok && (p.Bits() != int(want.SourceNetmask) || p.Addr() != unmapped(want.Family, addr)) {
			t.Fatalf("%x: prefix %v, codec has %v", data, p, want)
		}
		if p != p.Masked() {
			t.Fatalf("%x: %v has bits beyond its length", data, p)
		}
		if out := Append(nil, data, 0); !bytes.Equal(out[4:], data) {
			t.Fatalf("%x comes back as %x", data, out)
		}
	})
}

// unmapped turns an IPv4 address that the codec keeps in 16 octets back.
func unmapped(family uint16, addr netip.Addr) netip.Addr {
	if family == familyIPv4 {
		return addr.Unmap()
	}
	return addr
}
