package resolve_test

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/namelet/namelet/internal/authority"
	"github.com/namelet/namelet/internal/resolve"
	"github.com/namelet/namelet/rr"
	"github.com/namelet/namelet/runtime"
)

// codeBytes is what the code of a test's guest takes.
const codeBytes = 4 << 20

// loader is code that can be made to fail, or to take until somebody lets it go on.
type loader struct {
	mu     sync.Mutex
	loaded bool
	users  int
	loads  atomic.Int64
	err    error
	hold   chan struct{} // a load waits for it to close, where there is one
}

func (l *loader) CodeBytes() int64 { return codeBytes }

func (l *loader) Hold(ctx context.Context) error {
	if l.TryHold() {
		return nil
	}
	l.loads.Add(1)
	if l.hold != nil {
		select {
		case <-l.hold:
		case <-ctx.Done():
			return ctx.Err()
		}
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.err != nil {
		return l.err
	}
	l.loaded = true
	l.users++
	return nil
}

func (l *loader) TryHold() bool {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.loaded {
		l.users++
	}
	return l.loaded
}

func (l *loader) Release() {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.users--
}

func (l *loader) InUse() bool {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.users > 0
}

func (l *loader) Unload() bool {
	l.mu.Lock()
	defer l.mu.Unlock()
	if !l.loaded || l.users > 0 {
		return false
	}
	l.loaded = false
	return true
}

// coded is a guest of a mebibyte whose instances need code.
type coded struct {
	sized
	code *loader
}

type codedInstance struct {
	resolve.Instance
	code *loader
}

func (g *coded) NewInstance(ctx context.Context) (resolve.Instance, error) {
	if !g.code.TryHold() {
		return nil, runtime.ErrNotLoaded
	}
	i, err := g.sized.NewInstance(ctx)
	return codedInstance{i, g.code}, err
}

func (i codedInstance) Close(ctx context.Context) error {
	i.code.Release()
	return i.Instance.Close(ctx)
}

// library makes guests that have code of their own, at names g0, g1 and so on; all
// memory is bounded.
func library(t *testing.T, n int, config resolve.Config) (*resolve.Resolver, []*loader, []*resolve.Attachment) {
	t.Helper()
	r := resolve.New(config)
	var loaders []*loader
	var attachments []*resolve.Attachment
	for i := range n {
		g := &coded{code: &loader{loaded: true}}
		g.bytes.Store(1<<20 - beside)
		a := attach(fmt.Sprintf("g%d.apps.example", i), nil)
		a.Guest, a.Code, a.Label = g, r.NewCode(g.code), fmt.Sprintf("g%d@1", i)
		loaders, attachments = append(loaders, g.code), append(attachments, a)
	}
	routing, errs := resolve.NewRouting(zones(t), attachments)
	if errs != nil {
		t.Fatal(errs)
	}
	r.SetRouting(t.Context(), routing)
	return r, loaders, attachments
}

// waiting is how ask words a response that waits.
const waiting = "NOERROR"

// waits asks a Worker, and reports whether a slow one has to answer.
func waits(w *resolve.Worker, i int) bool {
	var resp resolve.Response
	w.Resolve(authority.Question{Name: name(fmt.Sprintf("g%d.apps.example", i)), Type: rr.TypeA}, client, &resp)
	return resp.Waits && resp.Loads
}

// Code that does not fit is let go from the beginning. A Worker that may not wait loads
// none; when a slow one has, it answers by itself.
func TestCodeMakesRoom(t *testing.T) {
	r, loaders, _ := library(t, 4, resolve.Config{Memory: 2*codeBytes + 3<<20})
	fast, slow := r.NewWorker(), r.NewSlowWorker()
	if loaders[0].loaded || loaders[1].loaded || !loaders[2].loaded || !loaders[3].loaded {
		t.Error("the code that was made first did not go")
	}
	askGuest(t, fast, 3)
	if !waits(fast, 0) || loaders[0].loads.Load() != 0 {
		t.Fatal("a Worker that may not wait has loaded code, or not said that it waits")
	}
	askGuest(t, slow, 0)
	if loaders[2].loaded || !loaders[3].loaded {
		t.Error("2 was used the longest ago and should have gone after the instance of 3, and 3 not")
	}
	askGuest(t, fast, 0)
	if got := loaders[0].loads.Load(); got != 1 {
		t.Errorf("loaded %d times, want once", got)
	}
	got := r.Memory()
	if got.Used != 2*codeBytes+2<<20 || got.Code != 2*codeBytes || got.Evicted != 1 || got.Unloaded != 3 || got.Loads.Calls != 1 {
		t.Errorf("got %+v", got)
	}
	askGuest(t, slow, 1) // 3 was asked the longest ago
	if loaders[3].loaded || !loaders[0].loaded {
		t.Error("3 should have gone, 0 not")
	}
	if got := r.Memory(); got.Used > got.Most || got.Evicted != 1 {
		t.Errorf("got %+v", got)
	}
}

// While code is loaded for some, others are answered; those are told that it takes too
// long, in time, and what they were told is not kept.
func TestCodeThatTakesLong(t *testing.T) {
	r, loaders, attachments := library(t, 3, resolve.Config{Memory: 2*codeBytes + 3<<20})
	loaders[0].hold = make(chan struct{})
	w := r.NewWorker()
	askGuest(t, w, 2)
	answers := make(chan string)
	for range 2 {
		go func() { answers <- ask(r.NewSlowWorker(), "g0.apps.example", rr.TypeA) }()
	}
	for loaders[0].loads.Load() == 0 {
		time.Sleep(time.Millisecond)
	}
	askGuest(t, w, 2)
	if !waits(w, 0) {
		t.Error("a Worker answers whose guest's code is being loaded")
	}
	for range 2 {
		if got := <-answers; !strings.Contains(got, "its code is not loaded") {
			t.Errorf("got %q, want the fallback and why", got)
		}
	}
	if got := attachments[0].Stats.Totals(); got.Starved != 2 || got.Faults["init"] != 0 {
		t.Errorf("got %+v, want two that starved and no failure", got)
	}
	close(loaders[0].hold)
	askGuest(t, r.NewSlowWorker(), 0)
}

// Code that cannot be loaded is a failure of the guest, and is tried again after a while.
func TestCodeThatCannotBeLoaded(t *testing.T) {
	r, loaders, attachments := library(t, 2, resolve.Config{Memory: codeBytes + 2<<20})
	loaders[0].err = errors.New("the disk is gone")
	slow := r.NewSlowWorker()
	for _, label := range []string{"a", "b", "c"} {
		if got := ask(slow, label+".g0.apps.example", rr.TypeA); !strings.Contains(got, "guest failed: init") {
			t.Errorf("got %q, want the fallback and why", got)
		}
	}
	if got, tries := attachments[0].Stats.Totals().Faults["init"], loaders[0].loads.Load(); got != 3 || tries != 1 {
		t.Errorf("%d failures after %d tries, want 3 after 1", got, tries)
	}
	loaders[0].mu.Lock()
	loaders[0].err = nil
	loaders[0].mu.Unlock()
	time.Sleep(1100 * time.Millisecond)
	askGuest(t, slow, 0)
}

// Whoever asks all guests in turn does not get past the bound by more than what runs, with
// code too, and is always answered by the guest.
func TestMemoryHoldsUnderSweepsOfCode(t *testing.T) {
	const workers, most = 4, 64 << 20
	r, loaders, attachments := library(t, 60, resolve.Config{Memory: most, Workers: 1, Pictures: func() int64 { return 8 << 20 }})
	var all sync.WaitGroup
	var above atomic.Int64
	for k := range workers {
		all.Go(func() {
			fast, slow := r.NewWorker(), r.NewSlowWorker()
			defer fast.Close()
			defer slow.Close()
			for n := range 500 {
				i := (n*(2*k+1) + k*31) % len(attachments)
				got := ask(fast, fmt.Sprintf("g%d.apps.example", i), rr.TypeA)
				if got == waiting {
					got = ask(slow, fmt.Sprintf("g%d.apps.example", i), rr.TypeA)
				}
				if !strings.Contains(got, "1.2.3.4") {
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
	if got := above.Load(); got > most+2*workers*(codeBytes+1<<20) || got < most*3/4 {
		t.Errorf("%d bytes in use at most, want %d, and at most what runs beside", got, most)
	}
	loaded := int64(0)
	for i, l := range loaders {
		for end := time.Now().Add(time.Second); l.InUse(); time.Sleep(time.Millisecond) { // who loaded it lets go of it last
			if time.Now().After(end) {
				t.Fatalf("code %d is in use, after all have gone", i)
			}
		}
		if l.TryHold() {
			loaded += codeBytes
			l.Release()
		}
	}
	if got := r.Memory(); got.Code != loaded || got.Used != loaded+8<<20 {
		t.Errorf("%d bytes of code are loaded, counted %+v", loaded, got)
	}
	for _, a := range attachments {
		a.Code.Close()
	}
	if got := r.Memory(); got.Used != 8<<20 {
		t.Errorf("%d bytes in use by nobody", got.Used)
	}
}

// Instances that calls are replayed on count, and keep nobody from the room that they
// and their code take.
func TestReplaysMakeRoom(t *testing.T) {
	r, loaders, attachments := library(t, 3, resolve.Config{Memory: codeBytes + 2<<20, Audit: true})
	t.Cleanup(r.Close)
	slow := r.NewSlowWorker()
	for i := range loaders {
		askGuest(t, slow, i)
		deadline := time.Now().Add(10 * time.Second)
		for r.Memory().Used != codeBytes+2<<20 { // the Worker's and the auditor's
			if time.Now().After(deadline) {
				t.Fatalf("the auditor's instance does not count: %+v", attachments[i].Held())
			}
			time.Sleep(time.Millisecond)
		}
	}
	if loaders[0].loaded || loaders[1].loaded {
		t.Error("code stayed that was only replayed on")
	}
}
