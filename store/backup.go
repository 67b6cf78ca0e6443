package store

import (
	"bufio"
	"bytes"
	"context"
	"crypto/sha256"
	"hash"
	"io"
	"time"
)

// A backup is the rows of a store at one moment, whatever driver it had:
//
//	magic, form, schema, identity, time (milliseconds)
//	T, name of a table, then R, key, value for each of its rows in order
//	...
//	E, number of rows, SHA-256 of all that comes before the sum
//
// Numbers are unsigned varints and byte strings stand behind their length. A
// table without rows is left out, and nothing follows the sum. The change log is
// not part of it: its places mean nothing to another driver.

const (
	backupMagic = "NAMELET BACKUP\n"
	backupForm  = 1

	backupTable = 'T'
	backupRow   = 'R'
	backupEnd   = 'E'

	maxBackupKey   = 8 << 10
	maxBackupValue = chunkBytes + 64<<10 // the chunks of modules are the largest rows
)

// BackupInfo says what a backup is of.
type BackupInfo struct {
	Identity string    // of the store that was backed up
	Schema   uint64    // of its rows
	Time     time.Time // when the backup was begun
	Rows     uint64
	Bytes    int64 // of the backup
}

// Backup writes all rows of the store at one moment to w, while others read and
// write. It holds a snapshot for as long as that takes. The error is that of the
// store or of w.
func (s *Store) Backup(ctx context.Context, w io.Writer) (BackupInfo, error) {
	b := newBackupWriter(w)
	info := BackupInfo{Schema: schemaVersion, Time: s.now().UTC().Truncate(time.Millisecond)}
	err := s.Snapshot(ctx, func(v *Snapshot) error {
		var err error
		if info.Identity, err = readIdentity(ctx, v); err != nil {
			return err
		}
		if info.Identity == "" {
			return fail(ErrForeign, "the store is empty: it has been replaced since it was opened")
		}
		b.head(info)
		for _, table := range Tables() {
			if table == TableReplicas { // they speak of the store as it is now
				continue
			}
			if err := b.table(ctx, v, table); err != nil {
				return err
			}
		}
		return b.end()
	})
	info.Rows, info.Bytes = b.rows, b.bytes
	return info, err
}

// backupWriter keeps its first error, which bufio does for it.
type backupWriter struct {
	out   *bufio.Writer
	sum   hash.Hash
	rows  uint64
	bytes int64
}

func newBackupWriter(w io.Writer) *backupWriter {
	return &backupWriter{out: bufio.NewWriterSize(w, 256<<10), sum: sha256.New()}
}

func (b *backupWriter) write(p []byte) error {
	b.sum.Write(p)
	b.bytes += int64(len(p))
	_, err := b.out.Write(p)
	return err
}

func (b *backupWriter) head(info BackupInfo) {
	p := appendUint([]byte(backupMagic), backupForm)
	p = appendString(appendUint(p, info.Schema), info.Identity)
	b.write(appendTime(p, info.Time))
}

func (b *backupWriter) table(ctx context.Context, v *Snapshot, table Table) error {
	begun := false
	return v.scan(ctx, table, []Range{{"", allKeys}}, func(key, value []byte) error {
		if b.rows%1024 == 0 {
			if err := ctx.Err(); err != nil {
				return err
			}
		}
		if !begun {
			b.write(appendString([]byte{backupTable}, table.String()))
			begun = true
		}
		b.rows++
		b.write(appendUint(appendString([]byte{backupRow}, key), uint64(len(value))))
		return b.write(value)
	})
}

func (b *backupWriter) end() error {
	b.write(appendUint([]byte{backupEnd}, b.rows))
	sum := b.sum.Sum(nil)
	if err := b.write(sum); err != nil {
		return err
	}
	return b.out.Flush()
}

// ReadBackup reads a backup to its end and calls row for each of its rows, in
// order of table, then key. What row has been given is whole and as it was written
// only when ReadBackup returns nil. The error wraps ErrBackup where r holds no
// backup or a damaged one, and ErrSchema where another release wrote it; an error
// of row, and of r, is returned as it is.
func ReadBackup(r io.Reader, row func(t Table, key string, value []byte) error) (BackupInfo, error) {
	b := &backupReader{in: bufio.NewReaderSize(r, 256<<10), sum: sha256.New()}
	info, err := b.head()
	if err == nil {
		err = b.body(row)
	}
	info.Rows, info.Bytes = b.rows, b.bytes
	return info, err
}

type backupReader struct {
	in    *bufio.Reader
	sum   hash.Hash
	rows  uint64
	bytes int64

	// Of the rows that are read.
	table Table
	begun bool   // there is a table
	last  string // key of the last row
	fresh bool   // there is no last row of this table
}

func (b *backupReader) wrong(what string) error {
	return fail(ErrBackup, "the backup is damaged at octet %d: %s", b.bytes, what)
}

// failed words an error of the reader below.
func (b *backupReader) failed(err error) error {
	if err == io.EOF || err == io.ErrUnexpectedEOF {
		return fail(ErrBackup, "the backup is cut off after %d octets and %d rows", b.bytes, b.rows)
	}
	return err
}

func (b *backupReader) byte() (byte, error) {
	c, err := b.in.ReadByte()
	if err != nil {
		return 0, b.failed(err)
	}
	b.sum.Write([]byte{c})
	b.bytes++
	return c, nil
}

// uint reads a number of at most max.
func (b *backupReader) uint(max uint64) (uint64, error) {
	var v uint64
	for shift := 0; shift < 64; shift += 7 {
		c, err := b.byte()
		if err != nil {
			return 0, err
		}
		if shift == 63 && c > 1 {
			break
		}
		v |= uint64(c&0x7f) << shift
		if c&0x80 == 0 && v <= max {
			return v, nil
		} else if c&0x80 == 0 {
			break
		}
	}
	return 0, b.wrong("a number is malformed or out of range")
}

// octets reads a byte string of at most max octets.
func (b *backupReader) octets(max uint64) ([]byte, error) {
	n, err := b.uint(max)
	if err != nil {
		return nil, err
	}
	p := make([]byte, n)
	return p, b.full(p)
}

func (b *backupReader) full(p []byte) error {
	n, err := io.ReadFull(b.in, p)
	b.bytes += int64(n)
	b.sum.Write(p[:n])
	if err != nil {
		return b.failed(err)
	}
	return nil
}

func (b *backupReader) head() (info BackupInfo, err error) {
	front, err := b.in.Peek(len(backupMagic))
	switch {
	case err != nil && err != io.EOF:
		return info, err
	case string(front) != backupMagic:
		return info, fail(ErrBackup, "it does not begin as a backup does")
	}
	if err := b.full(make([]byte, len(backupMagic))); err != nil {
		return info, err
	}
	form, err := b.uint(maxUint64)
	if err != nil {
		return info, err
	}
	if form != backupForm {
		return info, fail(ErrSchema, "the backup has form %d, and this release knows %d", form, backupForm)
	}
	if info.Schema, err = b.uint(maxUint64); err != nil {
		return info, err
	}
	if info.Schema != schemaVersion {
		return info, fail(ErrSchema, "the backup has schema %d, and this release knows %d", info.Schema, schemaVersion)
	}
	identity, err := b.octets(64)
	if err != nil {
		return info, err
	}
	ms, err := b.uint(1 << 50)
	info.Identity, info.Time = string(identity), time.UnixMilli(int64(ms)).UTC()
	return info, err
}

func (b *backupReader) body(row func(Table, string, []byte) error) error {
	for {
		kind, err := b.byte()
		if err != nil {
			return err
		}
		switch kind {
		case backupTable:
			err = b.nextTable()
		case backupRow:
			err = b.nextRow(row)
		case backupEnd:
			return b.end()
		default:
			err = b.wrong("neither a table nor a row nor the end is there")
		}
		if err != nil {
			return err
		}
	}
}

func (b *backupReader) nextTable() error {
	name, err := b.octets(64)
	if err != nil {
		return err
	}
	for _, t := range Tables() {
		if t.String() != string(name) {
			continue
		}
		if b.begun && t <= b.table {
			return b.wrong("tables are out of order")
		}
		b.table, b.begun, b.fresh = t, true, true
		return nil
	}
	return fail(ErrSchema, "the backup has a table %q, which this release does not know", name)
}

func (b *backupReader) nextRow(row func(Table, string, []byte) error) error {
	if !b.begun {
		return b.wrong("a row is of no table")
	}
	k, err := b.octets(maxBackupKey)
	if err != nil {
		return err
	}
	value, err := b.octets(maxBackupValue)
	if err != nil {
		return err
	}
	key := string(k)
	if !b.fresh && key <= b.last {
		return b.wrong("rows are out of order")
	}
	b.last, b.fresh = key, false
	b.rows++
	return row(b.table, key, value)
}

// end holds the number of rows and the sum against what was read.
func (b *backupReader) end() error {
	rows, err := b.uint(maxUint64)
	if err != nil {
		return err
	}
	want := b.sum.Sum(nil)
	got := make([]byte, len(want))
	if err := b.full(got); err != nil {
		return err
	}
	if rows != b.rows || !bytes.Equal(got, want) {
		return b.wrong("its checksum does not fit its content")
	}
	if _, err := b.in.ReadByte(); err == nil {
		return b.wrong("octets follow its end")
	} else if err != io.EOF {
		return err
	}
	return nil
}
