package replica_test

import (
	"fmt"
	"net/netip"
	"os"
	"os/exec"
	"path/filepath"
	goruntime "runtime"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/namelet/namelet/hostabi"
	"github.com/namelet/namelet/internal/authority"
	"github.com/namelet/namelet/internal/resolve"
	"github.com/namelet/namelet/rr"
	"github.com/namelet/namelet/store"
)

// hostileGuest is a file of guests/hostile that starts and then fails.
type hostileGuest struct {
	name, fault string
	module      []byte
}

// hostileGuests reads the guests that are to end in a fault, and the kind of it,
// from the first lines of their files.
func hostileGuests(t *testing.T) []hostileGuest {
	paths, err := filepath.Glob("../../guests/hostile/*.wat")
	if err != nil {
		t.Fatal(err)
	}
	var guests []hostileGuest
	for _, path := range paths {
		text, err := os.ReadFile(path)
		if err != nil {
			t.Fatal(err)
		}
		_, want, _ := strings.Cut(string(text), ";; want: ")
		want, _, _ = strings.Cut(want, "\n")
		kind, ok := strings.CutPrefix(want, "fault ")
		if !ok {
			continue
		}
		if at := strings.LastIndex(kind, " -"); at > 0 {
			kind = kind[:at] // the status that goes with a guest error
		}
		out := filepath.Join(t.TempDir(), "guest.wasm")
		if msg, err := exec.Command("wat2wasm", path, "-o", out).CombinedOutput(); err != nil {
			t.Fatalf("wat2wasm %s: %v: %s (apt-get install wabt)", path, err, msg)
		}
		module, err := os.ReadFile(out)
		if err != nil {
			t.Fatal(err)
		}
		guests = append(guests, hostileGuest{strings.TrimSuffix(filepath.Base(path), ".wat"), kind, module})
	}
	return guests
}

// Every hostile guest that passes inspection gets the fallback while another
// zone is answered, and leaves nothing behind. The slowest are logged: how long a
// guest may take is a question for a measurement, not for a test.
func TestHostileGuestsGetTheFallback(t *testing.T) {
	guests := hostileGuests(t)
	if len(guests) < 40 {
		t.Fatalf("found %d hostile guests that start, want 40 at least", len(guests))
	}
	zone := store.ZoneSpec{Name: name("example.org")}
	r := start(t, func(r *rig) {
		var many strings.Builder // more than an answer may have twice
		for i := range 200 {
			fmt.Fprintf(&many, "www 60 IN A 192.0.2.%d\n", i)
		}
		r.replace(zone, 1, many.String())
		r.replace(apps, 1, `a 60 IN TXT "calm"`+"\n")
	})
	calm := askMeanwhile(t, r.resolver)
	heap := heapInUse()
	took := map[string]time.Duration{}
	for _, g := range guests {
		if _, err := r.store.PutGuest(t.Context(), g.name, g.module); err != nil {
			t.Fatal(err)
		}
		r.attach(store.Attachment{Zone: zone.Name, At: zone.Name, Guest: g.name, Limits: store.Limits{MemoryPages: 512}})
		r.awaitGuest(fmt.Sprintf("%s@1", g.name))
		for range 3 { // the first ends in the fault, the others find it remembered
			began := time.Now()
			got := r.askHostile()
			if d := time.Since(began); d > took[g.name] {
				took[g.name] = d
			}
			if want := "NOERROR www.example.org. A " + g.fault; got != want && got != "NOERROR www.example.org. A suppressed" {
				t.Errorf("%s: got %q, want %q", g.name, got, want)
			}
		}
		if totals := r.attachment().Stats.Totals(); totals.Faults[g.fault] != 1 || totals.Suppressed != 2 {
			t.Errorf("%s: got %+v, want one %s fault, and two questions that were not asked", g.name, totals, g.fault)
		}
	}
	if err := r.store.Detach(t.Context(), zone.Name, zone.Name, store.ScopeSubtree); err != nil {
		t.Fatal(err)
	}
	r.awaitGuest("")
	r.askHostile() // the worker lets go of the last instance
	if asked := calm(); asked < len(guests) {
		t.Errorf("the other zone was asked %d times meanwhile", asked)
	}
	if now := heapInUse(); now > heap+32<<20 {
		t.Errorf("heap: %d MiB more than before the guests", (now-heap)>>20)
	}
	logSlowest(t, took)
}

// askMeanwhile asks another zone by a worker of its own, every millisecond, until
// the function it returns is called. That says how often it was asked.
func askMeanwhile(t *testing.T, resolver *resolve.Resolver) func() int {
	w := resolver.NewWorker()
	stop := make(chan struct{})
	var done sync.WaitGroup
	asked := 0
	done.Go(func() {
		q := authority.Question{Name: name("a.apps.example"), Type: rr.TypeTXT}
		var resp resolve.Response
		for {
			select {
			case <-stop:
				return
			case <-time.After(time.Millisecond):
			}
			w.Resolve(q, hostileClient, &resp)
			asked++
			if len(resp.Answer.Answer) != 1 || len(resp.Errors) != 0 {
				t.Errorf("the other zone: got %+v", resp)
				return
			}
		}
	})
	return func() int { close(stop); done.Wait(); return asked }
}

var hostileClient = resolve.Client{Addr: netip.MustParseAddr("192.0.2.9"), Transport: hostabi.TransportUDP}

// askHostile returns the code, the first owner and type, and why the guest failed.
func (r *rig) askHostile() string {
	var resp resolve.Response
	r.worker.Resolve(authority.Question{Name: name("www.example.org"), Type: rr.TypeA}, hostileClient, &resp)
	said := resp.RCode.String()
	for _, set := range resp.Answer.Answer {
		said += " " + set.String()
	}
	for _, e := range resp.Errors {
		said += strings.TrimPrefix(e.Text, "guest failed:")
	}
	return said
}

// attachment returns the one attachment in force, or nil.
func (r *rig) attachment() *resolve.Attachment {
	for a := range r.resolver.Routing().Attachments() {
		return a
	}
	return nil
}

// awaitGuest waits until the guest of this label is the one attached, or for the
// empty label none is.
func (r *rig) awaitGuest(label string) {
	r.t.Helper()
	for deadline := time.Now().Add(5 * time.Second); time.Now().Before(deadline); time.Sleep(time.Millisecond) {
		if a := r.attachment(); a == nil && label == "" || a != nil && a.Label == label {
			return
		}
	}
	r.t.Fatalf("guest %q was not attached within 5 s", label)
}

func heapInUse() uint64 {
	goruntime.GC()
	goruntime.GC()
	var m goruntime.MemStats
	goruntime.ReadMemStats(&m)
	return m.HeapInuse
}

func logSlowest(t *testing.T, took map[string]time.Duration) {
	names := make([]string, 0, len(took))
	for n := range took {
		names = append(names, n)
	}
	slices.SortFunc(names, func(a, b string) int { return int(took[b] - took[a]) })
	for _, n := range names[:5] {
		t.Logf("%-16s %v", n, took[n])
	}
}
