package storetest

import (
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/namelet/namelet/rr"
	"github.com/namelet/namelet/store"
)

// What replicas say is read back, replaced and forgotten, wakes nobody and is in no
// log.
func testReplicas(t *testing.T, s *suite) {
	now := time.UnixMilli(1_000_000_000).UTC()
	st, _ := s.open(t, store.Options{Now: func() time.Time { return now }})
	head, err := st.Head(ctx)
	if err != nil {
		t.Fatal(err)
	}
	woken := st.Watch(ctx)
	a := store.Replica{
		ID: "a", Host: "h", Site: "s", Version: "v1", State: "following", Cursor: "x:1", Mirrored: true,
		Zones: 1, Names: 2, Guests: 3, Problems: 4, Started: now.Add(-time.Hour), Caught: now.Add(-time.Second),
		Serving: []store.Serving{
			{Point: store.Point{Zone: apex, At: apex}, Guest: "geo", Version: 3, Candidate: 4, Generation: 5, Compared: 9, Differ: 8, Fell: "it failed"},
			{Point: store.Point{Zone: apex, At: name("www.example.org"), Scope: store.ScopeName}, Generation: 6, Problem: "geo@2: traps"},
		},
	}
	b := store.Replica{ID: "b"}
	for _, r := range []store.Replica{a, b, a} {
		if err := st.PutReplica(ctx, r); err != nil {
			t.Fatal(err)
		}
	}
	a.Seen, b.Seen = now, now
	expectReplicas(t, st, a, b)
	now = now.Add(time.Minute)
	if err := st.PutReplica(ctx, b); err != nil {
		t.Fatal(err)
	}
	b.Seen = now
	if err := st.ForgetReplicas(ctx, now); err != nil {
		t.Fatal(err)
	}
	expectReplicas(t, st, b)
	for range 2 {
		if err := st.ForgetReplica(ctx, "b"); err != nil {
			t.Fatal(err)
		}
	}
	expectReplicas(t, st)
	if events, _, err := st.Changes(ctx, head, 10); err != nil || len(events) > 0 {
		t.Errorf("events: got %v, %v", events, err)
	}
	select {
	case <-woken:
		t.Error("a follower was woken")
	default:
	}
}

func expectReplicas(t *testing.T, st *store.Store, want ...store.Replica) {
	t.Helper()
	got, err := st.Replicas(ctx)
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(want, got, cmp.AllowUnexported(rr.Name{})); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
}
