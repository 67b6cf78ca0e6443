package replica

import (
	"maps"
	"time"

	"github.com/namelet/namelet/internal/mirror"
	"github.com/namelet/namelet/internal/resolve"
	"github.com/namelet/namelet/store"
)

// State says how a Replica and its store get on.
type State string

const (
	Following State = "following" // what is served is the store's
	Away      State = "away"      // the store cannot be read; what was held is served
	Refused   State = "refused"   // the store is empty, another or an older one; what was held is served
)

// Status says where a Replica stands.
type Status struct {
	State State
	Since time.Time // when it got into the state
	Why   string    // what is wrong with the store; empty while it is followed

	Mirror   mirror.Status // the zero Status where there is none
	Mirrored bool          // what is served comes from the mirror: the store was not followed yet

	Zones       int               // zones served, private ones included
	Names       int               // owner names of them all
	Attachments int               // attachments in force
	Serving     []store.Serving   // what answers at the attachment points that changed last
	Expired     int               // zones that are not served, since the store has been away for too long
	Problems    map[string]string // what could not be loaded, and why, and guests that are impure or fail too often

	Cursor    store.Cursor // the place in the change feed up to which changes are served
	Caught    time.Time    // when a reading of the feed began that came to its end
	Watermark time.Time    // all that was committed before is served
	Errors    uint64       // times that the store could not be followed
}

func (r *Replica) note(change func(*Status)) {
	r.mu.Lock()
	defer r.mu.Unlock()
	change(&r.status)
}

// enter notes the state, and why where it is not Following.
func (s *Status) enter(state State, why string) {
	if s.State != state {
		s.State, s.Since = state, time.Now()
	}
	s.Why = why
	s.Mirrored = s.Mirrored && state != Following
}

// Status returns where the replica stands, and which guests turned out impure or
// fail too often.
func (r *Replica) Status() Status {
	r.mu.Lock()
	defer r.mu.Unlock()
	status := r.status
	status.Problems = maps.Clone(status.Problems)
	status.Expired = r.expiry.count()
	status.Serving = make([]store.Serving, len(r.serving))
	for i, s := range r.serving {
		status.Serving[i] = s.now()
	}
	if status.Why != "" {
		status.Problems["store"] = status.Why
	}
	if r.Mirror != nil {
		if status.Mirror = r.Mirror.Status(); status.Mirror.Why != "" {
			status.Problems["mirror"] = status.Mirror.Why
		}
	}
	for a := range r.Resolver.Routing().Attachments() {
		if a.Purity().Impure {
			status.Problems["guest "+a.Label+" at "+a.At.String()] = "is impure: its answers are not cached"
		}
		if a.Breaker().State != resolve.BreakerClosed {
			status.Problems["guest "+a.Label+" at "+a.At.String()] = "fails too often: its circuit breaker is open, and the fallback answers"
		}
	}
	return status
}

// now returns what answers, without what was taken back here.
func (s said) now() store.Serving {
	serving := s.Serving
	if s.trial == nil {
		return serving
	}
	serving.Compared, serving.Differ = s.trial.Compared()
	if why := s.trial.Withdrawn(); why != "" {
		serving.Fell, serving.Candidate = why, 0
		if s.instead != nil {
			serving.Guest, serving.Version = s.instead.Guest, s.instead.Version
		}
	}
	return serving
}
