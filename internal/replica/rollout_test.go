package replica_test

import (
	"cmp"
	"fmt"
	"net/netip"
	"os"
	"os/exec"
	"path/filepath"
	"testing"
	"time"

	"github.com/namelet/namelet/hostabi"
	"github.com/namelet/namelet/internal/authority"
	"github.com/namelet/namelet/internal/resolve"
	"github.com/namelet/namelet/rr"
	"github.com/namelet/namelet/store"
	"github.com/namelet/namelet/store/zonefile"
)

// trapping makes a module that starts and traps on each question.
func trapping(t testing.TB) []byte {
	t.Helper()
	return assemble(t, `(module
  (memory (export "memory") 1)
  (data (i32.const 16) "\00\10\00\00\00\04\00\00\00\20\00\00\00\04\00\00")
  (func (export "namelet_abi_1"))
  (func (export "namelet_buffers") (result i32) i32.const 16)
  (func (export "namelet_answer") (param i32) (result i32) unreachable))`)
}

func assemble(t testing.TB, wat string) []byte {
	t.Helper()
	path := filepath.Join(t.TempDir(), "guest.wat")
	if err := os.WriteFile(path, []byte(wat), 0o600); err != nil {
		t.Fatal(err)
	}
	if msg, err := exec.Command("wat2wasm", path, "-o", path+".wasm").CombinedOutput(); err != nil {
		t.Fatalf("wat2wasm: %v: %s (apt-get install wabt)", err, msg)
	}
	wasm, err := os.ReadFile(path + ".wasm")
	if err != nil {
		t.Fatal(err)
	}
	return wasm
}

func (r *rig) activate(version uint64, share uint32) {
	r.t.Helper()
	q := store.Activation{Point: store.Point{Zone: apps.Name, At: apps.Name}, Guest: "g", Version: version, Share: share, Watch: cmp.Or(r.watch, store.DefaultWatch()), WatchFor: time.Minute}
	a, err := r.store.Activate(r.t.Context(), q)
	if err != nil {
		r.t.Fatal(err)
	}
	r.within(time.Second, "the activation", func() bool {
		all := r.replica.Describe().Serving
		return len(all) == 1 && all[0].Generation == a.Generation
	})
}

func (r *rig) rollback() {
	r.t.Helper()
	if _, err := r.store.Rollback(r.t.Context(), store.Rollback{Point: store.Point{Zone: apps.Name, At: apps.Name}}); err != nil {
		r.t.Fatal(err)
	}
}

// rollout starts a replica with version 1 attached, which says a, and a version 2.
func rollout(t *testing.T, fallback store.Fallback, second []byte) *rig {
	return start(t, func(r *rig) {
		r.replace(apps, 1, `x 60 IN TXT "zone"`+"\n")
		r.push("g", "a")
		if _, err := r.store.PutGuest(t.Context(), "g", second); err != nil {
			t.Fatal(err)
		}
		r.attach(store.Attachment{Zone: apps.Name, At: apps.Name, Guest: "g", Version: 1, Fallback: fallback})
	})
}

func TestActivateAndRollback(t *testing.T) {
	r := rollout(t, store.FallbackDefault, guest(t, "b"))
	serving := func(version uint64) {
		t.Helper()
		all := r.replica.Describe().Serving
		if len(all) != 1 || all[0].Version != version || all[0].Guest != "g" || all[0].Problem != "" {
			t.Errorf("serving: got %+v, want version %d", all, version)
		}
	}
	r.expect("x.apps.example", `NOERROR "a"`)
	serving(1)
	for range 3 {
		r.activate(2, store.WholeShare)
		r.expect("x.apps.example", `NOERROR "b"`)
		serving(2)
		r.rollback()
		r.expect("x.apps.example", `NOERROR "a"`)
		serving(1)
	}
}

// A release that comes back is the one that was there, with its instances.
func TestRollbackIsWarm(t *testing.T) {
	r := rollout(t, store.FallbackDefault, guest(t, "b"))
	one := func() (a *resolve.Attachment) {
		for a = range r.resolver.Routing().Attachments() {
		}
		return a
	}
	r.expect("x.apps.example", `NOERROR "a"`)
	first := one()
	r.activate(2, 500) // on trial
	r.activate(2, store.WholeShare)
	r.expect("x.apps.example", `NOERROR "b"`)
	second := one()
	r.rollback()
	r.expect("x.apps.example", `NOERROR "a"`)
	if one() != first {
		t.Error("the version that was rolled back to was made anew")
	}
	r.activate(2, store.WholeShare)
	r.expect("x.apps.example", `NOERROR "b"`)
	if one() != second {
		t.Error("the version that was put in force again was made anew")
	}
}

func TestLastGood(t *testing.T) {
	r := rollout(t, store.FallbackLastGood, trapping(t))
	r.expect("x.apps.example", `NOERROR "a"`)
	r.activate(2, store.WholeShare)
	r.expect("x.apps.example", `NOERROR "a" [guest failed: trap, so another version answers]`)
	r.rollback()
	r.expect("x.apps.example", `NOERROR "a"`)
	// A canary that fails has the active version answer.
	r.activate(2, store.WholeShare-1)
	if got := r.ask("y.apps.example"); got != `NOERROR "a" [guest failed: trap, so another version answers]` {
		t.Errorf("a canary that fails: got %q", got)
	}
}

func TestLastGoodWithNothingBefore(t *testing.T) {
	r := start(t, func(r *rig) {
		r.replace(apps, 1, `x 60 IN TXT "zone"`+"\n")
		if _, err := r.store.PutGuest(t.Context(), "g", trapping(t)); err != nil {
			t.Fatal(err)
		}
		r.attach(store.Attachment{Zone: apps.Name, At: apps.Name, Guest: "g", Fallback: store.FallbackLastGood})
	})
	r.expect("x.apps.example", `NOERROR "zone" [guest failed: trap]`)
}

// A canary answers for its share of the networks that ask, each always the same, and
// a larger share takes in all of a smaller one.
func TestCanaryShare(t *testing.T) {
	r := rollout(t, store.FallbackDefault, guest(t, "b"))
	r.expect("x.apps.example", `NOERROR "a"`)
	ask := func(address string) string {
		var resp resolve.Response
		r.worker.Resolve(authority.Question{Name: name("X.apps.example"), Type: rr.TypeTXT},
			resolve.Client{Addr: netip.MustParseAddr(address), Transport: hostabi.TransportUDP}, &resp)
		if len(resp.Answer.Answer) != 1 {
			t.Fatalf("%s: got %v", address, resp.RCode)
		}
		return zonefile.FormatRdata(rr.TypeTXT, resp.Answer.Answer[0].Data[0])
	}
	const networks = 100_000
	had := map[int]bool{}
	for _, share := range []uint32{500, 2000} {
		r.activate(2, share)
		count := 0
		for i := range networks {
			network := fmt.Sprintf("10.%d.%d", i>>8&255, i&255)
			if i >= 1<<16 {
				network = fmt.Sprintf("11.%d.%d", i>>8&255, i&255)
			}
			got := ask(network + ".1")
			if again := ask(network + ".200"); again != got {
				t.Fatalf("network %s: one address has %s, another %s", network, got, again)
			}
			switch {
			case got == `"b"`:
				count++
				had[i] = true
			case had[i]:
				t.Fatalf("network %s had the candidate, and has not with a share of %d", network, share)
			}
		}
		if want := networks * int(share) / store.WholeShare; count < want-networks/200 || count > want+networks/200 {
			t.Errorf("share %d: %d of %d networks have the candidate, want %d", share, count, networks, want)
		}
	}
}

// After a start the version before is made ready, too, once all that answers is, and a
// rollback finds it.
func TestRollbackIsWarmAfterAStart(t *testing.T) {
	r := start(t, func(r *rig) {
		r.replace(apps, 1, `x 60 IN TXT "zone"`+"\n")
		r.push("g", "a")
		r.push("g", "b")
		r.attach(store.Attachment{Zone: apps.Name, At: apps.Name, Guest: "g", Version: 1})
		q := store.Activation{Point: store.Point{Zone: apps.Name, At: apps.Name}, Guest: "g", Version: 2, Share: store.WholeShare}
		if _, err := r.store.Activate(t.Context(), q); err != nil {
			t.Fatal(err)
		}
	})
	r.expect("x.apps.example", `NOERROR "b"`)
	labelled := func(label string) *resolve.Attachment {
		for a := range r.resolver.Routing().Attachments() {
			if a.Label == label {
				return a
			}
		}
		return nil
	}
	generation := r.resolver.Generation()
	r.within(2*time.Second, "the version before", func() bool { return labelled("g@1") != nil })
	if got := r.resolver.Generation(); got != generation {
		t.Errorf("the version before made all answers be computed anew: generation %d after %d", got, generation)
	}
	before := labelled("g@1")
	r.rollback()
	r.expect("x.apps.example", `NOERROR "a"`)
	if labelled("g@1") != before {
		t.Error("the version that was rolled back to was made anew")
	}
}
