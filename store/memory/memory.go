// Package memory is a store driver that keeps everything in memory, for tests
// and for trying things out.
//
// Start with New. What was written is gone when the driver is.
package memory

import (
	"context"
	"slices"
	"strconv"
	"sync"
	"time"

	"github.com/namelet/namelet/store"
	"github.com/namelet/namelet/store/internal/ordered"
)

// LogEntries is how many entries of the change log are kept.
const LogEntries = 100_000

// Driver is a store.Driver.
type Driver struct {
	mu     sync.Mutex
	tables []ordered.Map[[]byte]
	log    []store.LogEntry
	first  uint64 // sequence number of log[0]; the head is first + len(log) - 1
	closed bool
}

// New returns an empty driver.
func New() *Driver {
	return &Driver{tables: make([]ordered.Map[[]byte], len(store.Tables())), first: 1}
}

// Capabilities says that nothing lasts, and nobody shares.
func (d *Driver) Capabilities() store.Capabilities { return store.Capabilities{Exclusive: true} }

// View opens a snapshot, which costs nothing to keep but the memory of what is
// replaced meanwhile.
func (d *Driver) View(context.Context) (store.View, error) {
	d.mu.Lock()
	defer d.mu.Unlock()
	if d.closed {
		return nil, store.ErrClosed
	}
	return view(slices.Clone(d.tables)), nil
}

type view []ordered.Map[[]byte]

func (v view) Scan(ctx context.Context, table store.Table, ranges []store.Range, fn func(key, value []byte) error) error {
	for _, r := range ranges {
		if err := ctx.Err(); err != nil {
			return err
		}
		var err error
		v[table].Ascend(r.From, r.To, func(key string, value []byte) bool {
			err = fn([]byte(key), value)
			return err == nil
		})
		if err != nil {
			return err
		}
	}
	return nil
}

func (v view) Close() error { return nil }

// Apply does a batch.
func (d *Driver) Apply(_ context.Context, b *store.Batch) error {
	d.mu.Lock()
	defer d.mu.Unlock()
	if d.closed {
		return store.ErrClosed
	}
	for _, c := range b.Checks {
		row, has := d.tables[c.Table].Get(c.Key)
		if has != (c.Want != nil) || string(row) != string(c.Want) {
			return store.ErrCheckFailed
		}
	}
	for _, w := range b.Writes {
		if w.Value == nil {
			d.tables[w.Table] = d.tables[w.Table].Delete(w.Key)
		} else {
			d.tables[w.Table] = d.tables[w.Table].Set(w.Key, slices.Clone(w.Value))
		}
	}
	now := time.Now()
	for _, e := range b.Log {
		e.Committed = now
		d.log = append(d.log, e)
	}
	if n := len(d.log) - LogEntries; n > LogEntries/10 {
		d.first += uint64(n)
		d.log = slices.Clone(d.log[n:])
	}
	return nil
}

func (d *Driver) head() uint64 { return d.first + uint64(len(d.log)) - 1 }

// Head returns the sequence number of the newest entry.
func (d *Driver) Head(context.Context) (string, error) {
	d.mu.Lock()
	defer d.mu.Unlock()
	if d.closed {
		return "", store.ErrClosed
	}
	return strconv.FormatUint(d.head(), 10), nil
}

// Changes returns entries in order of commit.
func (d *Driver) Changes(_ context.Context, after string, limit int) ([]store.LogEntry, string, error) {
	seq, err := strconv.ParseUint(after, 10, 64)
	if err != nil {
		return nil, after, store.ErrForeign
	}
	d.mu.Lock()
	defer d.mu.Unlock()
	switch {
	case d.closed:
		return nil, after, store.ErrClosed
	case seq > d.head():
		return nil, after, store.ErrForeign
	case seq+1 < d.first:
		return nil, after, store.ErrGone
	}
	from := int(seq + 1 - d.first)
	to := min(from+limit, len(d.log))
	return slices.Clone(d.log[from:to]), strconv.FormatUint(seq+uint64(to-from), 10), nil
}

// Close lets go of everything.
func (d *Driver) Close() error {
	d.mu.Lock()
	defer d.mu.Unlock()
	d.closed, d.tables, d.log = true, nil, nil
	return nil
}
