package resolve_test

import (
	"context"
	"fmt"
	goruntime "runtime"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"weak"

	"github.com/namelet/namelet/hostabi"
	"github.com/namelet/namelet/internal/resolve"
	"github.com/namelet/namelet/rr"
	"github.com/namelet/namelet/runtime"
)

// sized is a guest whose instances take so much memory; it counts those that are open.
type sized struct {
	bytes      atomic.Int64
	made, open atomic.Int64
	hold       chan struct{} // a call waits for it to close, where there is one
	holding    chan struct{} // a call that waits says so

	mu  sync.Mutex
	all []weak.Pointer[sizedInstance]
}

// kept is how many of its instances somebody still refers to.
func (g *sized) kept() (n int64) {
	g.mu.Lock()
	defer g.mu.Unlock()
	for _, i := range g.all {
		if i.Value() != nil {
			n++
		}
	}
	return n
}

type sizedInstance struct {
	script
	guest  *sized
	closed atomic.Bool
}

func (g *sized) NewInstance(context.Context) (resolve.Instance, error) {
	g.made.Add(1)
	g.open.Add(1)
	i := &sizedInstance{guest: g}
	g.mu.Lock()
	g.all = append(g.all, weak.Make(i))
	g.mu.Unlock()
	i.script = func(n string, _ *hostabi.Question, _ runtime.Host, a *runtime.Answer) error {
		if i.closed.Load() {
			panic("a closed instance is asked")
		}
		if g.hold != nil {
			g.holding <- struct{}{}
			<-g.hold
		}
		return answer(a, set(n, rr.TypeA, 5, "\x01\x02\x03\x04"))
	}
	return i, nil
}

func (i *sizedInstance) MemoryBytes() int { return int(i.guest.bytes.Load()) }

func (i *sizedInstance) BesideBytes() int { return beside }

func (i *sizedInstance) Close(context.Context) error {
	if i.closed.Swap(true) {
		panic("closed twice")
	}
	i.guest.open.Add(-1)
	return nil
}

// beside is what the host holds for an instance.
const beside = 64 << 10

// fleet makes guests of a mebibyte each, at names g0, g1 and so on.
func fleet(t *testing.T, n int, config resolve.Config) (*resolve.Resolver, []*sized, []*resolve.Attachment) {
	t.Helper()
	var guests []*sized
	var attachments []*resolve.Attachment
	for i := range n {
		g := &sized{}
		g.bytes.Store(1<<20 - beside)
		a := attach(fmt.Sprintf("g%d.apps.example", i), nil)
		a.Guest, a.Label = g, fmt.Sprintf("g%d@1", i)
		guests, attachments = append(guests, g), append(attachments, a)
	}
	routing, errs := resolve.NewRouting(zones(t), attachments)
	if errs != nil {
		t.Fatal(errs)
	}
	r := resolve.New(config)
	r.SetRouting(t.Context(), routing)
	return r, guests, attachments
}

func askGuest(t *testing.T, w *resolve.Worker, i int) {
	t.Helper()
	if got := ask(w, fmt.Sprintf("g%d.apps.example", i), rr.TypeA); !strings.Contains(got, "1.2.3.4") {
		t.Fatalf("guest %d: got %q", i, got)
	}
}

func TestLeastRecentlyAskedMakesRoom(t *testing.T) {
	r, guests, attachments := fleet(t, 4, resolve.Config{Memory: 3 << 20})
	one, two := r.NewWorker(), r.NewWorker()
	askGuest(t, one, 0)
	askGuest(t, one, 1)
	askGuest(t, two, 2)
	askGuest(t, one, 0) // so 1 was asked the longest ago
	askGuest(t, two, 3)
	for i, want := range []int64{1, 0, 1, 1} {
		if got := guests[i].open.Load(); got != want || attachments[i].Held().Instances != want {
			t.Errorf("guest %d: %d instances open, counted %+v, want %d", i, got, attachments[i].Held(), want)
		}
	}
	askGuest(t, one, 1) // comes back, in place of 2, which another worker had
	if guests[2].open.Load() != 0 || guests[1].made.Load() != 2 || attachments[2].Held().Evicted != 1 {
		t.Errorf("2 has %d open, 1 was made %d times", guests[2].open.Load(), guests[1].made.Load())
	}
	if got := r.Memory(); got.Used != 3<<20 || got.Most != 3<<20 || got.Evicted != 2 || got.Code != 0 {
		t.Errorf("got %+v, want 3 MiB of as many, after 2 evictions", got)
	}
	one.Close()
	two.Close()
	if got := r.Memory(); got.Used != 0 {
		t.Errorf("%d bytes in use by nobody", got.Used)
	}
}

// A guest that grows costs others their instances, not itself its own.
func TestGrowthMakesRoom(t *testing.T) {
	r, guests, _ := fleet(t, 3, resolve.Config{Memory: 3 << 20})
	w := r.NewWorker()
	for i := range guests {
		askGuest(t, w, i)
	}
	guests[2].bytes.Store(2<<20 - beside)
	askGuest(t, w, 2)
	for i, want := range []int64{0, 1, 1} {
		if got := guests[i].open.Load(); got != want {
			t.Errorf("guest %d has %d open, want %d", i, got, want)
		}
	}
	if got := r.Memory().Used; got != 3<<20 {
		t.Errorf("%d bytes in use", got)
	}
}

func TestCallsThatRunKeepTheirInstances(t *testing.T) {
	r, guests, attachments := fleet(t, 2, resolve.Config{Memory: 1 << 20})
	askGuest(t, r.NewWorker(), 1) // so its size is known
	guests[0].hold, guests[0].holding = make(chan struct{}), make(chan struct{})
	done := make(chan string)
	go func() { done <- ask(r.NewWorker(), "g0.apps.example", rr.TypeA) }()
	<-guests[0].holding
	w := r.NewWorker()
	if got := ask(w, "g1.apps.example", rr.TypeA); !strings.Contains(got, "no memory for another instance") {
		t.Errorf("got %q, want the fallback and why", got)
	}
	if got := attachments[1].Stats.Totals(); got.Starved != 1 || got.Faults["init"] != 0 {
		t.Errorf("got %+v, want one that starved and no failure", got)
	}
	close(guests[0].hold)
	if got := <-done; !strings.Contains(got, "1.2.3.4") {
		t.Errorf("the call that ran: got %q", got)
	}
	askGuest(t, w, 1)
}

func TestInstancesAheadWhereThereIsRoom(t *testing.T) {
	r, guests, attachments := fleet(t, 4, resolve.Config{Memory: 5 << 20, Workers: 2})
	made := int64(0)
	for _, g := range guests {
		made += g.open.Load()
	}
	if used := r.Memory().Used; made != 5 || used != 5<<20 {
		t.Errorf("%d instances made ahead take %d bytes", made, used)
	}
	w := r.NewWorker()
	for i := range guests {
		askGuest(t, w, i)
	}
	if used := r.Memory().Used; used > 5<<20 {
		t.Errorf("%d bytes in use", used)
	}
	for _, a := range attachments {
		if err := r.Discard(t.Context(), a); err != nil {
			t.Error(err)
		}
	}
	w.Close()
	if used := r.Memory().Used; used != 0 {
		t.Errorf("%d bytes in use by nobody", used)
	}
}

// An instance that is closed is not kept by who had it.
func TestClosedInstancesAreGone(t *testing.T) {
	r, guests, _ := fleet(t, 8, resolve.Config{Memory: 3 << 20, Workers: 1})
	w := r.NewWorker()
	defer w.Close()
	for range 2 {
		for i := range guests {
			askGuest(t, w, i)
		}
	}
	goruntime.GC()
	for i, g := range guests {
		if open, kept := g.open.Load(), g.kept(); kept > open {
			t.Errorf("guest %d: %d instances are open, %d are kept", i, open, kept)
		}
	}
}

// Whoever asks all guests in turn, from several workers at once, does not get past
// the bound by more than what runs.
func TestMemoryHoldsUnderSweeps(t *testing.T) {
	const workers, most = 4, 16 << 20
	r, guests, _ := fleet(t, 100, resolve.Config{Memory: most, Workers: 1})
	var all sync.WaitGroup
	var above atomic.Int64
	for k := range workers {
		all.Go(func() {
			w := r.NewWorker()
			defer w.Close()
			for n := range 1000 {
				i := (n*(2*k+1) + k*31) % len(guests)
				if got := ask(w, fmt.Sprintf("g%d.apps.example", i), rr.TypeA); !strings.Contains(got, "1.2.3.4") {
					t.Errorf("guest %d: got %q", i, got)
					return
				}
				if used := r.Memory().Used; used > above.Load() {
					above.Store(used)
				}
			}
		})
	}
	all.Wait()
	if got := above.Load(); got > most+workers<<20 || got < most {
		t.Errorf("%d bytes in use at most, want %d, and at most what runs beside", got, most)
	}
	open := int64(0)
	for _, g := range guests {
		open += g.open.Load()
	}
	if open<<20 != r.Memory().Used {
		t.Errorf("%d instances are open, %d bytes counted", open, r.Memory().Used)
	}
}

// Who asks guests of one module in turn, each once, takes the memory from himself: one that was asked again stays.
func TestAskedOnceGoesFirst(t *testing.T) {
	r := resolve.New(resolve.Config{Memory: codeBytes + 3<<20})
	module := &loader{loaded: true}
	code := r.NewCode(module)
	var guests []*coded
	var attachments []*resolve.Attachment
	for i := range 6 {
		g := &coded{code: module}
		g.bytes.Store(1<<20 - beside)
		a := attach(fmt.Sprintf("g%d.apps.example", i), nil)
		a.Guest, a.Code, a.Label = g, code, fmt.Sprintf("g%d@1", i)
		guests, attachments = append(guests, g), append(attachments, a)
	}
	routing, errs := resolve.NewRouting(zones(t), attachments)
	if errs != nil {
		t.Fatal(errs)
	}
	r.SetRouting(t.Context(), routing)
	w := r.NewWorker()
	defer w.Close()
	ask := func(i int) {
		t.Helper()
		if waits(w, i) {
			t.Fatalf("guest %d is not answered", i)
		}
	}
	for i := range guests {
		ask(i) // so that what each takes is known
	}
	ask(0)
	ask(0)
	ask(1)
	ask(1)
	made := guests[0].made.Load() + guests[1].made.Load()
	for range 10 {
		for i := 2; i < len(guests); i++ {
			ask(i)
		}
	}
	ask(0)
	ask(1)
	if got := guests[0].made.Load() + guests[1].made.Load(); got != made {
		t.Errorf("the two that are asked again were made %d times more", got-made)
	}
	if got := r.Memory(); got.Used > got.Most {
		t.Errorf("%d bytes are used, at most %d", got.Used, got.Most)
	}
}
