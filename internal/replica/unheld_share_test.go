package replica

import (
	"context"
	"log/slog"
	"strings"
	"sync"
	"testing"

	"github.com/namelet/namelet/internal/authority"
	"github.com/namelet/namelet/rr"
	"github.com/namelet/namelet/store"
	"github.com/namelet/namelet/store/memory"
)

// gated is a store's driver whose reads of RRsets can be held up, after they have
// begun.
type gated struct {
	store.Driver
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

// A question that may count on a change does not share a read from before it.
func TestNoReadIsSharedAcrossAChange(t *testing.T) {
	d := &gated{Driver: memory.New()}
	s, err := store.New(t.Context(), d, store.Options{})
	if err != nil {
		t.Fatal(err)
	}
	defer s.Close()
	apex := rr.MustParseName("large.example")
	a := rr.Set{Name: rr.MustParseName("a.large.example"), Type: rr.TypeTXT, TTL: 60, Data: []rr.Rdata{"\x03old"}}
	sets := []rr.Set{
		{Name: apex, Type: rr.TypeSOA, TTL: 60, Data: []rr.Rdata{"\x00\x00" + strings.Repeat("\x00\x00\x00\x01", 5)}},
		{Name: apex, Type: rr.TypeNS, TTL: 60, Data: []rr.Rdata{"\x00"}}, a,
	}
	res, err := s.CreateZone(t.Context(), store.ZoneSpec{Name: apex}, store.Sequence(sets))
	if err != nil {
		t.Fatal(err)
	}
	u := newReads(s, slog.New(slog.DiscardHandler)).newUnheld(res.Zone)
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
