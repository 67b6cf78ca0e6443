package resolve_test

import (
	"errors"
	"slices"
	"strings"
	"testing"

	"github.com/namelet/namelet/hostabi"
	"github.com/namelet/namelet/internal/authority"
	"github.com/namelet/namelet/internal/resolve"
	"github.com/namelet/namelet/rr"
	"github.com/namelet/namelet/runtime"
)

// elsewhere is a zone that is not held. Its reads can fail, and it can change before
// each of them.
type elsewhere struct {
	zone   *authority.Snapshot
	slots  *authority.Slots
	err    error
	before func(*elsewhere)
	reads  int
}

func (e *elsewhere) Read(q authority.Question, names []rr.Name) (*authority.Snapshot, error) {
	e.reads++
	if e.before != nil {
		e.before(e)
	}
	if e.err != nil {
		return nil, e.err
	}
	return authority.Gather(e.zone.Apex(), e.zone.Version(), e.slots, q, names, func(names []rr.Name) (out authority.Around, _ error) {
		for _, n := range names {
			own, below := false, false
			for set := range e.zone.All() {
				if set.Name.Equal(n) {
					own, out.Sets = true, append(out.Sets, set)
				}
				below = below || set.Name.IsSubdomainOf(n)
			}
			if !own && below {
				out.Inner = append(out.Inner, n)
			}
		}
		return out, nil
	})
}

// unheld makes zones of the test's that are not held, those with the given apexes.
func unheld(t *testing.T, apexes ...string) (*authority.Zones, map[string]*elsewhere) {
	all, sources := zones(t), map[string]*elsewhere{}
	for _, apex := range apexes {
		z := all.Get(name(apex))
		sources[apex] = &elsewhere{zone: z.Snapshot, slots: authority.NewSlots(1, z.Snapshot.Version())}
		all = all.With(&authority.Zone{Apex: z.Apex, Private: z.Private, Source: sources[apex]})
	}
	return all, sources
}

// serveUnheld returns workers over such zones, one that may not wait and a slow one.
func serveUnheld(t *testing.T, g script, apexes ...string) (fast, slow *resolve.Worker, sources map[string]*elsewhere) {
	t.Helper()
	all, sources := unheld(t, apexes...)
	routing, errs := resolve.NewRouting(all, []*resolve.Attachment{attach("apps.example", g)})
	if errs != nil {
		t.Fatal(errs)
	}
	r := resolve.New(resolve.Config{})
	r.SetRouting(t.Context(), routing)
	return r.NewWorker(), r.NewSlowWorker(), sources
}

// Guests and zones answer alike, whether the zones are held or not; a worker that may
// not wait says that it would have to, and asks no guest.
func TestUnheldZonesAnswerAlike(t *testing.T) {
	held := serve(t, resolve.Config{}, attach("apps.example", guestOfNames))
	for _, apexes := range [][]string{
		{"apps.example"}, {"routes.internal"}, {"other.example"}, {"apps.example", "routes.internal", "other.example"},
	} {
		calls := 0
		fast, slow, _ := serveUnheld(t, func(n string, q *hostabi.Question, h runtime.Host, a *runtime.Answer) error {
			calls++
			return guestOfNames(n, q, h, a)
		}, apexes...)
		own := slices.Contains(apexes, "apps.example")
		granted := slices.Contains(apexes, "routes.internal")
		for _, label := range strings.Fields("@ g1 ns nodata gone deep a.deep www moved x.moved cut x.cut refuse chain out away loop mail shop fail static x.wild wild") {
			qname := strings.TrimPrefix(label+".apps.example", "@.")
			for _, qtype := range []rr.Type{rr.TypeA, rr.TypeMX, rr.TypeTXT, rr.TypeANY, rr.TypeNS, rr.TypeDS} {
				if got, want := ask(slow, qname, qtype), ask(held, qname, qtype); got != want && !strings.Contains(want, "suppressed") && !strings.Contains(got, "suppressed") {
					t.Errorf("%v not held: %s %v: got\n%s, want\n%s", apexes, qname, qtype, got, want)
				}
			}
		}
		before := calls
		var resp resolve.Response
		fast.Resolve(authority.Question{Name: name("g1.apps.example"), Type: rr.TypeA}, client, &resp)
		if want := own || granted; resp.Waits != want || want && (calls != before || resp.Outcome != authority.OutcomeInvalid) {
			t.Errorf("%v not held: waits: got %v, want %v, after %d calls of the guest", apexes, resp.Waits, want, calls-before)
		}
		fast.Resolve(authority.Question{Name: name("host.other.example"), Type: rr.TypeA}, client, &resp)
		if want := slices.Contains(apexes, "other.example"); resp.Waits != want {
			t.Errorf("%v not held: a zone without a guest waits: got %v, want %v", apexes, resp.Waits, want)
		}
	}
}

// Where a lookup fails the guest is told and can answer; the answer is not kept, and
// the store is not asked again for the same question.
func TestUnheldLookupFails(t *testing.T) {
	_, slow, sources := serveUnheld(t, guestOfNames, "routes.internal")
	source := sources["routes.internal"]
	source.err = errors.New("away")
	var resp resolve.Response
	slow.Resolve(authority.Question{Name: name("shop.apps.example"), Type: rr.TypeTXT}, client, &resp)
	want := "unavailable denied unavailable"
	if text := string(resp.Answer.Answer[0].Data[0]); !strings.Contains(text, want) || resp.Trace.Cacheable {
		t.Errorf("got %q, may be kept %v; want %q and not", text, resp.Trace.Cacheable, want)
	}
	if source.reads != 1 {
		t.Errorf("got %d reads, want 1: a batch is one, and a failure is not repeated", source.reads)
	}
	source.err = nil
	slow.Resolve(authority.Question{Name: name("shop.apps.example"), Type: rr.TypeTXT}, client, &resp)
	if text := string(resp.Answer.Answer[0].Data[0]); !strings.Contains(text, "ok denied nxdomain") || !resp.Trace.Cacheable {
		t.Errorf("got %q, may be kept %v", text, resp.Trace.Cacheable)
	}
	source.err = errors.New("away")
	_, slow, sources = serveUnheld(t, guestOfNames, "apps.example")
	sources["apps.example"].err = errors.New("away")
	if got, want := ask(slow, "g1.apps.example", rr.TypeA), "SERVFAIL [23 the zone's data cannot be read now]"; got != want {
		t.Errorf("got %q, want %q", got, want)
	}
}

// A guest sees one snapshot of a zone, however much that changes while it runs: it is
// asked again until it did, and not for ever.
func TestUnheldZoneThatMoves(t *testing.T) {
	calls := 0
	twice := func(n string, q *hostabi.Question, h runtime.Host, a *runtime.Answer) error {
		calls++
		var said []string
		for _, lookup := range []string{"shop.routes.internal", "other.routes.internal"} {
			batch := []runtime.Lookup{{Name: name(lookup), Type: rr.TypeTXT}}
			h.Lookup(batch)
			said = append(said, batch[0].Status.String())
			for _, data := range batch[0].Set.Data {
				said = append(said, string(data[1:]))
			}
		}
		text := strings.Join(said, " ")
		return answer(a, set(n, rr.TypeTXT, 5, rr.Rdata(byteOf(len(text)))+rr.Rdata(text)))
	}
	_, slow, sources := serveUnheld(t, twice, "routes.internal")
	source := sources["routes.internal"]
	put := func(owner, text string) {
		next, err := source.zone.Apply(source.zone.Version()+1, []authority.Change{set(owner, rr.TypeTXT, 30, rr.Rdata(byteOf(len(text)))+rr.Rdata(text))})
		if err != nil {
			t.Fatal(err)
		}
		source.zone = next
	}
	source.before = func(e *elsewhere) { // both change together, between the guest's two lookups, once
		if e.reads == 2 {
			put("shop.routes.internal", "v2")
			put("other.routes.internal", "v2")
		}
	}
	if got := ask(slow, "x.apps.example", rr.TypeTXT); !strings.Contains(got, `"ok v2 ok v2"`) || calls != 2 {
		t.Errorf("got %q after %d calls, want one version of both after 2", got, calls)
	}
	source.before = func(e *elsewhere) { put("shop.routes.internal", strings.Repeat("x", e.reads%7)) }
	calls = 0
	if got := ask(slow, "x.apps.example", rr.TypeTXT); !strings.HasPrefix(got, "SERVFAIL [23") || calls > 10 {
		t.Errorf("a zone that never rests: got %q after %d calls", got, calls)
	}
}

func byteOf(n int) string { return string([]byte{byte(n)}) }
