package replica

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/namelet/namelet/internal/authority"
	"github.com/namelet/namelet/rr"
	"github.com/namelet/namelet/store"
)

// reload compares everything with the store and reads what differs, all at one
// moment of it.
func (r *Replica) reload(ctx context.Context) error {
	began := time.Now()
	cursor, err := within(ctx, probeTime, r.Store.Head) // before the zones: what changes meanwhile is read twice, not missed
	if err != nil {
		return err
	}
	err = r.read(ctx, func(ctx context.Context, v *store.Snapshot, w *watch) error {
		zones, err := v.Zones(ctx)
		if err != nil {
			return err
		}
		w.row()
		if err := r.refuseOlder(ctx, v, zones); err != nil {
			return err
		}
		rows, err := v.Attachments(ctx, rr.Name{})
		if err != nil {
			return err
		}
		w.row()
		if err := r.loadAll(ctx, v, w, zones); err != nil {
			return err
		}
		r.rows = rows
		return nil
	})
	if err != nil {
		return err
	}
	r.expiry.inStep(began)
	if err := r.publish(ctx, true); err != nil {
		return err
	}
	r.cursor = cursor
	r.note(func(s *Status) {
		s.enter(Following, "")
		s.Cursor, s.Caught, s.Watermark = cursor, began, began
	})
	r.inform(began)
	return nil
}

// refuseOlder returns an error where a zone that is held is newer than the store's.
func (r *Replica) refuseOlder(ctx context.Context, v *store.Snapshot, zones []store.Zone) error {
	versions := make(map[rr.Key]uint64, len(zones))
	for _, z := range zones {
		versions[z.Name.Key()] = z.Version
	}
	for key, h := range r.held {
		version, ok := versions[key]
		if !ok {
			var err error
			if version, err = v.LastVersion(ctx, h.zone.Name); err != nil {
				return err
			}
		}
		if err := h.notBefore(version); err != nil {
			return err
		}
	}
	return nil
}

// notBefore returns an error where the store has a version of the zone that is
// older than the one held.
func (h *heldZone) notBefore(version uint64) error {
	if version >= h.zone.Version {
		return nil
	}
	return fmt.Errorf("zone %v is at version %d in the store, and what is served at %d: the store is an older state of itself: %w", h.zone.Name, version, h.zone.Version, store.ErrForeign)
}

// loadAll makes these zones all that is held.
func (r *Replica) loadAll(ctx context.Context, v *store.Snapshot, w *watch, zones []store.Zone) error {
	old, oldHeld, oldSteps := r.zones, r.held, len(r.steps)
	held := make(map[rr.Key]heldZone, len(zones))
	loaded := make([]*authority.Zone, 0, len(zones))
	for _, z := range zones {
		key := z.Name.Key()
		served, h, err := r.load(ctx, v, w, z, oldHeld[key], old.Get(z.Name))
		if err != nil {
			r.steps = r.steps[:oldSteps]
			return err
		}
		held[key] = h
		loaded = append(loaded, served)
	}
	r.held, r.failing, r.names = held, map[rr.Key]bool{}, 0
	for _, served := range loaded {
		key := served.Apex.Key()
		r.hold(key, held[key], nil, served)
	}
	r.zones = authority.NewZones(loaded)
	for zone := range old.All() {
		if r.zones.Get(zone.Apex) == nil {
			r.steps = append(r.steps, ended(zone))
			r.news.Gone = append(r.news.Gone, zone.Apex)
			r.expiry.bound(zone.Apex.Key(), 0)
		}
	}
	return nil
}

// apply brings what the events speak of up to the store's present state, all at
// one moment of it.
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
	err := r.read(ctx, func(ctx context.Context, v *store.Snapshot, w *watch) error {
		for key, name := range changed {
			again, err := r.refresh(ctx, v, w, key, name)
			if err != nil {
				return err
			}
			attachments = attachments || again
		}
		if !attachments {
			return nil
		}
		rows, err := v.Attachments(ctx, rr.Name{})
		if err == nil {
			r.rows = rows
		}
		return err
	})
	if err != nil {
		return err
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
func (r *Replica) refresh(ctx context.Context, v *store.Snapshot, w *watch, key rr.Key, name rr.Name) (again bool, err error) {
	before, known := r.held[key]
	last := r.zones.Get(name)
	z, err := v.Zone(ctx, name)
	switch {
	case errors.Is(err, store.ErrNotFound):
		return r.forget(ctx, v, key, name)
	case err != nil:
		return false, err
	}
	w.row()
	if err := before.notBefore(z.Version); err != nil {
		return false, err
	}
	served, held, err := r.load(ctx, v, w, z, before, last)
	if err != nil {
		return false, err
	}
	r.hold(key, held, last, served)
	r.zones = r.zones.With(served)
	return !known || z.Fallback != before.zone.Fallback || z.Signed != before.zone.Signed, nil
}

// forget ends the serving of a zone that the store does not have.
func (r *Replica) forget(ctx context.Context, v *store.Snapshot, key rr.Key, name rr.Name) (again bool, err error) {
	h, known := r.held[key]
	if !known {
		return false, nil
	}
	version, err := v.LastVersion(ctx, name)
	if err != nil {
		return false, err
	}
	if err := h.notBefore(version); err != nil {
		return false, err
	}
	if zone := r.zones.Get(name); zone != nil {
		r.steps = append(r.steps, ended(zone))
		r.names -= names(zone)
	}
	r.news.Gone = append(r.news.Gone, h.zone.Name)
	r.expiry.bound(key, 0)
	delete(r.held, key)
	delete(r.failing, key)
	r.zones = r.zones.Without(name)
	return true, nil
}

// hold notes what is known of a zone whose served form was before, perhaps nil.
func (r *Replica) hold(key rr.Key, h heldZone, before, served *authority.Zone) {
	r.held[key] = h
	r.expiry.bound(key, h.zone.MaxStale)
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
