package replica_test

import (
	"context"
	"fmt"
	"net/netip"
	"strings"
	"testing"
	"time"

	"github.com/namelet/namelet/hostabi"
	"github.com/namelet/namelet/internal/authority"
	"github.com/namelet/namelet/internal/replica"
	"github.com/namelet/namelet/internal/resolve"
	"github.com/namelet/namelet/rr"
	"github.com/namelet/namelet/store"
	"github.com/namelet/namelet/store/zonefile"
)

// askFrom asks from network i, and returns the data of the answer.
func (r *rig) askFrom(i int) string {
	r.t.Helper()
	var resp resolve.Response
	r.worker.Resolve(authority.Question{Name: name("x.apps.example"), Type: rr.TypeTXT},
		resolve.Client{Addr: netip.MustParseAddr(fmt.Sprintf("10.%d.%d.1", i>>8&255, i&255)), Transport: hostabi.TransportUDP}, &resp)
	if len(resp.Answer.Answer) != 1 {
		r.t.Fatalf("network %d: got %v", i, resp.RCode)
	}
	return zonefile.FormatRdata(rr.TypeTXT, resp.Answer.Answer[0].Data[0])
}

// askUntil asks from many networks until ok, and wants the answer of the active
// version or of the fallback every time.
func (r *rig) askUntil(bound time.Duration, what string, ok func() bool) {
	r.t.Helper()
	i := 0
	r.within(bound, what, func() bool {
		for range 100 {
			i++
			if got := r.askFrom(i); got != `"a"` && got != `"zone"` {
				r.t.Fatalf("network %d: got %s", i, got)
			}
		}
		return ok()
	})
}

func (r *rig) attached() store.Attachment {
	r.t.Helper()
	all, err := r.store.Attachments(r.t.Context(), apps.Name)
	if err != nil || len(all) != 1 {
		r.t.Fatalf("attachments: %v, %v", all, err)
	}
	return all[0]
}

// A candidate that traps is rolled back by itself, with the reason; one that does
// not goes on.
func TestTrialIsRolledBack(t *testing.T) {
	r := rollout(t, store.FallbackDefault, trapping(t))
	r.push("g", "a") // version 3, which says what version 1 does
	r.activate(3, 5000)
	began := time.Now()
	r.askUntil(2*time.Second, "some time", func() bool { return time.Since(began) > time.Second })
	if a := r.attached(); a.Candidate == nil || a.Undone != nil {
		t.Fatalf("a sound candidate: got %+v", a)
	}
	r.activate(2, 500)
	began = time.Now()
	r.askUntil(5*time.Second, "the rollback", func() bool { return r.attached().Undone != nil })
	a := r.attached()
	if a.Candidate != nil || a.Version != 1 || a.Undone.Version != 2 || !strings.Contains(a.Undone.Why, "it failed on ") {
		t.Errorf("got %+v, undone %+v", a, a.Undone)
	}
	t.Logf("rolled back after %v: %s", time.Since(began).Round(time.Millisecond), a.Undone.Why)
	r.within(time.Second, "the routing", func() bool { return r.replica.Describe().Serving[0].Generation == a.Generation })
	for i := range 1000 {
		if got := r.askFrom(i); got != `"a"` {
			t.Fatalf("after the rollback network %d has %s", i, got)
		}
	}
	// Another trial of the same version is a trial of its own.
	r.activate(2, store.WholeShare-1)
	if got := r.askFrom(1); got != `"zone"` {
		t.Errorf("on trial again: got %s, want the fallback", got)
	}
}

// A replica takes a candidate back without its store, and says so when that is back;
// it is then rolled back for all.
func TestTrialEndsWithoutTheStore(t *testing.T) {
	r, shared := othersStore(t)
	r.replace(apps, 1, `x 60 IN TXT "zone"`+"\n")
	r.push("g", "a")
	if _, err := r.store.PutGuest(t.Context(), "g", trapping(t)); err != nil {
		t.Fatal(err)
	}
	r.attach(store.Attachment{Zone: apps.Name, At: apps.Name, Guest: "g", Version: 1})
	f := &faulty{under: shared}
	mine, err := store.New(t.Context(), f, store.Options{})
	if err != nil {
		t.Fatal(err)
	}
	r.follow(replica.Config{Store: mine, Self: store.Replica{ID: "me", Host: "here"}})
	r.activate(2, 500)
	f.set(func(context.Context) error { return store.ErrUnavailable })
	r.within(2*time.Second, "the store's absence", r.inState(replica.Away))
	fell := func() bool { return r.replica.Describe().Serving[0].Fell != "" }
	r.askUntil(2*time.Second, "the end of the trial here", fell)
	for i := range 1000 {
		if got := r.askFrom(i); got != `"a"` {
			t.Fatalf("after its end network %d has %s", i, got)
		}
	}
	if s := r.replica.Describe().Serving[0]; s.Candidate != 0 || s.Version != 1 {
		t.Errorf("serving: got %+v", s)
	}
	if a := r.attached(); a.Undone != nil {
		t.Fatalf("rolled back without a store: %+v", a.Undone)
	}
	f.set(nil)
	r.within(5*time.Second, "the rollback", func() bool { return r.attached().Undone != nil })
	if why := r.attached().Undone.Why; !strings.HasPrefix(why, "on here it failed on ") {
		t.Errorf("reason: got %q", why)
	}
}

// A shadow is held against the active version, and nothing it says is sent.
func TestShadow(t *testing.T) {
	r := rollout(t, store.FallbackDefault, guest(t, "b"))
	r.push("g", "a")                                                           // version 3 says what version 1 does
	if _, err := r.store.PutGuest(t.Context(), "g", trapping(t)); err != nil { // version 4 traps
		t.Fatal(err)
	}
	shadow := func(version uint64) {
		t.Helper()
		q := store.Activation{Point: store.Point{Zone: apps.Name, At: apps.Name}, Guest: "g", Version: version, Shadow: true, Watch: store.DefaultWatch()}
		if _, err := r.store.Activate(t.Context(), q); err != nil {
			t.Fatal(err)
		}
		r.within(time.Second, "the shadow", func() bool { return r.replica.Describe().Serving[0].Candidate == version })
	}
	ask := func(n int) (compared, differ uint64) {
		t.Helper()
		for i := range n {
			if got := r.askFrom(i); got != `"a"` {
				t.Fatalf("network %d: got %s beside a shadow", i, got)
			}
			r.worker.Idle()
		}
		s := r.replica.Describe().Serving[0]
		return s.Compared, s.Differ
	}
	asked := func(qname string) bool {
		return r.resolver.Shadowed(authority.Question{Name: name(qname), Type: rr.TypeTXT})
	}
	if r.resolver.Shadows() || asked("x.apps.example") {
		t.Error("a shadow is asked where there is none")
	}
	shadow(2)
	if !r.resolver.Shadows() || !asked("x.apps.example") || asked("x.example") {
		t.Error("a shadow is not asked about its names, or about others")
	}
	if compared, differ := ask(100); compared != 100 || differ != 100 {
		t.Errorf("one that says b: %d of %d differ, want 100 of 100", differ, compared)
	}
	shadow(3)
	if compared, differ := ask(100); compared != 100 || differ != 0 {
		t.Errorf("one that says the same: %d of %d differ, want 0 of 100", differ, compared)
	}
	if a := r.attached(); a.Candidate == nil || !a.Candidate.Shadow || a.Undone != nil {
		t.Fatalf("differences end no trial: got %+v", a)
	}
	shadow(4)
	r.within(5*time.Second, "the rollback", func() bool { ask(10); return r.attached().Undone != nil })
	if a := r.attached(); a.Candidate != nil || a.Undone.Version != 4 {
		t.Errorf("one that traps: got %+v", a)
	}
}
