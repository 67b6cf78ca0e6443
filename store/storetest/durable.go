package storetest

import (
	"bytes"
	"context"
	"sync/atomic"
	"testing"
	"time"

	"github.com/namelet/namelet/store"
)

// What was written is there after another open, and cursors go on.
func testReopen(t *testing.T, s *suite) {
	s.needDurable(t)
	st, d := s.open(t, store.Options{})
	identity := st.Identity()
	create(t, st, apex, plain(apex, 1, 10)...)
	module := bytes.Repeat([]byte("module"), 300000)
	g, err := st.PutGuest(ctx, "geo", module)
	if err != nil {
		t.Fatal(err)
	}
	made, err := st.Attach(ctx, store.Attachment{Zone: apex, At: apex, Guest: "geo"})
	if err != nil {
		t.Fatal(err)
	}
	cursor, err := st.Head(ctx)
	if err != nil {
		t.Fatal(err)
	}
	owner := name("n.example.org")
	res, err := st.Change(ctx, apex, []store.Change{store.Put(a(owner, 1, 1))}, store.WriteOptions{RequestID: "r"})
	if err != nil {
		t.Fatal(err)
	}
	before, sets := load(t, st, apex)

	st, d = s.reopen(t, st, d)
	if st.Identity() != identity || len(identity) != 32 {
		t.Errorf("identity was %q, is %q", identity, st.Identity())
	}
	after, again := load(t, st, apex)
	if after != before || len(again) != len(sets) {
		t.Errorf("zone was %+v, is %+v", before, after)
	}
	if back, err := st.LoadBlob(ctx, g.Digest); err != nil || !bytes.Equal(back, module) {
		t.Errorf("module has %d octets, %v", len(back), err)
	}
	if all, err := st.Attachments(ctx, apex); err != nil || len(all) != 1 || all[0].Generation != made.Generation {
		t.Errorf("attachments are %+v, %v", all, err)
	}
	repeated, err := st.Change(ctx, apex, []store.Change{store.Put(a(owner, 1, 2))}, store.WriteOptions{RequestID: "r"})
	if err != nil || repeated.Changed || repeated.Version != res.Version {
		t.Errorf("request repeated: %+v, %v", repeated, err)
	}
	change(t, st, apex, store.Put(a(owner, 1, 3)))
	st, _ = s.reopen(t, st, d)
	change(t, st, apex, store.Put(a(owner, 1, 4)))
	events, next, err := st.Changes(ctx, cursor, 100)
	if err != nil || len(events) != 3 {
		t.Fatalf("events after the cursor: %v, %v; want 3", events, err)
	}
	for i, e := range events {
		if e.Kind != store.EventZone || e.Version != res.Version+uint64(i) {
			t.Errorf("event %d is %+v", i, e)
		}
	}
	if events, _, err := st.Changes(ctx, next, 100); err != nil || len(events) != 0 {
		t.Errorf("events after the last: %v, %v", events, err)
	}
}

// The rows of an import that did not come to its end are reclaimed at the next
// open, and the zone is as before.
func testAbandoned(t *testing.T, s *suite) {
	s.needDurable(t)
	st, d := s.open(t, store.Options{})
	create(t, st, apex, plain(apex, 1, 3)...)
	ending, end := context.WithCancel(ctx)
	dying := &dyingDriver{Driver: d, die: end}
	dying.left.Store(3)
	importing, err := store.New(ctx, dying, store.Options{})
	if err != nil {
		t.Fatal(err)
	}
	_, err = importing.ReplaceZone(ending, store.ZoneSpec{Name: apex}, store.Sequence(plain(apex, 2, 3*many)), store.ReplaceOptions{})
	wantErr(t, "an import that is stopped", err, context.Canceled)
	if n := len(rows(t, d, store.TableSets, everything)); n < 8192 {
		t.Errorf("the import staged %d rows", n)
	}
	if err := importing.Close(); err != nil {
		t.Fatal(err)
	}
	if d.Capabilities().Exclusive {
		st, d = s.reopen(t, st, d)
	} else {
		// It may be another process's, until that has been silent for long.
		later, err := store.New(ctx, sharedDriver{d}, store.Options{Now: func() time.Time { return time.Now().Add(2 * time.Hour) }})
		if err != nil {
			t.Fatal(err)
		}
		defer later.Close()
		if err := later.Reclaim(ctx); err != nil {
			t.Fatal(err)
		}
	}
	if err := st.Reclaim(ctx); err != nil {
		t.Fatal(err)
	}
	if n := len(rows(t, d, store.TableSets, everything)); n != 4 {
		t.Errorf("%d rows are left of an import that was stopped, want 4", n)
	}
	if z := want(t, st, apex, plain(apex, 1, 3)[1:]...); z.Version != 1 {
		t.Errorf("version is %d", z.Version)
	}
}

// dyingDriver does some batches and no more, as if its process had been killed.
type dyingDriver struct {
	store.Driver
	left atomic.Int32
	die  func()
}

func (d *dyingDriver) Apply(ctx context.Context, b *store.Batch) error {
	switch left := d.left.Add(-1); {
	case left < 0:
		return store.ErrUnwritable
	case left == 0:
		defer d.die()
	}
	return d.Driver.Apply(ctx, b)
}

func (d *dyingDriver) Close() error { return nil }
