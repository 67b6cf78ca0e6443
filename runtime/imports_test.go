package runtime

import (
	"bytes"
	"net/netip"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/tetratelabs/wazero/api"

	"github.com/namelet/namelet/hostabi"
	"github.com/namelet/namelet/rr"
)

// heldGlobal stands in for the hidden fuel global.
type heldGlobal struct {
	api.MutableGlobal
	value uint64
}

func (g *heldGlobal) Get() uint64  { return g.value }
func (g *heldGlobal) Set(v uint64) { g.value = v }

// sentinel fills the memory of these tests: a byte that is not one was written.
const sentinel = '?'

// testMemory is the size of that memory.
const testMemory = 256

// newImportCall gives a call over a memory of sentinels, with image written at offset 16.
func newImportCall(h Host, image string) *call {
	memory := bytes.Repeat([]byte{sentinel}, testMemory)
	copy(memory[16:], image)
	c := newCall(&linearMemory{bytes: memory}, defaultLimits)
	c.fuel = &heldGlobal{value: DefaultFuel}
	c.begin(h, discard{})
	if h != nil {
		c.sink = h
	}
	return c
}

// run calls the import and gives its result; a trap is given as the fault.
func (c *call) run(name string, args ...uint64) (result int64, fault *Fault) {
	defer func() {
		if r := recover(); r != nil {
			if _, ok := r.(hostTrap); !ok {
				panic(r)
			}
			fault = c.fault
		}
	}()
	hostFuncs[name](c, args)
	if f, _ := hostabi.Import(name); f.Signature.Results[0] == hostabi.I32 {
		return int64(api.DecodeI32(args[0])), nil
	}
	return int64(args[0]), nil
}

// le gives integers of four bytes, little-endian.
func le(values ...uint32) string {
	var b []byte
	for _, v := range values {
		b = append(b, byte(v), byte(v>>8), byte(v>>16), byte(v>>24))
	}
	return string(b)
}

const wwwWire = "\x03wWw\x07example\x03org\x00" // 17 bytes

// importHost has a TXT RRset of two records and an alias.
func importHost() *fakeHost {
	h := newHost()
	h.add("www.example.org", rr.TypeTXT, 300, "\x02ab", "\x01c")
	return h
}

// Each import, what it returns, and all of the guest's memory after it.
func TestImports(t *testing.T) {
	const at = 16 // where the image stands
	none := func(*call) {}
	looked := func(c *call) {
		copy(c.mem.bytes[200:], wwwWire)
		if got, fault := c.run("lookup", 200, 17, uint64(rr.TypeTXT), 0); got != 0 || fault != nil {
			panic("the lookup before the test failed")
		}
		copy(c.mem.bytes[200:], bytes.Repeat([]byte{sentinel}, 17))
	}
	minus := func(v int64) uint64 { return uint64(v) }
	for _, row := range []struct {
		name   string
		before func(*call)
		image  string // written at 16 before
		call   string
		args   []uint64
		want   int64
		after  string // expected at 16 after, where image is not
	}{
		{"lookup finds", none, wwwWire, "lookup", []uint64{at, 17, uint64(rr.TypeTXT), 0}, 0, ""},
		{"lookup of another type", none, wwwWire, "lookup", []uint64{at, 17, uint64(rr.TypeA), 0}, -2, ""},
		{"lookup outside", none, "\x03www\x00", "lookup", []uint64{at, 5, uint64(rr.TypeA), 0}, -5, ""},
		{"lookup of half a name", none, wwwWire, "lookup", []uint64{at, 16, uint64(rr.TypeA), 0}, -7, ""},
		{"lookup of a name and more", none, wwwWire + "\x00", "lookup", []uint64{at, 18, uint64(rr.TypeA), 0}, -7, ""},
		{"lookup of no name", none, "", "lookup", []uint64{at, 0, uint64(rr.TypeA), 0}, -7, ""},
		{"lookup of a long name", none, "", "lookup", []uint64{at, 256, uint64(rr.TypeA), 0}, -7, ""},
		{"lookup of a pointer", none, "\xc0\x0c", "lookup", []uint64{at, 2, uint64(rr.TypeA), 0}, -7, ""},
		{"lookup of type 0", none, wwwWire, "lookup", []uint64{at, 17, 0, 0}, -7, ""},
		{"lookup of ANY", none, wwwWire, "lookup", []uint64{at, 17, 255, 0}, -7, ""},
		{"lookup of OPT", none, wwwWire, "lookup", []uint64{at, 17, 41, 0}, -7, ""},
		{"lookup of a large type", none, wwwWire, "lookup", []uint64{at, 17, 65536 + 16, 0}, -7, ""},
		{"lookup with a flag", none, wwwWire, "lookup", []uint64{at, 17, 16, 1}, -7, ""},
		{"lookup_many of nothing", none, "", "lookup_many", []uint64{at, 0}, 0, ""},
		{"lookup_many", none, le(24, 80, 17, 16, 0, 99, 28, 80, 17, 1, 0, 99, 0) + strings.Repeat("?", 12) + wwwWire, "lookup_many", []uint64{at, 2}, 0,
			le(24, 80, 17, 16, 0, 0, 28, 80, 17, 1, 0, 0xfffffffe, 0) + strings.Repeat("?", 12) + wwwWire},
		{"lookup_many with a bad entry", none, le(24, 80, 17, 16, 7, 99, 24, 80, 17, 16, 0, 99) + strings.Repeat("?", 16) + wwwWire, "lookup_many", []uint64{at, 2}, 0,
			le(24, 80, 17, 16, 7, 0xfffffff9, 24, 80, 17, 16, 0, 0) + strings.Repeat("?", 16) + wwwWire},
		{"lookup_many with a short entry", none, le(24, 80, 17, 16, 0, 99, 23, 80, 17, 16, 0, 99), "lookup_many", []uint64{at, 2}, -7, ""},
		{"lookup_many of 65", none, "", "lookup_many", []uint64{at, 65}, -8, ""},
		{"rrset_info asks for room", looked, "", "rrset_info", []uint64{0, minus(-1), 0}, 24, ""},
		{"rrset_info without room", looked, "", "rrset_info", []uint64{0, at, 23}, 24, ""},
		{"rrset_info", looked, "", "rrset_info", []uint64{0, at, 24}, 24, le(24, 16, 300, 2, 9, 0)},
		{"rrset_info of nothing", looked, "", "rrset_info", []uint64{1, at, 24}, -9, ""},
		{"rrset_info of a negative", looked, "", "rrset_info", []uint64{0xffffffff, at, 24}, -9, ""},
		{"rrset_read asks for room", looked, "", "rrset_read", []uint64{0, minus(-1), 0}, 9, ""},
		{"rrset_read without room", looked, "", "rrset_read", []uint64{0, at, 8}, 9, ""},
		{"rrset_read", looked, "", "rrset_read", []uint64{0, at, 100}, 9, "\x03\x00\x02ab\x02\x00\x01c"},
		{"rrset_read of nothing", none, "", "rrset_read", []uint64{0, at, 100}, -9, ""},
		{"client", none, le(24), "client", []uint64{24, 56, at}, 24, le(24, 4) + "\xc0\x00\x02\x00" + strings.Repeat("\x00", 12)},
		{"client with more room", none, le(28), "client", []uint64{32, 0, at}, 32, le(24, 4) + "\xc0\x00\x02\x4d" + strings.Repeat("\x00", 12)},
		{"client at nothing", none, le(24), "client", []uint64{0, 0, at}, 0, le(24, 4) + strings.Repeat("\x00", 16)},
		{"client without room", none, le(23), "client", []uint64{24, 56, at}, -7, ""},
		{"client of 33 bits", none, le(24), "client", []uint64{33, 56, at}, -7, ""},
		{"client of 129 bits", none, le(24), "client", []uint64{24, 129, at}, -7, ""},
		{"now", none, "", "now", []uint64{3600}, 1_800_000_000, ""},
		{"now at once", none, "", "now", []uint64{1}, 1_800_000_123, ""},
		{"now at no grain", none, "", "now", []uint64{0}, -7, ""},
		{"now at a negative grain", none, "", "now", []uint64{0x80000000}, -7, ""},
		{"before", none, "", "before", []uint64{1_800_000_124}, 1, ""},
		{"not before", none, "", "before", []uint64{1_800_000_123}, 0, ""},
		{"before long ago", none, "", "before", []uint64{minus(-5)}, 0, ""},
		{"pick", none, "", "pick", []uint64{100}, 7, ""},
		{"pick of one", none, "", "pick", []uint64{1}, 0, ""},
		{"pick of nothing", none, "", "pick", []uint64{0}, -7, ""},
		{"pick of too many", none, "", "pick", []uint64{65537}, -7, ""},
		{"transport", none, "", "transport", []uint64{0}, 1, ""},
		{"site", none, "", "site", []uint64{at, 4}, 4, "ams1"},
		{"site without room", none, "", "site", []uint64{at, 3}, 4, ""},
		{"site asks for room", none, "", "site", []uint64{minus(-1), 0}, 4, ""},
		{"log", none, "hi \xc3\xa9", "log", []uint64{1, at, 5}, 0, ""},
		{"log of no UTF-8", none, "hi \xc3", "log", []uint64{1, at, 4}, -7, ""},
		{"log at no level", none, "hi", "log", []uint64{4, at, 2}, -7, ""},
		{"log of a long line", none, "", "log", []uint64{1, at, 1025}, -7, ""},
		{"metric_add", none, "a_1", "metric_add", []uint64{at, 3, minus(-2)}, 0, ""},
		{"metric_add of a bad name", none, "A_1", "metric_add", []uint64{at, 3, 1}, -7, ""},
		{"metric_add of no name", none, "", "metric_add", []uint64{at, 0, 1}, -7, ""},
		{"metric_add of a long name", none, "", "metric_add", []uint64{at, 65, 1}, -7, ""},
	} {
		t.Run(row.name, func(t *testing.T) {
			c := newImportCall(importHost(), row.image)
			row.before(c)
			got, fault := c.run(row.call, row.args...)
			if fault != nil || got != row.want {
				t.Errorf("got %d, %v; want %d", got, fault, row.want)
			}
			want := bytes.Repeat([]byte{sentinel}, testMemory)
			copy(want[16:], row.image)
			copy(want[16:], row.after)
			if diff := cmp.Diff(want, c.mem.bytes); diff != "" {
				t.Errorf("memory, want -, got +:\n%s", diff)
			}
		})
	}
}

// Each pointer of each import, where it leads out of memory: the call ends, nothing is written.
func TestBadPointers(t *testing.T) {
	const end = testMemory
	request := le(24, 250, 17, 16, 0, 99)
	for _, row := range []struct {
		name  string
		image string
		call  string
		args  []uint64
	}{
		{"name ends outside", "", "lookup", []uint64{end - 16, 17, 16, 0}},
		{"name begins outside", "", "lookup", []uint64{end, 1, 16, 0}},
		{"name wraps", "", "lookup", []uint64{0xffffffff, 17, 16, 0}},
		{"requests end outside", "", "lookup_many", []uint64{end - 3, 1}},
		{"requests begin outside", "", "lookup_many", []uint64{end, 1}},
		{"requests wrap", "", "lookup_many", []uint64{0xfffffffe, 1}},
		{"second request outside", le(24, 16, 1, 1, 0, 0, 0xffffffff), "lookup_many", []uint64{16, 2}},
		{"name of a request outside", request, "lookup_many", []uint64{16, 1}},
		{"info ends outside", "", "rrset_info", []uint64{0, end - 23, 24}},
		{"info wraps", "", "rrset_info", []uint64{0, 0xffffffff, 24}},
		{"rdata end outside", "", "rrset_read", []uint64{0, end - 8, 9}},
		{"client's size outside", "", "client", []uint64{24, 56, end - 3}},
		{"client ends outside", "", "client", []uint64{24, 56, end - 23}},
		{"site ends outside", "", "site", []uint64{end - 3, 4}},
		{"line ends outside", "", "log", []uint64{0, end - 1, 2}},
		{"line wraps", "", "log", []uint64{0, 0xffffffff, 2}},
		{"metric's name outside", "", "metric_add", []uint64{end - 1, 2, 1}},
	} {
		t.Run(row.name, func(t *testing.T) {
			h := importHost()
			c := newImportCall(h, wwwWire)
			if got, fault := c.run("lookup", 16, 17, 16, 0); got != 0 || fault != nil {
				t.Fatalf("lookup: %d, %v", got, fault)
			}
			copy(c.mem.bytes[16:], row.image)
			copy(c.mem.bytes[end-23:], le(24))
			before := bytes.Clone(c.mem.bytes)
			got, fault := c.run(row.call, row.args...)
			if fault == nil || fault.Kind != FaultABI {
				t.Errorf("got %d, %v; want the call to end for its pointer", got, fault)
			}
			if diff := cmp.Diff(before, c.mem.bytes); diff != "" {
				t.Errorf("memory, want -, got +:\n%s", diff)
			}
			if len(h.lines)+len(h.metrics) > 0 || h.lookups > 1 {
				t.Errorf("the host heard of it: %q, %v, %d lookups", h.lines, h.metrics, h.lookups)
			}
		})
	}
}

// Without a query, only the log and metrics work.
func TestImportsDeniedWithoutQuery(t *testing.T) {
	for _, f := range hostabi.Imports {
		want := int64(hostabi.StatusDenied)
		args := make([]uint64, max(1, len(f.Signature.Params)))
		switch f.Name {
		case hostabi.ImportLog:
			args, want = []uint64{0, 16, 3}, 0
		case hostabi.ImportMetricAdd:
			args, want = []uint64{16, 3, 1}, 0
		}
		if got, fault := newImportCall(nil, "abc").run(f.Name, args...); got != want || fault != nil {
			t.Errorf("%s: got %d, %v; want %d", f.Name, got, fault, want)
		}
	}
}

func TestImportLimits(t *testing.T) {
	for _, row := range []struct {
		call  string
		args  []uint64
		limit int
	}{
		{"lookup", []uint64{16, 17, 16, 0}, 64},
		{"pick", []uint64{10}, 64},
		{"log", []uint64{1, 16, 3}, 16},
	} {
		c := newImportCall(importHost(), wwwWire)
		for n := range row.limit {
			if got, fault := c.run(row.call, append([]uint64(nil), row.args...)...); got < 0 || fault != nil {
				t.Fatalf("%s number %d: %d, %v", row.call, n, got, fault)
			}
		}
		if got, fault := c.run(row.call, append([]uint64(nil), row.args...)...); got != int64(hostabi.StatusLimit) || fault != nil {
			t.Errorf("%s past its limit: %d, %v", row.call, got, fault)
		}
	}
}

// A lookup_many that does not fit into what is left changes nothing.
func TestLookupManyCountsEntries(t *testing.T) {
	h := importHost()
	c := newImportCall(h, le(24, 0, 0, 16, 0, 99, 24, 0, 0, 16, 0, 99))
	c.lookupsUsed = 63
	before := bytes.Clone(c.mem.bytes)
	if got, fault := c.run("lookup_many", 16, 2); got != int64(hostabi.StatusLimit) || fault != nil {
		t.Errorf("got %d, %v; want limit", got, fault)
	}
	if !bytes.Equal(before, c.mem.bytes) || h.lookups != 0 {
		t.Errorf("something happened: %d lookups", h.lookups)
	}
}

func TestImportsBurnFuel(t *testing.T) {
	for _, f := range hostabi.Imports {
		c := newImportCall(importHost(), wwwWire)
		c.fuel.Set(0)
		args := make([]uint64, max(1, len(f.Signature.Params)))
		enter := enter(hostFuncs[f.Name])
		func() {
			defer func() { _ = recover() }()
			enter(c, nil, args)
		}()
		if c.fault == nil || c.fault.Kind != FaultFuel {
			t.Errorf("%s on no fuel: %v, want a fault", f.Name, c.fault)
		}
	}
}

func TestTrace(t *testing.T) {
	c := newImportCall(importHost(), wwwWire)
	copy(c.mem.bytes[64:], le(24))
	for _, ask := range []struct {
		call string
		args []uint64
	}{
		{"client", []uint64{24, 56, 64}},
		{"now", []uint64{3600}},
		{"client", []uint64{24, 56, 64}}, // again: recorded once
		{"client", []uint64{16, 56, 64}},
		{"now", []uint64{3600}},
		{"before", []uint64{1_800_000_124}},
		{"pick", []uint64{100}},
		{"pick", []uint64{100}}, // another draw
		{"lookup", []uint64{16, 17, 16, 0}},
		{"transport", []uint64{0}},
		{"site", []uint64{0, 0}},
		{"site", []uint64{0, 0}},
	} {
		if got, fault := c.run(ask.call, ask.args...); got < 0 || fault != nil {
			t.Fatalf("%s: %d, %v", ask.call, got, fault)
		}
	}
	want := []Event{
		{Kind: EventClient, V4: 24, V6: 56, Prefix: netip.MustParsePrefix("192.0.2.0/24")},
		{Kind: EventNow, Arg: 3600, Value: 1_800_000_000},
		{Kind: EventClient, V4: 16, V6: 56, Prefix: netip.MustParsePrefix("192.0.0.0/16")},
		{Kind: EventBefore, Arg: 1_800_000_124, Value: 1},
		{Kind: EventPick, Arg: 100, Value: 7},
		{Kind: EventPick, Arg: 100, Value: 3},
		{Kind: EventLookup},
		{Kind: EventTransport, Value: 1},
		{Kind: EventSite},
	}
	if diff := cmp.Diff(want, c.events, cmp.Comparer(func(a, b Event) bool { return a == b })); diff != "" {
		t.Errorf("events, want -, got +:\n%s", diff)
	}
	if l := c.lookups[0]; l.Name.String() != "www.example.org." || l.Type != rr.TypeTXT || l.Status != hostabi.StatusOK || l.Zone.String() != "example.org." {
		t.Errorf("lookup %+v", l)
	}
}

// The prefix is no longer than what the host knows, and IPv6 takes the second width.
func TestClientWidths(t *testing.T) {
	for _, row := range []struct {
		known  string
		v4, v6 uint64
		want   string
	}{
		{"192.0.2.77/32", 32, 128, "192.0.2.77/32"},
		{"192.0.2.0/24", 32, 128, "192.0.2.0/24"},
		{"192.0.2.0/24", 16, 0, "192.0.0.0/16"},
		{"2001:db8::1/128", 0, 128, "2001:db8::1/128"},
		{"2001:db8:1:2::/64", 32, 56, "2001:db8:1::/56"},
		{"2001:db8:1:2::/64", 32, 128, "2001:db8:1:2::/64"},
		{"::/0", 32, 56, "::/0"},
	} {
		h := newHost()
		h.client = netip.MustParsePrefix(row.known)
		c := newImportCall(h, le(24))
		got, fault := c.run("client", row.v4, row.v6, 16)
		want := netip.MustParsePrefix(row.want)
		if fault != nil || got != int64(want.Bits()) {
			t.Errorf("%s at %d and %d: %d, %v; want %d", row.known, row.v4, row.v6, got, fault, want.Bits())
			continue
		}
		view, err := hostabi.ParseClient(c.mem.bytes[16:])
		if err != nil {
			t.Fatal(err)
		}
		addr := netip.AddrFrom16(view.Addr)
		if view.Family == hostabi.FamilyIPv4 {
			addr = netip.AddrFrom4([4]byte(view.Addr[:4]))
		}
		if addr != want.Addr() || c.events[0].Prefix != want {
			t.Errorf("%s at %d and %d: %v in memory, %v in the trace, want %v", row.known, row.v4, row.v6, addr, c.events[0].Prefix, want)
		}
	}
}
