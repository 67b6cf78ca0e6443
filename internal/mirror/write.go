package mirror

import (
	"context"
	"encoding/binary"
	"errors"
	"os"
	"time"

	bbolt "go.etcd.io/bbolt"

	"github.com/namelet/namelet/internal/authority"
	"github.com/namelet/namelet/rr"
	"github.com/namelet/namelet/store"
)

// How the file is written.
const (
	flushEvery  = time.Second      // changes of so long go into one transaction
	touchEvery  = 5 * time.Second  // at which the time of the last reading is written where nothing changes
	finishTime  = 5 * time.Second  // for the rest, when the process ends
	retryAfter  = 10 * time.Second // a failure
	baseAtOnce  = 4 << 20          // octets of a base in one transaction
	bytesASec   = 32 << 20         // of bases
	leastFold   = 1 << 20          // octets of changes that are kept beside any base
	foldShare   = 4                // and as a part of it: a quarter
	changeBlock = 1 << 20          // octets of one block of changes
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

// leave notes that the base of a zone will be nobody's.
func (m *Mirror) leave(tx *bbolt.Tx, key string) error {
	row := tx.Bucket(tableZones).Get(dotted(key))
	if len(row) < 8 {
		return nil
	}
	if base := binary.BigEndian.Uint64(row); base != 0 {
		m.left = append(m.left, base)
	}
	return nil
}

// dropLeft deletes the bases that are nobody's any more.
func (m *Mirror) dropLeft(ctx context.Context) error {
	left := m.left
	m.left = nil
	for _, base := range left {
		if err := m.dropBase(ctx, base); err != nil {
			return err
		}
	}
	return nil
}

func writeGuest(tx *bbolt.Tx, g keptGuest) error {
	key, row := g.version.Row()
	if err := tx.Bucket(tableGuests).Put([]byte(key), row); err != nil {
		return err
	}
	if g.module == nil {
		return nil
	}
	return tx.Bucket(tableModules).Put(g.version.Digest[:], g.module)
}

// writeAttachments puts the attachments in the place of those before.
func writeAttachments(tx *bbolt.Tx, rows []store.Attachment) error {
	if err := tx.DeleteBucket(tableAttachments); err != nil {
		return err
	}
	bucket, err := tx.CreateBucket(tableAttachments)
	if err != nil {
		return err
	}
	for _, a := range rows {
		key, row := a.Row()
		if err := bucket.Put(dotted(key), row); err != nil {
			return err
		}
	}
	return nil
}

// guestsDue reports whether there is a guest to be dropped.
func (m *Mirror) guestsDue() bool {
	for _, since := range m.idle {
		if time.Since(since) > m.keep {
			return true
		}
	}
	return false
}

// dropGuests drops the guests that no attachment has had for a while.
func (m *Mirror) dropGuests(tx *bbolt.Tx) error {
	rows, err := attachments(tx)
	if err != nil {
		return err
	}
	used := map[string]bool{}
	for _, a := range rows {
		used[store.GuestKey(a.Guest, a.Version)] = true
		if c := a.Candidate; c != nil {
			used[store.GuestKey(c.Guest, c.Version)] = true
		}
		if p := a.Previous; p != nil {
			used[store.GuestKey(p.Guest, p.Version)] = true
		}
	}
	digests := map[store.Digest]bool{}
	err = dropRows(tx.Bucket(tableGuests), func(key, row []byte) (bool, error) {
		if m.idles(string(key), used[string(key)]) {
			return true, nil
		}
		g, err := store.GuestOfRow(key, row)
		digests[g.Digest] = true
		return false, err
	})
	if err != nil {
		return err
	}
	return dropRows(tx.Bucket(tableModules), func(key, _ []byte) (bool, error) {
		return len(key) != len(store.Digest{}) || !digests[store.Digest(key)], nil
	})
}

// idles takes note of whether a guest is used, and reports whether it is to go.
func (m *Mirror) idles(key string, used bool) bool {
	since, idle := m.idle[key]
	switch {
	case used:
		delete(m.idle, key)
	case !idle:
		m.idle[key] = time.Now()
		return m.keep == 0
	case time.Since(since) > m.keep:
		delete(m.idle, key)
		return true
	}
	return false
}

// dropRows deletes the rows for which drop is true.
func dropRows(b *bbolt.Bucket, drop func(key, row []byte) (bool, error)) error {
	var keys [][]byte
	err := b.ForEach(func(key, row []byte) error {
		yes, err := drop(key, row)
		if yes {
			keys = append(keys, append([]byte(nil), key...))
		}
		return err
	})
	for _, key := range keys {
		err = errors.Join(err, b.Delete(key))
	}
	return err
}

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

// writeBase writes a zone as a whole: the blocks, in several transactions, then its
// row, by which it takes the place of what was there before.
func (m *Mirror) writeBase(ctx context.Context, z *pendingZone) error {
	w := baseWriter{m: m, ctx: ctx, began: time.Now()}
	err := m.guarded(func() error {
		if err := m.db.Update(func(tx *bbolt.Tx) (err error) {
			w.base, err = tx.Bucket(tableBases).NextSequence()
			return err
		}); err != nil {
			return err
		}
		for set := range z.snapshot.All() {
			if w.block.add(set); w.block.size() >= blockBytes {
				if err := w.next(); err != nil {
					return err
				}
			}
		}
		if w.block.sets > 0 {
			w.blocks = append(w.blocks, w.block.finish())
		}
		w.blocks = append(w.blocks, []byte(endOfBase))
		return w.commit()
	})
	if err != nil {
		return err
	}
	var old uint64
	key, row := z.zone.Row()
	err = m.guarded(func() error {
		return m.db.Update(func(tx *bbolt.Tx) error {
			zones := tx.Bucket(tableZones)
			if was := zones.Get(dotted(key)); len(was) >= 8 {
				old = binary.BigEndian.Uint64(was)
			}
			return zones.Put(dotted(key), append(id(w.base), row...))
		})
	})
	if err != nil {
		return err
	}
	m.mu.Lock()
	h, known := m.have[rr.Key(key)]
	if known {
		h.base, h.bytes, h.changes = w.base, w.written, 0
		m.have[rr.Key(key)] = h
	}
	m.mu.Unlock()
	return m.dropBase(ctx, old)
}

// endOfBase stands behind the blocks of a base, and is none: without it a base has
// lost its tail.
const endOfBase = "."

// baseWriter writes the blocks of a base.
type baseWriter struct {
	m       *Mirror
	ctx     context.Context
	began   time.Time
	base    uint64
	block   block
	blocks  [][]byte // to be written
	number  uint32   // of those that are
	waiting int      // octets of blocks
	written int
}

func (w *baseWriter) next() error {
	text := w.block.finish()
	w.blocks = append(w.blocks, text)
	if w.waiting += len(text); w.waiting < baseAtOnce {
		return nil
	}
	return w.commit()
}

// commit writes the blocks that wait, and takes the time that they may take.
func (w *baseWriter) commit() error {
	err := w.m.db.Update(func(tx *bbolt.Tx) error {
		bucket := tx.Bucket(tableBases)
		bucket.FillPercent = 1
		for _, text := range w.blocks {
			if err := bucket.Put(binary.BigEndian.AppendUint32(id(w.base), w.number), text); err != nil {
				return err
			}
			w.number++
			w.written += len(text)
		}
		return nil
	})
	if err != nil {
		return err
	}
	w.blocks, w.waiting = w.blocks[:0], 0
	due := time.Duration(float64(w.written) / bytesASec * float64(time.Second))
	if ahead := due - time.Since(w.began); ahead > 0 && !pause(w.ctx, ahead) {
		return w.ctx.Err()
	}
	return w.ctx.Err()
}

// dropRowsAtOnce is how many rows of a base that nothing names are deleted by one
// transaction.
const dropRowsAtOnce = 64

// dropBase deletes a base and its changes.
func (m *Mirror) dropBase(ctx context.Context, base uint64) error {
	if base == 0 {
		return nil
	}
	for more := true; more; {
		err := m.guarded(func() error {
			return m.db.Update(func(tx *bbolt.Tx) error {
				more = false
				for _, table := range [][]byte{tableBases, tableChanges} {
					n, err := dropPrefix(tx.Bucket(table), id(base))
					if err != nil {
						return err
					}
					more = more || n == dropRowsAtOnce
				}
				return nil
			})
		})
		if err != nil {
			return err
		}
		if more && !pause(ctx, 10*time.Millisecond) {
			return nil // the next process sweeps it
		}
	}
	return nil
}

func dropPrefix(b *bbolt.Bucket, prefix []byte) (n int, err error) {
	var keys [][]byte
	cursor := b.Cursor()
	for key, _ := cursor.Seek(prefix); key != nil && string(key[:8]) == string(prefix) && len(keys) < dropRowsAtOnce; key, _ = cursor.Next() {
		keys = append(keys, append([]byte(nil), key...))
	}
	for _, key := range keys {
		if err := b.Delete(key); err != nil {
			return 0, err
		}
	}
	return len(keys), nil
}

// sweep deletes the bases that no zone has.
func (m *Mirror) sweep(ctx context.Context) error {
	var stray []uint64
	err := m.guarded(func() error {
		return m.db.View(func(tx *bbolt.Tx) error {
			used := map[uint64]bool{}
			err := tx.Bucket(tableZones).ForEach(func(_, row []byte) error {
				if len(row) >= 8 {
					used[binary.BigEndian.Uint64(row)] = true
				}
				return nil
			})
			seen := map[uint64]bool{}
			for _, table := range [][]byte{tableBases, tableChanges} {
				cursor := tx.Bucket(table).Cursor()
				for key, _ := cursor.First(); len(key) >= 8; {
					base := binary.BigEndian.Uint64(key)
					if !used[base] && !seen[base] {
						seen[base] = true
						stray = append(stray, base)
					}
					key, _ = cursor.Seek(id(base + 1))
				}
			}
			return err
		})
	})
	for _, base := range stray {
		if err == nil {
			err = m.dropBase(ctx, base)
		}
	}
	return err
}
