// Package replica keeps what this process serves in step with the store: it
// loads every zone and prepares every attached guest, then follows the store's
// change feed and hands a [resolve.Resolver] the next routing.
//
// Start with [Open], which returns when all that can be served is served, and
// let [Replica.Follow] run until the process ends.
//
// What cannot be loaded takes nothing else down: a zone keeps its last good
// content, or is answered with SERVFAIL where it never had any; a guest that
// cannot be prepared leaves the one before it in place, or the fallback. Both
// are logged, shown by [Replica.Status], and tried again.
package replica

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"maps"
	"sync"
	"time"

	"github.com/namelet/namelet/internal/authority"
	"github.com/namelet/namelet/internal/resolve"
	"github.com/namelet/namelet/rr"
	"github.com/namelet/namelet/runtime"
	"github.com/namelet/namelet/store"
)

// How the feed is followed.
const (
	pollEvery    = 500 * time.Millisecond // for commits of other processes; our own wake us
	retryFirst   = 100 * time.Millisecond
	retryMost    = time.Second
	eventsAtOnce = 1000
)

// Config is what a Replica works with; all fields are needed.
type Config struct {
	Store    *store.Store
	Engine   *runtime.Engine
	Resolver *resolve.Resolver
	Log      *slog.Logger
}

// Replica holds what the store held when it was last read. Follow alone changes
// it; Status is safe beside.
type Replica struct {
	Config
	cursor  store.Cursor
	zones   *authority.Zones
	held    map[rr.Key]heldZone
	failing map[rr.Key]bool // of held, those whose newest version is not served
	names   int             // owner names of all zones
	guests  *guests
	steps   []step // that the resolver has not been given yet, or their answers not outdated

	mu     sync.Mutex
	status Status
}

// heldZone is what is known of a zone that is served.
type heldZone struct {
	zone   store.Zone
	failed error // why its newest version is not served
	retry  retry
}

// retry says when something that could not be loaded is tried again.
type retry struct {
	at    time.Time
	delay time.Duration
}

// How long that takes, doubled each time. A change of the thing itself does not wait.
const (
	againFirst = time.Second
	againMost  = time.Minute
)

func (r retry) next(now time.Time) retry {
	delay := min(max(2*r.delay, againFirst), againMost)
	return retry{now.Add(delay), delay}
}

// step is what happened to a zone that was served before. next is nil where it is
// served no more, and changes are empty where it was read anew.
type step struct {
	old, next *authority.Snapshot
	changes   []authority.Change
}

// Status says where a Replica stands.
type Status struct {
	Zones       int               // zones served, private ones included
	Names       int               // owner names of them all
	Attachments int               // attachments in force
	Caught      time.Time         // when the change feed was last read to its end
	Problems    map[string]string // what could not be loaded, and why, and impure guests
}

// Open loads all zones and prepares all guests, and sets the resolver's routing.
// The error is that of a store that cannot be read; a zone or a guest that cannot
// be loaded is none.
func Open(ctx context.Context, config Config) (*Replica, error) {
	r := &Replica{Config: config, guests: newGuests(config.Engine, config.Store)}
	if err := r.reload(ctx); err != nil {
		return nil, err
	}
	return r, ctx.Err() // guests that were not prepared because of it are no failures
}

// reload takes everything from the store anew and keeps what has not changed.
func (r *Replica) reload(ctx context.Context) error {
	cursor, err := r.Store.Head(ctx) // before the zones: what changes meanwhile is read twice, not missed
	if err != nil {
		return fmt.Errorf("replica: %w", err)
	}
	zones, err := r.Store.Zones(ctx)
	if err != nil {
		return fmt.Errorf("replica: %w", err)
	}
	old, oldHeld, oldSteps := r.zones, r.held, len(r.steps)
	r.held = make(map[rr.Key]heldZone, len(zones))
	r.failing, r.names = map[rr.Key]bool{}, 0
	loaded := make([]*authority.Zone, 0, len(zones))
	for _, z := range zones {
		key := z.Name.Key()
		before := oldHeld[key]
		var last *authority.Zone
		if old != nil {
			last = old.Get(z.Name)
		}
		served, held, err := r.load(ctx, z, before, last)
		if errors.Is(err, store.ErrNotFound) {
			continue // deleted since
		}
		if err != nil {
			r.held, r.steps = oldHeld, r.steps[:oldSteps]
			return err
		}
		r.hold(key, held, nil, served)
		loaded = append(loaded, served)
	}
	r.zones = authority.NewZones(loaded)
	if old != nil {
		r.gone(old)
	}
	r.cursor = cursor
	return r.publish(ctx, true)
}

// gone notes the zones that are served no more.
func (r *Replica) gone(before *authority.Zones) {
	for zone := range before.All() {
		if r.zones.Get(zone.Apex) == nil {
			r.steps = append(r.steps, step{old: zone.Snapshot})
		}
	}
}

// Follow reads the change feed until ctx ends, and returns then. Trouble with the
// store is logged and tried again.
func (r *Replica) Follow(ctx context.Context) {
	woken := r.Store.Watch(ctx)
	poll := time.NewTicker(pollEvery)
	defer poll.Stop()
	retry := retryFirst
	for {
		select {
		case <-ctx.Done():
			return
		case <-woken:
		case <-poll.C:
		}
		err := r.catchUp(ctx)
		switch {
		case ctx.Err() != nil:
			return
		case err == nil:
			retry = retryFirst
			continue
		case errors.Is(err, store.ErrGone):
			r.Log.Warn("the change log no longer reaches back to what is served: loading everything", "error", err)
			if err = r.reload(ctx); err == nil {
				continue
			}
		}
		r.Log.Error("cannot follow the store; what is served stays", "error", err, "retry", retry)
		select {
		case <-ctx.Done():
			return
		case <-time.After(retry):
			retry = min(2*retry, retryMost)
		}
	}
}

// catchUp applies all events that there are. The cursor moves past a batch only
// when the batch has been applied.
func (r *Replica) catchUp(ctx context.Context) error {
	for {
		events, next, err := r.Store.Changes(ctx, r.cursor, eventsAtOnce)
		if err != nil {
			return fmt.Errorf("replica: %w", err)
		}
		if len(events) > 0 || r.retryable(time.Now()) {
			if err := r.apply(ctx, events); err != nil {
				return err
			}
		}
		r.cursor = next
		if len(events) < eventsAtOnce {
			r.guests.release(ctx, time.Now(), r.Log)
			r.note(func(s *Status) { s.Caught = time.Now() })
			return nil
		}
	}
}

// apply brings what the events speak of up to the store's present state.
func (r *Replica) apply(ctx context.Context, events []store.Event) error {
	changed := map[rr.Key]rr.Name{}
	attachments := false
	for _, e := range events {
		switch e.Kind {
		case store.EventZone:
			changed[e.Zone.Key()] = e.Zone
		case store.EventZoneDeleted:
			changed[e.Zone.Key()] = e.Zone
			attachments = true
		case store.EventAttachments:
			attachments = true
		}
	}
	now := time.Now()
	for key := range r.failing {
		if h := r.held[key]; !now.Before(h.retry.at) {
			changed[key] = h.zone.Name
		}
	}
	for key, name := range changed {
		again, err := r.refresh(ctx, key, name)
		if err != nil {
			return err
		}
		attachments = attachments || again
	}
	return r.publish(ctx, attachments || r.guests.retryable(now))
}

// retryable reports whether the time has come for something that could not be
// loaded before.
func (r *Replica) retryable(now time.Time) bool {
	for key := range r.failing {
		if !now.Before(r.held[key].retry.at) {
			return true
		}
	}
	return r.guests.retryable(now)
}

// refresh brings one zone up to date. again is true where attachments may have to
// be looked at, too.
func (r *Replica) refresh(ctx context.Context, key rr.Key, name rr.Name) (again bool, err error) {
	before, known := r.held[key]
	z, err := r.Store.Zone(ctx, name)
	if err == nil {
		var served *authority.Zone
		var held heldZone
		if served, held, err = r.load(ctx, z, before, r.zones.Get(name)); err == nil {
			r.hold(key, held, r.zones.Get(name), served)
			r.zones = r.zones.With(served)
			return !known || z.Fallback != before.zone.Fallback || z.Signed != before.zone.Signed, nil
		}
	}
	if !errors.Is(err, store.ErrNotFound) {
		return false, fmt.Errorf("replica: %w", err)
	}
	delete(r.held, key)
	if zone := r.zones.Get(name); zone != nil {
		r.steps = append(r.steps, step{old: zone.Snapshot})
	}
	delete(r.failing, key)
	r.names -= names(r.zones.Get(name))
	r.zones = r.zones.Without(name)
	return true, nil
}

// hold notes what is known of a zone whose served form was before, perhaps nil.
func (r *Replica) hold(key rr.Key, h heldZone, before, served *authority.Zone) {
	r.held[key] = h
	delete(r.failing, key)
	if h.failed != nil {
		r.failing[key] = true
	}
	r.names += names(served) - names(before)
}

// names counts the owner names of a zone.
func names(z *authority.Zone) int {
	if z == nil || z.Snapshot == nil {
		return 0
	}
	return z.Snapshot.Names()
}

// publish gives the resolver what is held now. Where the attachments cannot have
// changed it leaves them as they are.
//
// The order is that of [authority.Slots]: first the new routing, so that what is
// computed from now on is computed from it; then the slots of what changed, so
// that nothing computed before is given again; then Status and with it whoever
// waits for the change. Where an earlier step was read but could not be published,
// its slots are raised now: they are kept until then.
func (r *Replica) publish(ctx context.Context, attachments bool) error {
	routing := r.Resolver.Routing().WithZones(r.zones)
	if attachments {
		rows, err := r.Store.Attachments(ctx, rr.Name{})
		if err != nil {
			return fmt.Errorf("replica: %w", err)
		}
		routing = r.guests.routing(ctx, r.zones, rows, r.fallbacks(), r.Log)
	}
	r.Resolver.SetRouting(ctx, routing)
	for _, s := range r.steps {
		authority.Outdate(s.old, s.next, s.changes)
	}
	r.steps = nil
	problems := r.guests.problems()
	if err := r.Store.Trouble(); err != nil {
		problems["store"] = err.Error()
	}
	for key := range r.failing {
		h := r.held[key]
		problems["zone "+h.zone.Name.String()] = h.failed.Error()
	}
	r.note(func(s *Status) {
		s.Zones, s.Names, s.Attachments, s.Problems = r.zones.Len(), r.names, len(r.guests.inForce), problems
	})
	return nil
}

// fallbacks gives the fallback that each zone has for its attachments.
func (r *Replica) fallbacks() map[rr.Key]store.Fallback {
	all := make(map[rr.Key]store.Fallback, len(r.held))
	for key, h := range r.held {
		all[key] = h.zone.Fallback
	}
	return all
}

func (r *Replica) note(change func(*Status)) {
	r.mu.Lock()
	defer r.mu.Unlock()
	change(&r.status)
}

// Status returns where the replica stands, and which guests turned out impure.
func (r *Replica) Status() Status {
	r.mu.Lock()
	defer r.mu.Unlock()
	status := r.status
	status.Problems = maps.Clone(status.Problems)
	for a := range r.Resolver.Routing().Attachments() {
		if a.Purity().Impure {
			status.Problems["guest "+a.Label+" at "+a.At.String()] = "is impure: its answers are not cached"
		}
	}
	return status
}
