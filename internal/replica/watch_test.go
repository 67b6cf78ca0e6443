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
)

// turning makes a module that says a after so many turns of a loop.
func turning(t testing.TB, turns int) []byte {
	t.Helper()
	return assemble(t, fmt.Sprintf(`(module
  (memory (export "memory") 1)
  (data (i32.const 16) "\00\10\00\00\00\04\00\00\00\20\00\00\00\04\00\00")
  (data (i32.const 8192) "\10\00\00\00\01\00\01\00\00\00\00\00\00\00\00\00\10\00\00\00\10\00\00\01\09\00\00\00\00\00\02\00\01a")
  (func (export "namelet_abi_1"))
  (func (export "namelet_buffers") (result i32) i32.const 16)
  (func (export "namelet_answer") (param i32) (result i32) (local i32)
    (loop (br_if 0 (i32.lt_u (local.tee 1 (i32.add (local.get 1) (i32.const 1))) (i32.const %d))))
    i32.const 34))`, turns))
}

// askNames asks for a hundred names from each network in turn.
func (r *rig) askNames(n int) {
	r.t.Helper()
	for i := range n {
		var resp resolve.Response
		r.worker.Resolve(authority.Question{Name: name(fmt.Sprintf("n%d.apps.example", i%100)), Type: rr.TypeTXT},
			resolve.Client{Addr: netip.MustParseAddr(fmt.Sprintf("10.%d.%d.1", i>>8&255, i&255)), Transport: hostabi.TransportUDP}, &resp)
		r.worker.Idle()
	}
}

// undone waits for a rollback while questions come, and returns its reason.
func (r *rig) undone(version uint64) string {
	r.t.Helper()
	r.within(5*time.Second, "the rollback", func() bool { r.askNames(200); return r.attached().Undone != nil })
	u := r.attached().Undone
	if u.Version != version {
		r.t.Errorf("rolled back: %+v, want version %d", u, version)
	}
	return u.Why
}

func TestCandidateIsRolledBackFor(t *testing.T) {
	for _, row := range []struct {
		what   string
		module []byte
		watch  store.Watch
		shadow bool
		why    string
	}{
		{"fuel", turning(t, 10_000), store.Watch{Fuel: 300}, false, "a call burns "},
		{"fuel of a shadow", turning(t, 10_000), store.DefaultWatch(), true, "a call burns "},
		{"latency", turning(t, 300_000), store.Watch{Latency: 500}, false, "half of the calls take longer than "},
		{"differences", guest(t, "b"), store.Watch{Differences: 100}, true, "answers differ from those of the active version (100.00 %), and more than 1 % is too much"},
		{"its circuit breaker", trapping(t), store.Watch{Failures: store.WholeShare}, false, "its circuit breaker opened: it failed on "},
	} {
		t.Run(row.what, func(t *testing.T) {
			r := rollout(t, store.FallbackDefault, row.module)
			q := store.Activation{Point: store.Point{Zone: apps.Name, At: apps.Name}, Guest: "g", Version: 2, Share: 5000, Shadow: row.shadow, Watch: row.watch}
			if _, err := r.store.Activate(t.Context(), q); err != nil {
				t.Fatal(err)
			}
			why := r.undone(2)
			if !strings.Contains(why, row.why) {
				t.Errorf("reason: got %q, want %q", why, row.why)
			}
			t.Log(why)
		})
	}
}

// What nobody asked to look at ends no trial.
func TestCandidateStays(t *testing.T) {
	r := rollout(t, store.FallbackDefault, turning(t, 10_000))
	r.watch = store.Watch{Failures: 100, Latency: 100_000}
	r.activate(2, 5000)
	began := time.Now()
	r.within(3*time.Second, "some time", func() bool { r.askNames(200); return time.Since(began) > time.Second })
	if a := r.attached(); a.Candidate == nil || a.Undone != nil {
		t.Errorf("got %+v, undone %+v", a, a.Undone)
	}
}

// What is put in force at once is watched against what was before, and there is an
// audit of what that came to.
func TestActivationIsTakenBack(t *testing.T) {
	for _, row := range []struct {
		what   string
		module []byte
		why    string
	}{
		{"failures", trapping(t), "the version before on 0 of "},
		{"fuel", turning(t, 10_000), "a call burns "},
	} {
		t.Run(row.what, func(t *testing.T) {
			r := rollout(t, store.FallbackDefault, row.module)
			r.askNames(100)
			r.activate(2, store.WholeShare)
			if a := r.attached(); a.Version != 2 || a.Watched == nil {
				t.Fatalf("activated: got %+v", a)
			}
			why := r.undone(2)
			if !strings.Contains(why, row.why) {
				t.Errorf("reason: got %q, want %q", why, row.why)
			}
			t.Log(why)
			a := r.attached()
			if a.Version != 1 || a.Watched != nil {
				t.Errorf("rolled back: got %+v", a)
			}
			r.expect("x.apps.example", `NOERROR "a"`)
			entries, err := r.store.Audit(t.Context(), 10, func(*store.AuditEntry) bool { return true })
			if err != nil || len(entries) != 1 || entries[0].Operation != "guest/rollback" || !strings.HasPrefix(entries[0].Who, "server") || entries[0].Subjects[0] != "apps.example." {
				t.Errorf("audit: got %+v, %v", entries, err)
			}
		})
	}
}

// One that is not watched stays, and so does one that is no worse than what was before.
func TestActivationStays(t *testing.T) {
	stays := func(t *testing.T, r *rig) {
		t.Helper()
		began := time.Now()
		r.within(3*time.Second, "some time", func() bool { r.askNames(200); return time.Since(began) > time.Second })
		if a := r.attached(); a.Version != 2 || a.Undone != nil {
			t.Errorf("got %+v, undone %+v", a, a.Undone)
		}
	}
	t.Run("unwatched", func(t *testing.T) {
		r := rollout(t, store.FallbackDefault, trapping(t))
		if _, err := r.store.Activate(t.Context(), store.Activation{Point: store.Point{Zone: apps.Name, At: apps.Name}, Guest: "g", Share: store.WholeShare}); err != nil {
			t.Fatal(err)
		}
		stays(t, r)
	})
	t.Run("sound", func(t *testing.T) {
		r := rollout(t, store.FallbackDefault, guest(t, "b"))
		r.askNames(100)
		r.activate(2, store.WholeShare)
		stays(t, r)
	})
}

// Without its store a replica goes back to the version before by itself.
func TestActivationIsTakenBackWithoutTheStore(t *testing.T) {
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
	r.activate(2, store.WholeShare)
	f.set(func(context.Context) error { return store.ErrUnavailable })
	r.within(2*time.Second, "the store's absence", r.inState(replica.Away))
	r.within(3*time.Second, "the version before", func() bool { r.askNames(100); return r.replica.Describe().Serving[0].Fell != "" })
	r.expect("x.apps.example", `NOERROR "a"`)
	if s := r.replica.Describe().Serving[0]; s.Version != 1 {
		t.Errorf("serving: got %+v", s)
	}
	f.set(nil)
	r.within(5*time.Second, "the rollback", func() bool { return r.attached().Version == 1 })
	r.within(time.Second, "what is served", func() bool { return r.replica.Describe().Serving[0].Fell == "" })
	r.expect("x.apps.example", `NOERROR "a"`)
}

// Where both versions fail with last-good, the zone answers.
func TestLastGoodFailsToo(t *testing.T) {
	r := rollout(t, store.FallbackLastGood, trapping(t))
	if _, err := r.store.PutGuest(t.Context(), "g", append(trapping(t), "\x00\x02\x01x"...)); err != nil {
		t.Fatal(err)
	}
	r.watch = store.Watch{Failures: store.WholeShare}
	r.activate(2, store.WholeShare)
	r.activate(3, store.WholeShare)
	if got := r.ask("y.apps.example"); !strings.HasPrefix(got, `NXDOMAIN [guest failed: trap`) {
		t.Errorf("got %q", got)
	}
}

// What can be loaded nowhere is rolled back, and what is in force answers meanwhile.
func TestWhatCannotBeLoadedIsTakenBack(t *testing.T) {
	t.Parallel()
	for _, row := range []struct {
		what string
		q    store.Activation
	}{
		{"canary", store.Activation{Share: 5000}},
		{"shadow", store.Activation{Shadow: true}},
		{"at once", store.Activation{Share: store.WholeShare, WatchFor: time.Minute}},
	} {
		t.Run(row.what, func(t *testing.T) {
			t.Parallel()
			r := rollout(t, store.FallbackDefault, []byte("no module"))
			q := row.q
			q.Point, q.Guest, q.Version, q.Watch = store.Point{Zone: apps.Name, At: apps.Name}, "g", 2, store.DefaultWatch()
			if _, err := r.store.Activate(t.Context(), q); err != nil {
				t.Fatal(err)
			}
			r.within(10*time.Second, "the rollback", func() bool {
				r.expect("x.apps.example", `NOERROR "a"`)
				return r.attached().Undone != nil
			})
			a := r.attached()
			if a.Version != 1 || a.Candidate != nil || a.Undone.Version != 2 || !strings.HasPrefix(a.Undone.Why, "it could not be loaded within 5s, on 1 of 1 servers: g@2: ") {
				t.Errorf("got %+v, undone %+v", a, a.Undone)
			}
		})
	}
}

// A trial that nobody watches is not ended because nothing can be loaded.
func TestWhatCannotBeLoadedUnwatchedStays(t *testing.T) {
	t.Parallel()
	r := rollout(t, store.FallbackDefault, []byte("no module"))
	if _, err := r.store.Activate(t.Context(), store.Activation{Point: store.Point{Zone: apps.Name, At: apps.Name}, Guest: "g", Version: 2, Share: 5000}); err != nil {
		t.Fatal(err)
	}
	time.Sleep(7 * time.Second)
	if a := r.attached(); a.Candidate == nil {
		t.Errorf("rolled back: %+v", a.Undone)
	}
}

// One that another server has loaded, or has yet to speak of, stays.
func TestWhatOthersLoadStays(t *testing.T) {
	t.Parallel()
	r, shared := othersStore(t)
	r.replace(apps, 1, `x 60 IN TXT "zone"`+"\n")
	r.push("g", "a")
	if _, err := r.store.PutGuest(t.Context(), "g", []byte("no module")); err != nil {
		t.Fatal(err)
	}
	r.attach(store.Attachment{Zone: apps.Name, At: apps.Name, Guest: "g", Version: 1})
	mine, err := store.New(t.Context(), shared, store.Options{})
	if err != nil {
		t.Fatal(err)
	}
	other := store.Replica{ID: "other", Host: "there", State: string(replica.Following)}
	if err := r.store.PutReplica(t.Context(), other); err != nil {
		t.Fatal(err)
	}
	r.follow(replica.Config{Store: mine, Self: store.Replica{ID: "me", Host: "here"}})
	r.activate(2, 5000)
	time.Sleep(7 * time.Second)
	a := r.attached()
	if a.Candidate == nil {
		t.Fatalf("one that another server may load: got %+v", a.Undone)
	}
	other.Serving = []store.Serving{{Point: a.Point(), Guest: "g", Version: 1, Generation: a.Generation, Problem: "g@2: no module"}}
	if err := r.store.PutReplica(t.Context(), other); err != nil {
		t.Fatal(err)
	}
	r.within(5*time.Second, "the rollback", func() bool { return r.attached().Undone != nil })
	if why := r.attached().Undone.Why; !strings.HasPrefix(why, "it could not be loaded within 5s, on 2 of 2 servers: ") {
		t.Errorf("reason: got %q", why)
	}
}

// A server that starts while a version is watched makes the one before ready, and goes
// back to it.
func TestActivationIsTakenBackAfterAStart(t *testing.T) {
	r := start(t, func(r *rig) {
		r.replace(apps, 1, `x 60 IN TXT "zone"`+"\n")
		r.push("g", "a")
		if _, err := r.store.PutGuest(t.Context(), "g", trapping(t)); err != nil {
			t.Fatal(err)
		}
		r.attach(store.Attachment{Zone: apps.Name, At: apps.Name, Guest: "g", Version: 1})
		q := store.Activation{Point: store.Point{Zone: apps.Name, At: apps.Name}, Guest: "g", Share: store.WholeShare, Watch: store.DefaultWatch(), WatchFor: time.Minute}
		if _, err := r.store.Activate(t.Context(), q); err != nil {
			t.Fatal(err)
		}
	})
	if why := r.undone(2); !strings.Contains(why, "the version before on 0 of 0") {
		t.Errorf("reason: got %q", why)
	}
	r.expect("x.apps.example", `NOERROR "a"`)
}

// The watch ends by itself: what fails later stays, until somebody looks.
func TestWatchEnds(t *testing.T) {
	r := rollout(t, store.FallbackDefault, trapping(t))
	q := store.Activation{Point: store.Point{Zone: apps.Name, At: apps.Name}, Guest: "g", Version: 2, Share: store.WholeShare, Watch: store.DefaultWatch(), WatchFor: 300 * time.Millisecond}
	if _, err := r.store.Activate(t.Context(), q); err != nil {
		t.Fatal(err)
	}
	time.Sleep(400 * time.Millisecond)
	generation := r.resolver.Generation()
	began := time.Now()
	r.within(3*time.Second, "some time", func() bool { r.askNames(200); return time.Since(began) > time.Second })
	if a := r.attached(); a.Version != 2 || a.Undone != nil {
		t.Errorf("after the watch: got %+v, undone %+v", a, a.Undone)
	}
	if got := r.resolver.Generation(); got != generation {
		t.Errorf("the end of the watch made all answers be computed anew: generation %d after %d", got, generation)
	}
}
