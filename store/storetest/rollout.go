package storetest

import (
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/namelet/namelet/rr"
	"github.com/namelet/namelet/store"
)

// rollout is an attachment on its way through versions, as it was returned last.
type rollout struct {
	*testing.T
	st            *store.Store
	private       rr.Name // which the first release is granted
	point         store.Point
	now           store.Attachment
	first, second store.Release
}

// testRollout goes through the life of a rollout: on trial, in force, rolled back.
func testRollout(t *testing.T, s *suite) {
	st, _ := s.open(t, store.Options{})
	private, _ := attachable(t, st)
	r := &rollout{T: t, st: st, private: private, point: store.Point{Zone: apex, At: apex}}
	var err error
	r.now, err = st.Attach(ctx, store.Attachment{Zone: apex, At: apex, Guest: "geo", Version: 1, Grants: []rr.Name{private}, Values: map[string]string{"k": "v"}, Limits: store.Limits{Fuel: 7}})
	if err != nil {
		t.Fatal(err)
	}
	r.first = r.now.Release()
	r.second = r.first
	r.second.Version = 2
	r.onTrial()
	r.inForce()
	r.underWatch()
	r.otherwise()
	r.refused()
}

// stored wants an attachment as it was returned to be the one that is stored.
func (r *rollout) stored(what string, a store.Attachment, err error, active uint64) store.Attachment {
	r.Helper()
	if err != nil {
		r.Fatalf("%s: %v", what, err)
	}
	all, err := r.st.Attachments(ctx, apex)
	if diff := cmp.Diff([]store.Attachment{a}, all, cmp.AllowUnexported(rr.Name{})); diff != "" || err != nil {
		r.Fatalf("%s: %v; returned (-) and stored (+) differ:\n%s", what, err, diff)
	}
	if a.Version != active {
		r.Fatalf("%s: version %d is active, want %d", what, a.Version, active)
	}
	if a.Generation < r.now.Generation {
		r.Fatalf("%s: generation %d after %d", what, a.Generation, r.now.Generation)
	}
	r.now = a
	return a
}

func (r *rollout) activate(version uint64, share uint32, shadow bool) (store.Attachment, error) {
	return r.st.Activate(ctx, store.Activation{Point: r.point, Guest: "geo", Version: version, Share: share, Shadow: shadow, Watch: store.DefaultWatch()})
}

func (r *rollout) onTrial() {
	r.Helper()
	a, err := r.activate(0, 500, false)
	a = r.stored("on trial", a, err, 1)
	if c := a.Candidate; c == nil || !c.Release.Same(r.second) || c.Share != 500 || c.Began.IsZero() || c.Watch != store.DefaultWatch() || a.Previous != nil {
		r.Fatalf("on trial: got %+v", a)
	}
	salt, generation := a.Candidate.Salt, a.Generation
	a, err = r.activate(2, 500, false)
	if a = r.stored("the same again", a, err, 1); a.Generation != generation {
		r.Errorf("the same again has generation %d, want %d", a.Generation, generation)
	}
	a, err = r.activate(2, 2000, false)
	if a = r.stored("a larger share", a, err, 1); a.Candidate.Share != 2000 || a.Candidate.Salt != salt {
		r.Errorf("a larger share: got %+v, want the salt %d", a.Candidate, salt)
	}
	a, err = r.st.Rollback(ctx, store.Rollback{Point: r.point, Why: "traps"})
	if a = r.stored("trial taken back", a, err, 1); a.Candidate != nil || a.Undone == nil || a.Undone.Version != 2 || a.Undone.Why != "traps" {
		r.Fatalf("trial taken back: got %+v", a)
	}
	a, err = r.activate(2, 0, true)
	if a = r.stored("shadow", a, err, 1); a.Candidate == nil || !a.Candidate.Shadow || a.Candidate.Share != 0 || a.Undone != nil {
		r.Fatalf("shadow: got %+v", a)
	}
}

func (r *rollout) inForce() {
	r.Helper()
	generation := r.now.Generation
	a, err := r.activate(2, store.WholeShare, false)
	if a = r.stored("in force", a, err, 2); a.Candidate != nil || a.Watched != nil || a.Previous == nil || !a.Previous.Same(r.first) || !a.Release().Same(r.second) {
		r.Fatalf("in force: got %+v", a)
	}
	_, err = r.st.Rollback(ctx, store.Rollback{Point: r.point, Generation: generation})
	wantErr(r.T, "roll back another generation", err, store.ErrVersionConflict)
	a, err = r.st.Rollback(ctx, store.Rollback{Point: r.point})
	if a = r.stored("rolled back", a, err, 1); !a.Release().Same(r.first) || a.Previous != nil || a.Undone == nil || a.Undone.Version != 2 {
		r.Fatalf("rolled back: got %+v", a)
	}
	_, err = r.st.Rollback(ctx, store.Rollback{Point: r.point})
	wantErr(r.T, "roll back twice", err, store.ErrNotFound)
}

// underWatch puts a version in force that is watched, and ends that in each way.
func (r *rollout) underWatch() {
	r.Helper()
	q := store.Activation{Point: r.point, Guest: "geo", Version: 2, Share: store.WholeShare, Watch: store.Watch{Fuel: 250}, WatchFor: time.Minute}
	watched := func(what string) {
		r.Helper()
		a, err := r.st.Activate(ctx, q)
		if a = r.stored(what, a, err, 2); a.Watched == nil || a.Watched.Watch != q.Watch || !a.Watched.Until.Equal(a.Changed.Add(time.Minute)) {
			r.Fatalf("%s: got %+v, watched %+v", what, a, a.Watched)
		}
	}
	watched("under watch")
	until := r.now.Watched.Until
	if a, err := r.st.Activate(ctx, q); err != nil || !r.stored("the same again", a, err, 2).Watched.Until.Equal(until) {
		r.Errorf("the same again is watched until %v, want %v", r.now.Watched.Until, until)
	}
	a, err := r.activate(2, store.WholeShare, false)
	if a = r.stored("unwatched", a, err, 2); a.Watched != nil || a.Previous == nil {
		r.Fatalf("unwatched: got %+v", a)
	}
	a, err = r.activate(1, store.WholeShare, false)
	r.stored("the first again", a, err, 1)
	watched("under watch again")
	a, err = r.activate(1, 500, false)
	if a = r.stored("another on trial", a, err, 2); a.Watched != nil {
		r.Errorf("another on trial: still watched: %+v", a.Watched)
	}
	a, err = r.activate(1, store.WholeShare, false)
	r.stored("that in force", a, err, 1)
	watched("under watch a third time")
	a, err = r.st.Rollback(ctx, store.Rollback{Point: r.point})
	if a = r.stored("rolled back from under watch", a, err, 1); a.Watched != nil || a.Undone == nil {
		r.Fatalf("rolled back from under watch: got %+v", a)
	}
}

func (r *rollout) otherwise() {
	r.Helper()
	other := r.first
	other.Values, other.Grants = nil, nil
	a, err := r.st.Attach(ctx, store.Attachment{Zone: apex, At: apex}.With(other))
	if a = r.stored("attached otherwise", a, err, 1); a.Previous == nil || !a.Previous.Same(r.first) || a.Undone != nil {
		r.Fatalf("attached otherwise: got %+v", a)
	}
	if err := r.st.DeleteZone(ctx, r.private, store.WriteOptions{}); err != nil {
		r.Fatal(err)
	}
	_, err = r.st.Rollback(ctx, store.Rollback{Point: r.point})
	wantErr(r.T, "roll back to a grant that is gone", err, store.ErrNotFound)
	r.stored("after that", a, nil, 1)
}

func (r *rollout) refused() {
	r.Helper()
	if _, err := r.st.PutGuest(ctx, "other", []byte("module")); err != nil {
		r.Fatal(err)
	}
	point := r.point
	for _, bad := range []struct {
		what string
		q    store.Activation
		want error
	}{
		{"no such version", store.Activation{Point: point, Guest: "geo", Version: 9, Share: 1}, store.ErrNotFound},
		{"not attached", store.Activation{Point: store.Point{Zone: apex, At: name("x.example.org")}, Guest: "geo", Share: 1}, store.ErrNotFound},
		{"another scope", store.Activation{Point: store.Point{Zone: apex, At: apex, Scope: store.ScopeName}, Guest: "geo", Share: 1}, store.ErrNotFound},
		{"outside the zone", store.Activation{Point: store.Point{Zone: apex, At: r.private}, Guest: "geo", Share: 1}, store.ErrInvalid},
		{"another guest", store.Activation{Point: point, Guest: "other", Share: 1}, store.ErrInvalid},
		{"no share", store.Activation{Point: point, Guest: "geo", Version: 2}, store.ErrInvalid},
		{"more than all", store.Activation{Point: point, Guest: "geo", Version: 2, Share: store.WholeShare + 1}, store.ErrInvalid},
		{"trial of the active", store.Activation{Point: point, Guest: "geo", Version: 1, Share: 1}, store.ErrExists},
		{"less fuel than the other", store.Activation{Point: point, Guest: "geo", Version: 2, Share: 1, Watch: store.Watch{Fuel: 99}}, store.ErrInvalid},
		{"more than all differ", store.Activation{Point: point, Guest: "geo", Version: 2, Shadow: true, Watch: store.Watch{Differences: store.WholeShare + 1}}, store.ErrInvalid},
		{"watched for too long", store.Activation{Point: point, Guest: "geo", Version: 2, Share: store.WholeShare, WatchFor: 25 * time.Hour}, store.ErrInvalid},
	} {
		_, err := r.st.Activate(ctx, bad.q)
		wantErr(r.T, bad.what, err, bad.want)
	}
	r.stored("after refusals", r.now, nil, 1)
	if _, err := r.st.Verify(ctx, func(line string) error { r.Error(line); return nil }); err != nil {
		r.Error(err)
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
