package mirror

import (
	"context"
	"encoding/binary"
	"errors"
	"fmt"
	goruntime "runtime"
	"sync"
	"time"

	bbolt "go.etcd.io/bbolt"

	"github.com/namelet/namelet/internal/authority"
	"github.com/namelet/namelet/rr"
	"github.com/namelet/namelet/store"
)

// Content is what a mirror has.
type Content struct {
	Standing    store.Standing
	Cursor      store.Cursor
	Caught      time.Time // when the store's changes had last been read to their end
	Zones       []Zone
	Attachments []store.Attachment
}

// Zone is a zone of a mirror.
type Zone struct {
	Zone     store.Zone
	Snapshot *authority.Snapshot // nil where the zone is not held in memory
}

// Load reads all that the mirror has; nil where it has nothing. A zone that is damaged
// is logged and left out, and written again when it is next served. Where what says
// which zones there are is damaged, the file is begun anew.
func (m *Mirror) Load(ctx context.Context) (*Content, error) {
	c, err := m.load(ctx)
	if err == nil || ctx.Err() != nil {
		return c, err
	}
	if err = errors.Join(m.db.Close(), m.beginAnew(err)); err != nil {
		err = fmt.Errorf("mirror: %s: %w", m.path, err)
	}
	return nil, err
}

func (m *Mirror) load(ctx context.Context) (*Content, error) {
	c, found, err := m.contents()
	if err != nil || c.Standing.Identity == "" {
		return nil, err
	}
	c.Zones, err = m.loadZones(ctx, found)
	return c, err
}

// contents reads all but the zones' content.
func (m *Mirror) contents() (c *Content, found []foundZone, err error) {
	defer damage(&err)()
	c = &Content{}
	err = m.db.View(func(tx *bbolt.Tx) (err error) {
		meta := tx.Bucket(tableMeta)
		standing := meta.Get(metaStanding)
		if standing == nil {
			return nil
		}
		if c.Standing, err = decodeStanding(standing); err != nil {
			return err
		}
		if c.Cursor, err = store.ParseCursor(string(meta.Get(metaCursor))); err != nil {
			return err
		}
		if ms := meta.Get(metaCaught); len(ms) == 8 {
			c.Caught = time.UnixMilli(int64(binary.BigEndian.Uint64(ms)))
		}
		if c.Attachments, err = attachments(tx); err != nil {
			return err
		}
		found, err = zoneRows(tx)
		return err
	})
	return c, found, err
}

func attachments(tx *bbolt.Tx) (all []store.Attachment, err error) {
	err = tx.Bucket(tableAttachments).ForEach(func(key, row []byte) error {
		a, err := store.AttachmentOfRow(key[1:], row)
		all = append(all, a)
		return err
	})
	return all, err
}

// foundZone is a zone whose content is yet to be read.
type foundZone struct {
	zone store.Zone
	base uint64
}

func zoneRows(tx *bbolt.Tx) (all []foundZone, err error) {
	err = tx.Bucket(tableZones).ForEach(func(key, row []byte) error {
		if len(row) < 8 {
			return errUnreadable
		}
		z, err := store.ZoneOfRow(key[1:], row[8:])
		all = append(all, foundZone{z, binary.BigEndian.Uint64(row)})
		return err
	})
	return all, err
}

// loadZones reads the zones, several at once.
func (m *Mirror) loadZones(ctx context.Context, found []foundZone) ([]Zone, error) {
	loaded := make([]Zone, len(found))
	next := make(chan int)
	var workers sync.WaitGroup
	for range goruntime.GOMAXPROCS(0) {
		workers.Go(func() {
			for i := range next {
				loaded[i] = m.loadZone(found[i])
			}
		})
	}
	for i := range found {
		if ctx.Err() != nil {
			break
		}
		next <- i
	}
	close(next)
	workers.Wait()
	whole := loaded[:0]
	for _, z := range loaded {
		if !z.Zone.Name.IsZero() {
			whole = append(whole, z)
		}
	}
	return whole, ctx.Err()
}

// loadZone reads one zone; the zero Zone where it is damaged.
func (m *Mirror) loadZone(f foundZone) Zone {
	z, h := Zone{Zone: f.zone}, have{version: f.zone.Version, base: f.base}
	if f.base != 0 {
		var err error
		if z.Snapshot, err = m.snapshot(f, &h); err != nil {
			m.log.Error("a zone of the mirror cannot be served", "zone", f.zone.Name.String(), "error", err)
			return Zone{}
		}
	}
	m.mu.Lock()
	m.have[f.zone.Name.Key()] = h
	m.mu.Unlock()
	return z
}

// snapshot builds a zone from its base and its changes.
func (m *Mirror) snapshot(f foundZone, h *have) (_ *authority.Snapshot, err error) {
	defer damage(&err)()
	tx, err := m.db.Begin(false)
	if err != nil {
		return nil, err
	}
	defer tx.Rollback()
	base := &baseReader{blocks: make(chan chan parsed, 4*goruntime.GOMAXPROCS(0)), stop: make(chan struct{})}
	defer base.end()
	go base.read(tx, f.base)
	s, err := authority.Build(f.zone.Name, f.zone.Version, base.sets)
	if base.err != nil {
		return nil, base.err
	}
	if err != nil {
		return nil, err
	}
	h.bytes = base.bytes
	changes, err := changesOf(tx, f.base, h)
	if err != nil || len(changes) == 0 {
		return s, err
	}
	return s.Apply(f.zone.Version, changes)
}

// changesOf reads what changed since a base was written.
func changesOf(tx *bbolt.Tx, base uint64, h *have) ([]authority.Change, error) {
	var all []authority.Change
	cursor, prefix := tx.Bucket(tableChanges).Cursor(), id(base)
	for key, value := cursor.Seek(prefix); key != nil && string(key[:8]) == string(prefix); key, value = cursor.Next() {
		sets, err := parseBlock(value)
		if err != nil {
			return nil, err
		}
		h.changes += len(value)
		all = append(all, sets...)
	}
	return all, nil
}

// baseReader reads the blocks of a base in their order, and several at once.
type baseReader struct {
	blocks chan chan parsed
	stop   chan struct{} // closed when no more are wanted
	err    error
	bytes  int
}

type parsed struct {
	sets []rr.Set
	err  error
}

func (b *baseReader) read(tx *bbolt.Tx, base uint64) {
	defer close(b.blocks)
	var damaged error
	defer func() {
		if damaged != nil {
			b.hand(func() parsed { return parsed{err: damaged} })
		}
	}()
	defer damage(&damaged)()
	cursor, prefix := tx.Bucket(tableBases).Cursor(), id(base)
	number := uint32(0)
	for key, value := cursor.Seek(prefix); key != nil && string(key[:8]) == string(prefix); key, value = cursor.Next() {
		if string(key[8:]) != string(binary.BigEndian.AppendUint32(nil, number)) {
			damaged = fmt.Errorf("%w: block %d is missing", errUnreadable, number)
			return
		}
		number++
		b.bytes += len(value)
		if string(value) == endOfBase {
			return
		}
		// The value is there until the transaction ends, and that waits.
		if !b.hand(func() parsed { return parse(value) }) {
			return
		}
	}
	damaged = fmt.Errorf("%w: the end is missing after block %d", errUnreadable, number)
}

// hand has a block parsed, in its turn. It is false where no more are wanted.
func (b *baseReader) hand(parse func() parsed) bool {
	done := make(chan parsed, 1)
	select {
	case b.blocks <- done:
		go func() { done <- parse() }()
		return true
	case <-b.stop:
		return false
	}
}

func parse(block []byte) (p parsed) {
	defer damage(&p.err)()
	p.sets, p.err = parseBlock(block)
	return p
}

// end waits until read is done with the transaction.
func (b *baseReader) end() {
	close(b.stop)
	for block := range b.blocks {
		<-block
	}
}

// sets yields what read finds; what is wrong with it is in err then.
func (b *baseReader) sets(yield func(rr.Set) bool) {
	for block := range b.blocks {
		p := <-block
		if b.err = p.err; b.err != nil {
			return
		}
		for _, set := range p.sets {
			if !yield(set) {
				return
			}
		}
	}
}
