//go:build !wasm

package sdk

import (
	"errors"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/namelet/namelet/hostabi"
	"github.com/namelet/namelet/rr"
)

// fakeHost answers imports from fields. A lookup finds what sets holds under the name's text and type.
type fakeHost struct {
	sets    map[string]rr.Set
	found   []rr.Set
	client  hostabi.Client
	bits    int32
	now     int64
	pick    int32
	refuse  hostabi.Status // when set, what inputs give
	logs    []string
	metrics map[string]int64
}

func (h *fakeHost) Lookup(name rr.Name, t rr.Type) int32 {
	if h.refuse != 0 {
		return int32(h.refuse)
	}
	set, ok := h.sets[name.String()+" "+t.String()]
	if !ok {
		return int32(hostabi.StatusNXDomain)
	}
	h.found = append(h.found, set)
	return int32(len(h.found) - 1)
}

func (h *fakeHost) LookupMany(names []rr.Name, types []rr.Type, results []int32) int32 {
	for i, name := range names {
		results[i] = h.Lookup(name, types[i])
	}
	return 0
}

func (h *fakeHost) RRsetInfo(handle int32) (hostabi.RRsetInfo, hostabi.Status) {
	set := h.found[handle]
	return hostabi.RRsetInfo{Type: set.Type, TTL: set.TTL, Count: uint32(len(set.Data))}, 0
}

func (h *fakeHost) RRsetRead(handle int32, buf []byte) int32 {
	n := 0
	for _, rdata := range h.found[handle].Data {
		n += 2 + len(rdata)
	}
	if n <= len(buf) {
		buf = buf[:0]
		for _, rdata := range h.found[handle].Data {
			buf = hostabi.AppendRdata(buf, rdata)
		}
	}
	return int32(n)
}

func (h *fakeHost) Client(int, int) (hostabi.Client, int32) {
	if h.refuse != 0 {
		return hostabi.Client{}, int32(h.refuse)
	}
	return h.client, h.bits
}
func (h *fakeHost) Now(int) int64         { return h.now }
func (h *fakeHost) Before(u int64) int32  { return map[bool]int32{true: 1}[h.now < u] }
func (h *fakeHost) Pick(int) int32        { return h.pick }
func (h *fakeHost) Transport() int32      { return int32(TCP) }
func (h *fakeHost) Site(buf []byte) int32 { return int32(copy(buf, "ams1")) }
func (h *fakeHost) Log(_ hostabi.LogLevel, line string) int32 {
	h.logs = append(h.logs, line)
	return 0
}
func (h *fakeHost) MetricAdd(name string, delta int64) int32 {
	if h.metrics != nil {
		h.metrics[name] += delta
	}
	return 0
}

// question encodes a question for a name in the zone example., attached at the apex.
func question(name string, t Type) []byte {
	wire := []byte(MustName(name).Wire())
	apex := len(wire) - MustName("example.").Len()
	return hostabi.AppendQuestion(nil, &hostabi.Question{QName: wire, QType: t, ZoneOff: apex, AttachOff: apex})
}

// reply is an answer in a form that is easy to compare.
type reply struct {
	Disposition string
	Negative    uint32
	Records     []hostabi.RecordView
}

func ask(t *testing.T, h NativeHost, name string, rrType Type) reply {
	t.Helper()
	b, status := NativeAnswer(h, question(name, rrType))
	if status != StatusOK {
		return reply{Disposition: status.String()}
	}
	r, err := hostabi.ReadAnswer(b)
	if err != nil {
		t.Fatal(err)
	}
	out := reply{Disposition: r.Disposition().String(), Negative: r.NegativeTTL()}
	var rec hostabi.RecordView
	for r.Next(&rec) {
		out.Records = append(out.Records, rec)
	}
	if r.Err() != nil {
		t.Fatal(r.Err())
	}
	return out
}

func TestDispositions(t *testing.T) {
	target := MustName("t.example.")
	tests := []struct {
		name   string
		handle func(q *Query, a *Answer)
		want   string
	}{
		{"nothing said", func(*Query, *Answer) {}, "static"},
		{"other types only", func(_ *Query, a *Answer) { a.TXT("x"); a.AAAA([16]byte{}) }, "nodata"},
		{"right type", func(_ *Query, a *Answer) { a.A([4]byte{}) }, "answer"},
		{"alias for any type", func(_ *Query, a *Answer) { a.CNAME(target) }, "answer"},
		{"named wins over records", func(_ *Query, a *Answer) { a.A([4]byte{}); a.NXDomain() }, "nxdomain"},
		{"nodata", func(_ *Query, a *Answer) { a.NoData() }, "nodata"},
		{"refuse", func(_ *Query, a *Answer) { a.Refuse() }, "refuse"},
		{"static", func(_ *Query, a *Answer) { a.Static() }, "static"},
		{"zero name", func(_ *Query, a *Answer) { a.CNAME(Name{}) }, "invalid"},
		{"RRset not found", func(_ *Query, a *Answer) { a.RRset(RRset{}) }, "invalid"},
		{"too many records", func(_ *Query, a *Answer) {
			for range hostabi.MaxRecords + 1 {
				a.A([4]byte{})
			}
		}, "limit"},
		{"larger than the buffer", func(_ *Query, a *Answer) {
			for range 20 {
				a.Text(TypeA, strings.Repeat("x", 2000))
			}
		}, "limit"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			Handle(tt.handle)
			if got := ask(t, &fakeHost{}, "www.example.", TypeA); got.Disposition != tt.want {
				t.Errorf("got %v, want %v", got.Disposition, tt.want)
			}
		})
	}
}

func TestRecords(t *testing.T) {
	mail := MustName("mx.example.")
	wire := mail.Wire()
	tests := []struct {
		name string
		give func(a *Answer)
		t    Type
		want string
	}{
		{"A", func(a *Answer) { a.A([4]byte{192, 0, 2, 1}) }, TypeA, "\xc0\x00\x02\x01"},
		{"AAAA", func(a *Answer) { a.AAAA([16]byte{0x20, 1}) }, TypeAAAA, "\x20\x01" + strings.Repeat("\x00", 14)},
		{"CNAME", func(a *Answer) { a.CNAME(mail) }, TypeCNAME, wire},
		{"NS", func(a *Answer) { a.NS(mail) }, TypeNS, wire},
		{"PTR", func(a *Answer) { a.PTR(mail) }, TypePTR, wire},
		{"MX", func(a *Answer) { a.MX(258, mail) }, TypeMX, "\x01\x02" + wire},
		{"SRV", func(a *Answer) { a.SRV(1, 2, 443, mail) }, TypeSRV, "\x00\x01\x00\x02\x01\xbb" + wire},
		{"TXT", func(a *Answer) { a.TXT("ab", "c") }, TypeTXT, "\x02ab\x01c"},
		{"TXT empty", func(a *Answer) { a.TXT() }, TypeTXT, "\x00"},
		{"TXT of 256", func(a *Answer) { a.TXT(strings.Repeat("x", 256)) }, TypeTXT, "\xff" + strings.Repeat("x", 255) + "\x01x"},
		{"CAA", func(a *Answer) { a.CAA(128, "issue", "ca.example") }, TypeCAA, "\x80\x05issueca.example"},
		{"HTTPS", func(a *Answer) { a.HTTPS(1, mail, ALPN("h2", "h3"), Port(8443)) }, TypeHTTPS,
			"\x00\x01" + wire + "\x00\x01\x00\x06\x02h2\x02h3" + "\x00\x03\x00\x02\x20\xfb"},
		{"SVCB alias", func(a *Answer) { a.SVCB(0, mail) }, TypeSVCB, "\x00\x00" + wire},
		{"HTTPS hint", func(a *Answer) { a.HTTPS(1, mail, Hint(AddrV4([4]byte{1, 2, 3, 4}), AddrV6([16]byte{}))) }, TypeHTTPS,
			"\x00\x01" + wire + "\x00\x04\x00\x04\x01\x02\x03\x04"},
		{"HTTPS without the default", func(a *Answer) { a.HTTPS(1, mail, ALPN("h3"), NoDefaultALPN()) }, TypeHTTPS,
			"\x00\x01" + wire + "\x00\x01\x00\x03\x02h3" + "\x00\x02\x00\x00"},
		{"address of IPv4", func(a *Answer) { a.Addr(AddrV4([4]byte{192, 0, 2, 1})) }, TypeA, "\xc0\x00\x02\x01"},
		{"address of IPv6", func(a *Answer) { a.Addr(AddrV6([16]byte{0x20, 1})) }, TypeAAAA, "\x20\x01" + strings.Repeat("\x00", 14)},
		{"any type", func(a *Answer) { a.Rdata(99, "raw") }, 99, "raw"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			Handle(func(_ *Query, a *Answer) { tt.give(a) })
			want := reply{Disposition: "answer", Records: []hostabi.RecordView{{Type: tt.t, Owner: []byte{}, Data: []byte(tt.want)}}}
			if diff := cmp.Diff(want, ask(t, &fakeHost{}, "www.example.", tt.t)); diff != "" {
				t.Errorf("answer (-want +got):\n%s", diff)
			}
		})
	}
}

// siteHost has a site's name of n bytes.
type siteHost struct {
	fakeHost
	n int
}

// Site fills buf by the rule "buffer, limit".
func (h *siteHost) Site(buf []byte) int32 {
	if h.n <= len(buf) {
		copy(buf, strings.Repeat("s", h.n))
	}
	return int32(h.n)
}

// A site's name that does not fit fails the query, and is not cut short or made up.
func TestSiteTooLong(t *testing.T) {
	var got string
	Handle(func(q *Query, a *Answer) { got = q.Site(); a.A([4]byte{}) })
	for _, tt := range []struct {
		bytes, given int
		want         string
	}{
		{0, 0, "answer"},
		{hostabi.MaxSite, hostabi.MaxSite, "answer"},
		{hostabi.MaxSite + 1, 0, "limit"},
		{1 << 20, 0, "limit"},
	} {
		r := ask(t, &siteHost{n: tt.bytes}, "www.example.", TypeA)
		if len(got) != tt.given || r.Disposition != tt.want {
			t.Errorf("a name of %d bytes: got %q and %s, want %d bytes and %s", tt.bytes, got, r.Disposition, tt.given, tt.want)
		}
	}
}

func TestParamsOutOfOrder(t *testing.T) {
	Handle(func(_ *Query, a *Answer) { a.HTTPS(1, MustName("x."), Port(1), ALPN("h2")) })
	if got := ask(t, &fakeHost{}, "www.example.", TypeHTTPS); got.Disposition != "invalid" {
		t.Errorf("got %v, want the query to fail as invalid", got.Disposition)
	}
}

func TestTTLAndOwner(t *testing.T) {
	Handle(func(_ *Query, a *Answer) {
		a.CNAME(MustName("b.example."))
		a.TTL(30)
		a.Owner(MustName("b.example."))
		a.A([4]byte{1})
	})
	got := ask(t, &fakeHost{}, "a.example.", TypeA)
	want := []hostabi.RecordView{
		{Type: TypeCNAME, Owner: []byte{}, Data: []byte("\x01b\x07example\x00")},
		{Type: TypeA, Owner: []byte("\x01b\x07example\x00"), Data: []byte{1, 0, 0, 0}, TTL: 30, HasTTL: true},
	}
	if diff := cmp.Diff(want, got.Records); diff != "" {
		t.Errorf("records (-want +got):\n%s", diff)
	}
}

func TestQuery(t *testing.T) {
	h := &fakeHost{
		client: hostabi.Client{Family: 4, Addr: [16]byte{192, 0, 2}}, bits: 24, now: 7200, pick: 3,
		metrics: map[string]int64{},
	}
	Handle(func(q *Query, a *Answer) {
		sub, only := q.Sub()
		got := []any{
			q.Name().String(), q.Type(), q.Zone().String(), q.Attach().String(), sub, only,
			q.Client(24, 56).String(), q.Now(3600), q.Before(7201), q.Before(7200), q.Pick(5), q.Transport(), q.Site(),
			q.Join("x", q.Zone()).String(), q.Join("", q.Zone()).IsZero(), q.Join(strings.Repeat("x", 64), q.Zone()).IsZero(),
		}
		want := []any{
			"www.a.example.", TypeA, "example.", "example.", "a", false,
			"192.0.2.0/24", int64(7200), true, false, 3, TCP, "ams1",
			"x.example.", true, true,
		}
		if diff := cmp.Diff(want, got); diff != "" {
			t.Errorf("query (-want +got):\n%s", diff)
		}
		Log(LogInfo, strings.Repeat("x", 2000))
		AddMetric("asked", 2)
		a.NegativeTTL(5)
		a.NXDomain()
	})
	got := ask(t, h, "www.a.example.", TypeA)
	if got.Disposition != "nxdomain" || got.Negative != 5 {
		t.Errorf("got %+v, want nxdomain with a negative TTL of 5", got)
	}
	if len(h.logs) != 1 || len(h.logs[0]) != hostabi.MaxLogLine || h.metrics["asked"] != 2 {
		t.Errorf("got %d log lines and metrics %v", len(h.logs), h.metrics)
	}
}

func TestSub(t *testing.T) {
	tests := []struct {
		name string
		sub  string
		only bool
	}{{"example.", "", false}, {"a.example.", "a", true}, {"b.a.example.", "a", false}}
	for _, tt := range tests {
		Handle(func(q *Query, _ *Answer) {
			if sub, only := q.Sub(); sub != tt.sub || only != tt.only {
				t.Errorf("Sub of %v: got %q, %v, want %q, %v", tt.name, sub, only, tt.sub, tt.only)
			}
		})
		ask(t, &fakeHost{}, tt.name, TypeA)
	}
}

// TestRefusedInputFails shows that a handler need not check inputs: a refused one fails the query.
func TestRefusedInputFails(t *testing.T) {
	Handle(func(q *Query, a *Answer) {
		if p := q.Client(99, 0); p != (Prefix{}) {
			t.Errorf("got prefix %v of a refused client", p)
		}
		a.A([4]byte{1})
	})
	if got := ask(t, &fakeHost{refuse: StatusInvalid}, "a.example.", TypeA); got.Disposition != "invalid" {
		t.Errorf("got %v, want invalid", got.Disposition)
	}
}

func TestLookup(t *testing.T) {
	long := strings.Repeat("y", 20000)
	h := &fakeHost{sets: map[string]rr.Set{
		"t.example. TXT":   {Type: TypeTXT, TTL: 9, Data: []string{"\x01a\x02bc", "\x01d"}},
		"big.example. TXT": {Type: TypeTXT, Data: []string{long, "z"}},
	}}
	Handle(func(q *Query, a *Answer) {
		set, status := q.Lookup(MustName("t.example."), TypeTXT)
		first, ok := set.First()
		if status != StatusOK || !ok || Text(first) != "abc" || set.Info().TTL != 9 || set.Info().Count != 2 {
			t.Errorf("got status %v, first %q, info %+v", status, first, set.Info())
		}
		requests := []Request{{Name: MustName("big.example."), Type: TypeTXT}, {Name: MustName("no.example."), Type: TypeTXT}}
		if !q.LookupMany(requests) || requests[0].Status != StatusOK || requests[1].Status != StatusNXDomain {
			t.Errorf("got %v and %v", requests[0].Status, requests[1].Status)
		}
		var all []string
		for rdata := range requests[0].Set.All {
			all = append(all, rdata)
		}
		if diff := cmp.Diff([]string{long, "z"}, all); diff != "" {
			t.Errorf("an RRset larger than the scratch memory (-want +got):\n%s", diff)
		}
		if _, ok := requests[1].Set.First(); ok || q.LookupMany(make([]Request, 65)) {
			t.Error("got a record of no RRset, or 65 lookups at once")
		}
		a.RRset(set)
	})
	got := ask(t, h, "a.example.", TypeTXT)
	if got.Disposition != "answer" || got.Records[0].Handle != 0 || got.Records[0].Kind != hostabi.KindHandle {
		t.Errorf("got %+v, want the handle 0", got)
	}
}

func TestFrom(t *testing.T) {
	h := &fakeHost{sets: map[string]rr.Set{"t.example. A": {Type: TypeA, Data: []string{"\x01\x02\x03\x04"}}}}
	tests := []struct {
		target string
		refuse Status
		want   string
	}{{"t.example.", 0, "answer"}, {"none.example.", 0, "nodata"}, {"t.example.", StatusDenied, "static"}}
	for _, tt := range tests {
		Handle(func(_ *Query, a *Answer) { a.From(MustName(tt.target)) })
		h.refuse = tt.refuse
		if got := ask(t, h, "a.example.", TypeA); got.Disposition != tt.want {
			t.Errorf("From(%v) with %v: got %v, want %v", tt.target, tt.refuse, got.Disposition, tt.want)
		}
	}
}

func TestConfig(t *testing.T) {
	config, err := hostabi.AppendConfig(nil, map[string]string{"b": "2", "a": "1"})
	if err != nil {
		t.Fatal(err)
	}
	empty, _ := hostabi.AppendConfig(nil, nil)
	guest.onInit = nil
	if got := NativeInit(&fakeHost{}, config); got != StatusInvalid {
		t.Errorf("a configuration nobody takes: got %v, want invalid", got)
	}
	if got := NativeInit(&fakeHost{}, empty); got != StatusOK {
		t.Errorf("an empty configuration nobody takes: got %v, want ok", got)
	}
	var seen []string
	OnInit(func(c Config) error {
		for k, v := range c.All {
			seen = append(seen, k+"="+v)
		}
		if v, ok := c.Get("b"); !ok || v != "2" || c.Len() != 2 {
			t.Errorf("got %q, %v of %d", v, ok, c.Len())
		}
		return nil
	})
	if got := NativeInit(&fakeHost{}, config); got != StatusOK || strings.Join(seen, " ") != "a=1 b=2" {
		t.Errorf("got %v and %v", got, seen)
	}
	h := &fakeHost{}
	OnInit(func(Config) error { return errors.New("no") })
	if got := NativeInit(h, config); got >= 0 || len(h.logs) != 1 || h.logs[0] != "no" {
		t.Errorf("a refused configuration: got %v and log %v", got, h.logs)
	}
}

func TestField(t *testing.T) {
	tests := []struct {
		text, key, want string
		ok              bool
	}{
		{"router=eu-1 state=active", "router", "eu-1", true},
		{"router=eu-1 state=active", "state", "active", true},
		{"router=eu-1  state=", "state", "", true},
		{"router=eu-1", "route", "", false},
		{"state", "state", "", false},
		{"", "state", "", false},
	}
	for _, tt := range tests {
		if got, ok := Field(tt.text, tt.key); got != tt.want || ok != tt.ok {
			t.Errorf("Field(%q, %q): got %q, %v, want %q, %v", tt.text, tt.key, got, ok, tt.want, tt.ok)
		}
	}
}

// exampleHandler uses every input and a lookup, and gives records of each kind.
func exampleHandler(q *Query, a *Answer) {
	set, status := q.Lookup(q.Join("t", q.Zone()), TypeTXT)
	rdata, _ := set.First()
	if router, ok := Field(Text(rdata), "router"); status == StatusOK && ok {
		a.TXT(router, q.Site())
	}
	if q.Client(24, 56).Bits == 24 && q.Now(60) > 0 && q.Pick(10) >= 0 {
		a.TTL(30)
		a.Text(TypeTXT, "text")
		a.RRset(set)
	}
}

func exampleHost() *fakeHost {
	return &fakeHost{
		sets:   map[string]rr.Set{"t.example. TXT": {Type: TypeTXT, Data: []string{"\x0brouter=eu-1"}}},
		found:  make([]rr.Set, 0, 8),
		client: hostabi.Client{Family: 4}, bits: 24, now: 60,
	}
}

// quietHost gives the same RRset for every lookup, so that it allocates nothing itself.
type quietHost struct{ *fakeHost }

func (h quietHost) Lookup(rr.Name, rr.Type) int32 { return 0 }

func TestNoAllocations(t *testing.T) {
	Handle(exampleHandler)
	h := quietHost{exampleHost()}
	h.found = append(h.found, h.sets["t.example. TXT"])
	var host NativeHost = h
	asked := question("www.example.", TypeTXT)
	allocs := testing.AllocsPerRun(100, func() {
		if _, status := NativeAnswer(host, asked); status != StatusOK {
			t.Fatal(status)
		}
	})
	if allocs != 0 {
		t.Errorf("a query: got %v allocations, want 0", allocs)
	}
}

func BenchmarkAnswer(b *testing.B) {
	b.ReportAllocs()
	Handle(exampleHandler)
	h := quietHost{exampleHost()}
	h.found = append(h.found, h.sets["t.example. TXT"])
	var host NativeHost = h
	asked := question("www.example.", TypeTXT)
	for b.Loop() {
		NativeAnswer(host, asked)
	}
}

func TestWeights(t *testing.T) {
	var w Weights
	config, err := hostabi.AppendConfig(nil, map[string]string{"a.example": "0", "b.example": "3", "c.example": "1"})
	if err != nil {
		t.Fatal(err)
	}
	OnInit(w.Configure)
	defer OnInit(nil)
	if status := NativeInit(&fakeHost{}, config); status != StatusOK {
		t.Fatal(status)
	}
	for draw, want := range []string{"b.example.", "b.example.", "b.example.", "c.example."} {
		Handle(func(q *Query, _ *Answer) {
			if got := w.Pick(q).String(); got != want {
				t.Errorf("draw %d: got %s, want %s", draw, got, want)
			}
		})
		ask(t, &fakeHost{pick: int32(draw)}, "www.example.", TypeA)
	}
	var none Weights
	Handle(func(q *Query, a *Answer) { a.From(none.Pick(q)) })
	if got := ask(t, &fakeHost{}, "www.example.", TypeA); got.Disposition != "invalid" {
		t.Errorf("weights without a configuration: got %v, want invalid", got.Disposition)
	}
}
