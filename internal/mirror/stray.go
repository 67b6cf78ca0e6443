package mirror

import (
	"context"
	"encoding/binary"
	"time"

	bbolt "go.etcd.io/bbolt"
)

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
