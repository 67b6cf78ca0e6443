package spanner

import (
	"cmp"
	"context"
	"encoding/hex"
	"slices"
	"strconv"
	"strings"
	"sync"
	"time"

	"cloud.google.com/go/spanner"
	"cloud.google.com/go/spanner/apiv1/spannerpb"

	"github.com/namelet/namelet/store"
)

// maxBacklog is how many entries of the change log are read at once. Who lags
// behind by more is better off loading all anew.
const maxBacklog = 100_000

var logColumns = []string{"Shard", "Committed", "Batch", "Number", "Subject", "Entry"}

// place is where an entry is in the log, over all shards: entries of one time are of
// batches that do not touch each other, but for those of one batch.
type place struct {
	at     time.Time
	batch  string
	number int64
}

func (p place) compare(q place) int {
	return cmp.Or(p.at.Compare(q.at), strings.Compare(p.batch, q.batch), cmp.Compare(p.number, q.number))
}

// position is what a follower of the log holds. Everything up to the time seen has
// been handed out, since it was read strongly at that time, but where more was read
// than was asked for: then everything up to last. The entry last has to be in the
// log still, where the log reaches back to it, or the log is another one.
type position struct {
	seen  time.Time
	last  place
	shard int64 // of last
}

// String has the form SEEN, or SEEN.LAST.BATCH.NUMBER.SHARD: times in nanoseconds
// since 1970, the batch in hexadecimal digits.
func (p position) String() string {
	s := strconv.FormatInt(p.seen.UnixNano(), 10)
	if p.last.at.IsZero() {
		return s
	}
	return strings.Join([]string{
		s, strconv.FormatInt(p.last.at.UnixNano(), 10), hex.EncodeToString([]byte(p.last.batch)),
		strconv.FormatInt(p.last.number, 10), strconv.FormatInt(p.shard, 10),
	}, ".")
}

// parsePosition reads what String wrote; ErrForeign, since only another driver
// writes something else.
func parsePosition(s string) (position, error) {
	fields := strings.Split(s, ".")
	var numbers [5]int64
	var batch []byte
	var err error
	for i, field := range fields {
		switch {
		case i == 2:
			batch, err = hex.DecodeString(field)
		case i < len(numbers):
			numbers[i], err = strconv.ParseInt(field, 10, 64)
		}
		if err != nil || numbers[min(i, 4)] < 0 {
			return position{}, failf(store.ErrForeign, "position %.100q", s)
		}
	}
	p := position{seen: time.Unix(0, numbers[0])}
	switch len(fields) {
	case 1:
	case 5:
		p.last, p.shard = place{time.Unix(0, numbers[1]), string(batch), numbers[3]}, numbers[4]
	default:
		return position{}, failf(store.ErrForeign, "position %.100q", s)
	}
	if p.String() != s || p.seen.Before(p.last.at) || p.shard >= logShards || len(fields) == 5 && len(batch) != 16 {
		return position{}, failf(store.ErrForeign, "position %.100q", s)
	}
	return p, nil
}

// Head returns a position behind every entry that is committed: the timestamp of a
// strong read.
func (d *Driver) Head(ctx context.Context) (string, error) {
	var at time.Time
	err := d.read(ctx, func(ctx context.Context, c *connection) error {
		tx := c.client.Single()
		_, err := tx.ReadRowWithOptions(ctx, tableVersions, spanner.Key{int64(1)}, []string{"Version"}, &spanner.ReadOptions{RequestTag: "namelet.head"})
		if err == nil {
			at, err = tx.Timestamp()
		}
		return err
	})
	if err != nil {
		return "", err
	}
	return position{seen: at}.String(), nil
}

// Changes returns entries in order of commit, over all shards. Where there are none
// the position moves on all the same, to the time up to which that is known.
func (d *Driver) Changes(ctx context.Context, after string, limit int) ([]store.LogEntry, string, error) {
	p, err := parsePosition(after)
	if err != nil {
		return nil, after, err
	}
	if entries, next, ok := d.backlog.take(after, limit); ok {
		return entries, next, nil
	}
	read, at, err := d.readLog(ctx, p)
	if err != nil {
		return nil, after, err
	}
	if read, err = d.continued(p, read, at); err != nil {
		return nil, after, err
	}
	entries, next := d.backlog.fill(p, read, at, limit)
	return entries, next, nil
}

// logged is an entry as it was read.
type logged struct {
	place
	shard int64
	entry store.LogEntry
}

// readLog reads all shards from a position on, its last entry included, in one
// strong read.
func (d *Driver) readLog(ctx context.Context, p position) (read []logged, at time.Time, err error) {
	from := p.from()
	var shards []spanner.KeySet
	for shard := range int64(logShards) {
		shards = append(shards, spanner.KeyRange{Start: spanner.Key{shard, from}, End: spanner.Key{shard}, Kind: spanner.ClosedClosed})
	}
	err = d.attempts(ctx, func() time.Time { return time.Time{} }, func(ctx context.Context, w *watch, c *connection) error {
		tx := c.client.Single()
		read = read[:0]
		rows := tx.ReadWithOptions(ctx, tableChanges, spanner.KeySets(shards...), logColumns, &spanner.ReadOptions{
			Limit: maxBacklog + 1, RequestTag: "namelet.poll", Priority: spannerpb.RequestOptions_PRIORITY_LOW,
		})
		err := rows.Do(func(row *spanner.Row) error {
			w.wait()
			var l logged
			var batch, subject []byte
			if err := row.Columns(&l.shard, &l.at, &batch, &l.number, &subject, &l.entry.Value); err != nil {
				return err
			}
			l.batch, l.entry.Shard, l.entry.Committed = string(batch), string(subject), l.at
			read = append(read, l)
			return nil
		})
		if err == nil {
			at, err = tx.Timestamp()
		}
		return err
	})
	if err != nil {
		return nil, at, err
	}
	if len(read) > maxBacklog {
		return nil, at, failf(store.ErrGone, "more than %d changes since %v", maxBacklog, p.seen.UTC())
	}
	slices.SortFunc(read, func(a, b logged) int { return a.compare(b.place) })
	return read, at, nil
}

// from is the time of the first entry to read.
func (p position) from() time.Time {
	if p.last.at.IsZero() {
		return p.seen
	}
	return p.last.at
}

// continued drops what the holder of a position has, and finds out whether it holds
// a position of this log at all.
func (d *Driver) continued(p position, read []logged, at time.Time) ([]logged, error) {
	switch {
	case p.seen.After(at):
		return nil, failf(store.ErrForeign, "the position is of %v, and the database of %v", p.seen.UTC(), at.UTC())
	case p.seen.Before(at.Add(-d.retention)):
		return nil, failf(store.ErrGone, "the position is of %v, and the change log is kept for %v", p.seen.UTC(), d.retention)
	case p.last.at.IsZero():
		i, _ := slices.BinarySearchFunc(read, p.seen.Add(1), func(l logged, t time.Time) int { return l.at.Compare(t) })
		return read[i:], nil
	}
	i, found := slices.BinarySearchFunc(read, p.last, func(l logged, q place) int { return l.compare(q) })
	switch {
	case found:
		return read[i+1:], nil
	case p.last.at.After(at.Add(-d.retention)):
		return nil, failf(store.ErrForeign, "the change log lacks an entry of %v: the database is another or an older one", p.last.at.UTC())
	}
	return read[i:], nil // the entry has been deleted with age
}

// backlog is what was read from the log and not yet asked for.
type backlog struct {
	mu   sync.Mutex
	held string // the position that the rest comes after
	rest []logged
	at   time.Time // of the read
}

// take returns entries where they are what comes after a position.
func (b *backlog) take(after string, limit int) ([]store.LogEntry, string, bool) {
	b.mu.Lock()
	defer b.mu.Unlock()
	if len(b.rest) == 0 || b.held != after {
		return nil, "", false
	}
	entries, next := b.hand(position{}, limit)
	return entries, next, true
}

// fill takes what was read after a position and returns the first of it.
func (b *backlog) fill(p position, read []logged, at time.Time, limit int) ([]store.LogEntry, string) {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.rest, b.at = read, at
	return b.hand(p, limit)
}

func (b *backlog) hand(p position, limit int) ([]store.LogEntry, string) {
	n := min(limit, len(b.rest))
	entries := make([]store.LogEntry, n)
	for i, l := range b.rest[:n] {
		entries[i] = l.entry
		p.last, p.shard = l.place, l.shard
	}
	b.rest = b.rest[n:]
	if p.seen = b.at; len(b.rest) > 0 {
		p.seen = p.last.at
	} else {
		b.rest = nil
	}
	b.held = p.String()
	return entries, b.held
}
