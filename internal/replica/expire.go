package replica

import (
	"context"
	"sync"
	"time"

	"github.com/namelet/namelet/internal/authority"
	"github.com/namelet/namelet/internal/resolve"
	"github.com/namelet/namelet/rr"
)

// expiry ends the serving of zones that may be served for so long only without the
// store, and takes it up again. It has a lock, since time passes beside Follow.
type expiry struct {
	mu      sync.Mutex
	zones   *authority.Zones         // as they are held; nil until the first publication
	bounds  map[rr.Key]time.Duration // of those that have one
	caught  time.Time                // when the feed was last read to its end
	expired map[rr.Key]bool
	wake    chan struct{}
}

func newExpiry() *expiry {
	return &expiry{bounds: map[rr.Key]time.Duration{}, wake: make(chan struct{}, 1)}
}

// bound sets how long a zone is served without the store; 0 for without end.
func (e *expiry) bound(zone rr.Key, most time.Duration) {
	e.mu.Lock()
	defer e.mu.Unlock()
	if most == 0 {
		delete(e.bounds, zone)
	} else {
		e.bounds[zone] = most
	}
}

// inStep takes note of when the feed was read to its end. It reports whether zones
// are expired, so that others have to be published.
func (e *expiry) inStep(caught time.Time) (expired bool) {
	e.mu.Lock()
	defer e.mu.Unlock()
	e.caught = caught
	return len(e.expired) > 0
}

func (e *expiry) count() int {
	e.mu.Lock()
	defer e.mu.Unlock()
	return len(e.expired)
}

// served returns the zones as they are to be answered now: those that are expired
// have no snapshot. changed says whether these are others than before.
func (e *expiry) served(now time.Time) (zones *authority.Zones, changed bool) {
	expired := map[rr.Key]bool{}
	age := now.Sub(e.caught)
	for key, most := range e.bounds {
		if age > most {
			expired[key] = true
		}
	}
	changed = len(expired) != len(e.expired)
	for key := range expired {
		changed = changed || !e.expired[key]
	}
	if e.expired = expired; len(expired) == 0 {
		return e.zones, changed
	}
	all := make([]*authority.Zone, 0, e.zones.Len())
	for zone := range e.zones.All() {
		if expired[zone.Apex.Key()] {
			zone = &authority.Zone{Apex: zone.Apex, Private: zone.Private, Expired: true}
		}
		all = append(all, zone)
	}
	// Another set of names: no answer that was kept before is given again.
	return authority.NewZones(all), changed
}

// next returns when the next zone expires, from now.
func (e *expiry) next(now time.Time) time.Duration {
	e.mu.Lock()
	defer e.mu.Unlock()
	wait := time.Hour
	for key, most := range e.bounds {
		if !e.expired[key] {
			wait = min(wait, most-now.Sub(e.caught))
		}
	}
	return max(wait, 0) + time.Millisecond
}

// route gives the resolver a routing with these zones, without what is expired.
func (r *Replica) route(ctx context.Context, routing *resolve.Routing) {
	e := r.expiry
	e.mu.Lock()
	defer e.mu.Unlock()
	e.zones = r.zones
	zones, _ := e.served(time.Now())
	r.Resolver.SetRouting(ctx, routing.WithZones(zones))
	select {
	case e.wake <- struct{}{}: // the bounds may be others
	default:
	}
}

// expire publishes anew what is expired by now and what is no more.
func (r *Replica) expire(ctx context.Context) {
	e := r.expiry
	e.mu.Lock()
	defer e.mu.Unlock()
	if e.zones == nil {
		return
	}
	zones, changed := e.served(time.Now())
	if !changed {
		return
	}
	r.Resolver.SetRouting(ctx, r.Resolver.Routing().WithZones(zones))
	if n := len(e.expired); n > 0 {
		r.Log.Error("zones are answered with SERVFAIL: they may not be served for longer without the store", "zones", n, "last in step", e.caught)
	} else {
		r.Log.Info("all zones are served again")
	}
}

// watchExpiry publishes what expires, when it does, until ctx ends.
func (r *Replica) watchExpiry(ctx context.Context) {
	timer := time.NewTimer(0)
	defer timer.Stop()
	for {
		select {
		case <-ctx.Done():
			return
		case <-r.expiry.wake:
		case <-timer.C:
			r.expire(ctx)
		}
		timer.Reset(r.expiry.next(time.Now()))
	}
}
