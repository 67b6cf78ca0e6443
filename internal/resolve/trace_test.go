package resolve_test

import (
	"context"
	"fmt"
	"net/netip"
	"slices"
	"testing"
	"time"

	"github.com/namelet/namelet/hostabi"
	"github.com/namelet/namelet/internal/authority"
	"github.com/namelet/namelet/internal/resolve"
	"github.com/namelet/namelet/rr"
	"github.com/namelet/namelet/runtime"
)

// tracing is a script that says what it asked for.
type tracing struct {
	script
	events  []runtime.Event
	lookups []runtime.Lookup
}

func (g *tracing) NewInstance(context.Context) (resolve.Instance, error) { return g, nil }
func (g *tracing) Trace() []runtime.Event                                { return g.events }
func (g *tracing) Lookups() []runtime.Lookup                             { return g.lookups }

// traced resolves one question with a guest that asks for what events say, and
// for the lookups.
func traced(t *testing.T, events []runtime.Event, lookups []runtime.Lookup, more ...*resolve.Attachment) func(qname string) resolve.Trace {
	g := &tracing{events: events, lookups: lookups}
	g.script = func(n string, q *hostabi.Question, h runtime.Host, a *runtime.Answer) error {
		h.Lookup(g.lookups)
		return guestOfNames(n, q, h, a)
	}
	at := attach("sub.apps.example", nil)
	at.Guest = g
	at.Grants = []rr.Name{name("routes.internal")}
	w := serve(t, resolve.Config{}, append(more, at)...)
	return func(qname string) resolve.Trace {
		var resp resolve.Response
		w.Resolve(authority.Question{Name: name(qname), Type: rr.TypeA}, client, &resp)
		return resp.Trace
	}
}

func TestTraceHasInputsOnceAndScopes(t *testing.T) {
	prefix := netip.MustParsePrefix("192.0.2.0/24")
	asked := []runtime.Event{
		{Kind: resolve.InputClient, V4: 24, V6: 48, Prefix: prefix},
		{Kind: runtime.EventLookup},
		{Kind: resolve.InputPick, Arg: 5, Value: 2},
		{Kind: resolve.InputNow, Arg: 60, Value: 1200},
		{Kind: resolve.InputPick, Arg: 5, Value: 2},
		{Kind: resolve.InputClient, V4: 16, V6: 56, Prefix: netip.MustParsePrefix("192.0.0.0/16")},
	}
	trace := traced(t, asked, nil)("g1.sub.apps.example")
	want := slices.Concat(asked[:1], asked[2:])
	if !slices.Equal(trace.Inputs, want) {
		t.Errorf("inputs: got %v, want %v", trace.Inputs, want)
	}
	if trace.ScopeV4 != 24 || trace.ScopeV6 != 56 {
		t.Errorf("scopes: got %d and %d, want 24 and 56", trace.ScopeV4, trace.ScopeV6)
	}
	if !trace.Cacheable || trace.Known {
		t.Errorf("got %+v, want cacheable, and a name that a guest made up", trace)
	}
	twice := traced(t, asked, nil)("out.sub.apps.example") // leads to a static name
	if !slices.Equal(twice.Inputs, want) {
		t.Errorf("over two names: got %v, want %v", twice.Inputs, want)
	}
}

// Guests of a direct zone see the sender, and the answer does not depend on whom it
// asks for (RFC 7871 section 7.2.1: the scope is 0).
func TestDirectZonesSeeTheSender(t *testing.T) {
	subnet := netip.MustParsePrefix("203.0.113.0/24")
	for _, direct := range []bool{false, true} {
		var seen netip.Prefix
		g := &tracing{events: []runtime.Event{{Kind: resolve.InputClient, V4: 24, V6: 48}}}
		g.script = func(n string, q *hostabi.Question, h runtime.Host, a *runtime.Answer) error {
			seen = h.Client()
			return guestOfNames(n, q, h, a)
		}
		at := attach("apps.example", nil)
		at.Guest = g
		apex := *zone(t, "apps.example", appsZone, false)
		apex.Direct = direct
		routing, _ := resolve.NewRouting(zones(t).With(&apex), []*resolve.Attachment{at})
		r := resolve.New(resolve.Config{})
		r.SetRouting(t.Context(), routing)
		from := client
		from.Subnet = subnet
		var resp resolve.Response
		r.NewWorker().Resolve(authority.Question{Name: name("g1.apps.example"), Type: rr.TypeA}, from, &resp)
		want, kind, scope := subnet, resolve.InputClient, uint8(24)
		if direct {
			want, kind, scope = from.Source(), resolve.InputSource, 0
		}
		if seen != want || len(resp.Trace.Inputs) != 1 || resp.Trace.Inputs[0].Kind != kind || resp.Trace.ScopeV4 != scope {
			t.Errorf("direct %t: guest saw %v, trace %+v; want %v, input %d, scope %d", direct, seen, resp.Trace, want, kind, scope)
		}
	}
}

func TestTraceIsNotCacheable(t *testing.T) {
	unavailable := []runtime.Lookup{{Name: name("x.down.internal"), Type: rr.TypeTXT}}
	failing := attach("apps.example", func(string, *hostabi.Question, runtime.Host, *runtime.Answer) error {
		return &runtime.Fault{Kind: runtime.FaultTrap, Message: "trap"}
	})
	for what, ask := range map[string]func() resolve.Trace{
		"a fallback": func() resolve.Trace { return traced(t, nil, nil, failing)("www.apps.example") },
		"a zone without data": func() resolve.Trace {
			r := resolve.New(resolve.Config{})
			apex := name("down.example")
			routing, _ := resolve.NewRouting(authority.NewZones([]*authority.Zone{{Apex: apex}}), nil)
			r.SetRouting(t.Context(), routing)
			var resp resolve.Response
			r.NewWorker().Resolve(authority.Question{Name: apex, Type: rr.TypeA}, client, &resp)
			return resp.Trace
		},
		"a lookup in a zone without data": func() resolve.Trace {
			g := &tracing{lookups: unavailable}
			g.script = func(n string, q *hostabi.Question, h runtime.Host, a *runtime.Answer) error {
				h.Lookup(g.lookups)
				return guestOfNames(n, q, h, a)
			}
			at := attach("apps.example", nil)
			at.Guest, at.Grants = g, []rr.Name{name("down.internal")}
			r := resolve.New(resolve.Config{})
			served := zones(t).With(&authority.Zone{Apex: name("down.internal"), Private: true})
			routing, errs := resolve.NewRouting(served, []*resolve.Attachment{at})
			if errs != nil {
				t.Fatal(errs)
			}
			r.SetRouting(t.Context(), routing)
			var resp resolve.Response
			r.NewWorker().Resolve(authority.Question{Name: name("g1.apps.example"), Type: rr.TypeA}, client, &resp)
			if g.lookups[0].Status != hostabi.StatusUnavailable {
				t.Fatalf("lookup: got %v, want unavailable", g.lookups[0].Status)
			}
			return resp.Trace
		},
	} {
		if trace := ask(); trace.Cacheable {
			t.Errorf("%s: got cacheable", what)
		}
	}
}

func TestKnownNamesAreThoseOfTheZone(t *testing.T) {
	ask := traced(t, nil, nil)
	for qname, want := range map[string]bool{
		"www.apps.example":    true,
		"x.wild.apps.example": false,
		"gone.apps.example":   false,
		"x.cut.apps.example":  false,
		"x.elsewhere.example": false,
		"g1.sub.apps.example": false,
	} {
		if got := ask(qname); got.Known != want || !got.Cacheable {
			t.Errorf("%s: got known %v, cacheable %v, want %v, true", qname, got.Known, got.Cacheable, want)
		}
	}
}

func TestGenerationIsThatOfTheZonesAndAttachments(t *testing.T) {
	r := resolve.New(resolve.Config{})
	served := zones(t)
	routing, errs := resolve.NewRouting(served, []*resolve.Attachment{attach("apps.example", guestOfNames)})
	if errs != nil {
		t.Fatal(errs)
	}
	set := func(routing *resolve.Routing) uint64 {
		r.SetRouting(t.Context(), routing)
		return r.Generation()
	}
	first := set(routing)
	other := served.Get(name("other.example"))
	changed := served.With(&authority.Zone{Apex: other.Apex, Snapshot: other.Snapshot})
	if got := set(routing.WithZones(changed)); got != first {
		t.Errorf("after a change of data: got generation %d, want %d still", got, first)
	}
	hidden := changed.With(&authority.Zone{Apex: other.Apex, Private: true, Snapshot: other.Snapshot})
	second := set(routing.WithZones(hidden))
	third := set(routing.WithZones(hidden.Without(other.Apex)))
	again, _ := resolve.NewRouting(served, slices.Collect(routing.Attachments()))
	fourth := set(again)
	if first >= second || second >= third || third >= fourth {
		t.Errorf("got generations %d, %d, %d, %d, want each greater", first, second, third, fourth)
	}
	var resp resolve.Response
	r.NewWorker().Resolve(authority.Question{Name: name("www.apps.example"), Type: rr.TypeA}, client, &resp)
	if resp.Trace.Routing != fourth {
		t.Errorf("the trace has generation %d, want %d", resp.Trace.Routing, fourth)
	}
}

func TestGenerationComesBackWithItsAttachments(t *testing.T) {
	r := resolve.New(resolve.Config{})
	served := zones(t)
	one, two := attach("apps.example", says("one")), attach("apps.example", says("two"))
	set := func(served *authority.Zones, a ...*resolve.Attachment) uint64 {
		routing, errs := resolve.NewRouting(served, a)
		if errs != nil {
			t.Fatal(errs)
		}
		r.SetRouting(t.Context(), routing)
		return r.Generation()
	}
	first, second := set(served, one), set(served, two)
	if first == second {
		t.Fatalf("two guests have generation %d both", first)
	}
	for range 5 {
		if a, b := set(served, one), set(served, two); a != first || b != second {
			t.Fatalf("swapped back and forth: got generations %d and %d, want %d and %d", a, b, first, second)
		}
	}
	if got := set(served, attach("apps.example", says("one"))); got == first || got == second {
		t.Errorf("another attachment of the same guest has generation %d again", got)
	}
	if err := r.Discard(t.Context(), one); err != nil {
		t.Fatal(err)
	}
	if got := set(served, one); got == first {
		t.Errorf("after its attachment was discarded generation %d came back", got)
	}
	other := zones(t)
	if got := set(other, two); got == second {
		t.Errorf("over another set of zones generation %d came back", got)
	}
}

func TestDrawIsEvenAndIndependent(t *testing.T) {
	var counts, pairs [10]int
	for seed := range uint64(100_000) {
		first, second := resolve.Draw(seed, 0, 10), resolve.Draw(seed, 1, 10)
		counts[first]++
		pairs[(first+second)%10]++
	}
	for i := range counts {
		if counts[i] < 9_500 || counts[i] > 10_500 || pairs[i] < 9_500 || pairs[i] > 10_500 {
			t.Errorf("%d was drawn %d times, and as a sum %d times, of 100000, want 10000", i, counts[i], pairs[i])
		}
	}
}

// remembering is a guest whose instances count their calls and tell.
type remembering struct{}

func (remembering) NewInstance(context.Context) (resolve.Instance, error) {
	calls := 0
	return script(func(n string, _ *hostabi.Question, _ runtime.Host, a *runtime.Answer) error {
		calls++
		text := fmt.Sprint(calls)
		return answer(a, set(n, rr.TypeTXT, 1, string(rune(len(text)))+text))
	}), nil
}

func TestImpureGuestLosesItsCache(t *testing.T) {
	impure, pure := attach("a.apps.example", nil), attach("g1.apps.example", guestOfNames)
	impure.Guest = remembering{}
	r := resolve.New(resolve.Config{Audit: true})
	defer r.Close()
	routing, errs := resolve.NewRouting(zones(t), []*resolve.Attachment{impure, pure})
	if errs != nil {
		t.Fatal(errs)
	}
	r.SetRouting(t.Context(), routing)
	before := r.Generation()
	w := r.NewWorker()
	var resp resolve.Response
	deadline := time.Now().Add(5 * time.Second)
	for r.Generation() == before && time.Now().Before(deadline) {
		w.Resolve(authority.Question{Name: name("a.apps.example"), Type: rr.TypeTXT}, client, &resp)
		w.Resolve(authority.Question{Name: name("g1.apps.example"), Type: rr.TypeA}, client, &resp)
		time.Sleep(time.Millisecond)
	}
	if !impure.Purity().Impure || r.Generation() == before {
		t.Fatalf("got %+v at generation %d, want an impure guest and another generation than %d", impure.Purity(), r.Generation(), before)
	}
	if got := pure.Purity(); got.Impure || got.Replays == 0 {
		t.Errorf("the other guest: got %+v, want it replayed and pure", got)
	}
	w.Resolve(authority.Question{Name: name("a.apps.example"), Type: rr.TypeTXT}, client, &resp)
	if resp.Trace.Cacheable {
		t.Error("the impure guest's answers are cacheable")
	}
	w.Resolve(authority.Question{Name: name("g1.apps.example"), Type: rr.TypeA}, client, &resp)
	if !resp.Trace.Cacheable {
		t.Error("the other guest's are not")
	}
}

// What a question is counted with is the kind of zone that it came to.
func TestTraceHasTheClass(t *testing.T) {
	fast, slow, _ := serveUnheld(t, guestOfNames, "other.example")
	held := serve(t, resolve.Config{}, attach("apps.example", guestOfNames))
	for _, tt := range []struct {
		w     *resolve.Worker
		qname string
		want  resolve.Class
	}{
		{held, "host.other.example", resolve.ClassStatic},
		{held, "nothing.other.example", resolve.ClassStatic},
		{held, "apps.example", resolve.ClassGuest},
		{held, "fail.apps.example", resolve.ClassGuest},
		{held, "elsewhere.test", resolve.ClassNone},
		{fast, "x.apps.example", resolve.ClassGuest},
		{slow, "host.other.example", resolve.ClassLookup},
	} {
		var resp resolve.Response
		tt.w.Resolve(authority.Question{Name: name(tt.qname), Type: rr.TypeA}, client, &resp)
		if got := resp.Trace.Class; got != tt.want || resp.Waits {
			t.Errorf("%s: got class %v (waits: %v), want %v", tt.qname, got, resp.Waits, tt.want)
		}
		if got := resp.Trace.Asked; (got != "") != (tt.want == resolve.ClassGuest) {
			t.Errorf("%s of class %v: guest %q was asked", tt.qname, tt.want, got)
		}
	}
}
