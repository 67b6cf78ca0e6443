package bolt

import (
	"context"
	"encoding/binary"
	"errors"
	"strconv"

	bbolt "go.etcd.io/bbolt"

	"github.com/namelet/namelet/store"
)

// The change log is one bucket, in order of commit: the key is a sequence number
// (8 octets), the value the shard behind its length (a varint), then the entry.
// The bucket's sequence is the number of the newest entry.

// trimStep is how many old entries a commit drops beyond as many as it adds.
const trimStep = 16

func (d *Driver) log(tx *bbolt.Tx, entries []store.LogEntry) error {
	if len(entries) == 0 {
		return nil
	}
	b := tx.Bucket(logBucket)
	b.FillPercent = 0.95 // it grows at its end
	for _, e := range entries {
		seq, err := b.NextSequence()
		if err != nil {
			return err
		}
		value := binary.AppendUvarint(nil, uint64(len(e.Shard)))
		value = append(append(value, e.Shard...), e.Value...)
		if err := b.Put(bigEndian(seq), value); err != nil {
			return err
		}
	}
	return d.trim(b, len(entries)+trimStep)
}

// trim drops at most n entries of those that are too many.
func (d *Driver) trim(b *bbolt.Bucket, n int) error {
	keep := uint64(d.options.logEntries)
	var old [][]byte
	cursor := b.Cursor()
	for key, _ := cursor.First(); key != nil && len(old) < n; key, _ = cursor.Next() {
		if binary.BigEndian.Uint64(key)+keep > b.Sequence() {
			break
		}
		old = append(old, key)
	}
	for _, key := range old {
		if err := b.Delete(key); err != nil {
			return err
		}
	}
	return nil
}

// Head returns the number of the newest entry.
func (d *Driver) Head(context.Context) (position string, err error) {
	defer d.catch(&err)
	err = d.db.View(func(tx *bbolt.Tx) error {
		if b := tx.Bucket(logBucket); b != nil {
			position = strconv.FormatUint(b.Sequence(), 10)
			return nil
		}
		position = "0"
		return nil
	})
	if err != nil {
		return "", d.explain(err)
	}
	return position, nil
}

var errEntry = errors.New("entry of the change log is malformed")

// Changes returns entries in order of commit.
func (d *Driver) Changes(_ context.Context, after string, limit int) (entries []store.LogEntry, next string, err error) {
	defer d.catch(&err)
	seq, err := strconv.ParseUint(after, 10, 64)
	if err != nil {
		return nil, after, store.ErrForeign
	}
	err = d.db.View(func(tx *bbolt.Tx) error {
		b := tx.Bucket(logBucket)
		if b == nil || seq > b.Sequence() {
			return store.ErrForeign
		}
		cursor := b.Cursor()
		if first, _ := cursor.First(); seq < b.Sequence() && (first == nil || seq+1 < binary.BigEndian.Uint64(first)) {
			return store.ErrGone
		}
		for key, value := cursor.Seek(bigEndian(seq + 1)); key != nil && len(entries) < limit; key, value = cursor.Next() {
			n, used := binary.Uvarint(value)
			if used <= 0 || n > uint64(len(value)-used) {
				return d.damaged(errEntry)
			}
			at := used + int(n)
			entries = append(entries, store.LogEntry{Shard: string(value[used:at]), Value: append([]byte(nil), value[at:]...)})
			seq = binary.BigEndian.Uint64(key)
		}
		return nil
	})
	switch {
	case errors.Is(err, store.ErrForeign), errors.Is(err, store.ErrGone):
		return nil, after, err
	case err != nil:
		return nil, after, d.explain(err)
	}
	return entries, strconv.FormatUint(seq, 10), nil
}
