package replica_test

import (
	"context"
	"fmt"
	"iter"
	"log/slog"
	"net/netip"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/namelet/namelet/hostabi"
	"github.com/namelet/namelet/internal/authority"
	"github.com/namelet/namelet/internal/replica"
	"github.com/namelet/namelet/internal/resolve"
	"github.com/namelet/namelet/rr"
	"github.com/namelet/namelet/runtime"
	"github.com/namelet/namelet/store"
	"github.com/namelet/namelet/store/memory"
	"github.com/namelet/namelet/store/zonefile"
)

// A rig is a store, a replica that follows it, and a worker to ask.
type rig struct {
	t        testing.TB
	store    *store.Store
	driver   store.Driver // of a store of others
	resolver *resolve.Resolver
	replica  *replica.Replica
	worker   *resolve.Worker
	log      logText     // of a replica that follow made
	watch    store.Watch // of activations; the default where it is zero
}

// start fills a store by prepare, opens a replica over it and follows.
func start(t testing.TB, prepare func(*rig)) *rig {
	t.Helper()
	s, err := store.New(t.Context(), memory.New(), store.Options{})
	if err != nil {
		t.Fatal(err)
	}
	r := &rig{t: t, store: s, resolver: resolve.New(resolve.Config{})}
	r.worker = r.resolver.NewWorker()
	prepare(r)
	engine, err := runtime.New(t.Context(), runtime.Config{})
	if err != nil {
		t.Fatal(err)
	}
	r.replica, err = replica.Open(t.Context(), replica.Config{
		Store: s, Engine: engine, Resolver: r.resolver, Log: slog.New(slog.DiscardHandler),
	})
	if err != nil {
		t.Fatal(err)
	}
	ctx, stop := context.WithCancel(context.Background())
	done := make(chan struct{})
	go func() { r.replica.Follow(ctx); close(done) }()
	t.Cleanup(func() {
		stop()
		<-done
		r.worker.Close()
		r.resolver.Close()
		if err := s.Close(); err != nil {
			t.Error(err)
		}
		if err := engine.Close(context.Background()); err != nil {
			t.Error(err)
		}
	})
	return r
}

const head = "@ 60 IN SOA ns.%[1]s. host.%[1]s. %[2]d 2 3 4 60\n@ 60 IN NS ns.%[1]s.\nns 60 IN A 192.0.2.1\n"

func name(s string) rr.Name { return rr.MustParseName(s) }

func (r *rig) replace(spec store.ZoneSpec, serial int, lines string) {
	r.t.Helper()
	apex := strings.TrimSuffix(spec.Name.String(), ".")
	sets := parseZone(r.t, apex, fmt.Sprintf(head, apex, serial)+lines)
	if _, err := r.store.ReplaceZone(r.t.Context(), spec, all(sets), store.ReplaceOptions{}); err != nil {
		r.t.Fatal(err)
	}
}

func parseZone(t testing.TB, apex, text string) []rr.Set {
	t.Helper()
	sets, err := zonefile.Parse(strings.NewReader(text), zonefile.Options{Origin: name(apex)})
	if err != nil {
		t.Fatal(err)
	}
	return sets
}

func all(sets []rr.Set) iter.Seq2[rr.Set, error] {
	return func(yield func(rr.Set, error) bool) {
		for _, set := range sets {
			if !yield(set, nil) {
				return
			}
		}
	}
}

// ask returns the code and the TXT data of an answer.
func (r *rig) ask(qname string) string {
	var resp resolve.Response
	q := authority.Question{Name: name(qname), Type: rr.TypeTXT}
	r.worker.Resolve(q, resolve.Client{Addr: netip.MustParseAddr("127.0.0.1"), Transport: hostabi.TransportUDP}, &resp)
	said := resp.RCode.String()
	for _, set := range resp.Answer.Answer {
		for _, data := range set.Data {
			said += " " + zonefile.FormatRdata(set.Type, data)
		}
	}
	for _, e := range resp.Errors {
		said += " [" + e.Text + "]"
	}
	return said
}

// expect waits, a second at most, for an answer.
func (r *rig) expect(qname, want string) {
	r.t.Helper()
	got := ""
	for deadline := time.Now().Add(time.Second); time.Now().Before(deadline); time.Sleep(time.Millisecond) {
		if got = r.ask(qname); got == want {
			return
		}
	}
	r.t.Errorf("%s: got %q for a second, want %q", qname, got, want)
}

// guest makes a module that answers TXT with one letter.
func guest(t testing.TB, letter string) []byte {
	t.Helper()
	// An answer of one record: disposition 1, count 1; type TXT, TTL 9, rdata of two octets.
	wat := fmt.Sprintf(`(module
  (memory (export "memory") 1)
  (data (i32.const 16) "\00\10\00\00\00\04\00\00\00\20\00\00\00\04\00\00")
  (data (i32.const 8192) "\10\00\00\00\01\00\01\00\00\00\00\00\00\00\00\00\10\00\00\00\10\00\00\01\09\00\00\00\00\00\02\00\01%s")
  (func (export "namelet_abi_1"))
  (func (export "namelet_buffers") (result i32) i32.const 16)
  (func (export "namelet_answer") (param i32) (result i32) i32.const 34))`, letter)
	path := filepath.Join(t.TempDir(), "guest.wat")
	if err := os.WriteFile(path, []byte(wat), 0o600); err != nil {
		t.Fatal(err)
	}
	out := path + ".wasm"
	if msg, err := exec.Command("wat2wasm", path, "-o", out).CombinedOutput(); err != nil {
		t.Fatalf("wat2wasm: %v: %s (apt-get install wabt)", err, msg)
	}
	wasm, err := os.ReadFile(out)
	if err != nil {
		t.Fatal(err)
	}
	return wasm
}

func (r *rig) push(name, letter string) {
	r.t.Helper()
	if _, err := r.store.PutGuest(r.t.Context(), name, guest(r.t, letter)); err != nil {
		r.t.Fatal(err)
	}
}

func (r *rig) attach(a store.Attachment) {
	r.t.Helper()
	if _, err := r.store.Attach(r.t.Context(), a); err != nil {
		r.t.Fatal(err)
	}
}

var apps = store.ZoneSpec{Name: name("apps.example")}

func TestFollowsRecords(t *testing.T) {
	r := start(t, func(r *rig) { r.replace(apps, 1, `a 60 IN TXT "one"`+"\n") })
	if got, want := r.ask("a.apps.example"), `NOERROR "one"`; got != want {
		t.Errorf("after Open: got %q, want %q", got, want)
	}
	ctx := t.Context()
	for i := range 20 {
		text := fmt.Sprintf("v%d", i)
		set := rr.Set{Name: name("a.apps.example"), Type: rr.TypeTXT, TTL: 60, Data: []rr.Rdata{string(rune(len(text))) + text}}
		if _, err := r.store.Change(ctx, apps.Name, []store.Change{store.Put(set)}, store.WriteOptions{}); err != nil {
			t.Fatal(err)
		}
		r.expect("a.apps.example", fmt.Sprintf("NOERROR %q", text))
	}
	if _, err := r.store.Change(ctx, apps.Name, []store.Change{store.Delete(name("a.apps.example"), rr.TypeTXT)}, store.WriteOptions{}); err != nil {
		t.Fatal(err)
	}
	r.expect("a.apps.example", "NXDOMAIN")
	r.replace(apps, 1000, `b 60 IN TXT "replaced"`+"\n")
	r.expect("b.apps.example", `NOERROR "replaced"`)
}

func TestFollowsZones(t *testing.T) {
	r := start(t, func(r *rig) {})
	const refused = "REFUSED [not served here]"
	r.expect("a.apps.example", refused)
	r.replace(apps, 1, `a 60 IN TXT "one"`+"\n")
	r.expect("a.apps.example", `NOERROR "one"`)
	r.replace(store.ZoneSpec{Name: apps.Name, Private: true}, 1, `a 60 IN TXT "one"`+"\n")
	r.expect("a.apps.example", refused)
	r.replace(apps, 1, `a 60 IN TXT "one"`+"\n")
	r.expect("a.apps.example", `NOERROR "one"`)
	if err := r.store.DeleteZone(t.Context(), apps.Name, store.WriteOptions{}); err != nil {
		t.Fatal(err)
	}
	r.expect("a.apps.example", refused)
	r.replace(apps, 1, `a 60 IN TXT "again"`+"\n")
	r.expect("a.apps.example", `NOERROR "again"`)
}

func TestFollowsGuests(t *testing.T) {
	r := start(t, func(r *rig) {
		r.replace(apps, 1, `a 60 IN TXT "static"`+"\n")
		r.push("letter", "x")
		r.attach(store.Attachment{Zone: apps.Name, At: apps.Name, Guest: "letter"})
	})
	if got, want := r.ask("a.apps.example"), `NOERROR "x"`; got != want {
		t.Errorf("after Open: got %q, want %q", got, want)
	}
	r.push("letter", "y")
	r.attach(store.Attachment{Zone: apps.Name, At: apps.Name, Guest: "letter"})
	r.expect("a.apps.example", `NOERROR "y"`)
	r.attach(store.Attachment{Zone: apps.Name, At: apps.Name, Guest: "letter", Version: 1})
	r.expect("a.apps.example", `NOERROR "x"`)
	if err := r.store.Detach(t.Context(), apps.Name, apps.Name, store.ScopeSubtree); err != nil {
		t.Fatal(err)
	}
	r.expect("a.apps.example", `NOERROR "static"`)
}

// Going back to what was in force before must not start the guest anew, unless it is
// to run in another way.
func TestGoesBackToWarmGuests(t *testing.T) {
	r := start(t, func(r *rig) {
		r.replace(apps, 1, "")
		r.push("letter", "x")
		r.push("letter", "y")
		r.attach(store.Attachment{Zone: apps.Name, At: apps.Name, Guest: "letter", Version: 1})
	})
	first := r.attachment()
	for _, step := range []struct {
		version uint64
		fuel    uint64
		want    string
		same    bool // as the first
	}{
		{version: 2, want: `NOERROR "y"`},
		{version: 1, want: `NOERROR "x"`, same: true},
		{version: 2, want: `NOERROR "y"`},
		{version: 1, fuel: 500_000, want: `NOERROR "x"`},
		{version: 1, want: `NOERROR "x"`, same: true}, // it rested beside another
	} {
		before := r.attachment()
		r.attach(store.Attachment{Zone: apps.Name, At: apps.Name, Guest: "letter", Version: step.version, Limits: store.Limits{Fuel: step.fuel}})
		r.within(5*time.Second, "another attachment", func() bool { return r.attachment() != before })
		r.expect("a.apps.example", step.want)
		if got := r.attachment() == first; got != step.same {
			t.Errorf("version %d, fuel %d: the first attachment is in force: %t, want %t", step.version, step.fuel, got, step.same)
		}
	}
}

// A guest that cannot be prepared must leave the one before it, and a fresh one
// the fallback.
func TestKeepsWhatWorks(t *testing.T) {
	r := start(t, func(r *rig) {
		r.replace(apps, 1, `a 60 IN TXT "static"`+"\n")
		r.push("letter", "x")
		r.attach(store.Attachment{Zone: apps.Name, At: apps.Name, Guest: "letter"})
		if _, err := r.store.PutGuest(t.Context(), "broken", []byte("\x00asm\x01\x00\x00\x00")); err != nil {
			t.Fatal(err)
		}
	})
	r.attach(store.Attachment{Zone: apps.Name, At: name("b.apps.example"), Guest: "broken"})
	r.expect("b.apps.example", "NXDOMAIN [guest failed: init]")
	r.attach(store.Attachment{Zone: apps.Name, At: apps.Name, Guest: "broken"})
	for deadline := time.Now().Add(time.Second); len(r.replica.Status().Problems) < 2 && time.Now().Before(deadline); {
		time.Sleep(time.Millisecond)
	}
	if got := r.replica.Status(); len(got.Problems) != 2 || got.Attachments != 2 {
		t.Errorf("status: got %+v, want two problems with two attachments", got)
	}
	if got, want := r.ask("a.apps.example"), `NOERROR "x"`; got != want {
		t.Errorf("got %q, want %q: the guest that worked", got, want)
	}
}
