package replica_test

import (
	"fmt"
	"testing"
	"time"

	"github.com/namelet/namelet/internal/authority"
	"github.com/namelet/namelet/internal/resolve"
	"github.com/namelet/namelet/rr"
	"github.com/namelet/namelet/sdk/sdktest"
	"github.com/namelet/namelet/store"
)

// attached serves a zone with one guest of the guests folder on it.
func attached(t *testing.T, folder string, a store.Attachment) *rig {
	return start(t, func(r *rig) {
		r.resolver = resolve.New(resolve.Config{Audit: true})
		r.worker = r.resolver.NewWorker()
		r.replace(apps, 1, "blue 60 IN TXT \"blue\"\ngreen 60 IN TXT \"green\"\n")
		if _, err := r.store.PutGuest(t.Context(), "guest", sdktest.BuildGo(t, "../../guests/"+folder)); err != nil {
			t.Fatal(err)
		}
		a.Zone, a.At, a.Guest = apps.Name, apps.Name, "guest"
		r.attach(a)
	})
}

// asked asks many names and returns the last response.
func (r *rig) asked(count int) *resolve.Response {
	resp := &resolve.Response{}
	for i := range count {
		q := authority.Question{Name: name(fmt.Sprintf("n%d.apps.example", i)), Type: rr.TypeTXT}
		r.worker.Resolve(q, hostileClient, resp)
	}
	return resp
}

// await waits, ten seconds at most, until the attachment's replays are as wanted.
func (r *rig) await(what string, ok func(resolve.Purity) bool) {
	r.t.Helper()
	deadline := time.Now().Add(10 * time.Second)
	for !ok(r.attachment().Purity()) {
		if time.Now().After(deadline) {
			r.t.Fatalf("%s: got %+v after 10 s", what, r.attachment().Purity())
		}
		r.asked(5)
		time.Sleep(time.Millisecond)
	}
}

func TestImpureGuestIsFound(t *testing.T) {
	r := attached(t, "hostile/maprange", store.Attachment{})
	if first := r.asked(1); !first.Trace.Cacheable {
		t.Fatal("the first answer of a guest is not cacheable")
	}
	before := r.resolver.Generation()
	r.await("impure", func(p resolve.Purity) bool { return p.Impure && p.Differences > 0 })
	for deadline := time.Now().Add(time.Second); r.resolver.Generation() == before && time.Now().Before(deadline); {
		time.Sleep(time.Millisecond)
	}
	if r.resolver.Generation() == before {
		t.Error("the generation is the same: what was kept is given again")
	}
	if r.asked(1).Trace.Cacheable {
		t.Error("its answers are still cacheable")
	}
	if problems := r.replica.Status().Problems; len(problems) != 1 {
		t.Errorf("got problems %v, want the impure guest", problems)
	}
}

func TestPureGuestIsLeftAlone(t *testing.T) {
	values := map[string]string{"blue.apps.example": "9", "green.apps.example": "1"}
	for name, r := range map[string]*rig{
		"weighted": attached(t, "weighted", store.Attachment{Values: values}),
		"apps":     attached(t, "apps", store.Attachment{}),
		"reset":    attached(t, "hostile/maprange", store.Attachment{Reset: true}),
	} {
		r.await(name, func(p resolve.Purity) bool { return p.Replays >= 100 })
		if got := r.attachment().Purity(); got.Impure || got.Differences > 0 {
			t.Errorf("%s: got %+v, want a pure guest", name, got)
		}
		if !r.asked(1).Trace.Cacheable {
			t.Errorf("%s: its answers are not cacheable", name)
		}
	}
}
