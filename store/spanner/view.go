package spanner

import (
	"context"
	"errors"
	"sort"
	"sync"
	"time"

	"cloud.google.com/go/spanner"
	"cloud.google.com/go/spanner/apiv1/spannerpb"
	"google.golang.org/api/iterator"

	"github.com/namelet/namelet/store"
)

// View opens a snapshot, which is a timestamp: that of its first read, which is a
// strong one. Later reads are at that timestamp, so any replica of Spanner that is
// up to it may answer them, and no transaction is held open.
func (d *Driver) View(ctx context.Context) (store.View, error) {
	d.mu.Lock()
	defer d.mu.Unlock()
	if d.closed {
		return nil, store.ErrClosed
	}
	return &view{d: d}, nil
}

type view struct {
	d  *Driver
	mu sync.Mutex // held by the read that finds the timestamp
	at time.Time  // zero: not read yet
}

func (v *view) Close() error { return nil }

// rowColumns are those of the tables of byte strings.
var rowColumns = []string{"K", "V"}

// Scan reads ranges. A stream that is cut is taken up behind its last row.
func (v *view) Scan(ctx context.Context, table store.Table, ranges []store.Range, fn func(key, value []byte) error) error {
	if len(ranges) == 0 {
		return ctx.Err()
	}
	s := &scan{view: v, table: table.String(), ranges: ranges, fn: fn}
	err := v.d.attempts(ctx, func() time.Time { return s.progress }, s.attempt)
	if s.stopped != nil {
		return s.stopped
	}
	return err
}

// scan is a call of Scan.
type scan struct {
	view     *view
	table    string
	ranges   []store.Range
	fn       func(key, value []byte) error
	last     string    // key of the last row
	progress time.Time // when it came
	stopped  error     // by fn
}

func (s *scan) attempt(ctx context.Context, w *watch, c *connection) error {
	ranges := s.rest()
	if len(ranges) == 0 {
		return nil
	}
	bound, found := s.view.bound()
	tx := c.client.Single().WithTimestampBound(bound)
	err := s.rows(w, tx.ReadWithOptions(ctx, s.table, keySets(ranges), rowColumns, &spanner.ReadOptions{RequestTag: "namelet.read", OrderBy: byKey}), func() error {
		return found(tx.Timestamp())
	})
	if s.stopped != nil {
		return nil
	}
	return err
}

const byKey = spannerpb.ReadRequest_ORDER_BY_PRIMARY_KEY

// bound is what to read at. Where that is not known yet, other reads of the view
// wait until found is called, with the timestamp of a strong read or with an error.
func (v *view) bound() (spanner.TimestampBound, func(time.Time, error) error) {
	v.mu.Lock()
	if !v.at.IsZero() {
		v.mu.Unlock()
		return spanner.ReadTimestamp(v.at), func(time.Time, error) error { return nil }
	}
	var once sync.Once
	return spanner.StrongRead(), func(at time.Time, err error) error {
		once.Do(func() {
			if err == nil {
				v.at = at
			}
			v.mu.Unlock()
		})
		return err
	}
}

// rows hands the rows of a stream to fn. began is called when the stream has begun
// or failed.
func (s *scan) rows(w *watch, stream *spanner.RowIterator, began func() error) error {
	defer stream.Stop()
	for first := true; ; first = false {
		w.wait()
		row, err := stream.Next()
		w.rest()
		done := errors.Is(err, iterator.Done)
		if first {
			if began := began(); began != nil && (err == nil || done) {
				err, done = began, false
			}
		}
		if done {
			return nil
		}
		if err != nil {
			return err
		}
		var key, value []byte
		if err := row.Columns(&key, &value); err != nil {
			return err
		}
		if s.stopped = s.fn(key, value); s.stopped != nil {
			return s.stopped
		}
		s.last, s.progress = string(key), time.Now()
	}
}

// rest is what remains to be read.
func (s *scan) rest() []store.Range {
	if s.progress.IsZero() {
		return s.ranges
	}
	next := s.last + "\x00"
	i := sort.Search(len(s.ranges), func(i int) bool { return s.ranges[i].To > next })
	rest := append([]store.Range(nil), s.ranges[i:]...)
	if len(rest) > 0 && rest[0].From < next {
		rest[0].From = next
	}
	return rest
}

// keySets makes ranges what Spanner takes; a single key is one.
func keySets(ranges []store.Range) spanner.KeySet {
	sets := make([]spanner.KeySet, len(ranges))
	for i, r := range ranges {
		if r.IsOne() {
			sets[i] = spanner.Key{[]byte(r.From)}
		} else {
			sets[i] = spanner.KeyRange{Start: spanner.Key{[]byte(r.From)}, End: spanner.Key{[]byte(r.To)}, Kind: spanner.ClosedOpen}
		}
	}
	return spanner.KeySets(sets...)
}
