package mirror

import (
	"errors"
	"time"

	bbolt "go.etcd.io/bbolt"

	"github.com/namelet/namelet/store"
)

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
		for _, r := range a.Releases() {
			used[store.GuestKey(r.Guest, r.Version)] = true
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
