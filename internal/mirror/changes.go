package mirror

import (
	bbolt "go.etcd.io/bbolt"

	"github.com/namelet/namelet/internal/authority"
	"github.com/namelet/namelet/rr"
)

const (
	leastFold   = 1 << 20 // octets of changes that are kept beside any base
	foldShare   = 4       // and as a part of it: a quarter
	changeBlock = 1 << 20 // octets of one block of changes
)

// writeChanges writes what changed in a zone beside its base, or a zone that has
// none.
func (m *Mirror) writeChanges(tx *bbolt.Tx, z *pendingZone) error {
	key, row := z.zone.Row()
	m.mu.Lock()
	h := m.have[rr.Key(key)]
	m.mu.Unlock()
	if z.snapshot == nil {
		if err := m.leave(tx, key); err != nil {
			return err
		}
		h.base = 0
	}
	bucket := tx.Bucket(tableChanges)
	for _, text := range changeBlocks(z.changes) {
		n, err := bucket.NextSequence()
		if err != nil {
			return err
		}
		if err := bucket.Put(append(id(h.base), id(n)...), text); err != nil {
			return err
		}
		h.changes += len(text)
	}
	if err := tx.Bucket(tableZones).Put(dotted(key), append(id(h.base), row...)); err != nil {
		return err
	}
	m.mu.Lock()
	defer m.mu.Unlock()
	if now, ok := m.have[rr.Key(key)]; ok {
		now.base, now.changes = h.base, h.changes
		m.have[rr.Key(key)] = now
	}
	if z.snapshot != nil && h.changes > max(leastFold, h.bytes/foldShare) {
		m.fold(rr.Key(key), z)
	}
	return nil
}

// fold makes the zone's base be written anew.
func (m *Mirror) fold(key rr.Key, z *pendingZone) {
	m.pending.init()
	if m.pending.gone[key] {
		return
	}
	later := m.pending.zones[key]
	if later == nil {
		later = &pendingZone{zone: z.zone, snapshot: z.snapshot}
		m.pending.zones[key] = later
	}
	later.whole, later.changes, m.pending.dirty = true, nil, true
}

// changeBlocks makes blocks of the last change to each name and type.
func changeBlocks(changes []authority.Change) [][]byte {
	type place struct {
		name rr.Key
		t    rr.Type
	}
	last := make(map[place]int, len(changes))
	for i, c := range changes {
		last[place{c.Name.Key(), c.Type}] = i
	}
	var all [][]byte
	var b block
	for i, c := range changes {
		if last[place{c.Name.Key(), c.Type}] != i {
			continue
		}
		b.add(c)
		if b.size() >= changeBlock {
			all = append(all, b.finish())
		}
	}
	if b.sets > 0 {
		all = append(all, b.finish())
	}
	return all
}
