package store

import (
	"context"
	"errors"
	"fmt"
	"io"
)

// RestoreOptions of Restore; the zero value restores into an empty store.
type RestoreOptions struct {
	// Force deletes what the store has. Once the backup has been found whole, and
	// deleting has begun, the store can only be restored.
	Force bool
}

// Restore makes a driver's store what a backup has, under a new identity, and
// returns that with what the backup says of itself. Its history forks from that of
// the store that was backed up: versions will be given out again, with other
// content, so whoever holds content of that store must not go on from it.
//
// The backup is read twice: first to its end, so that a damaged one changes
// nothing. Then it is written in many transactions, between the first and the last
// of which no Store opens: where that is cut short Restore can be called again, and
// needs no force. No Store may be open over the driver, nor in another process.
//
// Errors: those of ReadBackup; ErrExists where the store is not empty; those of the
// driver and of r.
func Restore(ctx context.Context, d Driver, r io.ReadSeeker, o RestoreOptions) (BackupInfo, string, error) {
	job := restore{ctx: ctx, driver: d, options: o, identity: newIdentity()}
	info, err := ReadBackup(r, job.check)
	if err != nil {
		return info, "", err
	}
	if !job.identified {
		return info, "", fail(ErrBackup, "the backup has no identity")
	}
	if _, err := r.Seek(0, io.SeekStart); err != nil {
		return info, "", fmt.Errorf("store: the backup is read twice, and cannot be: %w", err)
	}
	if err := job.begin(); err != nil {
		return info, "", err
	}
	if _, err := ReadBackup(r, job.write); err != nil {
		return info, "", err
	}
	return info, job.identity, job.end()
}

type restore struct {
	ctx        context.Context
	driver     Driver
	options    RestoreOptions
	identity   string // that the store will have
	identified bool   // the backup has that of its store
	rows       uint64
	mark       []byte // the store's row while the restore is at work
	batch      Batch
	bytes      int
}

// goOn counts a row and now and then looks whether the restore is to end.
func (j *restore) goOn() error {
	if j.rows++; j.rows%4096 != 0 {
		return nil
	}
	return j.ctx.Err()
}

// check refuses what is no row of this release.
func (j *restore) check(t Table, key string, value []byte) error {
	if t == TableMeta && key == metaStore {
		j.identified = true
	}
	if err := checkRow(t, key, value); err != nil {
		return fail(ErrBackup, "the backup has a bad row: %v", err)
	}
	return j.goOn()
}

// begin makes sure that the store may be written, marks it, and empties it.
func (j *restore) begin() error {
	before, empty, err := j.look()
	if err != nil {
		return err
	}
	if !empty && !j.options.Force {
		return fail(ErrExists, "the store is not empty: what it has would be lost")
	}
	// The identity to be makes the mark one of a kind: two restores at once stop
	// each other.
	j.mark = encodeStore(schemaRestoring, j.identity)
	mark := Batch{Checks: []Check{{TableMeta, metaStore, before}}, Writes: []Write{{TableMeta, metaStore, j.mark}}}
	if err := j.apply(&mark); err != nil {
		return err
	}
	for i := range Tables() {
		if err := j.clear(tableCount - 1 - Table(i)); err != nil {
			return err
		}
	}
	return nil
}

// look returns the store's row, and whether the store has nothing that could be
// lost: it is new, or a restore has left it.
func (j *restore) look() (row []byte, empty bool, err error) {
	view, err := j.driver.View(j.ctx)
	if err != nil {
		return nil, false, err
	}
	defer view.Close()
	if row, err = (viewReader{view}).get(j.ctx, TableMeta, metaStore); err != nil {
		return nil, false, err
	}
	if row != nil {
		if d := decode(row); d.uint(maxUint64) == schemaRestoring && d.err == nil {
			return row, true, nil
		}
	}
	for _, t := range Tables() {
		if t == TableMeta || t == TableReplicas {
			continue
		}
		err := view.Scan(j.ctx, t, []Range{{"", allKeys}}, func(_, _ []byte) error { return errStop })
		if err != nil {
			return row, false, unlessStop(err)
		}
	}
	return row, true, nil
}

func unlessStop(err error) error {
	if errors.Is(err, errStop) {
		return nil
	}
	return err
}

// clear deletes the rows of a table, but for the mark.
func (j *restore) clear(t Table) error {
	for {
		var batch Batch
		err := j.scan(t, func(key, _ []byte) error {
			if t == TableMeta && string(key) == metaStore {
				return nil
			}
			batch.Writes = append(batch.Writes, Write{Table: t, Key: string(key)})
			if len(batch.Writes) == stageRows {
				return errStop
			}
			return nil
		})
		if err != nil {
			return err
		}
		if len(batch.Writes) == 0 {
			return nil
		}
		if err := j.marked(&batch); err != nil {
			return err
		}
	}
}

func (j *restore) scan(t Table, fn func(key, value []byte) error) error {
	view, err := j.driver.View(j.ctx)
	if err != nil {
		return err
	}
	defer view.Close()
	return unlessStop(view.Scan(j.ctx, t, []Range{{"", allKeys}}, fn))
}

// write puts a row, with others in one transaction.
func (j *restore) write(t Table, key string, value []byte) error {
	if t == TableMeta && key == metaStore {
		return j.goOn()
	}
	j.batch.Writes = append(j.batch.Writes, Write{t, key, value})
	if j.bytes += len(key) + len(value); len(j.batch.Writes) >= stageRows || j.bytes >= stageBytes {
		if err := j.flush(); err != nil {
			return err
		}
	}
	return j.goOn()
}

func (j *restore) flush() error {
	if len(j.batch.Writes) == 0 {
		return nil
	}
	err := j.marked(&j.batch)
	j.batch, j.bytes = Batch{Writes: j.batch.Writes[:0]}, 0
	return err
}

// marked applies a batch if this restore is still the one at work.
func (j *restore) marked(b *Batch) error {
	b.Checks = []Check{{TableMeta, metaStore, j.mark}}
	return j.apply(b)
}

func (j *restore) apply(b *Batch) error {
	b.ID = newBatchID()
	err := j.driver.Apply(j.ctx, b)
	if errors.Is(err, ErrCheckFailed) {
		return fail(ErrLocked, "another process has written to the store meanwhile: stop it, and restore again")
	}
	return err
}

// end writes what is left, and then the row that makes it a store.
func (j *restore) end() error {
	if err := j.flush(); err != nil {
		return err
	}
	return j.marked(&Batch{Writes: []Write{{TableMeta, metaStore, encodeStore(schemaVersion, j.identity)}}})
}
