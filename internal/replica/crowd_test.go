package replica_test

import (
	"context"
	"fmt"
	"log/slog"
	"net/netip"
	"sync"
	"sync/atomic"
	"testing"

	"github.com/namelet/namelet/hostabi"
	"github.com/namelet/namelet/internal/authority"
	"github.com/namelet/namelet/internal/replica"
	"github.com/namelet/namelet/internal/resolve"
	"github.com/namelet/namelet/rr"
	"github.com/namelet/namelet/runtime"
	"github.com/namelet/namelet/store"
	"github.com/namelet/namelet/store/memory"
)

// crowded starts a replica with a guest for each of these letters, which do not fit into
// the memory together.
func crowded(t *testing.T, letters string, most int64) (*resolve.Resolver, *replica.Replica) {
	t.Helper()
	s, err := store.New(t.Context(), memory.New(), store.Options{})
	if err != nil {
		t.Fatal(err)
	}
	engine, err := runtime.New(t.Context(), runtime.Config{CacheDir: t.TempDir()})
	if err != nil {
		t.Fatal(err)
	}
	r := &rig{t: t, store: s, resolver: resolve.New(resolve.Config{Memory: most, Pictures: engine.PictureBytes, Workers: 2})}
	r.replace(apps, 1, "")
	for i, letter := range letters {
		guest := fmt.Sprint("g", i)
		r.push(guest, string(letter))
		r.attach(store.Attachment{Zone: apps.Name, At: name(guest + ".apps.example"), Guest: guest})
	}
	r.replica, err = replica.Open(t.Context(), replica.Config{Store: s, Engine: engine, Resolver: r.resolver, Log: slog.New(slog.DiscardHandler)})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		r.resolver.Close()
		if err := s.Close(); err != nil {
			t.Error(err)
		}
		if err := engine.Close(context.Background()); err != nil {
			t.Error(err)
		}
	})
	return r.resolver, r.replica
}

// Real guests that do not fit into the memory together are all prepared and all answer,
// whoever asks them in turn; their code goes and comes back meanwhile, and the bound holds.
func TestCrowdWithinItsMemory(t *testing.T) {
	const letters = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMN"
	const most, askers = 2 << 20, 3
	resolver, r := crowded(t, letters, most)
	if got := r.Status().Problems; len(got) != 0 {
		t.Errorf("guests were not prepared: %v", got)
	}
	if got := resolver.Memory(); got.Used > most || got.Unloaded == 0 {
		t.Errorf("after the start: got %+v, want at most %d bytes, and code that went", got, most)
	}
	var above atomic.Int64
	var all sync.WaitGroup
	for k := range askers {
		all.Go(func() {
			fast, slow := resolver.NewWorker(), resolver.NewSlowWorker()
			defer fast.Close()
			defer slow.Close()
			for n := range 8 * len(letters) {
				i := (n*(2*k+1) + 7*k) % len(letters)
				var resp resolve.Response
				q := authority.Question{Name: name(fmt.Sprintf("x.g%d.apps.example", i)), Type: rr.TypeTXT}
				from := resolve.Client{Addr: netip.MustParseAddr("127.0.0.1"), Transport: hostabi.TransportUDP}
				if fast.Resolve(q, from, &resp); resp.Waits {
					slow.Resolve(q, from, &resp)
				}
				if len(resp.Answer.Answer) != 1 || resp.Answer.Answer[0].Data[0] != "\x01"+letters[i:i+1] {
					t.Errorf("guest %d: got %v %v, want %q", i, resp.Answer.Answer, resp.Errors, letters[i])
					return
				}
				if used := resolver.Memory().Used; used > above.Load() {
					above.Store(used)
				}
			}
		})
	}
	all.Wait()
	const beside = 2 * askers * (256 << 10) // what runs: an instance and code each
	if got := above.Load(); got > most+beside {
		t.Errorf("%d bytes in use at most, want %d, and at most what runs beside", got, most)
	}
	got := resolver.Memory()
	t.Logf("%d loads of code in %v, %d of it went, and %d instances", got.Loads.Calls, got.Loads.Sum, got.Unloaded, got.Evicted)
	if got.Loads.Calls == 0 || got.Evicted == 0 {
		t.Errorf("got %+v, want code and instances that went", got)
	}
}
