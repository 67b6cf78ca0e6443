package replica

import (
	"context"
	"log/slog"
	"strings"
	"sync"
	"sync/atomic"
	"testing"

	"github.com/namelet/namelet/internal/authority"
	"github.com/namelet/namelet/rr"
	"github.com/namelet/namelet/store"
	"github.com/namelet/namelet/store/memory"
)

// gated is a store's driver whose reads of RRsets can be held up, after they have
// begun, and are counted with all others.
type gated struct {
	store.Driver
	scans atomic.Int64
	mu    sync.Mutex
	begun chan struct{} // nil while the gate is open
	open  chan struct{}
}

type gatedView struct {
	store.View
	d *gated
}

func (d *gated) View(ctx context.Context) (store.View, error) {
	v, err := d.Driver.View(ctx)
	return gatedView{v, d}, err
}

func (v gatedView) Scan(ctx context.Context, table store.Table, ranges []store.Range, fn func(key, value []byte) error) error {
	v.d.scans.Add(1)
	v.d.mu.Lock()
	begun, open := v.d.begun, v.d.open
	v.d.begun = nil
	v.d.mu.Unlock()
	if table == store.TableSets && begun != nil {
		close(begun)
		<-open
	} else if begun != nil {
		v.d.mu.Lock()
		v.d.begun = begun
		v.d.mu.Unlock()
	}
	return v.View.Scan(ctx, table, ranges, fn)
}

// gatedZone makes a zone that is not held, over a store whose reads are gated.
func gatedZone(t *testing.T, apex rr.Name, more ...rr.Set) (*gated, *store.Store, *unheld) {
	t.Helper()
	d := &gated{Driver: memory.New()}
	s, err := store.New(t.Context(), d, store.Options{})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { s.Close() })
	sets := append([]rr.Set{
		{Name: apex, Type: rr.TypeSOA, TTL: 60, Data: []rr.Rdata{"\x00\x00" + strings.Repeat("\x00\x00\x00\x01", 5)}},
		{Name: apex, Type: rr.TypeNS, TTL: 60, Data: []rr.Rdata{"\x00"}},
	}, more...)
	res, err := s.CreateZone(t.Context(), store.ZoneSpec{Name: apex}, store.Sequence(sets))
	if err != nil {
		t.Fatal(err)
	}
	return d, s, newReads(s, slog.New(slog.DiscardHandler)).newUnheld(res.Zone)
}

// What an answer costs is reads that wait for each other: one of the zone's row, one
// for each link of a chain, one where names are missing, and one for each of those
// that exist all the same.
func TestReadsOfAnAnswer(t *testing.T) {
	apex := rr.MustParseName("large.example")
	under := func(owner string) rr.Name { return rr.MustParseName(owner + ".large.example") }
	d, _, u := gatedZone(t, apex,
		rr.Set{Name: under("a"), Type: rr.TypeTXT, TTL: 60, Data: []rr.Rdata{"\x01a"}},
		rr.Set{Name: under("b"), Type: rr.TypeCNAME, TTL: 60, Data: []rr.Rdata{rr.Rdata(under("a").Wire())}},
		rr.Set{Name: under("below.*.x"), Type: rr.TypeTXT, TTL: 60, Data: []rr.Rdata{"\x01b"}},
		rr.Set{Name: under("deep.inner"), Type: rr.TypeTXT, TTL: 60, Data: []rr.Rdata{"\x01d"}},
	)
	for owner, want := range map[string]int64{
		"a":            2,
		"b":            3,
		"no":           3,
		"no.no.no":     3,
		"inner":        3,
		"deep.inner":   2,
		"no.no.inner":  4,
		"no.no.a":      3,
		"x.deep.inner": 3,
		"below.*.x":    2,
		"no.x":         4, // below "*.x" there is something
	} {
		before := d.scans.Load()
		if _, err := u.Read(authority.Question{Name: under(owner), Type: rr.TypeTXT}, nil); err != nil {
			t.Fatal(err)
		}
		if got := d.scans.Load() - before; got != want {
			t.Errorf("%s: %d reads, want %d", owner, got, want)
		}
	}
}

// A question that may count on a change does not share a read from before it.
func TestNoReadIsSharedAcrossAChange(t *testing.T) {
	apex := rr.MustParseName("large.example")
	a := rr.Set{Name: rr.MustParseName("a.large.example"), Type: rr.TypeTXT, TTL: 60, Data: []rr.Rdata{"\x03old"}}
	d, s, u := gatedZone(t, apex, a)
	read := func() string {
		snapshot, err := u.Read(authority.Question{Name: a.Name, Type: a.Type}, nil)
		if err != nil {
			return err.Error()
		}
		set, _ := snapshot.Get(a.Name, a.Type)
		return string(set.Data[0][1:])
	}
	d.mu.Lock()
	begun := make(chan struct{})
	d.begun, d.open = begun, make(chan struct{})
	d.mu.Unlock()
	first := make(chan string)
	go func() { first <- read() }()
	<-begun
	a.Data = []rr.Rdata{"\x03new"}
	changed, err := s.Change(t.Context(), apex, []store.Change{store.Put(a)}, store.WriteOptions{})
	if err != nil {
		t.Fatal(err)
	}
	u.slots.Renewed(changed.Version) // as the feed does
	second := make(chan string)
	go func() { second <- read() }()
	close(d.open)
	if got := <-first; got != "old" {
		t.Errorf("the first: got %q", got)
	}
	if got := <-second; got != "new" {
		t.Errorf("the second: got %q, want what was there when it was asked", got)
	}
}
