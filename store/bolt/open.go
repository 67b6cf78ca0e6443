package bolt

import (
	"errors"
	"fmt"
	"io/fs"
	"math"
	"os"
	"path/filepath"
	"runtime/debug"
	"syscall"
	"time"

	bbolt "go.etcd.io/bbolt"
	bolterrors "go.etcd.io/bbolt/errors"

	"github.com/namelet/namelet/store"
)

// Options of Open; the zero value is ready to use.
type Options struct {
	// LockTimeout is how long Open waits for another process to let go of the
	// file; 200 ms where 0.
	LockTimeout time.Duration

	// ReadOnly opens a file that is there, beside others who do the same; Apply
	// fails with ErrUnwritable.
	ReadOnly bool

	logEntries int // how many entries of the change log are kept; 0 for the usual number
}

const (
	defaultLockTimeout = 200 * time.Millisecond
	defaultLogEntries  = 100_000

	// mapped is how much address space the file has from the start. Growing
	// beyond it waits for all snapshots to be closed, so it is much.
	mapped = 8 << 30

	growth = 4 << 20 // by which the file grows, at least
)

// Open opens the file, or makes one where there is none; its directory must be
// there. ErrLocked where another process has it, ErrUnwritable where it may not
// be written, ErrFull, ErrCorrupt where it is no store or a damaged one.
func Open(path string, o Options) (_ *Driver, err error) {
	if o.LockTimeout <= 0 {
		o.LockTimeout = defaultLockTimeout
	}
	if o.logEntries <= 0 {
		o.logEntries = defaultLogEntries
	}
	if err := lookAt(path, o.ReadOnly); err != nil {
		return nil, err
	}
	d := &Driver{path: path, options: o}
	defer func() {
		if err != nil && d.db != nil {
			d.db.Close()
		}
	}()
	if err := d.open(); err != nil {
		err = openError(path, err)
		if errors.Is(err, store.ErrFull) {
			forget(path)
		}
		return nil, err
	}
	if err := d.checkSize(); err != nil {
		return nil, err
	}
	if err := d.prepare(); err != nil {
		return nil, openError(path, err)
	}
	return d, nil
}

// lookAt tells apart what is wrong with a path before it is opened.
func lookAt(path string, readOnly bool) error {
	info, err := os.Stat(path)
	switch {
	case err == nil && info.IsDir():
		return fmt.Errorf("store: %s is a directory: name a file", path)
	case err == nil && info.Mode().IsRegular(), readOnly && err == nil:
		return nil
	case err == nil:
		return fmt.Errorf("store: %s is no regular file", path)
	case !errors.Is(err, fs.ErrNotExist) || readOnly:
		return openError(path, err)
	}
	if _, err := os.Stat(filepath.Dir(path)); errors.Is(err, fs.ErrNotExist) {
		return fmt.Errorf("store: directory %s does not exist: create it: %w", filepath.Dir(path), fs.ErrNotExist)
	}
	return nil
}

// forget takes back the front of a file that there was no room to begin, so that
// it is not taken for a damaged store later.
func forget(path string) {
	if info, err := os.Stat(path); err == nil && info.Size() < int64(4*os.Getpagesize()) {
		os.Truncate(path, 0)
	}
}

func (d *Driver) open() (err error) {
	defer d.catch(&err)
	defer debug.SetPanicOnFault(debug.SetPanicOnFault(true))
	size := int64(mapped)
	if size > math.MaxInt {
		size = 1 << 28
	}
	d.db, err = bbolt.Open(d.path, 0o600, &bbolt.Options{
		Timeout:         d.options.LockTimeout,
		ReadOnly:        d.options.ReadOnly,
		FreelistType:    bbolt.FreelistMapType,
		InitialMmapSize: int(size),
		NoStatistics:    true,
	})
	if err == nil {
		d.db.AllocSize = growth
	}
	return err
}

// checkSize finds a file that was cut off. To read beyond its end would be a
// fault, not an error.
func (d *Driver) checkSize() (err error) {
	defer d.catch(&err)
	info, err := os.Stat(d.path)
	if err != nil {
		return openError(d.path, err)
	}
	return d.db.View(func(tx *bbolt.Tx) error {
		if info.Size() < tx.Size() {
			return fmt.Errorf("store: %s is cut off at %d of %d octets: restore it from a backup: %w", d.path, info.Size(), tx.Size(), store.ErrCorrupt)
		}
		return nil
	})
}

// prepare makes the buckets that are not there. A file that has others only is
// another program's.
func (d *Driver) prepare() (err error) {
	defer d.catch(&err)
	defer debug.SetPanicOnFault(debug.SetPanicOnFault(true))
	missing, foreign := false, false
	err = d.db.View(func(tx *bbolt.Tx) error {
		for _, name := range buckets() {
			missing = missing || tx.Bucket(name) == nil
		}
		first, _ := tx.Cursor().First()
		foreign = first != nil && tx.Bucket(bucketOf(store.TableMeta)) == nil
		return nil
	})
	if err == nil && foreign {
		return fmt.Errorf("store: %s is a bolt file of another program: name another file: %w", d.path, store.ErrCorrupt)
	}
	if err != nil || !missing || d.options.ReadOnly {
		return err
	}
	return d.db.Update(func(tx *bbolt.Tx) error {
		for _, name := range buckets() {
			if _, err := tx.CreateBucketIfNotExists(name); err != nil {
				return err
			}
		}
		return nil
	})
}

var logBucket = []byte("log")

func bucketOf(t store.Table) []byte { return []byte(t.String()) }

func buckets() [][]byte {
	names := [][]byte{logBucket}
	for _, t := range store.Tables() {
		names = append(names, bucketOf(t))
	}
	return names
}

// openError says what to do about an error of opening.
func openError(path string, err error) error {
	switch {
	case errors.Is(err, store.ErrCorrupt) || errors.Is(err, store.ErrFull):
		return err
	case errors.Is(err, bolterrors.ErrTimeout):
		return fmt.Errorf("store: %s: %w%s: stop that process, or go through the server's control API", path, store.ErrLocked, holder(path))
	case isFull(err):
		return fmt.Errorf("store: %s: %w: make room on its disk", path, store.ErrFull)
	case errors.Is(err, fs.ErrNotExist):
		return fmt.Errorf("store: %s: no such file: %w", path, store.ErrNotFound)
	case errors.Is(err, fs.ErrPermission), errors.Is(err, syscall.EROFS):
		return fmt.Errorf("store: %s: %w: %v: run as its owner, or change its mode", path, store.ErrUnwritable, reason(err))
	case errors.Is(err, bolterrors.ErrInvalid), errors.Is(err, bolterrors.ErrVersionMismatch), errors.Is(err, bolterrors.ErrChecksum):
		return fmt.Errorf("store: %s is no store of Namelet, or a damaged one: name another file, or restore it from a backup: %w", path, store.ErrCorrupt)
	}
	return fmt.Errorf("store: %s: %w", path, err)
}

// reason is the innermost error, without the path that is named already.
func reason(err error) error {
	for errors.Unwrap(err) != nil {
		err = errors.Unwrap(err)
	}
	return err
}
