package storetest

import (
	"cmp"
	"errors"
	"fmt"
	"slices"
	"strings"
	"testing"

	gocmp "github.com/google/go-cmp/cmp"

	"github.com/namelet/namelet/rr"
	"github.com/namelet/namelet/store"
)

func testReadBack(t *testing.T, s *suite) {
	st, _ := s.open(t, store.Options{})
	sets := []rr.Set{
		soa(apex, 7),
		{Name: apex, Type: rr.TypeNS, TTL: 0, Data: []rr.Rdata{name("a.example.net").Wire(), name("B.example.net").Wire()}},
		txt(name("*.example.org"), "wildcard"),
		a(name("CaSe.Example.ORG"), rr.MaxTTL, 1, 2),
		{Name: name("CaSe.Example.ORG"), Type: 65280, TTL: 1, Data: []rr.Rdata{"", "\x00\x01\x02"}},
		txt(name(`\000\001.example.org`), ""),
		txt(name(`x.\000\001.example.org`), "below"),
		a(name("a.b.c.d.example.org"), 5, 9),
		a(name("z.example.org"), 5, 1),
	}
	slices.SortStableFunc(sets, func(a, b rr.Set) int {
		return cmp.Or(a.Name.Compare(b.Name), int(a.Type)-int(b.Type))
	})
	given := slices.Clone(sets)
	slices.Reverse(given)
	res, err := st.CreateZone(ctx, store.ZoneSpec{Name: name("example.ORG"), Private: true, Fallback: store.FallbackServFail}, store.Sequence(given))
	if err != nil {
		t.Fatal(err)
	}
	z, got := load(t, st, apex)
	for i := range sets {
		sets[i].Data = slices.Sorted(slices.Values(sets[i].Data))
	}
	if diff := gocmp.Diff(texts(sets), texts(got)); diff != "" {
		t.Errorf("zone read back (-want +got):\n%s", diff)
	}
	if fmt.Sprint(z) != fmt.Sprint(res.Zone) || !res.Changed || z.Version != 1 || z.Serial != 7 || !z.Private || z.Signed || z.Name.String() != "example.ORG." || z.Fallback != store.FallbackServFail {
		t.Errorf("zone is %+v, created as %+v", z, res)
	}
	_, some, err := st.Sets(ctx, apex, name("z.EXAMPLE.org"), name("nothing.example.org"), name("case.example.org"), name("z.example.org"), other)
	if err != nil {
		t.Fatal(err)
	}
	var want []string
	for _, s := range sets {
		if s.Name.Equal(name("case.example.org")) || s.Name.Equal(name("z.example.org")) {
			want = append(want, text(s))
		}
	}
	if diff := gocmp.Diff(want, texts(some)); diff != "" {
		t.Errorf("sets of some names (-want +got):\n%s", diff)
	}
	for _, zone := range []string{".", "org", "example.example.org", "a.example.org"} {
		create(t, st, name("%s", zone), soa(name("%s", zone), 1), a(name("x.%s", strings.TrimSuffix(zone, ".")), 1, 1))
	}
	zones, err := st.Zones(ctx)
	if err != nil {
		t.Fatal(err)
	}
	var names []string
	for _, z := range zones {
		names = append(names, z.Name.String())
		if n := len(loadSets(t, st, z.Name)); uint64(n) != z.Sets {
			t.Errorf("zone %v has %d sets, and says %d", z.Name, n, z.Sets)
		}
	}
	if got := strings.Join(names, " "); got != ". org. example.ORG. a.example.org. example.example.org." {
		t.Errorf("zones in order: %s", got)
	}
}

func loadSets(t *testing.T, st *store.Store, zone rr.Name) []rr.Set {
	t.Helper()
	_, sets := load(t, st, zone)
	return sets
}

func testRefusals(t *testing.T, s *suite) {
	refused := errors.New("refused by the caller")
	st, _ := s.open(t, store.Options{Check: func(_ rr.Name, set rr.Set) error {
		if set.Name.Label() == "refused" {
			return refused
		}
		return nil
	}})
	good := soa(apex, 1)
	www := name("www.example.org")
	big := txt(www, "")
	for i := range 400 {
		big.Data = append(big.Data, "\xff"+strings.Repeat(string(rune('a'+i%26)), 251)+fmt.Sprintf("%04d", i))
	}
	tests := []struct {
		name string
		sets []rr.Set
		want error
	}{
		{"no SOA", []rr.Set{a(apex, 1, 1)}, store.ErrInvalid},
		{"nothing", nil, store.ErrInvalid},
		{"two SOAs", []rr.Set{good, soa(apex, 2)}, store.ErrInvalid},
		{"SOA below the apex", []rr.Set{good, soa(www, 1)}, store.ErrInvalid},
		{"out of zone", []rr.Set{good, a(other, 1, 1)}, store.ErrInvalid},
		{"a sibling by prefix of text", []rr.Set{good, a(name("xexample.org"), 1, 1)}, store.ErrInvalid},
		{"CNAME and A", []rr.Set{good, cname(www, apex), a(www, 1, 1)}, store.ErrInvalid},
		{"CNAME at the apex", []rr.Set{good, cname(apex, other)}, store.ErrInvalid},
		{"two CNAMEs", []rr.Set{good, cname(www, apex), cname(www, other)}, store.ErrInvalid},
		{"empty set", []rr.Set{good, {Name: www, Type: rr.TypeA}}, store.ErrInvalid},
		{"meta type", []rr.Set{good, {Name: www, Type: rr.TypeANY, Data: []rr.Rdata{""}}}, store.ErrInvalid},
		{"bad rdata", []rr.Set{good, {Name: www, Type: rr.TypeA, Data: []rr.Rdata{"123"}}}, store.ErrInvalid},
		{"TTL", []rr.Set{good, a(www, rr.MaxTTL+1, 1)}, store.ErrInvalid},
		{"no name", []rr.Set{good, {Type: rr.TypeA, Data: []rr.Rdata{"1234"}}}, store.ErrInvalid},
		{"too large a set", []rr.Set{good, big}, store.ErrTooLarge},
		{"too large a set in parts", []rr.Set{good, {Name: www, Type: rr.TypeTXT, Data: big.Data[:200]}, {Name: www, Type: rr.TypeTXT, Data: big.Data[200:]}}, store.ErrTooLarge},
		{"the caller's check", []rr.Set{good, a(name("refused.example.org"), 1, 1)}, refused},
	}
	for _, test := range tests {
		_, err := st.CreateZone(ctx, store.ZoneSpec{Name: apex}, store.Sequence(test.sets))
		wantErr(t, test.name, err, test.want)
	}
	_, err := st.CreateZone(ctx, store.ZoneSpec{}, store.Sequence(nil))
	wantErr(t, "zone without a name", err, store.ErrInvalid)
	if zones, err := st.Zones(ctx); err != nil || len(zones) != 0 {
		t.Errorf("after refusals there are zones %v, %v", zones, err)
	}
	create(t, st, apex, good)
	_, err = st.CreateZone(ctx, store.ZoneSpec{Name: apex}, store.Sequence([]rr.Set{soa(apex, 2)}))
	wantErr(t, "create twice", err, store.ErrExists)
	_, err = st.Zone(ctx, other)
	wantErr(t, "zone that is not there", err, store.ErrNotFound)
	wantErr(t, "delete what is not there", st.DeleteZone(ctx, other, store.WriteOptions{}), store.ErrNotFound)
	wantErr(t, "delete another version", st.DeleteZone(ctx, apex, store.WriteOptions{IfVersion: 9}), store.ErrVersionConflict)
	want(t, st, apex)
}

func testSettings(t *testing.T, s *suite) {
	st, _ := s.open(t, store.Options{})
	create(t, st, apex, plain(apex, 1, 1)...)
	res, err := st.ReplaceZone(ctx, store.ZoneSpec{Name: apex, Private: true}, store.Sequence(plain(apex, 1, 1)), store.ReplaceOptions{IfVersion: 1})
	if err != nil || !res.Zone.Private || res.Version != 2 || res.Zone.Serial != 1 {
		t.Errorf("private: %+v, %v", res, err)
	}
	res, err = st.ReplaceZone(ctx, store.ZoneSpec{Name: apex, Private: true}, store.Sequence(plain(apex, 1, 1)), store.ReplaceOptions{})
	if err != nil || res.Changed || res.Version != 2 {
		t.Errorf("private again: %+v, %v", res, err)
	}
	_, err = st.ReplaceZone(ctx, store.ZoneSpec{Name: apex}, store.Sequence(plain(apex, 1, 1)), store.ReplaceOptions{IfVersion: 1})
	wantErr(t, "settings of another version", err, store.ErrVersionConflict)
	_, err = st.ReplaceZone(ctx, store.ZoneSpec{Name: other}, store.Sequence(plain(other, 1, 1)), store.ReplaceOptions{IfVersion: 1})
	wantErr(t, "settings of no zone", err, store.ErrNotFound)
	// An import with other settings, and nothing else new, needs no new serial.
	res, err = st.ReplaceZone(ctx, store.ZoneSpec{Name: apex, Fallback: store.FallbackStatic}, store.Sequence(plain(apex, 1, 1)), store.ReplaceOptions{})
	if err != nil || res.Version != 3 || res.Zone.Private || res.Zone.Fallback != store.FallbackStatic {
		t.Errorf("ReplaceZone with other settings: %+v, %v", res, err)
	}
	want(t, st, apex, plain(apex, 1, 1)[1:]...)
	var got []uint64
	err = st.Journal(ctx, apex, 1, func(e store.JournalEntry) error {
		if len(e.Added)+len(e.Removed) > 0 || e.SerialBefore != 1 || e.SerialAfter != 1 {
			t.Errorf("journal of settings: %+v", e)
		}
		got = append(got, e.Version)
		return nil
	})
	if err != nil || !slices.Equal(got, []uint64{2, 3}) {
		t.Errorf("journal of settings has versions %v, %v", got, err)
	}
}

func testVersions(t *testing.T, s *suite) {
	st, _ := s.open(t, store.Options{})
	last := uint64(0)
	above := func(what string, z store.Zone) {
		t.Helper()
		if z.Version <= last {
			t.Errorf("%s: version %d is not above %d", what, z.Version, last)
		}
		last = z.Version
	}
	for round := range 3 {
		z := create(t, st, apex, plain(apex, 100-uint32(round), 2)...)
		above("created", z)
		err := st.Journal(ctx, apex, z.Version-1, func(store.JournalEntry) error { return nil })
		wantErr(t, "journal from before the zone was created", err, store.ErrGone)
		above("changed", change(t, st, apex, store.Put(a(name("n.example.org"), 1, 1))))
		res, err := st.ReplaceZone(ctx, store.ZoneSpec{Name: apex}, store.Sequence(plain(apex, 200, 3)), store.ReplaceOptions{})
		if err != nil {
			t.Fatal(err)
		}
		above("replaced", res.Zone)
		if err := st.DeleteZone(ctx, apex, store.WriteOptions{IfVersion: last}); err != nil {
			t.Fatal(err)
		}
		_, err = st.Zone(ctx, apex)
		wantErr(t, "deleted zone", err, store.ErrNotFound)
		_, err = st.Change(ctx, apex, nil, store.WriteOptions{})
		wantErr(t, "change of a deleted zone", err, store.ErrNotFound)
	}
	if err := st.Reclaim(ctx); err != nil {
		t.Fatal(err)
	}
	above("created after all", create(t, st, apex, soa(apex, 1)))
	want(t, st, apex)
}
