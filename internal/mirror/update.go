package mirror

import (
	"time"

	"github.com/namelet/namelet/internal/authority"
	"github.com/namelet/namelet/rr"
	"github.com/namelet/namelet/store"
)

// Update says what is served now. Its slices are the Mirror's from then on.
type Update struct {
	Standing store.Standing // of the store that it comes from
	Cursor   store.Cursor
	Caught   time.Time // when the store's changes were last read to their end
	Zones    []ZoneUpdate
	Gone     []rr.Name // zones that are served no more

	Attached    bool // the attachments may be others
	Attachments []store.Attachment
}

// ZoneUpdate is a zone as it is served.
type ZoneUpdate struct {
	Zone     store.Zone
	Snapshot *authority.Snapshot // at the zone's version; nil where the zone is not held in memory

	// Changes are what lies between version From and the zone's. From is 0 where
	// the zone was read as a whole.
	From    uint64
	Changes []authority.Change
}

// pending is what the file does not have yet.
type pending struct {
	dirty    bool // more than cursor and caught
	standing store.Standing
	cursor   store.Cursor
	caught   time.Time
	zones    map[rr.Key]*pendingZone
	gone     map[rr.Key]bool
	attached bool
	rows     []store.Attachment
	guests   map[string]keptGuest // by the keys of their rows
}

// keptGuest is a version of a guest; module is nil where it has been kept before.
type keptGuest struct {
	version store.GuestVersion
	module  []byte
}

type pendingZone struct {
	zone     store.Zone
	snapshot *authority.Snapshot
	whole    bool
	changes  []authority.Change // where it is not written as a whole
}

// maxChanges is from how many changes on a zone is written as a whole.
const maxChanges = 100_000

// Update takes note of what is served now, and does not wait.
func (m *Mirror) Update(u Update) {
	m.mu.Lock()
	p := &m.pending
	p.init()
	for _, z := range u.Zones {
		m.note(z)
	}
	for _, name := range u.Gone {
		key := name.Key()
		delete(p.zones, key)
		delete(m.have, key)
		p.gone[key] = true
	}
	if u.Attached {
		p.attached, p.rows = true, u.Attachments
	}
	p.dirty = p.dirty || len(p.zones) > 0 || len(u.Gone) > 0 || u.Attached || p.standing != u.Standing
	p.standing, p.cursor, p.caught = u.Standing, u.Cursor, u.Caught
	m.mu.Unlock()
	select {
	case m.wake <- struct{}{}:
	default:
	}
}

func (p *pending) init() {
	if p.zones == nil {
		p.zones, p.gone = map[rr.Key]*pendingZone{}, map[rr.Key]bool{}
	}
	if p.guests == nil {
		p.guests = map[string]keptGuest{}
	}
}

// note enters what is new about a zone, as changes where they lead on from what is
// there, else as a whole.
func (m *Mirror) note(u ZoneUpdate) {
	key := u.Zone.Name.Key()
	p := m.pending.zones[key]
	if p == nil {
		h := m.have[key]
		if h.version == u.Zone.Version && (h.base != 0) == (u.Snapshot != nil) {
			return
		}
		p = &pendingZone{zone: store.Zone{Version: h.version}, whole: h.base == 0}
		m.pending.zones[key] = p
	}
	p.whole = p.whole || u.From == 0 || u.From != p.zone.Version || len(p.changes)+len(u.Changes) > maxChanges
	p.zone, p.snapshot = u.Zone, u.Snapshot
	if p.whole {
		p.changes = nil
	} else {
		p.changes = append(p.changes, u.Changes...)
	}
}

// KeepGuest takes note of a version of a guest that is attached, or is about to be,
// with its module where that may not be in the mirror yet.
func (m *Mirror) KeepGuest(version store.GuestVersion, module []byte) {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.pending.init()
	m.pending.guests[store.GuestKey(version.Name, version.Number)] = keptGuest{version, module}
	m.pending.dirty = true
}
