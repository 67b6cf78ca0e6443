package store_test

import (
	"context"
	"errors"
	"testing"
	"testing/synctest"
	"time"

	"github.com/namelet/namelet/rr"
	"github.com/namelet/namelet/store"
	"github.com/namelet/namelet/store/memory"
)

// A row that cannot be read is passed over: the others are reclaimed, and the
// store says that something is wrong.
func TestReclaimPassesOverDamage(t *testing.T) {
	ctx := t.Context()
	d := memory.New()
	const bad = "\x00bad"
	if err := d.Apply(ctx, &store.Batch{Writes: []store.Write{{Table: store.TableGarbage, Key: bad, Value: []byte{0xff}}}}); err != nil {
		t.Fatal(err)
	}
	st, err := store.New(ctx, d, store.Options{})
	if err != nil {
		t.Fatal(err)
	}
	defer st.Close()
	zone := rr.MustParseName("example.org")
	soa := rr.Set{Name: zone, Type: rr.TypeSOA, Data: []rr.Rdata{zone.Wire() + zone.Wire() + string(make([]byte, 19)) + "\x01"}}
	if _, err := st.ReplaceZone(ctx, store.ZoneSpec{Name: zone}, store.Sequence([]rr.Set{soa}), store.ReplaceOptions{}); err != nil {
		t.Fatal(err)
	}
	if err := st.DeleteZone(ctx, zone, store.WriteOptions{}); err != nil {
		t.Fatal(err)
	}
	if err := st.Reclaim(ctx); !errors.Is(err, store.ErrCorrupt) {
		t.Errorf("Reclaim: got error %v, want %v", err, store.ErrCorrupt)
	}
	if got := rows(t, d, store.TableGarbage); len(got) != 1 || got[0] != bad {
		t.Errorf("garbage left: %q, want %q alone", got, bad)
	}
	if got := rows(t, d, store.TableSets); len(got) != 0 {
		t.Errorf("sets left: %q", got)
	}
	for range 500 {
		if st.Trouble() != nil {
			break
		}
		time.Sleep(10 * time.Millisecond)
	}
	if err := st.Trouble(); !errors.Is(err, store.ErrCorrupt) {
		t.Errorf("Trouble: %v, want %v", err, store.ErrCorrupt)
	}
}

// What a process leaves that ends before it has reclaimed is reclaimed by one that
// runs on, although nothing tells that one.
func TestReclaimsWhatOthersLeft(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		ctx := t.Context()
		d := memory.New()
		running, err := store.New(ctx, &mortal{Driver: d, left: 100}, store.Options{})
		if err != nil {
			t.Fatal(err)
		}
		defer running.Close()
		ending, err := store.New(ctx, &mortal{Driver: d, left: 2}, store.Options{})
		if err != nil {
			t.Fatal(err)
		}
		zone := rr.MustParseName("example.org")
		soa := rr.Set{Name: zone, Type: rr.TypeSOA, Data: []rr.Rdata{zone.Wire() + zone.Wire() + string(make([]byte, 19)) + "\x01"}}
		if _, err := ending.ReplaceZone(ctx, store.ZoneSpec{Name: zone}, store.Sequence([]rr.Set{soa}), store.ReplaceOptions{}); err != nil {
			t.Fatal(err)
		}
		if err := ending.DeleteZone(ctx, zone, store.WriteOptions{}); err != nil {
			t.Fatal(err)
		}
		if err := ending.Close(); err != nil {
			t.Fatal(err)
		}
		synctest.Wait()
		if len(rows(t, d, store.TableSets)) == 0 || len(rows(t, d, store.TableGarbage)) == 0 {
			t.Fatal("nothing is left to be reclaimed")
		}
		time.Sleep(time.Hour)
		synctest.Wait()
		if sets, garbage := rows(t, d, store.TableSets), rows(t, d, store.TableGarbage); len(sets)+len(garbage) > 0 {
			t.Errorf("left after an hour: sets %q, garbage %q", sets, garbage)
		}
	})
}

// mortal is a driver that others share and that writes so many batches and no more.
type mortal struct {
	store.Driver
	left int
}

func (m *mortal) Apply(ctx context.Context, b *store.Batch) error {
	if m.left--; m.left < 0 {
		return store.ErrUnwritable
	}
	return m.Driver.Apply(ctx, b)
}

func (m *mortal) Close() error { return nil }

func (m *mortal) Capabilities() store.Capabilities { return store.Capabilities{} }

// rows are the keys of a table.
func rows(t *testing.T, d store.Driver, table store.Table) (keys []string) {
	t.Helper()
	v, err := d.View(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	defer v.Close()
	err = v.Scan(t.Context(), table, []store.Range{{From: "", To: "\xff\xff"}}, func(key, _ []byte) error {
		keys = append(keys, string(key))
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	return keys
}
