package replica

import (
	"context"
	"slices"
	"time"

	"github.com/namelet/namelet/internal/authority"
	"github.com/namelet/namelet/internal/mirror"
	"github.com/namelet/namelet/rr"
	"github.com/namelet/namelet/store"
)

// publish gives the resolver what is held now. Where the attachments cannot have
// changed it leaves them as they are. The error is that of a ctx that has ended.
//
// The order is that of [authority.Slots]: first the new routing, so that what is
// computed from now on is computed from it; then the slots of what changed, so
// that nothing computed before is given again; then Status and with it whoever
// waits for the change. Where an earlier step was read but could not be published,
// its slots are raised now: they are kept until then.
func (r *Replica) publish(ctx context.Context, attachments bool) error {
	routing := r.Resolver.Routing()
	if attachments {
		routing = r.guests.routing(ctx, r.zones, r.rows, r.fallbacks(), r.Log)
		if err := ctx.Err(); err != nil {
			return err // guests that were not prepared because of it are no failures
		}
	}
	r.route(ctx, routing)
	for _, s := range r.steps {
		s.outdate()
	}
	r.steps = nil
	if attachments {
		r.news.Attached, r.news.Attachments = true, r.rows
	}
	problems := r.guests.problems()
	if err := r.Store.Trouble(); err != nil {
		problems["space of the store"] = err.Error()
	}
	for key := range r.failing {
		h := r.held[key]
		problems["zone "+h.zone.Name.String()] = h.failed.Error()
	}
	serving, trials := r.guests.serving(), r.guests.trials()
	r.note(func(s *Status) {
		r.serving, r.trials = serving, trials
		s.Zones, s.Names, s.Attachments, s.Problems = r.zones.Len(), r.names, len(r.guests.inForce), problems
	})
	if slices.ContainsFunc(serving, func(s said) bool { return s.wanted != 0 && s.Problem != "" }) {
		r.speak() // the others wait for it
	}
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

// mirrored notes for the mirror what a zone is served as now: from version from by
// changes, or, where that is 0, as a whole.
func (r *Replica) mirrored(z store.Zone, served *authority.Zone, from uint64, changes []authority.Change) {
	if r.Mirror != nil {
		r.news.Zones = append(r.news.Zones, mirror.ZoneUpdate{Zone: z, Snapshot: served.Snapshot, From: from, Changes: changes})
	}
}

// inform tells the mirror what is served, once that is published and the place in
// the feed is known.
func (r *Replica) inform(caught time.Time) {
	if r.Mirror == nil {
		return
	}
	r.news.Standing, r.news.Cursor, r.news.Caught = r.standing, r.cursor, caught
	r.Mirror.Update(r.news)
	r.news = mirror.Update{}
}
