package store

import (
	"cmp"
	"context"
	"crypto/rand"
	"encoding/hex"
	"fmt"
	"sync"
	"time"

	"github.com/namelet/namelet/rr"
)

// Options of a Store; the zero value is ready to use.
type Options struct {
	// Check, where given, is asked about each RRset before it is written, on
	// top of what the store checks by itself. Its error is wrapped.
	Check func(zone rr.Name, set rr.Set) error

	Now func() time.Time // the clock; time.Now where nil

	// Identity, where given, is that of the store that the driver is known to
	// have: New then asks it nothing, so it need not be reachable, and nothing is
	// written to a store of another identity (ErrForeign).
	Identity string

	// JournalVersions is how many versions of a zone the journal holds; 10,000
	// where 0. It holds fewer where they take over 64 MiB.
	JournalVersions int

	// GuestVersions is how many versions of a guest are kept, the newest ones, beside
	// those that attachments have; 100 where 0.
	GuestVersions int

	// Attachments is how many a zone can have, since each server has all of them in
	// memory with their configuration; 1,024 where 0.
	Attachments int
}

// Store is the system of record over a driver.
type Store struct {
	driver      Driver
	identity    string
	given       bool // the identity was not read: writers look whether it holds
	check       func(zone rr.Name, set rr.Set) error
	now         func() time.Time
	keep        uint64          // entries of a journal
	versions    uint64          // of a guest that are kept
	attachments int             // that a zone can have
	ctx         context.Context // ends when the store is closed
	cancel      context.CancelFunc
	audit       time.Time // of the newest entry; the committer's alone

	mu       sync.Mutex
	queue    []*job
	closed   bool
	watchers map[chan struct{}]bool
	staging  map[string]bool // keys of TableGarbage that imports are at work on
	trouble  error           // of the last time that space was reclaimed

	work, reclaim chan struct{} // tokens
	quit, stopped chan struct{}
	background    sync.WaitGroup
	reclaiming    sync.Mutex // one at a time
}

// New makes a Store over a driver, and takes the driver over: Close closes it.
// An empty driver becomes a store with a new identity, unless Options name the one
// that it must have. ErrSchema where another
// release wrote it. Where New fails the driver is still the caller's.
func New(ctx context.Context, d Driver, o Options) (*Store, error) {
	s := &Store{
		driver: d, identity: o.Identity, given: o.Identity != "", check: o.Check, now: o.Now,
		watchers: map[chan struct{}]bool{}, staging: map[string]bool{},
		work: make(chan struct{}, 1), reclaim: make(chan struct{}, 1),
		quit: make(chan struct{}), stopped: make(chan struct{}),
	}
	s.keep = uint64(o.JournalVersions)
	if o.JournalVersions <= 0 {
		s.keep = journalVersions
	}
	s.attachments = cmp.Or(max(o.Attachments, 0), zoneAttachments)
	s.versions = keptVersions
	if o.GuestVersions > 0 {
		s.versions = uint64(o.GuestVersions)
	}
	if s.now == nil {
		s.now = time.Now
	}
	s.ctx, s.cancel = context.WithCancel(context.WithoutCancel(ctx))
	go s.committer()
	if err := s.identify(ctx); err != nil {
		s.stop()
		return nil, err
	}
	s.background.Go(s.reclaimer)
	if !s.given { // else nobody knows yet whether it can be reached
		wake(s.reclaim)
	}
	return s, nil
}

// closeTime is how long Close lets writers wait for a store that others share: it may
// be away, and the process is to end.
const closeTime = 3 * time.Second

// Close lets writers that wait come to their end, for a bounded time where the store
// is a shared one, then closes the driver.
func (s *Store) Close() error {
	if !s.stop() {
		return ErrClosed
	}
	s.background.Wait()
	return s.driver.Close()
}

// stop reports whether it was the first to be called.
func (s *Store) stop() bool {
	s.mu.Lock()
	first := !s.closed
	s.closed = true
	s.mu.Unlock()
	if first {
		close(s.quit)
	}
	if !s.driver.Capabilities().Exclusive {
		defer time.AfterFunc(closeTime, s.cancel).Stop()
	}
	<-s.stopped
	s.cancel()
	return first
}

// Identity tells this store from any other: 32 hexadecimal digits, made when
// the store was.
func (s *Store) Identity() string { return s.identity }

// Capabilities are those of the driver.
func (s *Store) Capabilities() Capabilities { return s.driver.Capabilities() }

// The row of TableMeta under metaStore is the schema and the identity; that
// under metaCatalog the number of the last change to the catalog, which is the
// list of zones, the guests and the attachments; that under metaIncarnation the
// last incarnation given to a zone's content.
const (
	metaStore       = "store"
	metaCatalog     = "catalog"
	metaIncarnation = "incarnation"

	schemaVersion   = 1
	schemaRestoring = 0 // of a store that is being restored: no release serves it
)

// identify reads the identity, or makes one. It writes only where there is none,
// so a store that can only be read opens.
func (s *Store) identify(ctx context.Context) error {
	if s.identity != "" {
		return nil
	}
	err := s.Snapshot(ctx, func(v *Snapshot) (err error) {
		s.identity, err = readIdentity(ctx, v)
		return err
	})
	if err != nil || s.identity != "" {
		return err
	}
	return s.commit(ctx, 1, func(ctx context.Context, t *tx) error {
		if err := t.guard(ctx, TableMeta, metaStore); err != nil {
			return err
		}
		var err error
		if s.identity, err = readIdentity(ctx, t); err != nil || s.identity != "" {
			return err
		}
		s.identity = newIdentity()
		t.put(TableMeta, metaStore, encodeStore(schemaVersion, s.identity))
		return nil
	})
}

func newIdentity() string {
	var id [16]byte
	rand.Read(id[:])
	return hex.EncodeToString(id[:])
}

func encodeStore(schema uint64, identity string) []byte {
	return appendString(appendUint([]byte{formVersion}, schema), identity)
}

// number reads a counter of TableMeta.
func number(ctx context.Context, r reader, key string) (uint64, error) {
	row, err := r.get(ctx, TableMeta, key)
	if err != nil || row == nil {
		return 0, err
	}
	d := decode(row)
	n := d.uint(maxUint64)
	if err := d.end(); err != nil {
		return 0, corrupt(TableMeta, []byte(key), err)
	}
	return n, nil
}

// count raises a counter of TableMeta, which it guards, and returns it.
func (t *tx) count(ctx context.Context, key string) (uint64, error) {
	if err := t.guard(ctx, TableMeta, key); err != nil {
		return 0, err
	}
	n, err := number(ctx, t, key)
	if err != nil {
		return 0, err
	}
	t.put(TableMeta, key, appendUint([]byte{formVersion}, n+1))
	return n + 1, nil
}

// checkWith asks Options.Check.
func (s *Store) checkWith(zone rr.Name, set rr.Set) error {
	if s.check == nil {
		return nil
	}
	if err := s.check(zone, set); err != nil {
		return fmt.Errorf("store: %v: %w", set, err)
	}
	return nil
}
