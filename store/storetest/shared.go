package storetest

import (
	"errors"
	"fmt"
	"sync"
	"testing"

	"github.com/namelet/namelet/store"
)

// sharedDriver is a driver that says it is not alone.
type sharedDriver struct{ store.Driver }

func (d sharedDriver) Capabilities() store.Capabilities {
	c := d.Driver.Capabilities()
	c.Exclusive = false
	return c
}

func (d sharedDriver) Close() error { return nil }

// Two Stores over one driver are as two processes over one database: what one
// plans on ground that the other has changed is planned again.
func testTwoStores(t *testing.T, s *suite) {
	d := s.New(t)
	t.Cleanup(func() { d.Close() })
	var stores [2]*store.Store
	for i := range stores {
		st, err := store.New(ctx, sharedDriver{d}, store.Options{})
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() { st.Close() })
		stores[i] = st
	}
	if stores[0].Identity() != stores[1].Identity() {
		t.Fatal("two Stores over one driver have two identities")
	}
	create(t, stores[0], apex, soa(apex, 1))
	const writers, steps = 3, 20
	created := make([]error, 2)
	var wg sync.WaitGroup
	for i, st := range stores {
		for w := range writers {
			wg.Go(func() {
				for step := range steps {
					owner := name("s%d.w%d.example.org", i, w)
					if _, err := st.Change(ctx, apex, []store.Change{store.Put(a(owner, 1, uint32(step)))}, store.WriteOptions{}); err != nil {
						t.Error(err)
					}
				}
			})
		}
		wg.Go(func() {
			for n := range steps {
				if _, err := st.PutGuest(ctx, "guest", fmt.Append(nil, i, n)); err != nil {
					t.Error(err)
				}
			}
		})
		wg.Go(func() {
			_, created[i] = st.CreateZone(ctx, store.ZoneSpec{Name: other}, store.Sequence(plain(other, uint32(i), many)))
		})
	}
	wg.Wait()
	z, sets := load(t, stores[1], apex)
	if want := uint64(2*writers*steps + 1); z.Version != want || len(sets) != 2*writers+1 {
		t.Errorf("version is %d with %d sets, want %d with %d", z.Version, len(sets), want, 2*writers+1)
	}
	if g, err := stores[0].Guest(ctx, "guest", 0); err != nil || g.Number != 2*steps {
		t.Errorf("newest guest is %+v, %v, want %d", g, err, 2*steps)
	}
	if (created[0] == nil) == (created[1] == nil) || !errors.Is(errors.Join(created...), store.ErrExists) {
		t.Errorf("a zone was created twice at once: %v", created)
	}
	if z, sets := load(t, stores[0], other); z.Version != 1 || len(sets) != many+1 {
		t.Errorf("created zone has version %d, %d sets", z.Version, len(sets))
	}
}
