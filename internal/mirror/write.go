package mirror

import (
	"context"
	"os"
	"time"

	bbolt "go.etcd.io/bbolt"

	"github.com/namelet/namelet/rr"
)

// How the file is written.
const (
	flushEvery = time.Second      // changes of so long go into one transaction
	touchEvery = 5 * time.Second  // at which the time of the last reading is written where nothing changes
	finishTime = 5 * time.Second  // for the rest, when the process ends
	retryAfter = 10 * time.Second // a failure
)

// Run writes what Update tells until ctx ends, then what is left of it, and returns.
// Trouble is logged, shown by Status and tried again.
func (m *Mirror) Run(ctx context.Context) {
	if err := m.sweep(ctx); err != nil {
		m.failed(err)
	}
	for last := time.Now(); ; last = time.Now() {
		if !m.await(ctx, flushEvery-time.Since(last)) {
			m.finish(ctx)
			return
		}
		err := m.save(ctx)
		if err == nil || ctx.Err() != nil {
			continue
		}
		m.failed(err)
		if !pause(ctx, retryAfter) {
			m.finish(ctx)
			return
		}
	}
}

// finish writes what is left when the process is to end.
func (m *Mirror) finish(ctx context.Context) {
	limited, cancel := context.WithTimeout(context.WithoutCancel(ctx), finishTime)
	defer cancel()
	if err := m.save(limited); err != nil {
		m.failed(err)
	}
}

// await waits until there is something to write, and at least for some time. It is
// false where ctx ended.
func (m *Mirror) await(ctx context.Context, least time.Duration) bool {
	if !pause(ctx, max(least, flushEvery/10)) {
		return false
	}
	for {
		m.mu.Lock()
		due := m.pending.dirty || time.Since(m.status.Saved) >= touchEvery
		m.mu.Unlock()
		if due {
			return true
		}
		select {
		case <-ctx.Done():
			return false
		case <-m.wake:
		}
	}
}

func pause(ctx context.Context, d time.Duration) bool {
	select {
	case <-ctx.Done():
		return false
	case <-time.After(d):
		return true
	}
}

func (m *Mirror) failed(err error) {
	m.mu.Lock()
	first := m.status.Why == ""
	m.status.Why = err.Error()
	m.status.Errors++
	m.mu.Unlock()
	if first {
		m.log.Error("the mirror cannot be written; it stays as it was", "path", m.path, "error", err)
	}
}

// save writes all that is pending: what is small in one transaction, then the
// zones that are written as a whole.
func (m *Mirror) save(ctx context.Context) error {
	p, small, whole := m.take()
	if p.standing.Identity == "" {
		return nil
	}
	err := m.guarded(func() error {
		return m.db.Update(func(tx *bbolt.Tx) error { return m.writeSmall(tx, p, small) })
	})
	if err == nil {
		err = m.dropLeft(ctx)
	}
	if err != nil {
		m.left = nil // the zones have them still, or the next process sweeps them
		m.giveBack(p)
		return err
	}
	for i, z := range whole {
		if err = m.writeBase(ctx, z); err != nil {
			rest := pending{dirty: true, zones: map[rr.Key]*pendingZone{}}
			for _, z := range whole[i:] {
				rest.zones[z.zone.Name.Key()] = z
			}
			m.giveBack(rest)
			return err
		}
	}
	m.mu.Lock()
	defer m.mu.Unlock()
	m.status.Saved, m.status.Why = time.Now(), ""
	if info, err := os.Stat(m.path); err == nil {
		m.status.Bytes = info.Size()
	}
	return nil
}

// take takes what is pending, and splits its zones into those whose changes are
// written and those that are written as a whole.
func (m *Mirror) take() (p pending, small, whole []*pendingZone) {
	m.mu.Lock()
	defer m.mu.Unlock()
	p = m.pending
	m.pending = pending{standing: p.standing, cursor: p.cursor, caught: p.caught}
	for key, z := range p.zones {
		h := m.have[key]
		h.version = z.zone.Version
		if z.whole && z.snapshot != nil {
			whole = append(whole, z)
		} else {
			small = append(small, z)
		}
		m.have[key] = h
	}
	return p, small, whole
}

// giveBack makes what could not be written pending again, under what has come
// since. Its zones are written as a whole.
func (m *Mirror) giveBack(p pending) {
	m.mu.Lock()
	defer m.mu.Unlock()
	now := &m.pending
	now.init()
	now.dirty = now.dirty || p.dirty
	for key, z := range p.zones {
		if now.gone[key] {
			continue
		}
		later := now.zones[key]
		if later == nil {
			later = z
			now.zones[key] = z
		}
		later.whole, later.changes = true, nil
		delete(m.have, key)
	}
	for key := range p.gone {
		if now.zones[key] == nil {
			now.gone[key] = true
		}
	}
	if p.attached && !now.attached {
		now.attached, now.rows = true, p.rows
	}
	for key, g := range p.guests {
		if later, ok := now.guests[key]; !ok || later.module == nil {
			now.guests[key] = g
		}
	}
}

// writeSmall writes all but bases.
func (m *Mirror) writeSmall(tx *bbolt.Tx, p pending, zones []*pendingZone) error {
	meta := tx.Bucket(tableMeta)
	for _, row := range []struct{ key, value []byte }{
		{metaStanding, encodeStanding(p.standing)},
		{metaCursor, []byte(p.cursor.String())},
		{metaCaught, id(uint64(max(0, p.caught.UnixMilli())))},
	} {
		if err := meta.Put(row.key, row.value); err != nil {
			return err
		}
	}
	for key := range p.gone {
		if err := m.leave(tx, string(key)); err != nil {
			return err
		}
		if err := tx.Bucket(tableZones).Delete(dotted(string(key))); err != nil {
			return err
		}
	}
	for _, g := range p.guests {
		if err := writeGuest(tx, g); err != nil {
			return err
		}
	}
	if p.attached {
		if err := writeAttachments(tx, p.rows); err != nil {
			return err
		}
	}
	if p.attached || m.guestsDue() {
		if err := m.dropGuests(tx); err != nil {
			return err
		}
	}
	for _, z := range zones {
		if err := m.writeChanges(tx, z); err != nil {
			return err
		}
	}
	return nil
}
