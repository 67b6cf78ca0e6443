package storetest

import (
	"fmt"
	"sync"
	"sync/atomic"
	"testing"

	"github.com/namelet/namelet/rr"
	"github.com/namelet/namelet/store"
)

// Bench measures a backend: an import, its repetition, a load, changes one at a
// time, and changes of a hundred callers at once.
func Bench(b *testing.B, backend func(b *testing.B) store.Driver) {
	open := func(b *testing.B) *store.Store {
		st, err := store.New(ctx, backend(b), store.Options{})
		if err != nil {
			b.Fatal(err)
		}
		b.Cleanup(func() { st.Close() })
		return st
	}
	const size = 100_000
	b.Run("Import100k", func(b *testing.B) {
		b.ReportAllocs()
		sets := plain(apex, 1, size)
		for range b.N {
			st := open(b)
			if _, err := st.CreateZone(ctx, store.ZoneSpec{Name: apex}, store.Sequence(sets)); err != nil {
				b.Fatal(err)
			}
		}
	})
	b.Run("Reimport100kOneChanged", func(b *testing.B) {
		b.ReportAllocs()
		st := filled(b, open(b), size)
		sets := plain(apex, 1, size)
		b.ResetTimer()
		for i := range b.N {
			sets[0], sets[1] = soa(apex, uint32(i)+2), a(sets[1].Name, 60, uint32(i))
			if _, err := st.ReplaceZone(ctx, store.ZoneSpec{Name: apex}, store.Sequence(sets), store.ReplaceOptions{}); err != nil {
				b.Fatal(err)
			}
		}
	})
	b.Run("Load100k", func(b *testing.B) {
		b.ReportAllocs()
		st := filled(b, open(b), size)
		b.ResetTimer()
		for range b.N {
			if _, sets, err := st.Sets(ctx, apex); err != nil || len(sets) != size+1 {
				b.Fatal(len(sets), err)
			}
		}
	})
	for _, callers := range []int{1, 100} {
		b.Run(fmt.Sprintf("ChangeBy%d", callers), func(b *testing.B) {
			b.ReportAllocs()
			st := filled(b, open(b), size)
			b.ResetTimer()
			changeBy(b, st, callers, size)
		})
	}
}

func filled(b *testing.B, st *store.Store, n int) *store.Store {
	if _, err := st.CreateZone(ctx, store.ZoneSpec{Name: apex}, store.Sequence(plain(apex, 1, n))); err != nil {
		b.Fatal(err)
	}
	return st
}

// changeBy makes b.N changes of one RRset, from several goroutines.
func changeBy(b *testing.B, st *store.Store, callers, size int) {
	var next atomic.Int64
	var wg sync.WaitGroup
	for range callers {
		wg.Go(func() {
			for i := next.Add(1); i <= int64(b.N); i = next.Add(1) {
				set := a(name("h%06d.example.org", int(i*7919)%size), 30, uint32(i), 1)
				if _, err := st.Change(ctx, apex, []store.Change{{Set: rr.Set(set)}}, store.WriteOptions{}); err != nil {
					b.Error(err)
					return
				}
			}
		})
	}
	wg.Wait()
}
