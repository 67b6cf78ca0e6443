package resolve_test

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net/netip"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/namelet/namelet/hostabi"
	"github.com/namelet/namelet/internal/authority"
	"github.com/namelet/namelet/internal/resolve"
	"github.com/namelet/namelet/rr"
	"github.com/namelet/namelet/runtime"
	"github.com/namelet/namelet/store/zonefile"
)

const (
	appsZone = `
@        3600 IN SOA ns.apps.example. host.apps.example. 1 2 3 4 300
@        3600 IN NS  ns
ns       3600 IN A   192.0.2.1
www      3600 IN A   192.0.2.80
a.deep   3600 IN TXT "static below deep"
cut      3600 IN NS  ns.cut
ns.cut   3600 IN A   192.0.2.53
moved    3600 IN DNAME apps.example.net.
*.wild   3600 IN TXT "wild"
`
	otherZone = `
@     3600 IN SOA ns.other.example. host.other.example. 1 2 3 4 60
@     3600 IN NS ns.apps.example.
host  60   IN A  198.51.100.7
alias 60   IN CNAME g1.apps.example.
`
	routesZone = `
@    60 IN SOA ns.routes.internal. host.routes.internal. 1 2 3 4 60
@    60 IN NS ns.routes.internal.
shop 30 IN TXT "router=eu"
`
)

// script is a guest whose answers a test writes.
type script func(name string, q *hostabi.Question, h runtime.Host, a *runtime.Answer) error

func (s script) NewInstance(context.Context) (resolve.Instance, error) { return s, nil }
func (s script) Close(context.Context) error                           { return nil }
func (s script) Trace() []runtime.Event                                { return nil }
func (s script) Lookups() []runtime.Lookup                             { return nil }
func (s script) MemoryBytes() int                                      { return 1 << 16 }
func (s script) BesideBytes() int                                      { return 0 }
func (s script) Reset()                                                {}
func (s script) Idle(hostabi.IdleReason, uint64, runtime.Sink) error   { return nil }
func (s script) Answer(q *hostabi.Question, fuel uint64, h runtime.Host, a *runtime.Answer) error {
	n, _, err := rr.NameFromWire(q.QName)
	if err != nil {
		return err
	}
	*a = runtime.Answer{Fuel: 10}
	if fuel < 10 {
		return &runtime.Fault{Kind: runtime.FaultFuel, Message: "spent"}
	}
	return s(strings.ToLower(strings.TrimSuffix(n.String(), ".")), q, h, a)
}

func name(s string) rr.Name { return rr.MustParseName(s) }

func answer(a *runtime.Answer, sets ...rr.Set) error {
	a.Disposition, a.Sets = hostabi.DispositionAnswer, sets
	return nil
}

func set(owner string, t rr.Type, ttl uint32, data ...rr.Rdata) rr.Set {
	return rr.Set{Name: name(owner), Type: t, TTL: ttl, Data: data}
}

func wire(s string) rr.Rdata { return name(s).Wire() }

// guestOfNames answers by the first label of the name that is asked.
func guestOfNames(n string, q *hostabi.Question, h runtime.Host, a *runtime.Answer) error {
	label, _, _ := strings.Cut(n, ".")
	switch label {
	case "g1", "ns":
		return answer(a, set(n, rr.TypeA, 5, "\x01\x02\x03\x04"))
	case "nodata":
		a.Disposition, a.NegativeTTL = hostabi.DispositionNoData, 7
	case "forever":
		a.Disposition, a.NegativeTTL = hostabi.DispositionNoData, 100000
	case "gone", "deep", "www", "moved", "cut":
		a.Disposition = hostabi.DispositionNXDomain
	case "refuse":
		a.Disposition = hostabi.DispositionRefuse
	case "chain":
		return answer(a, set("two."+n, rr.TypeA, 5, "\x01\x02\x03\x04"), set(n, rr.TypeCNAME, 5, wire("two."+n)))
	case "out":
		return answer(a, set(n, rr.TypeCNAME, 5, wire("host.other.example")))
	case "away":
		return answer(a, set(n, rr.TypeCNAME, 5, wire("elsewhere.test")))
	case "loop":
		return answer(a, set(n, rr.TypeCNAME, 5, wire("pool.apps.example")))
	case "pool":
		return answer(a, set(n, rr.TypeCNAME, 5, wire("loop.apps.example")))
	case "mail":
		return answer(a, set(n, rr.TypeMX, 5, "\x00\x0a"+wire("www.apps.example")))
	case "shop":
		batch := []runtime.Lookup{
			{Name: name("shop.routes.internal"), Type: rr.TypeTXT},
			{Name: name("shop.hidden.internal"), Type: rr.TypeTXT},
			{Name: name("missing.routes.internal"), Type: rr.TypeTXT},
			{Name: name("www.apps.example"), Type: rr.TypeTXT},
			{Name: name("x.cut.apps.example"), Type: rr.TypeTXT},
		}
		h.Lookup(batch)
		var said []string
		for _, l := range batch {
			said = append(said, l.Status.String())
		}
		text := strings.Join(said, " ")
		return answer(a, set(n, rr.TypeTXT, 5, fmt.Sprintf("%c%s", len(text), text)))
	case "fail":
		return &runtime.Fault{Kind: runtime.FaultTrap, Message: "unreachable"}
	default:
		a.Disposition = hostabi.DispositionStatic
	}
	return nil
}

func zone(t *testing.T, apex, text string, private bool) *authority.Zone {
	t.Helper()
	sets, err := zonefile.Parse(strings.NewReader(text), zonefile.Options{Origin: name(apex)})
	if err != nil {
		t.Fatal(err)
	}
	snapshot, err := authority.Build(name(apex), 1, slices.Values(sets))
	if err != nil {
		t.Fatal(err)
	}
	return &authority.Zone{Apex: name(apex), Private: private, Snapshot: snapshot}
}

func zones(t *testing.T) *authority.Zones {
	return authority.NewZones([]*authority.Zone{
		zone(t, "apps.example", appsZone, false),
		zone(t, "other.example", otherZone, false),
		zone(t, "routes.internal", routesZone, true),
		zone(t, "hidden.internal", strings.ReplaceAll(routesZone, "routes", "hidden"), true),
	})
}

// serve returns a Worker over the test's zones with these attachments.
func serve(t *testing.T, config resolve.Config, attachments ...*resolve.Attachment) *resolve.Worker {
	t.Helper()
	routing, errs := resolve.NewRouting(zones(t), attachments)
	if errs != nil {
		t.Fatal(errs)
	}
	r := resolve.New(config)
	w := r.NewWorker()
	r.SetRouting(t.Context(), routing)
	return w
}

func attach(at string, g script) *resolve.Attachment {
	return &resolve.Attachment{
		Zone: name("apps.example"), At: name(at), Guest: g, Label: "test@1",
		Grants: []rr.Name{name("routes.internal")}, Fuel: 1000,
	}
}

var client = resolve.Client{Addr: netip.MustParseAddr("192.0.2.200"), Transport: hostabi.TransportUDP}

// ask renders a response as lines: the code, then each section's sets.
func ask(w *resolve.Worker, qname string, qtype rr.Type) string {
	var resp resolve.Response
	w.Resolve(authority.Question{Name: name(qname), Type: qtype}, client, &resp)
	var b strings.Builder
	fmt.Fprintf(&b, "%v", resp.RCode)
	if resp.Authoritative {
		b.WriteString(" aa")
	}
	for _, e := range resp.Errors {
		fmt.Fprintf(&b, " [%d %s]", e.Code, e.Text)
	}
	for i, section := range [][]rr.Set{resp.Answer.Answer, resp.Authority, resp.Additional} {
		for _, s := range section {
			for _, data := range s.Data {
				fmt.Fprintf(&b, "\n%c %v %d %v %v", "=-+"[i], s.Name, s.TTL, s.Type, zonefile.FormatRdata(s.Type, data))
			}
		}
	}
	return b.String()
}

const soa = "\n- apps.example. %d SOA ns.apps.example. host.apps.example. 1 2 3 4 300"

func TestResolve(t *testing.T) {
	w := serve(t, resolve.Config{}, attach("apps.example", guestOfNames))
	tests := []struct {
		qname string
		qtype rr.Type
		want  string
	}{
		{"g1.apps.example", rr.TypeA, "NOERROR aa\n= g1.apps.example. 5 A 1.2.3.4"},
		{"G1.Apps.Example", rr.TypeA, "NOERROR aa\n= G1.Apps.Example. 5 A 1.2.3.4"},
		{"nodata.apps.example", rr.TypeA, "NOERROR aa" + fmt.Sprintf(soa, 7)},
		{"forever.apps.example", rr.TypeA, "NOERROR aa" + fmt.Sprintf(soa, 300)},
		{"gone.apps.example", rr.TypeA, "NXDOMAIN aa" + fmt.Sprintf(soa, 300)},
		{"deep.apps.example", rr.TypeA, "NOERROR aa" + fmt.Sprintf(soa, 300)}, // an empty non-terminal
		{"www.apps.example", rr.TypeA, "NOERROR aa" + fmt.Sprintf(soa, 300)},  // static data at the name
		{"refuse.apps.example", rr.TypeA, "REFUSED [18 refused by the guest]"},
		{"chain.apps.example", rr.TypeA, "NOERROR aa\n= chain.apps.example. 5 CNAME two.chain.apps.example.\n= two.chain.apps.example. 5 A 1.2.3.4"},
		{"out.apps.example", rr.TypeA, "NOERROR aa\n= out.apps.example. 5 CNAME host.other.example.\n= host.other.example. 60 A 198.51.100.7"},
		{"out.apps.example", rr.TypeCNAME, "NOERROR aa\n= out.apps.example. 5 CNAME host.other.example."},
		{"away.apps.example", rr.TypeA, "NOERROR aa\n= away.apps.example. 5 CNAME elsewhere.test."},
		{"alias.other.example", rr.TypeA, "NOERROR aa\n= alias.other.example. 60 CNAME g1.apps.example.\n= g1.apps.example. 5 A 1.2.3.4"},
		{"loop.apps.example", rr.TypeA, "NOERROR aa\n= loop.apps.example. 5 CNAME pool.apps.example.\n= pool.apps.example. 5 CNAME loop.apps.example."},
		{"mail.apps.example", rr.TypeMX, "NOERROR aa\n= mail.apps.example. 5 MX 10 www.apps.example.\n+ www.apps.example. 3600 A 192.0.2.80"},
		{"shop.apps.example", rr.TypeTXT, "NOERROR aa\n= shop.apps.example. 5 TXT \"ok denied nxdomain nodata delegated\""},
		{"a.deep.apps.example", rr.TypeTXT, "NOERROR aa\n= a.deep.apps.example. 3600 TXT \"static below deep\""},
		{"x.cut.apps.example", rr.TypeA, "NOERROR\n- cut.apps.example. 3600 NS ns.cut.apps.example.\n+ ns.cut.apps.example. 3600 A 192.0.2.53"},
		{"g1.moved.apps.example", rr.TypeA, "NOERROR aa\n= moved.apps.example. 3600 DNAME apps.example.net.\n= g1.moved.apps.example. 3600 CNAME g1.apps.example.net."},
		{"moved.apps.example", rr.TypeDNAME, "NOERROR aa\n= moved.apps.example. 3600 DNAME apps.example.net."},
		{"cut.apps.example", rr.TypeDS, "NOERROR aa" + fmt.Sprintf(soa, 300)},
		{"apps.example", rr.TypeNS, "NOERROR aa\n= apps.example. 3600 NS ns.apps.example.\n+ ns.apps.example. 3600 A 192.0.2.1"},
		{"apps.example", rr.TypeCNAME, "NOERROR aa" + fmt.Sprintf(soa, 300)},
		{"g1.apps.example", rr.TypeANY, "NOERROR aa\n= g1.apps.example. 60 HINFO \"RFC8482\" \"\""},
		{"www.apps.example", rr.TypeANY, "NOERROR aa\n= www.apps.example. 3600 A 192.0.2.80"},
		{"fail.apps.example", rr.TypeA, "NXDOMAIN aa [0 guest failed: trap]" + fmt.Sprintf(soa, 300)},
		{"shop.routes.internal", rr.TypeTXT, "REFUSED [20 not served here]"}, // private
		{"www.test", rr.TypeA, "REFUSED [20 not served here]"},
	}
	for _, tt := range tests {
		if diff := cmp.Diff(tt.want, ask(w, tt.qname, tt.qtype)); diff != "" {
			t.Errorf("%s %v: -want +got:\n%s", tt.qname, tt.qtype, diff)
		}
	}
}

// says answers TXT with a fixed text.
func says(text string) script {
	return func(n string, _ *hostabi.Question, _ runtime.Host, a *runtime.Answer) error {
		return answer(a, set(n, rr.TypeTXT, 1, string(rune(len(text)))+text))
	}
}

func TestMostSpecificAttachmentWins(t *testing.T) {
	one := attach("one.sub.apps.example", says("name"))
	one.Scope = resolve.ScopeName
	w := serve(t, resolve.Config{},
		attach("apps.example", says("zone")), attach("sub.apps.example", says("subtree")), one)
	for qname, want := range map[string]string{
		"apps.example":               "zone",
		"x.apps.example":             "zone",
		"notsub.apps.example":        "zone",
		"sub.apps.example":           "subtree",
		"a.b.sub.apps.example":       "subtree",
		"ONE.sub.apps.example":       "name",
		"below.one.sub.apps.example": "subtree",
	} {
		if got := ask(w, qname, rr.TypeTXT); !strings.Contains(got, `"`+want+`"`) {
			t.Errorf("%s: got %q, want the attachment of the %s", qname, got, want)
		}
	}
}

func TestFallbackServFail(t *testing.T) {
	a := attach("apps.example", guestOfNames)
	a.Fallback = resolve.FallbackServFail
	w := serve(t, resolve.Config{}, a)
	if got, want := ask(w, "fail.apps.example", rr.TypeA), "SERVFAIL [0 guest failed: trap]"; got != want {
		t.Errorf("got %q, want %q", got, want)
	}
	if got := ask(w, "host.other.example", rr.TypeA); !strings.HasPrefix(got, "NOERROR aa") {
		t.Errorf("another zone: got %q", got)
	}
}

func TestFailureIsRememberedForItsQuestion(t *testing.T) {
	calls := 0
	a := attach("apps.example", func(n string, _ *hostabi.Question, _ runtime.Host, a *runtime.Answer) error {
		calls++
		if strings.HasPrefix(n, "bad.") {
			return &runtime.Fault{Kind: runtime.FaultFuel}
		}
		a.Disposition = hostabi.DispositionStatic
		return nil
	})
	var log bytes.Buffer
	w := serve(t, resolve.Config{Log: slog.New(slog.NewTextHandler(&log, nil))}, a)
	for range 5 {
		ask(w, "bad.apps.example", rr.TypeA)
	}
	if calls != 1 {
		t.Errorf("the failing question ran %d times within its second, want 1", calls)
	}
	ask(w, "bad.apps.example", rr.TypeAAAA)
	ask(w, "good.apps.example", rr.TypeA)
	if calls != 3 {
		t.Errorf("other questions: %d calls in all, want 3", calls)
	}
	got := a.Stats.Totals()
	if got.Calls != 3 || got.Faults["fuel"] != 2 || got.Suppressed != 4 {
		t.Errorf("totals: got %+v, want 3 calls, 2 fuel faults, 4 suppressed", got)
	}
	if n := strings.Count(log.String(), `msg="guest failed"`); n != 1 {
		t.Errorf("logged %d times, want once a minute:\n%s", n, log.String())
	}
}

func TestFuelASecond(t *testing.T) {
	calls := map[string]int{}
	guest := func(n string, _ *hostabi.Question, _ runtime.Host, a *runtime.Answer) error {
		calls[n]++
		return answer(a, set(n, rr.TypeTXT, 5, "\x02ok"))
	}
	greedy, other := attach("a.deep.apps.example", guest), attach("www.apps.example", guest)
	greedy.FuelPerSecond = 120 // a quarter of that at once, and each call burns 10
	w := serve(t, resolve.Config{}, greedy, other)
	got := ""
	for range 20 {
		got = ask(w, "a.deep.apps.example", rr.TypeTXT)
		ask(w, "www.apps.example", rr.TypeTXT)
	}
	if n := calls["a.deep.apps.example"]; n < 3 || n > 5 {
		t.Errorf("got %d calls of the greedy guest, want 3, or a little more where this took long", n)
	}
	if !strings.Contains(got, "static below deep") || !strings.Contains(got, "over its fuel a second") {
		t.Errorf("got %q, want the fallback and why", got)
	}
	if n := calls["www.apps.example"]; n != 20 {
		t.Errorf("got %d calls of the other guest, want 20", n)
	}
	totals := greedy.Stats.Totals()
	if totals.Exhausted != 20-totals.Calls || totals.Suppressed != 0 {
		t.Errorf("totals: got %+v", totals)
	}
}

func TestOneFuelBudgetForAQuery(t *testing.T) {
	hop := 0
	a := attach("apps.example", func(n string, _ *hostabi.Question, _ runtime.Host, a *runtime.Answer) error {
		hop++
		return answer(a, set(n, rr.TypeCNAME, 5, wire(fmt.Sprintf("h%d.apps.example", hop))))
	})
	a.Fuel = 35 // each call burns 10
	w := serve(t, resolve.Config{}, a)
	got := ask(w, "start.apps.example", rr.TypeA)
	if hop != 3 || !strings.Contains(got, "guest failed: fuel") {
		t.Errorf("got %d hops and %q, want 3 and a fuel failure on the fourth", hop, got)
	}
}

func TestHopsAreBounded(t *testing.T) {
	hop := 0
	a := attach("apps.example", func(n string, _ *hostabi.Question, _ runtime.Host, a *runtime.Answer) error {
		hop++
		return answer(a, set(n, rr.TypeCNAME, 5, wire(fmt.Sprintf("h%d.apps.example", hop))))
	})
	w := serve(t, resolve.Config{}, a)
	got := ask(w, "start.apps.example", rr.TypeA)
	if n := strings.Count(got, "CNAME"); n != authority.MaxHops+1 || !strings.HasPrefix(got, "NOERROR aa") {
		t.Errorf("got %d CNAMEs, want %d:\n%s", n, authority.MaxHops+1, got)
	}
}

func TestInputsComeFromTheQuery(t *testing.T) {
	var picks []int
	a := attach("apps.example", func(n string, _ *hostabi.Question, h runtime.Host, a *runtime.Answer) error {
		picks = append(picks, h.Pick(0, 10), h.Pick(1, 10))
		if strings.HasPrefix(n, "first") {
			return answer(a, set(n, rr.TypeCNAME, 5, wire("second.apps.example")))
		}
		text := fmt.Sprintf("%v %d %v %s", h.Client(), h.Now(), h.Transport(), h.Site())
		return answer(a, set(n, rr.TypeTXT, 1, string(rune(len(text)))+text))
	})
	w := serve(t, resolve.Config{
		Site: "ams1",
		Now:  func() time.Time { return time.Unix(1234, 0) },
		Draw: func(k, n int) int { return k },
	}, a)
	if got, want := ask(w, "first.apps.example", rr.TypeTXT), `"192.0.2.200/32 1234 udp ams1"`; !strings.Contains(got, want) {
		t.Errorf("got %q, want %s in it", got, want)
	}
	if want := []int{0, 1, 2, 3}; !slices.Equal(picks, want) {
		t.Errorf("picks over two hops: got %v, want %v: each a draw of its own", picks, want)
	}
}

func TestBadAttachments(t *testing.T) {
	outside := attach("other.example", guestOfNames)
	unserved := attach("apps.example", guestOfNames)
	unserved.Zone = name("nowhere.example")
	for want, attachments := range map[string][]*resolve.Attachment{
		"lies outside zone":    {outside},
		"is not served":        {unserved},
		"are both attached at": {attach("apps.example", guestOfNames), attach("apps.example", guestOfNames)},
	} {
		routing, errs := resolve.NewRouting(zones(t), attachments)
		if len(errs) != 1 || !errors.Is(errs[0], resolve.ErrAttachment) || !strings.Contains(errs[0].Error(), want) {
			t.Errorf("got errors %v, want one with %q", errs, want)
		}
		if kept := len(slices.Collect(routing.Attachments())); kept != len(attachments)-1 {
			t.Errorf("%s: %d attachments kept, want %d", want, kept, len(attachments)-1)
		}
	}
}

func TestRoutingIsSwapped(t *testing.T) {
	r := resolve.New(resolve.Config{})
	w := r.NewWorker()
	if got := ask(w, "www.apps.example", rr.TypeA); !strings.HasPrefix(got, "REFUSED") {
		t.Errorf("before the first routing: got %q, want REFUSED", got)
	}
	first, errs := resolve.NewRouting(zones(t), []*resolve.Attachment{attach("apps.example", says("one"))})
	if errs != nil {
		t.Fatal(errs)
	}
	r.SetRouting(t.Context(), first)
	if got := ask(w, "x.apps.example", rr.TypeTXT); !strings.Contains(got, "one") {
		t.Errorf("got %q, want the first guest", got)
	}
	second, errs := resolve.NewRouting(zones(t), []*resolve.Attachment{attach("apps.example", says("two"))})
	if errs != nil {
		t.Fatal(errs)
	}
	r.SetRouting(t.Context(), second)
	if got := ask(w, "x.apps.example", rr.TypeTXT); !strings.Contains(got, "two") {
		t.Errorf("got %q, want the second guest", got)
	}
	r.SetRouting(t.Context(), second.WithZones(second.Zones().Without(name("apps.example"))))
	if got := ask(w, "x.apps.example", rr.TypeTXT); !strings.HasPrefix(got, "REFUSED") {
		t.Errorf("after the zone went: got %q, want REFUSED", got)
	}
}

func TestResolveStaticDoesNotAllocate(t *testing.T) {
	w := serve(t, resolve.Config{}, attach("sub.apps.example", guestOfNames))
	var resp resolve.Response
	q := authority.Question{Name: name("www.apps.example"), Type: rr.TypeA}
	if n := testing.AllocsPerRun(100, func() { w.Resolve(q, client, &resp) }); n != 0 {
		t.Errorf("got %v allocations, want 0", n)
	}
}
