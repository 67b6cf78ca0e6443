package spanner

import (
	"context"
	"errors"
	"hash/fnv"
	"time"

	"cloud.google.com/go/spanner"
	"cloud.google.com/go/spanner/apiv1/spannerpb"
	"google.golang.org/grpc/codes"

	"github.com/namelet/namelet/store"
)

// maxMutations is Spanner's limit of a commit: each cell that is written counts,
// and each row that is deleted.
const maxMutations = 80_000

// errApplied ends an attempt that finds an earlier one done.
var errApplied = errors.New("applied already")

// Apply does a batch in one transaction. With the batch goes a row of its ID, which
// can be inserted once: an attempt that follows one whose outcome is unknown finds
// the row, or makes the earlier one impossible.
func (d *Driver) Apply(ctx context.Context, b *store.Batch) error {
	a := &application{d: d, b: b}
	if err := a.prepare(); err != nil {
		return err
	}
	if d.turns != nil {
		d.turns.Lock()
		defer d.turns.Unlock()
	}
	started := time.Now()
	for again := pause; ; {
		err := a.attempt(ctx)
		if err == nil || !errors.Is(err, errSilent) && !passing(err) {
			return d.explain(ctx, err)
		}
		if time.Since(started) > applyTime+a.limit || !sleep(ctx, again.Pause()) {
			return a.undecided(d.explain(ctx, err))
		}
	}
}

// application is a call of Apply.
type application struct {
	d         *Driver
	b         *store.Batch
	mutations []*spanner.Mutation
	limit     time.Duration // of one attempt
	runs      int           // how often the transaction was begun
	sent      bool          // a commit was sent, and its outcome is not known
}

// undecided is the error where all attempts failed.
func (a *application) undecided(err error) error {
	if a.sent {
		return failf(store.ErrOutcomeUnknown, "the outcome of a write is unknown: %v", err)
	}
	return err
}

func (a *application) prepare() error {
	if a.b.ID == [16]byte{} {
		return failf(store.ErrInvalid, "the batch has no ID") // all such batches would be taken for one
	}
	count := 2
	a.mutations = append(a.mutations, spanner.Insert(tableApplied, []string{"Batch", "Committed"}, []any{a.b.ID[:], spanner.CommitTimestamp}))
	deleted := map[store.Table][]spanner.KeySet{}
	for _, w := range a.b.Writes {
		if w.Value == nil {
			deleted[w.Table] = append(deleted[w.Table], spanner.Key{[]byte(w.Key)})
			count++
			continue
		}
		a.mutations = append(a.mutations, spanner.InsertOrUpdate(w.Table.String(), rowColumns, []any{[]byte(w.Key), w.Value}))
		count += len(rowColumns)
	}
	for table, keys := range deleted {
		a.mutations = append(a.mutations, spanner.Delete(table.String(), spanner.KeySets(keys...)))
	}
	for i, e := range a.b.Log {
		a.mutations = append(a.mutations, spanner.Insert(tableChanges, logColumns, []any{
			shardOf(e.Shard), spanner.CommitTimestamp, a.b.ID[:], int64(i), []byte(e.Shard), e.Value,
		}))
		count += len(logColumns)
	}
	if count > maxMutations {
		return failf(store.ErrTooLarge, "the batch has %d mutations, more than the %d of a commit", count, maxMutations)
	}
	a.limit = commitTime + time.Duration(count)*time.Millisecond/2
	return nil
}

// attempt runs the transaction. The library repeats what was aborted by itself.
func (a *application) attempt(ctx context.Context) error {
	ctx, cancel := context.WithTimeoutCause(ctx, a.limit, errSilent)
	defer cancel()
	c, err := a.d.acquire(ctx)
	if err != nil {
		return err
	}
	var verdict error
	_, err = c.client.ReadWriteTransactionWithOptions(ctx, func(ctx context.Context, tx *spanner.ReadWriteTransaction) error {
		verdict = a.run(ctx, tx)
		return verdict
	}, spanner.TransactionOptions{TransactionTag: "namelet.apply"})
	if err != nil && errors.Is(context.Cause(ctx), errSilent) {
		err = errSilent
	}
	a.d.release(c, err)
	switch {
	case err == nil, errors.Is(verdict, errApplied):
		return nil
	case errors.Is(verdict, store.ErrCheckFailed):
		return store.ErrCheckFailed
	case verdict == nil && spanner.ErrCode(err) == codes.AlreadyExists:
		return nil // only the row of the ID is inserted by a key that can be there
	}
	return err
}

// run is the body of the transaction.
func (a *application) run(ctx context.Context, tx *spanner.ReadWriteTransaction) error {
	a.runs++
	if a.runs > 1 {
		_, err := tx.ReadRow(ctx, tableApplied, spanner.Key{a.b.ID[:]}, []string{"Batch"})
		switch spanner.ErrCode(err) {
		case codes.OK:
			return errApplied
		case codes.NotFound:
		default:
			return err
		}
	}
	if err := a.check(ctx, tx); err != nil {
		return err
	}
	if err := tx.BufferWrite(a.mutations); err != nil {
		return err
	}
	a.sent = true
	return nil
}

// check reads the rows of the batch's checks, those of a table at once, and locks
// them as for writing, which most of them are about to be.
func (a *application) check(ctx context.Context, tx *spanner.ReadWriteTransaction) error {
	byTable := map[store.Table]map[string][]byte{}
	for _, c := range a.b.Checks {
		if byTable[c.Table] == nil {
			byTable[c.Table] = map[string][]byte{}
		}
		byTable[c.Table][c.Key] = c.Want
	}
	for _, table := range store.Tables() {
		if want := byTable[table]; want != nil {
			if err := checkTable(ctx, tx, table, want); err != nil {
				return err
			}
		}
	}
	return nil
}

func checkTable(ctx context.Context, tx *spanner.ReadWriteTransaction, table store.Table, want map[string][]byte) error {
	var keys []spanner.KeySet
	for key := range want {
		keys = append(keys, spanner.Key{[]byte(key)})
	}
	rows := tx.ReadWithOptions(ctx, table.String(), spanner.KeySets(keys...), rowColumns, &spanner.ReadOptions{
		RequestTag: "namelet.check", LockHint: spannerpb.ReadRequest_LOCK_HINT_EXCLUSIVE,
	})
	found := map[string][]byte{}
	err := rows.Do(func(row *spanner.Row) error {
		var key, value []byte
		err := row.Columns(&key, &value)
		found[string(key)] = value
		return err
	})
	if err != nil {
		return err
	}
	for key, value := range want {
		have, has := found[key]
		if has != (value != nil) || string(have) != string(value) {
			return store.ErrCheckFailed
		}
	}
	return nil
}

// logShards is how many ranges of keys the change log is spread over. It is part of
// the schema.
const logShards = 16

func shardOf(subject string) int64 {
	h := fnv.New32a()
	h.Write([]byte(subject))
	return int64(h.Sum32() % logShards)
}
