package replica

import (
	"context"
	"crypto/rand"
	"encoding/hex"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/namelet/namelet/store"
)

// Rollouts are decided by the replica that has the lease: from what all say of
// themselves it finds that one has taken a candidate back, and takes it back for all.
const (
	rolloutLease = "rollouts"
	leaseTime    = 5 * time.Second
	decideEvery  = 500 * time.Millisecond
	waitEvery    = 2 * time.Second // where another has the lease
	loadPatience = 5 * time.Second // for what is on trial to be loaded
	lateWord     = 2 * beatEvery   // what others ended in the last moment of a watch is heard of so much later
)

// decide looks after the rollouts until ctx ends, while there are trials.
func (r *Replica) decide(ctx context.Context) {
	timer := time.NewTimer(jitter(decideEvery))
	defer timer.Stop()
	for {
		select {
		case <-ctx.Done():
			return
		case <-timer.C:
		}
		wait := decideEvery
		if r.onTrial() && r.state() == Following {
			held, err := r.decideOnce(ctx)
			switch {
			case err != nil && ctx.Err() == nil:
				r.Log.Debug("cannot look after rollouts", "error", err)
			case err == nil && !held:
				wait = waitEvery
			}
		}
		timer.Reset(jitter(wait))
	}
}

// onTrial reports whether there is anything to decide: a trial that goes on somewhere,
// or one that was ended here.
func (r *Replica) onTrial() bool {
	r.mu.Lock()
	defer r.mu.Unlock()
	now := time.Now()
	for t, w := range r.trials {
		if !w.over(now.Add(-lateWord)) || t.Withdrawn() != "" {
			return true
		}
	}
	return false
}

// decideOnce takes back for all what replicas have taken back by themselves, where this one
// has the lease.
func (r *Replica) decideOnce(ctx context.Context) (held bool, err error) {
	limited, cancel := context.WithTimeout(ctx, beatTime)
	defer cancel()
	self := r.Describe()
	if !r.Store.Capabilities().Exclusive {
		holder := self.ID
		if holder == "" {
			return false, nil // it is not known to the others
		}
		if held, err = r.Store.TakeLease(limited, rolloutLease, holder, leaseTime); err != nil || !held {
			return false, err
		}
	}
	all, err := r.Store.Replicas(limited)
	if err != nil {
		return true, err
	}
	for _, other := range append(all, self) {
		if other.ID == self.ID {
			other = self // as it is now
		}
		for _, s := range other.Serving {
			if s.Fell == "" {
				continue
			}
			why := s.Fell
			if other.Host != "" {
				why = "on " + other.Host + " " + why
			}
			if err := r.takeBack(limited, s, why); err != nil {
				return true, err
			}
		}
	}
	return true, r.takeBackUnloaded(limited, all)
}

// takeBackUnloaded ends the trials of what no replica could load.
func (r *Replica) takeBackUnloaded(ctx context.Context, all []store.Replica) error {
	r.mu.Lock()
	own := slices.Clone(r.serving)
	r.mu.Unlock()
	for _, s := range own {
		if why := r.unloaded(s, all); why != "" {
			if err := r.takeBack(ctx, s.Serving, why); err != nil {
				return err
			}
		}
	}
	return nil
}

// unloaded says why what is on trial is not to be had anywhere; empty where it is, or
// may still be: a replica that is there has yet to say how it fares with it.
func (r *Replica) unloaded(s said, all []store.Replica) string {
	if s.wanted == 0 || s.Problem == "" || s.has(s.Serving) || time.Since(s.began) < loadPatience {
		return ""
	}
	tried := 1
	for _, other := range all {
		if other.ID == r.Self.ID || time.Since(other.Seen) > Silent {
			continue
		}
		i := slices.IndexFunc(other.Serving, func(o store.Serving) bool { return placeOf(o.Point) == placeOf(s.Point) })
		if i < 0 || other.Serving[i].Generation != s.Generation || s.has(other.Serving[i]) {
			return ""
		}
		tried++
	}
	return fmt.Sprintf("it could not be loaded within %v, on %d of %d servers: %s", loadPatience, tried, tried, s.Problem)
}

// has reports whether what is on trial is loaded where this is served.
func (s said) has(o store.Serving) bool {
	return s.asCandidate && o.Candidate == s.wanted || !s.asCandidate && o.Version == s.wanted
}

// takeBack ends a trial for all. Where the
// attachment has changed since, there is nothing to do.
func (r *Replica) takeBack(ctx context.Context, s store.Serving, why string) error {
	made, err := r.Store.Rollback(r.audited(ctx, s), store.Rollback{Point: s.Point, Why: why, Generation: s.Generation})
	switch {
	case errors.Is(err, store.ErrVersionConflict):
		return nil
	case errors.Is(err, store.ErrNotFound):
		// It is detached, or a zone is gone that the version before would read: then the
		// servers that went back by themselves have to be looked after.
		if unlogged, ok := r.stuck.Pass(time.Now()); ok {
			r.Log.Warn("guest cannot be rolled back for all", "zone", s.Zone.String(), "at", s.At.String(), "reason", why, "error", err, "unlogged", unlogged)
		}
		return nil
	case err != nil:
		return err
	}
	r.Log.Error("guest on trial is rolled back", "guest", made.Undone.Guest, "version", made.Undone.Version, "zone", made.Zone.String(), "at", made.At.String(), "reason", why)
	return nil
}

// audited has the audit say, with what is changed, that this server decided it.
func (r *Replica) audited(ctx context.Context, s store.Serving) context.Context {
	who := r.Self.Host
	if who == "" {
		who = r.Self.ID
	}
	var id [12]byte
	rand.Read(id[:])
	return store.WithAudit(ctx, store.AuditEntry{
		Time: time.Now(), RequestID: hex.EncodeToString(id[:]), Who: strings.TrimSpace("server " + who), Operation: "guest/rollback",
		Subjects: []string{s.Zone.String(), s.Guest},
	})
}
