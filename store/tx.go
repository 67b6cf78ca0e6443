package store

import (
	"context"
	"strings"
	"time"

	"github.com/namelet/namelet/store/internal/ordered"
)

// tx is a transaction in the making: a snapshot, and over it what is to be
// written. A copy of a tx that is then written to leaves the first as it was,
// so a plan that fails is undone by being forgotten.
type tx struct {
	base    viewReader
	now     time.Time
	over    [tableCount]ordered.Map[[]byte] // nil: deleted
	checks  map[tableKey][]byte
	bulk    []Write // rows that nobody reads yet, or any more; they need not be in order
	log     []LogEntry
	garbage bool // there will be rows to reclaim
	told    bool // the plan changed what the change log does not have
}

type tableKey struct {
	table Table
	key   string
}

func (t *tx) get(ctx context.Context, table Table, key string) ([]byte, error) {
	if row, ok := t.over[table].Get(key); ok {
		return row, nil
	}
	return t.base.get(ctx, table, key)
}

// guard makes the commit fail where the row is not, by then, what this
// transaction found. Plans guard the row that stands for what they read: a
// zone's for its RRsets, journal and requests; the catalog's for the list of
// zones, for guests and for attachments.
func (t *tx) guard(ctx context.Context, table Table, key string) error {
	k := tableKey{table, key}
	if _, has := t.checks[k]; has {
		return nil
	}
	row, err := t.base.get(ctx, table, key)
	if err == nil {
		t.checks[k] = row
	}
	return err
}

func (t *tx) put(table Table, key string, row []byte) { t.over[table] = t.over[table].Set(key, row) }
func (t *tx) delete(table Table, key string)          { t.over[table] = t.over[table].Set(key, nil) }

// scan merges what is to be written with the rows below it.
func (t *tx) scan(ctx context.Context, table Table, ranges []Range, fn func(key, value []byte) error) error {
	var over []Write
	for _, r := range ranges {
		t.over[table].Ascend(r.From, r.To, func(key string, value []byte) bool {
			over = append(over, Write{Key: key, Value: value})
			return true
		})
	}
	next := func() error {
		w := over[0]
		over = over[1:]
		if w.Value == nil {
			return nil
		}
		return fn([]byte(w.Key), w.Value)
	}
	err := t.base.scan(ctx, table, ranges, func(key, value []byte) error {
		for len(over) > 0 && over[0].Key < string(key) {
			if err := next(); err != nil {
				return err
			}
		}
		if len(over) > 0 && over[0].Key == string(key) {
			return next()
		}
		return fn(key, value)
	})
	for err == nil && len(over) > 0 {
		err = next()
	}
	return err
}

// batch is the transaction as a driver takes it; nil where it writes nothing.
func (t *tx) batch() *Batch {
	b := &Batch{Log: t.log, Writes: t.bulk}
	for table := range t.over {
		t.over[table].Ascend("", allKeys, func(key string, value []byte) bool {
			b.Writes = append(b.Writes, Write{Table(table), key, value})
			return true
		})
	}
	if len(b.Writes) == 0 && len(b.Log) == 0 {
		return nil
	}
	for k, want := range t.checks {
		b.Checks = append(b.Checks, Check{k.table, k.key, want})
	}
	sortWrites(b.Writes)
	return b
}

func compareWrites(a, b Write) int {
	if a.Table != b.Table {
		return int(a.Table) - int(b.Table)
	}
	return strings.Compare(a.Key, b.Key)
}
