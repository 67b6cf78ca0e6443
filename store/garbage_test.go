package store_test

import (
	"errors"
	"testing"
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
