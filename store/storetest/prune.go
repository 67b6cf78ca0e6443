package storetest

import (
	"errors"
	"fmt"
	"testing"

	"github.com/namelet/namelet/rr"
	"github.com/namelet/namelet/store"
)

// A version is deleted with its module, unless somebody has one of them.
func testDeleteGuest(t *testing.T, s *suite) {
	st, _ := s.open(t, store.Options{})
	replaceZone(t, st, apex, 1)
	push := func(name, module string) store.GuestVersion {
		g, err := st.PutGuest(ctx, name, []byte(module))
		if err != nil {
			t.Fatal(err)
		}
		return g
	}
	one, _, _ := push("geo", "one"), push("geo", "two"), push("other", "two")
	push("geo", "three")
	a := store.Attachment{Zone: apex, At: apex, Guest: "geo", Version: 1}
	if _, err := st.Attach(ctx, a); err != nil {
		t.Fatal(err)
	}
	wantErr(t, "the active version", st.DeleteGuest(ctx, "geo", 1), store.ErrInUse)
	a.Version = 3
	if _, err := st.Attach(ctx, a); err != nil {
		t.Fatal(err)
	}
	wantErr(t, "the one before", st.DeleteGuest(ctx, "geo", 1), store.ErrInUse)
	wantErr(t, "the newest", st.DeleteGuest(ctx, "other", 1), store.ErrInUse)
	wantErr(t, "no such version", st.DeleteGuest(ctx, "geo", 4), store.ErrNotFound)
	wantErr(t, "no such guest", st.DeleteGuest(ctx, "none", 1), store.ErrNotFound)
	if err := st.DeleteGuest(ctx, "geo", 2); err != nil {
		t.Error(err)
	}
	if _, err := st.LoadBlob(ctx, one.Digest); err != nil {
		t.Errorf("a module that is attached: %v", err)
	}
	if g, err := st.Guest(ctx, "other", 1); err != nil {
		t.Error(err)
	} else if _, err := st.LoadBlob(ctx, g.Digest); err != nil {
		t.Errorf("a module that another guest has: %v", err)
	}
	if err := st.Detach(ctx, apex, apex, store.ScopeSubtree); err != nil {
		t.Fatal(err)
	}
	if err := st.DeleteGuest(ctx, "geo", 1); err != nil {
		t.Error(err)
	}
	_, err := st.LoadBlob(ctx, one.Digest)
	wantErr(t, "a module that nobody has", err, store.ErrNotFound)
	if g := push("geo", "one"); g.Number != 4 {
		t.Errorf("the next version is %d, want 4", g.Number)
	}
	wantWhole(t, st)
}

// The newest versions of a guest stay, and those that are attached.
func testKeptVersions(t *testing.T, s *suite) {
	const keep, more = 3, 5
	st, _ := s.open(t, store.Options{GuestVersions: keep})
	replaceZone(t, st, apex, 1)
	for i := range keep + more {
		if _, err := st.PutGuest(ctx, "geo", fmt.Append(nil, "module ", i)); err != nil {
			t.Fatal(err)
		}
		if i == 1 {
			if _, err := st.Attach(ctx, store.Attachment{Zone: apex, At: apex, Guest: "geo", Version: 2}); err != nil {
				t.Fatal(err)
			}
		}
	}
	for version, there := range map[uint64]bool{1: false, 2: true, 3: false, more: false, more + 1: true, keep + more: true} {
		if _, err := st.Guest(ctx, "geo", version); (err == nil) != there || err != nil && !errors.Is(err, store.ErrNotFound) {
			t.Errorf("version %d: error %v, want it there: %v", version, err, there)
		}
	}
	wantWhole(t, st)
}

// A zone has so many attachments and no more; the ones that it has can be changed.
func testManyAttachments(t *testing.T, s *suite) {
	const most = 5
	st, _ := s.open(t, store.Options{Attachments: most})
	replaceZone(t, st, apex, 1)
	if _, err := st.PutGuest(ctx, "geo", []byte("module")); err != nil {
		t.Fatal(err)
	}
	at := func(i int) store.Attachment {
		return store.Attachment{Zone: apex, At: rr.MustParseName(fmt.Sprintf("n%d.%v", i, apex)), Guest: "geo"}
	}
	for i := range most {
		if _, err := st.Attach(ctx, at(i)); err != nil {
			t.Fatal(err)
		}
	}
	_, err := st.Attach(ctx, at(most))
	wantErr(t, "one too many", err, store.ErrTooLarge)
	again := at(3)
	again.Values = map[string]string{"k": "v"}
	if _, err := st.Attach(ctx, again); err != nil {
		t.Errorf("one that is there: %v", err)
	}
	if err := st.Detach(ctx, apex, at(4).At, store.ScopeSubtree); err != nil {
		t.Fatal(err)
	}
	if _, err := st.Attach(ctx, at(most)); err != nil {
		t.Errorf("in the place of one: %v", err)
	}
}

func replaceZone(t *testing.T, st *store.Store, zone rr.Name, serial uint32) {
	t.Helper()
	if _, err := st.ReplaceZone(ctx, store.ZoneSpec{Name: zone}, store.Sequence([]rr.Set{soa(zone, serial)}), store.ReplaceOptions{}); err != nil {
		t.Fatal(err)
	}
}

// wantWhole holds a store against itself.
func wantWhole(t *testing.T, st *store.Store) {
	t.Helper()
	_, err := st.Verify(ctx, func(line string) error { t.Error(line); return nil })
	if err != nil {
		t.Error(err)
	}
}
