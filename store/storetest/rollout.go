package storetest

import (
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/namelet/namelet/rr"
	"github.com/namelet/namelet/store"
)

// testRollout goes through the life of a rollout: on trial, in force, rolled back.
func testRollout(t *testing.T, s *suite) {
	st, _ := s.open(t, store.Options{})
	private, _ := attachable(t, st)
	point := store.Point{Zone: apex, At: apex}
	was, err := st.Attach(ctx, store.Attachment{Zone: apex, At: apex, Guest: "geo", Version: 1, Grants: []rr.Name{private}, Values: map[string]string{"k": "v"}, Limits: store.Limits{Fuel: 7}})
	if err != nil {
		t.Fatal(err)
	}
	first := was.Release()
	second := first
	second.Version = 2
	stored := func(what string, a store.Attachment, err error, active uint64) store.Attachment {
		t.Helper()
		if err != nil {
			t.Fatalf("%s: %v", what, err)
		}
		all, err := st.Attachments(ctx, apex)
		if diff := cmp.Diff([]store.Attachment{a}, all, cmp.AllowUnexported(rr.Name{})); diff != "" || err != nil {
			t.Fatalf("%s: %v; returned (-) and stored (+) differ:\n%s", what, err, diff)
		}
		if a.Version != active {
			t.Fatalf("%s: version %d is active, want %d", what, a.Version, active)
		}
		if a.Generation < was.Generation {
			t.Fatalf("%s: generation %d after %d", what, a.Generation, was.Generation)
		}
		was = a
		return a
	}
	activate := func(version uint64, share uint32, shadow bool) (store.Attachment, error) {
		return st.Activate(ctx, store.Activation{Point: point, Guest: "geo", Version: version, Share: share, Shadow: shadow})
	}

	a, err := activate(0, 500, false)
	a = stored("on trial", a, err, 1)
	if c := a.Candidate; c == nil || !c.Release.Same(second) || c.Share != 500 || c.Began.IsZero() || a.Previous != nil {
		t.Fatalf("on trial: got %+v", a)
	}
	salt, generation := a.Candidate.Salt, a.Generation
	a, err = activate(2, 500, false)
	if a = stored("the same again", a, err, 1); a.Generation != generation {
		t.Errorf("the same again has generation %d, want %d", a.Generation, generation)
	}
	a, err = activate(2, 2000, false)
	if a = stored("a larger share", a, err, 1); a.Candidate.Share != 2000 || a.Candidate.Salt != salt {
		t.Errorf("a larger share: got %+v, want the salt %d", a.Candidate, salt)
	}
	a, err = st.Rollback(ctx, store.Rollback{Point: point, Why: "traps"})
	if a = stored("trial taken back", a, err, 1); a.Candidate != nil || a.Undone == nil || a.Undone.Version != 2 || a.Undone.Why != "traps" {
		t.Fatalf("trial taken back: got %+v", a)
	}
	a, err = activate(2, 0, true)
	if a = stored("shadow", a, err, 1); a.Candidate == nil || !a.Candidate.Shadow || a.Candidate.Share != 0 || a.Undone != nil {
		t.Fatalf("shadow: got %+v", a)
	}
	a, err = activate(2, store.WholeShare, false)
	if a = stored("in force", a, err, 2); a.Candidate != nil || a.Previous == nil || !a.Previous.Same(first) || !a.Release().Same(second) {
		t.Fatalf("in force: got %+v", a)
	}
	_, err = st.Rollback(ctx, store.Rollback{Point: point, Generation: generation})
	wantErr(t, "roll back another generation", err, store.ErrVersionConflict)
	a, err = st.Rollback(ctx, store.Rollback{Point: point})
	if a = stored("rolled back", a, err, 1); !a.Release().Same(first) || a.Previous != nil || a.Undone == nil || a.Undone.Version != 2 {
		t.Fatalf("rolled back: got %+v", a)
	}
	_, err = st.Rollback(ctx, store.Rollback{Point: point})
	wantErr(t, "roll back twice", err, store.ErrNotFound)

	other := first
	other.Values, other.Grants = nil, nil
	a, err = st.Attach(ctx, store.Attachment{Zone: apex, At: apex}.With(other))
	if a = stored("attached otherwise", a, err, 1); a.Previous == nil || !a.Previous.Same(first) || a.Undone != nil {
		t.Fatalf("attached otherwise: got %+v", a)
	}
	if err := st.DeleteZone(ctx, private, store.WriteOptions{}); err != nil {
		t.Fatal(err)
	}
	_, err = st.Rollback(ctx, store.Rollback{Point: point})
	wantErr(t, "roll back to a grant that is gone", err, store.ErrNotFound)
	stored("after that", a, nil, 1)

	if _, err := st.PutGuest(ctx, "other", []byte("module")); err != nil {
		t.Fatal(err)
	}
	for _, bad := range []struct {
		what string
		q    store.Activation
		want error
	}{
		{"no such version", store.Activation{Point: point, Guest: "geo", Version: 9, Share: 1}, store.ErrNotFound},
		{"not attached", store.Activation{Point: store.Point{Zone: apex, At: name("x.example.org")}, Guest: "geo", Share: 1}, store.ErrNotFound},
		{"another scope", store.Activation{Point: store.Point{Zone: apex, At: apex, Scope: store.ScopeName}, Guest: "geo", Share: 1}, store.ErrNotFound},
		{"outside the zone", store.Activation{Point: store.Point{Zone: apex, At: private}, Guest: "geo", Share: 1}, store.ErrInvalid},
		{"another guest", store.Activation{Point: point, Guest: "other", Share: 1}, store.ErrInvalid},
		{"no share", store.Activation{Point: point, Guest: "geo", Version: 2}, store.ErrInvalid},
		{"more than all", store.Activation{Point: point, Guest: "geo", Version: 2, Share: store.WholeShare + 1}, store.ErrInvalid},
		{"trial of the active", store.Activation{Point: point, Guest: "geo", Version: 1, Share: 1}, store.ErrExists},
	} {
		_, err := st.Activate(ctx, bad.q)
		wantErr(t, bad.what, err, bad.want)
	}
	stored("after refusals", a, nil, 1)
	if _, err := st.Verify(ctx, func(line string) error { t.Error(line); return nil }); err != nil {
		t.Error(err)
	}
}

// A lease is one holder's until it runs out.
func testLease(t *testing.T, s *suite) {
	now := time.UnixMilli(1_000_000_000).UTC()
	st, _ := s.open(t, store.Options{Now: func() time.Time { return now }})
	take := func(holder string, want bool) {
		t.Helper()
		if got, err := st.TakeLease(ctx, "work", holder, 10*time.Second); err != nil || got != want {
			t.Errorf("%s takes the lease: got %v, %v, want %v", holder, got, err, want)
		}
	}
	take("a", true)
	take("b", false)
	now = now.Add(8 * time.Second)
	take("a", true) // and for longer
	now = now.Add(8 * time.Second)
	take("b", false)
	take("a", true)
	now = now.Add(11 * time.Second)
	take("b", true)
	take("a", false)
	_, err := st.TakeLease(ctx, "", "a", time.Second)
	wantErr(t, "a lease without a name", err, store.ErrInvalid)
	_, err = st.TakeLease(ctx, "work", "", time.Second)
	wantErr(t, "a lease without a holder", err, store.ErrInvalid)
}
