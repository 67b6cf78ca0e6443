package mirror

import (
	"bytes"
	"encoding/binary"
	"errors"
	"fmt"
	"io/fs"
	"log/slog"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"time"

	bbolt "go.etcd.io/bbolt"
	bolterrors "go.etcd.io/bbolt/errors"

	"github.com/namelet/namelet/rr"
	"github.com/namelet/namelet/store"
)

// Mirror is an open mirror.
type Mirror struct {
	path string
	log  *slog.Logger
	db   *bbolt.DB
	wake chan struct{}
	idle map[string]time.Time // guests that no attachment has, and since when; save's own
	keep time.Duration        // for how long those are kept
	left []uint64             // bases that save has to delete; its own

	mu      sync.Mutex
	have    map[rr.Key]have // what the file has, or will have when what is being written is there
	pending pending
	status  Status
}

// have is what the file has of a zone.
type have struct {
	version uint64
	base    uint64 // id of its base; 0 for none
	bytes   int    // of the base
	changes int    // octets of changes since
}

// Status says how a mirror is.
type Status struct {
	Path   string
	Saved  time.Time // when the file was last brought up to what is served
	Zones  int       // in the file
	Bytes  int64     // of the file
	Why    string    // why the file cannot be written; empty while it can
	Errors uint64    // times that it could not
}

// ErrLocked is the error of a mirror that another process has.
var ErrLocked = errors.New("another process has it")

// The tables, which are buckets. A key that may be empty has an octet before it.
var (
	tableMeta        = []byte("meta")        // see below
	tableZones       = []byte("zones")       // zone key: id of the base (8 octets), the zone's row
	tableBases       = []byte("bases")       // id of a base (8), number of the block (4): a block
	tableChanges     = []byte("changes")     // id of a base (8), number (8): a block of changes
	tableAttachments = []byte("attachments") // as the store has them
	tableGuests      = []byte("guests")      // versions, as the store has them
	tableModules     = []byte("modules")     // digest: the module

	tables = [][]byte{tableMeta, tableZones, tableBases, tableChanges, tableAttachments, tableGuests, tableModules}

	metaForm     = []byte("form")
	metaStanding = []byte("standing") // catalog (8 octets), identity
	metaCursor   = []byte("cursor")
	metaCaught   = []byte("caught") // Unix time in milliseconds (8 octets)
)

// form is the version of all that; a mirror of another one is begun anew.
const form = "1"

// guestKept is how long a guest is kept that no attachment has: a replica that goes
// back to it within minutes does not read it again.
const guestKept = 15 * time.Minute

const lockTime = 2 * time.Second // for another process to let go of the file

// Open opens the mirror in a file, which it makes where there is none. A file that
// is no mirror that this release can read is begun anew, unless it is not a mirror
// at all. Errors: ErrLocked, and those of the system.
func Open(path string, log *slog.Logger) (*Mirror, error) {
	m := &Mirror{
		path: path, log: log, wake: make(chan struct{}, 1), have: map[rr.Key]have{},
		idle: map[string]time.Time{}, keep: guestKept,
	}
	m.status.Path = path
	if info, err := os.Stat(filepath.Dir(path)); err != nil || !info.IsDir() {
		return nil, fmt.Errorf("mirror: %s: its directory does not exist: create it", path)
	}
	err := m.open()
	if errors.Is(err, errUnreadable) {
		err = m.beginAnew(err)
	}
	if err != nil {
		return nil, fmt.Errorf("mirror: %s: %w", path, err)
	}
	return m, nil
}

// beginAnew puts a new file in the place of one that cannot be read, and is closed.
// What may be somebody's who gave the wrong name is kept.
func (m *Mirror) beginAnew(why error) error {
	aside := os.Remove
	attrs := []any{"path", m.path, "error", why}
	if !looksLikeBolt(m.path) {
		kept := m.path + ".kept"
		aside = func(path string) error { return os.Rename(path, kept) }
		attrs = append(attrs, "kept", kept)
	}
	m.log.Warn("the mirror cannot be read and is begun anew", attrs...)
	if err := aside(m.path); err != nil {
		return err
	}
	return m.open()
}

// looksLikeBolt reports whether one of the two pages at the front of a file has the
// number by which bolt knows its files.
func looksLikeBolt(path string) bool {
	f, err := os.Open(path)
	if err != nil {
		return false
	}
	defer f.Close()
	const magic, offset = 0xED0CDAED, 16
	for page := range int64(2) {
		var b [4]byte
		if _, err := f.ReadAt(b[:], page*int64(os.Getpagesize())+offset); err == nil && binary.NativeEndian.Uint32(b[:]) == magic {
			return true
		}
	}
	return false
}

func (m *Mirror) open() (err error) {
	if info, err := os.Stat(m.path); err == nil && !info.Mode().IsRegular() {
		return errors.New("is no regular file")
	}
	defer func() {
		if err != nil && m.db != nil {
			m.db.Close()
		}
	}()
	defer damage(&err)()
	m.db, err = bbolt.Open(m.path, 0o600, &bbolt.Options{
		Timeout: lockTime, FreelistType: bbolt.FreelistMapType, InitialMmapSize: 256 << 20, NoStatistics: true,
	})
	switch {
	case errors.Is(err, bolterrors.ErrTimeout):
		return ErrLocked
	case errors.Is(err, bolterrors.ErrInvalid), errors.Is(err, bolterrors.ErrChecksum), errors.Is(err, bolterrors.ErrVersionMismatch):
		return errUnreadable
	case err != nil:
		var path *fs.PathError
		if errors.As(err, &path) {
			err = path.Err
		}
		return err
	}
	if err := m.db.View(m.checkSize); err != nil {
		return err
	}
	return m.db.Update(prepare)
}

// checkSize finds a file that was cut off: to read beyond its end would be a fault.
func (m *Mirror) checkSize(tx *bbolt.Tx) error {
	info, err := os.Stat(m.path)
	if err == nil && info.Size() < tx.Size() {
		err = fmt.Errorf("%w: cut off at %d of %d octets", errUnreadable, info.Size(), tx.Size())
	}
	return err
}

// errOther is the error of another program's file.
var errOther = errors.New("is a bolt file, and no mirror: name another file")

// prepare makes the tables of a new file, and looks whether an old one is ours.
func prepare(tx *bbolt.Tx) error {
	first, _ := tx.Cursor().First()
	meta := tx.Bucket(tableMeta)
	switch {
	case first == nil:
	case meta == nil || tx.Bucket(tableBases) == nil:
		return errOther
	case string(meta.Get(metaForm)) != form:
		return errUnreadable
	}
	for _, table := range tables {
		if _, err := tx.CreateBucketIfNotExists(table); err != nil {
			return err
		}
	}
	return tx.Bucket(tableMeta).Put(metaForm, []byte(form))
}

// Close closes the file. What Run has not written is lost.
func (m *Mirror) Close() error { return m.db.Close() }

// Status returns how the mirror is.
func (m *Mirror) Status() Status {
	m.mu.Lock()
	defer m.mu.Unlock()
	status := m.status
	status.Zones = len(m.have)
	return status
}

// Guest returns a version of a guest, and false where the mirror has none.
func (m *Mirror) Guest(name string, number uint64) (g store.GuestVersion, ok bool) {
	key := store.GuestKey(name, number)
	m.mu.Lock()
	kept, waiting := m.pending.guests[key]
	m.mu.Unlock()
	if waiting {
		return kept.version, true
	}
	err := m.guarded(func() error {
		return m.db.View(func(tx *bbolt.Tx) (err error) {
			row := tx.Bucket(tableGuests).Get([]byte(key))
			if ok = row != nil; ok {
				g, err = store.GuestOfRow([]byte(key), row)
			}
			return err
		})
	})
	return g, ok && err == nil
}

// Module returns a module that is the caller's, and false where the mirror does not
// have it. It is as it was written: its reader holds it against the digest.
func (m *Mirror) Module(digest store.Digest) (module []byte, ok bool) {
	err := m.guarded(func() error {
		return m.db.View(func(tx *bbolt.Tx) error {
			module = bytes.Clone(tx.Bucket(tableModules).Get(digest[:]))
			return nil
		})
	})
	return module, module != nil && err == nil
}

func dotted(key string) []byte { return append([]byte{'.'}, key...) }

func id(n uint64) []byte { return binary.BigEndian.AppendUint64(nil, n) }

// encodeStanding and decodeStanding keep what tells stores apart.
func encodeStanding(s store.Standing) []byte { return append(id(s.Catalog), s.Identity...) }

func decodeStanding(b []byte) (store.Standing, error) {
	if len(b) < 9 || strings.ContainsRune(string(b[8:]), 0) {
		return store.Standing{}, errUnreadable
	}
	return store.Standing{Catalog: binary.BigEndian.Uint64(b), Identity: string(b[8:])}, nil
}
