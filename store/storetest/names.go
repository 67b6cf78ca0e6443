package storetest

import (
	"math/rand/v2"
	"slices"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/namelet/namelet/rr"
	"github.com/namelet/namelet/store"
)

// What a zone has at some names is what all its RRsets say of them: which are there,
// and which names exist without any, since something below them does.
func testNames(t *testing.T, s *suite) {
	st, _ := s.open(t, store.Options{})
	random := rand.New(rand.NewPCG(1, 2))
	labels := []string{"a", "b", "*", "\x00", "\x01", "z"}
	under := func(zone rr.Name) rr.Name {
		for range random.IntN(5) {
			if child, err := zone.Child(labels[random.IntN(len(labels))]); err == nil {
				zone = child
			}
		}
		return zone
	}
	create(t, st, name("a.org"), plain(name("a.org"), 1, 2)...) // next to it
	for round := range 20 {
		zone := name("r%d.org", round)
		sets := []rr.Set{soa(zone, 1)}
		for i := range random.IntN(8) {
			if owner := under(zone); !slices.ContainsFunc(sets, func(s rr.Set) bool { return s.Name.Equal(owner) && s.Type == rr.TypeA }) {
				sets = append(sets, a(owner, 60, uint32(i)))
			}
		}
		create(t, st, zone, sets...)
		for range 10 {
			var owners []rr.Name
			for range 1 + random.IntN(6) {
				owners = append(owners, under(zone))
			}
			sameNames(t, st, zone, owners)
		}
	}
	err := st.Snapshot(ctx, func(v *store.Snapshot) error {
		_, err := v.Names(ctx, other)
		return err
	})
	wantErr(t, "a zone that is not there", err, store.ErrNotFound)
}

func sameNames(t *testing.T, st *store.Store, zone rr.Name, owners []rr.Name) {
	t.Helper()
	z, all := load(t, st, zone)
	var sets, inner []string
	for _, set := range all {
		if slices.ContainsFunc(owners, set.Name.Equal) {
			sets = append(sets, texts([]rr.Set{set})...)
		}
	}
	for _, owner := range owners {
		own := slices.ContainsFunc(all, func(s rr.Set) bool { return s.Name.Equal(owner) })
		below := slices.ContainsFunc(all, func(s rr.Set) bool { return s.Name.IsSubdomainOf(owner) })
		if !own && below {
			inner = append(inner, owner.String())
		}
	}
	var got store.Around
	err := st.Snapshot(ctx, func(v *store.Snapshot) error {
		names, err := v.Names(ctx, zone)
		if err != nil {
			return err
		}
		if names.Zone() != z {
			t.Errorf("got zone %+v, want %+v", names.Zone(), z)
		}
		got, err = names.At(ctx, owners)
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	var gotInner []string
	for _, n := range got.Inner {
		gotInner = append(gotInner, n.String())
	}
	slices.Sort(inner)
	slices.Sort(gotInner)
	if diff := cmp.Diff([][]string{sets, slices.Compact(inner)}, [][]string{texts(got.Sets), slices.Compact(gotInner)}); diff != "" {
		t.Fatalf("%v of zone %v with %v (-want +got):\n%s", owners, zone, texts(all), diff)
	}
}
