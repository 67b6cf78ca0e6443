package store

import (
	"context"
	"fmt"
	"time"
)

// Table names an ordered table of byte strings. To add one, add its constant
// and its name, with a migration in store/spanner, and raise schemaVersion only if
// older releases would go wrong.
type Table uint8

// The tables. The forms of their keys and rows are beside what they keep, and
// checkRow holds each against its own.
const (
	TableMeta Table = iota
	TableZones
	TableSets
	TableJournal
	TableRequests
	TableBlobs
	TableChunks
	TableGuests
	TableAttachments
	TableGarbage
	TableReplicas
	TableTokens
	TableAudit
	tableCount
)

var tableNames = [tableCount]string{
	"meta", "zones", "rrsets", "journal", "requests", "blobs", "chunks", "guests", "attachments", "garbage", "replicas", "tokens", "audit",
}

func (t Table) String() string {
	if t < tableCount {
		return tableNames[t]
	}
	return fmt.Sprintf("table%d", uint8(t))
}

// Tables lists all tables; drivers make their containers from it.
func Tables() []Table {
	all := make([]Table, tableCount)
	for i := range all {
		all[i] = Table(i)
	}
	return all
}

// Driver keeps the bytes. It is all that a backend brings; package storetest
// holds it to what is said here. It is safe for concurrent use, and errors wrap
// the Err values of this package where one fits.
type Driver interface {
	Capabilities() Capabilities

	// View opens a snapshot: it shows every batch whose Apply returned before,
	// and none, not even in part, that is applied after its first read began.
	View(ctx context.Context) (View, error)

	// Apply does a whole batch or nothing, and makes it last before it returns.
	// A check that does not hold is ErrCheckFailed. A driver whose commit can
	// be done although its reply is lost finds that out by Batch.ID; where it
	// cannot, the error is ErrOutcomeUnknown. The batch's slices are the
	// caller's again when it returns. Its ctx ends with the Store, not with a
	// caller of it, so a driver bounds by itself how long it tries.
	Apply(ctx context.Context, b *Batch) error

	// Head returns a position behind every entry of the change log whose Apply
	// returned before.
	Head(ctx context.Context) (position string, err error)

	// Changes returns, in order of commit within each shard, at most limit
	// entries after a position, and a position behind the last of them, from
	// which to go on. Positions may differ that nothing lies between. ErrGone
	// where the log no longer reaches back so far; ErrForeign where this log
	// never had the position.
	Changes(ctx context.Context, after string, limit int) (entries []LogEntry, next string, err error)

	Close() error
}

// Capabilities are the ways in which drivers may differ.
type Capabilities struct {
	Durable   bool // what was applied is there after Close and another open
	Exclusive bool // one process at a time has the store
}

// View is a snapshot. It is used by one goroutine, and closed by it soon: a
// backend may hold back the reuse of space for as long as it is open.
type View interface {
	// Scan calls fn for the rows of the ranges, in order of key; the ranges
	// are ascending and do not overlap. The slices are good until fn returns.
	// An error of fn ends the scan and is returned as it is.
	Scan(ctx context.Context, table Table, ranges []Range, fn func(key, value []byte) error) error
	Close() error
}

// Range is the keys from From, inclusive, to To, exclusive.
type Range struct{ From, To string }

// One returns the range of a single key.
func One(key string) Range { return Range{key, key + "\x00"} }

// IsOne reports whether the range can hold one key only, which is From.
func (r Range) IsOne() bool { return len(r.To) == len(r.From)+1 && r.To == r.From+"\x00" }

// prefixed returns the range of the keys that begin with prefix, which is not
// all ff octets.
func prefixed(prefix string) Range {
	end := []byte(prefix)
	for len(end) > 0 && end[len(end)-1] == 0xff {
		end = end[:len(end)-1]
	}
	end[len(end)-1]++
	return Range{prefix, string(end)}
}

// Batch is applied whole or not at all.
type Batch struct {
	ID     [16]byte // random; names this batch in doubt
	Checks []Check
	Writes []Write // in order of table, then key; no key twice
	Log    []LogEntry
}

// Check holds where the row of Key is Want; a nil Want holds where there is none.
type Check struct {
	Table Table
	Key   string
	Want  []byte
}

// Write puts a row; a nil Value deletes it.
type Write struct {
	Table Table
	Key   string
	Value []byte
}

// LogEntry is an entry of the change log. Entries of one shard are in order; a
// backend may hold shards apart.
type LogEntry struct {
	Shard string // a zone's key, or the name of a guest after the octet ff
	Value []byte

	// Committed is when the entry's batch was committed, by the backend's clock.
	// Changes gives it; zero where the backend does not keep it.
	Committed time.Time
}
