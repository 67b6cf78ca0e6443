package storetest

import (
	"errors"
	"testing"

	"github.com/namelet/namelet/rr"
	"github.com/namelet/namelet/store"
)

func replace(st *store.Store, sets []rr.Set, o store.ReplaceOptions) (store.Result, error) {
	return st.ReplaceZone(ctx, store.ZoneSpec{Name: apex}, store.Sequence(sets), o)
}

func testReplaceSerial(t *testing.T, s *suite) {
	st, _ := s.open(t, store.Options{})
	create(t, st, apex, plain(apex, 100, 2)...)
	tests := []struct {
		name   string
		serial uint32
		force  bool
		want   error
	}{
		{"lower", 99, false, store.ErrSerialLower},
		{"equal", 100, false, store.ErrSerialLower},
		{"half the circle", 100 + 1<<31, false, store.ErrSerialLower},
		{"higher", 101, false, nil},
		{"equal, forced", 101, true, nil},
		{"lower, forced", 5, true, nil},
		{"around the circle", 5 + 1<<31 - 1, false, nil},
		{"around the circle again", 1, false, nil},
	}
	for i, test := range tests {
		sets := append(plain(apex, test.serial, 2), txt(name("new.example.org"), test.name))
		before, _ := load(t, st, apex)
		res, err := replace(st, sets, store.ReplaceOptions{Force: test.force})
		if test.want != nil {
			wantErr(t, test.name, err, test.want)
			if z, _ := load(t, st, apex); z.Version != before.Version {
				t.Errorf("%s: refused, and version went to %d", test.name, z.Version)
			}
			continue
		}
		if err != nil || res.Zone.Serial != test.serial {
			t.Errorf("%d %s: %+v, %v", i, test.name, res, err)
		}
		want(t, st, apex, sets[1:]...)
	}
	_, err := replace(st, plain(apex, 9, 1), store.ReplaceOptions{IfVersion: 1})
	wantErr(t, "replace another version", err, store.ErrVersionConflict)
	_, err = st.ReplaceZone(ctx, store.ZoneSpec{Name: other}, store.Sequence(plain(other, 9, 1)), store.ReplaceOptions{IfVersion: 1})
	wantErr(t, "replace a version of no zone", err, store.ErrNotFound)
}

func testReplaceDiff(t *testing.T, s *suite) {
	st, _ := s.open(t, store.Options{})
	create(t, st, apex, plain(apex, 1, 500)...)
	sets := plain(apex, 2, 500)
	sets[3] = a(sets[3].Name, 61, 7)
	sets = append(sets[:10], sets[11:]...)
	sets = append(sets, a(name("zz.example.org"), 1, 1))
	if _, err := replace(st, sets, store.ReplaceOptions{IfVersion: 1}); err != nil {
		t.Fatal(err)
	}
	want(t, st, apex, sets[1:]...)
	err := st.Journal(ctx, apex, 1, func(e store.JournalEntry) error {
		if len(e.Removed) != 3 || len(e.Added) != 3 || e.SerialBefore != 1 || e.SerialAfter != 2 {
			t.Errorf("journal of a small difference: %v", e)
		}
		return nil
	})
	if err != nil {
		t.Error(err)
	}
}

// bigger than what one transaction takes
const many = 20000

func testReplaceWhole(t *testing.T, s *suite) {
	st, _ := s.open(t, store.Options{})
	n := many
	if testing.Short() {
		n = 17000
	}
	create(t, st, apex, plain(apex, 1, n)...)
	if z := want(t, st, apex, plain(apex, 1, n)[1:]...); z.Version != 1 {
		t.Errorf("version is %d", z.Version)
	}
	// From many to few, which is too much for the journal.
	res, err := replace(st, plain(apex, 2, 3), store.ReplaceOptions{})
	if err != nil || res.Version != 2 {
		t.Fatalf("%+v, %v", res, err)
	}
	want(t, st, apex, plain(apex, 2, 3)[1:]...)
	wantErr(t, "journal over a replacement", st.Journal(ctx, apex, 1, func(store.JournalEntry) error { return nil }), store.ErrGone)
	if _, err = replace(st, plain(apex, 2, n), store.ReplaceOptions{}); !errors.Is(err, store.ErrSerialLower) {
		t.Errorf("other content under the same serial: %v", err)
	}
	want(t, st, apex, plain(apex, 2, 3)[1:]...)
	change(t, st, apex, store.Delete(name("h000000.example.org"), rr.TypeA))
	if err := st.Journal(ctx, apex, 2, func(store.JournalEntry) error { return nil }); err != nil {
		t.Errorf("journal after a replacement: %v", err)
	}
}

func testReplaceAtomic(t *testing.T, s *suite) {
	st, d := s.open(t, store.Options{})
	create(t, st, apex, plain(apex, 1, 2)...)
	boom := errors.New("the file ends in the middle")
	_, err := st.ReplaceZone(ctx, store.ZoneSpec{Name: apex}, failing(plain(apex, 2, 100), boom), store.ReplaceOptions{})
	wantErr(t, "a sequence that fails", err, boom)
	bad := append(plain(apex, 2, many), soa(name("h000001.example.org"), 1))
	_, err = replace(st, bad, store.ReplaceOptions{})
	wantErr(t, "a bad set at the end", err, store.ErrInvalid)
	if z := want(t, st, apex, plain(apex, 1, 2)[1:]...); z.Version != 1 {
		t.Errorf("failed imports made version %d", z.Version)
	}
	if err := st.Reclaim(ctx); err != nil {
		t.Fatal(err)
	}
	if n := len(rows(t, d, store.TableSets, everything)); n != 3 {
		t.Errorf("failed imports left rows: %d, want 3", n)
	}
}

func testReclaim(t *testing.T, s *suite) {
	st, d := s.open(t, store.Options{})
	create(t, st, apex, plain(apex, 1, many)...)
	create(t, st, other, plain(other, 1, 5)...)
	for i := range uint32(3) {
		_, err := st.Change(ctx, apex, []store.Change{store.Put(a(name("n.example.org"), 1, i))}, store.WriteOptions{RequestID: string(rune('a' + i))})
		if err != nil {
			t.Fatal(err)
		}
	}
	if _, err := replace(st, plain(apex, 9, 4), store.ReplaceOptions{}); err != nil {
		t.Fatal(err)
	}
	if _, err := st.Change(ctx, apex, []store.Change{store.Put(a(name("n.example.org"), 1, 9))}, store.WriteOptions{RequestID: "z"}); err != nil {
		t.Fatal(err)
	}
	count := func(sets, journal, requests int) {
		t.Helper()
		if err := st.Reclaim(ctx); err != nil {
			t.Fatal(err)
		}
		for table, want := range map[store.Table]int{store.TableSets: sets, store.TableJournal: journal, store.TableRequests: requests, store.TableGarbage: 0} {
			if got := len(rows(t, d, table, everything)); got != want {
				t.Errorf("table %v has %d rows, want %d", table, got, want)
			}
		}
	}
	count(6+6, 1, 1)
	if err := st.DeleteZone(ctx, apex, store.WriteOptions{}); err != nil {
		t.Fatal(err)
	}
	count(6, 0, 0)
	want(t, st, other, plain(other, 1, 5)[1:]...)
}
