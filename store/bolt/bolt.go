package bolt

import (
	"context"
	"encoding/binary"
	"errors"
	"fmt"
	goruntime "runtime"
	"runtime/debug"
	"strings"
	"sync"
	"syscall"

	bbolt "go.etcd.io/bbolt"
	bolterrors "go.etcd.io/bbolt/errors"

	"github.com/namelet/namelet/store"
)

// Driver is a store.Driver over one file.
type Driver struct {
	path    string
	options Options
	db      *bbolt.DB

	mu     sync.Mutex
	failed error // why nothing can be written any more
}

// Capabilities says that the file lasts and is not shared.
func (d *Driver) Capabilities() store.Capabilities {
	return store.Capabilities{Durable: true, Exclusive: true}
}

// View opens a snapshot.
func (d *Driver) View(context.Context) (_ store.View, err error) {
	defer d.catch(&err)
	tx, err := d.db.Begin(false)
	if err != nil {
		return nil, d.explain(err)
	}
	return &view{d: d, tx: tx}, nil
}

type view struct {
	d  *Driver
	tx *bbolt.Tx
}

func (v *view) Close() error { return v.tx.Rollback() }

// Scan hands out the file's own memory. A fault in reading it, of a bad disk, is
// an error as damage is.
func (v *view) Scan(ctx context.Context, table store.Table, ranges []store.Range, fn func(key, value []byte) error) (err error) {
	inside := false
	defer func() {
		if r := recover(); r != nil {
			if inside && !isFault(r) {
				panic(r)
			}
			err = v.d.damaged(r)
		}
	}()
	defer debug.SetPanicOnFault(debug.SetPanicOnFault(true))
	b := v.tx.Bucket(bucketOf(table))
	if b == nil {
		return nil // opened read-only, written by an older release
	}
	call := func(key, value []byte) error {
		inside = true
		err := fn(key, value)
		inside = false
		return err
	}
	cursor := b.Cursor()
	for _, r := range ranges {
		if err := ctx.Err(); err != nil {
			return err
		}
		if r.IsOne() {
			if value := b.Get(stored(r.From)); value != nil {
				if err := call([]byte(r.From), value); err != nil {
					return err
				}
			}
			continue
		}
		for key, value := cursor.Seek(stored(r.From)); key != nil && string(key[1:]) < r.To; key, value = cursor.Next() {
			if err := call(key[1:], value); err != nil {
				return err
			}
		}
	}
	return nil
}

// stored is a key as the file has it: behind an octet, since bbolt takes no empty
// key and the root zone's is one.
func stored(key string) []byte {
	return append(append(make([]byte, 0, 1+len(key)), '.'), key...)
}

func isFault(r any) bool {
	_, ok := r.(interface{ Addr() uintptr })
	return ok
}

// Apply does a batch and waits for the disk.
func (d *Driver) Apply(_ context.Context, b *store.Batch) error {
	d.mu.Lock()
	defer d.mu.Unlock()
	if d.failed != nil {
		return d.failed
	}
	tx, err := d.db.Begin(true)
	if err != nil {
		return d.explain(err)
	}
	id := tx.ID()
	if err = d.fill(tx, b); err != nil {
		tx.Rollback()
		return d.explain(err)
	}
	if err = d.finish(tx); err != nil {
		return d.afterFailure(id, err)
	}
	return nil
}

// fill does the batch in the transaction.
func (d *Driver) fill(tx *bbolt.Tx, b *store.Batch) (err error) {
	defer d.catch(&err)
	defer debug.SetPanicOnFault(debug.SetPanicOnFault(true))
	for _, c := range b.Checks {
		row := tx.Bucket(bucketOf(c.Table)).Get(stored(c.Key))
		if (row != nil) != (c.Want != nil) || string(row) != string(c.Want) {
			return store.ErrCheckFailed
		}
	}
	if err := write(tx, b.Writes); err != nil {
		return err
	}
	return d.log(tx, b.Log)
}

// many is from how many writes to one bucket on they are taken for an import,
// whose rows come in order: its pages are filled.
const many = 2000

func write(tx *bbolt.Tx, writes []store.Write) error {
	for len(writes) > 0 {
		n := 1
		for n < len(writes) && writes[n].Table == writes[0].Table {
			n++
		}
		bucket := tx.Bucket(bucketOf(writes[0].Table))
		if n >= many {
			bucket.FillPercent = 0.9
		}
		for _, w := range writes[:n] {
			var err error
			if w.Value == nil {
				err = bucket.Delete(stored(w.Key))
			} else {
				err = bucket.Put(stored(w.Key), w.Value)
			}
			if err != nil {
				return err
			}
		}
		writes = writes[n:]
	}
	return nil
}

// finish commits, where even a panic means that the transaction is at its end.
func (d *Driver) finish(tx *bbolt.Tx) (err error) {
	defer func() {
		if r := recover(); r != nil {
			err = d.damaged(r)
			defer func() { _ = recover() }()
			tx.Rollback()
		}
	}()
	defer debug.SetPanicOnFault(debug.SetPanicOnFault(true))
	return tx.Commit()
}

// afterFailure finds out what a commit that failed has left. Where readers see
// it, its last write was done but not made to last, so that nobody can tell what
// a restart will find; where they do not, nothing was changed. Any other failure
// than a full disk ends writing: the kernel may have dropped pages that it could
// not write, and a later commit would build on them.
func (d *Driver) afterFailure(id int, err error) error {
	seen := true
	if tx, verr := d.db.Begin(false); verr == nil {
		seen = tx.ID() >= id
		tx.Rollback()
	}
	switch {
	case seen:
		d.failed = fmt.Errorf("store: %s: %w: an earlier write may not last: restart", d.path, store.ErrUnwritable)
		return fmt.Errorf("store: %s: %w: %v: restart to see", d.path, store.ErrOutcomeUnknown, err)
	case isFull(err):
		return d.explain(err)
	}
	err = d.explain(err)
	d.failed = fmt.Errorf("store: %s: %w: an earlier write failed: restart: %v", d.path, store.ErrUnwritable, err)
	return err
}

// Close closes the file when all snapshots are closed.
func (d *Driver) Close() error {
	if err := d.db.Close(); err != nil {
		return d.explain(err)
	}
	return nil
}

// catch makes an error of a panic of bbolt, which so reports damage.
func (d *Driver) catch(err *error) {
	if r := recover(); r != nil {
		*err = d.damaged(r)
	}
}

func (d *Driver) damaged(r any) error {
	if _, ok := r.(goruntime.Error); ok {
		r = "pages are unreadable or make no sense: the file is cut off, or its disk fails"
	}
	return fmt.Errorf("store: %s: %w: %v: restore it from a backup", d.path, store.ErrCorrupt, r)
}

// explain gives an error of bbolt or of the system its meaning.
func (d *Driver) explain(err error) error {
	switch {
	case errors.Is(err, store.ErrCheckFailed), errors.Is(err, store.ErrCorrupt):
		return err
	case isFull(err):
		return fmt.Errorf("store: %s: %w: nothing was changed: make room on its disk", d.path, store.ErrFull)
	case errors.Is(err, bolterrors.ErrDatabaseNotOpen):
		return store.ErrClosed
	case errors.Is(err, bolterrors.ErrDatabaseReadOnly):
		return fmt.Errorf("store: %s: %w: it was opened for reading", d.path, store.ErrUnwritable)
	case errors.Is(err, bolterrors.ErrKeyTooLarge), errors.Is(err, bolterrors.ErrValueTooLarge):
		return fmt.Errorf("store: %s: %w: %v", d.path, store.ErrTooLarge, err)
	}
	return fmt.Errorf("store: %s: %w", d.path, err)
}

// isFull reports that there was no room: on the disk, in a quota, or under a
// limit of file size. bbolt passes some of these on as text.
func isFull(err error) bool {
	for _, no := range []syscall.Errno{syscall.ENOSPC, syscall.EDQUOT, syscall.EFBIG} {
		if errors.Is(err, no) || strings.Contains(err.Error(), no.Error()) {
			return true
		}
	}
	return false
}

func bigEndian(v uint64) []byte { return binary.BigEndian.AppendUint64(nil, v) }
