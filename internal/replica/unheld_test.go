package replica_test

import (
	"fmt"
	"net/netip"
	"sync"
	"testing"
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"github.com/namelet/namelet/hostabi"
	"github.com/namelet/namelet/internal/authority"
	"github.com/namelet/namelet/internal/replica"
	"github.com/namelet/namelet/internal/resolve"
	"github.com/namelet/namelet/rr"
	"github.com/namelet/namelet/store"
)

// large is a zone that is not held.
var large = store.ZoneSpec{Name: name("large.example"), ZoneSettings: store.ZoneSettings{Residency: store.ResidencyLookup}}

const largeZone = `a 60 IN TXT "one"
b 60 IN CNAME a
*.w 60 IN TXT "wild"
deep.below.inner 60 IN TXT "deep"
m 60 IN MX 1 a
cut 60 IN NS ns.cut
ns.cut 60 IN A 192.0.2.1
old 60 IN DNAME w
`

// slow makes the rig ask a slow worker.
func (r *rig) slow() {
	r.worker = r.resolver.NewSlowWorker()
	r.t.Cleanup(r.worker.Close)
}

// resolve returns the whole response.
func resolved(w *resolve.Worker, qname string, t rr.Type) *resolve.Response {
	resp := &resolve.Response{}
	w.Resolve(authority.Question{Name: name(qname), Type: t}, resolve.Client{Addr: netip.MustParseAddr("127.0.0.1"), Transport: hostabi.TransportUDP}, resp)
	return resp
}

// reads returns how often a replica's zones that are not held were read, by result.
func reads(t *testing.T, r *replica.Replica) map[string]int {
	t.Helper()
	registry := prometheus.NewRegistry()
	registry.MustRegister(r.Reads()...)
	families, err := registry.Gather()
	if err != nil {
		t.Fatal(err)
	}
	all := map[string]int{}
	for _, family := range families {
		for _, m := range family.GetMetric() {
			if labels := m.GetLabel(); len(labels) == 1 {
				all[labels[0].GetValue()] = int(m.GetCounter().GetValue())
			}
		}
	}
	return all
}

// A zone that is not held answers as others do, on slow workers, and follows the
// store.
func TestUnheldZone(t *testing.T) {
	r, _ := remote(t, func(r *rig) { r.replace(large, 1, largeZone) })
	if resp := resolved(r.worker, "a.large.example", rr.TypeTXT); !resp.Waits || resp.Outcome != authority.OutcomeInvalid {
		t.Errorf("got %+v of a worker that may not wait", resp)
	}
	if resp := resolved(r.worker, "elsewhere.example", rr.TypeTXT); resp.Waits {
		t.Error("a name outside waits")
	}
	r.slow()
	for qname, want := range map[string]string{
		"a.large.example":                `NOERROR "one"`,
		"b.large.example":                `NOERROR a.large.example. "one"`,
		"x.w.large.example":              `NOERROR "wild"`,
		"w.large.example":                `NOERROR`,
		"inner.large.example":            `NOERROR`,
		"below.inner.large.example":      `NOERROR`,
		"deep.below.inner.large.example": `NOERROR "deep"`,
		"no.below.inner.large.example":   `NXDOMAIN`,
		"no.large.example":               `NXDOMAIN`,
		"x.cut.large.example":            `NOERROR`,
		"x.old.large.example":            `NOERROR w.large.example. x.w.large.example. "wild"`,
	} {
		if got := r.ask(qname); got != want {
			t.Errorf("%s: got %s, want %s", qname, got, want)
		}
	}
	if names := r.replica.Status().Names; names != 0 {
		t.Errorf("holds %d names", names)
	}
	r.replace(large, 2, `a 60 IN TXT "two"`+"\n")
	r.within(time.Second, "an import", r.says("a.large.example", `NOERROR "two"`))
	if err := r.store.DeleteZone(t.Context(), large.Name, store.WriteOptions{}); err != nil {
		t.Fatal(err)
	}
	r.within(time.Second, "the end", r.says("a.large.example", "REFUSED [not served here]"))
}

// A store that is refused is not read for zones that are not held, and what was read
// of it before that was known does not outlast the right one's return.
func TestUnheldZoneOfARefusedStore(t *testing.T) {
	r, f := remote(t, func(r *rig) { r.replace(large, 1, largeZone) })
	r.slow()
	r.within(time.Second, "the first", r.says("a.large.example", `NOERROR "one"`))
	other, d := othersStore(t)
	for serial := range 5 { // so that its version is higher
		other.replace(large, 1+serial, fmt.Sprintf("a 60 IN TXT \"foreign %d\"\n", serial))
	}
	right := f.under
	f.swap(d)
	foreign := resolved(r.worker, "a.large.example", rr.TypeTXT)
	r.within(4*time.Second, "refused", r.inState(replica.Refused))
	time.Sleep(200 * time.Millisecond)
	if got, want := r.ask("a.large.example"), "SERVFAIL [the zone's data cannot be read now]"; got != want {
		t.Errorf("got %q, want %q", got, want)
	}
	f.swap(right)
	r.within(recovery, "the store's return", r.says("a.large.example", `NOERROR "one"`))
	if foreign.Outcome == authority.OutcomeAnswer && foreign.Deps.Valid() {
		t.Error("what was read of another store is still given")
	}
}

// What was answered counts until something that it depended on changes, and no
// longer than a second after that.
func TestUnheldAnswersAreOutdated(t *testing.T) {
	r, _ := remote(t, func(r *rig) { r.replace(large, 1, largeZone) })
	r.slow()
	kept := map[string]*resolve.Response{}
	again := func() {
		for _, qname := range []string{"a", "b", "no", "x.w", "inner", "m"} {
			kept[qname] = resolved(r.worker, qname+".large.example", rr.TypeTXT)
			if !kept[qname].Trace.Cacheable || !kept[qname].Deps.Valid() {
				t.Fatalf("%s: not to be kept", qname)
			}
		}
	}
	change := func(what string, changes []store.Change, outdated ...string) {
		t.Helper()
		again()
		if _, err := r.store.Change(t.Context(), large.Name, changes, store.WriteOptions{}); err != nil {
			t.Fatal(err)
		}
		r.within(time.Second, what, func() bool { return !kept[outdated[0]].Deps.Valid() })
		for qname, resp := range kept {
			want := true
			for _, o := range outdated {
				want = want && o != qname
			}
			if got := resp.Deps.Valid(); got != want {
				t.Errorf("%s: the answer about %s is valid: got %v, want %v", what, qname, got, want)
			}
		}
	}
	put := func(owner string, t rr.Type, data rr.Rdata) store.Change {
		return store.Put(rr.Set{Name: name(owner + ".large.example"), Type: t, TTL: 60, Data: []rr.Rdata{data}})
	}
	all := []string{"a", "b", "no", "x.w", "inner", "m"}
	change("a changed set", []store.Change{put("a", rr.TypeTXT, "\x03new")}, "a", "b", "no", "inner", "m") // the SOA is in every absence
	change("a new name", []store.Change{put("no", rr.TypeTXT, "\x03now")}, "no", "inner", "m")
	change("a wildcard that goes", []store.Change{store.Delete(name("*.w.large.example"), rr.TypeTXT)}, "x.w", "inner", "m")
	change("a cut", []store.Change{put("inner", rr.TypeNS, rr.Rdata(name("a.large.example").Wire()))}, all...)
	again()
	if _, err := r.store.SetZone(t.Context(), large.Name, func(z *store.ZoneSpec) error { z.Residency = store.ResidencyMemory; return nil }, store.WriteOptions{}); err != nil {
		t.Fatal(err)
	}
	r.within(time.Second, "a zone that is held from now on", func() bool { return r.replica.Status().Names > 0 })
	for qname, resp := range kept {
		if resp.Deps.Valid() {
			t.Errorf("%s: valid although the zone is held now", qname)
		}
	}
}

// Those who need the same names at the same time share a read.
func TestUnheldReadsAreShared(t *testing.T) {
	r, f := remote(t, func(r *rig) { r.replace(large, 1, largeZone) })
	f.set(dawdles)
	const n = 30
	var group sync.WaitGroup
	for i := range n {
		w := r.resolver.NewSlowWorker()
		t.Cleanup(w.Close)
		group.Go(func() {
			if resp := resolved(w, "a.large.example", [2]rr.Type{rr.TypeA, rr.TypeTXT}[i%2]); resp.RCode != rr.RCodeNoError {
				t.Errorf("got %v", resp.RCode)
			}
		})
	}
	group.Wait()
	got := reads(t, r.replica)
	if got["read"]+got["shared"] != n || got["read"] > 3 {
		t.Errorf("got %v, want %d answers by very few reads", got, n)
	}
}

// Without the store what is kept counts, and the rest fails soon and says so; and
// that ends with the store's return.
func TestUnheldZoneWithoutStore(t *testing.T) {
	for what, fault := range map[string]func(*faulty){
		"cut":   func(f *faulty) { f.set(fails) },
		"hangs": func(f *faulty) { f.set(hangs) },
	} {
		t.Run(what, func(t *testing.T) {
			r, f := remote(t, func(r *rig) { r.replace(large, 1, largeZone) })
			r.slow()
			kept := resolved(r.worker, "a.large.example", rr.TypeTXT)
			fault(f)
			const failure = "SERVFAIL [the zone's data cannot be read now]"
			if got := r.ask("b.large.example"); got != failure {
				t.Errorf("got %s, want %s", got, failure)
			}
			began := time.Now()
			for range 100 {
				if got := r.ask("b.large.example"); got != failure {
					t.Fatalf("got %s, want %s", got, failure)
				}
			}
			if took := time.Since(began); took > 3*time.Second {
				t.Errorf("a hundred failures took %v", took)
			}
			if resp := resolved(r.worker, "b.large.example", rr.TypeTXT); resp.Trace.Cacheable || resp.Errors[0].Code != resolve.ErrorNetwork {
				t.Errorf("got %+v, may be kept %v", resp.Errors, resp.Trace.Cacheable)
			}
			if !kept.Deps.Valid() {
				t.Error("what was kept does not count any more")
			}
			f.set(nil)
			r.within(recovery, "answers", r.says("b.large.example", `NOERROR a.large.example. "one"`))
			if got := reads(t, r.replica); got["failed"] == 0 || got["skipped"] == 0 {
				t.Errorf("got %v", got)
			}
		})
	}
}
