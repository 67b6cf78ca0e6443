package mirror

import (
	"context"
	"encoding/binary"
	"time"

	bbolt "go.etcd.io/bbolt"

	"github.com/namelet/namelet/rr"
)

const (
	baseAtOnce = 4 << 20  // octets of a base in one transaction
	bytesASec  = 32 << 20 // of bases
)

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
