package store

import (
	"context"
	"strings"
	"time"

	"github.com/namelet/namelet/rr"
)

// EventKind says what an event of the change log is about.
type EventKind uint8

const (
	EventZone        EventKind = iota + 1 // a zone has a new version: created, changed, replaced
	EventZoneDeleted                      // a zone is gone, with its attachments
	EventAttachments                      // the attachments of a zone have changed
	EventGuest                            // a guest has a new version
	eventEnd
)

// Event tells that something has changed, not what: its reader asks the store,
// which may be ahead of the event by then.
type Event struct {
	Kind    EventKind
	Zone    rr.Name   // but for EventGuest
	Version uint64    // of the zone or the guest; 0 for EventAttachments
	Guest   string    // for EventGuest
	Time    time.Time // of its writer's clock, when it made the change

	// Committed is when the change was committed, by the backend's clock; Time
	// where the backend keeps no times of its own.
	Committed time.Time
}

// Cursor is a place in the change log of one store. It is opaque but can be kept
// as text. The zero Cursor is no place.
type Cursor struct {
	store, position string
}

// String returns the text form; empty for the zero Cursor.
func (c Cursor) String() string {
	if c == (Cursor{}) {
		return ""
	}
	return c.store + ":" + c.position
}

// ParseCursor reads what String wrote; ErrInvalid.
func ParseCursor(s string) (Cursor, error) {
	store, position, ok := strings.Cut(s, ":")
	if s != "" && (!ok || store == "" || position == "") {
		return Cursor{}, fail(ErrInvalid, "cursor %q", s)
	}
	return Cursor{store, position}, nil
}

func encodeEvent(e Event) []byte {
	b := []byte{formVersion, byte(e.Kind)}
	b = appendString(b, e.Zone.Wire())
	b = appendUint(b, e.Version)
	b = appendString(b, e.Guest)
	return appendTime(b, e.Time)
}

func decodeEvent(row []byte) (Event, error) {
	d := decode(row)
	e := Event{Kind: EventKind(d.byte()), Zone: d.name(), Version: d.uint(maxUint64), Guest: d.string(maxGuestName), Time: d.time()}
	if err := d.end(); err != nil {
		return Event{}, err
	}
	if e.Kind == 0 || e.Kind >= eventEnd || e.Zone.IsZero() != (e.Kind == EventGuest) {
		d.fail("event is malformed")
	}
	return e, d.err
}

// announce enters an event in the change log.
func (t *tx) announce(e Event) {
	e.Time = t.now
	shard := "\xff" + e.Guest
	if e.Kind != EventGuest {
		shard = string(e.Zone.Key())
	}
	t.log = append(t.log, LogEntry{Shard: shard, Value: encodeEvent(e)})
}

// Head returns the place of the newest event. What a Snapshot that is opened
// later shows includes all events up to it.
func (s *Store) Head(ctx context.Context) (Cursor, error) {
	position, err := s.driver.Head(ctx)
	return Cursor{s.identity, position}, err
}

// Changes returns at most limit events after a cursor, and the cursor behind
// the last of them. Events of one zone are in order; none is left out. ErrGone
// where the log no longer reaches back to the cursor (the zero Cursor among
// them), so that all is to be loaded; ErrForeign where the cursor is of another
// store, or of a later state of this one than it has now.
func (s *Store) Changes(ctx context.Context, after Cursor, limit int) ([]Event, Cursor, error) {
	switch {
	case after == (Cursor{}):
		return nil, after, fail(ErrGone, "no cursor")
	case after.store != s.identity:
		return nil, after, fail(ErrForeign, "cursor is of store %s, and this is %s", after.store, s.identity)
	case limit < 1:
		return nil, after, fail(ErrInvalid, "limit %d", limit)
	}
	entries, next, err := s.driver.Changes(ctx, after.position, limit)
	if err != nil {
		return nil, after, err
	}
	events := make([]Event, 0, len(entries))
	for _, entry := range entries {
		e, err := decodeEvent(entry.Value)
		if err != nil {
			return nil, after, fail(ErrCorrupt, "change log after %s: %v", after.position, err)
		}
		if e.Committed = entry.Committed; e.Committed.IsZero() {
			e.Committed = e.Time
		}
		events = append(events, e)
	}
	return events, Cursor{s.identity, next}, nil
}
