package store

import (
	"context"
	"encoding/binary"
	"slices"
	"time"

	"github.com/namelet/namelet/rr"
)

// An entry of TableJournal is one row or several, with the keys
//
//	zone key, 00, version (8 octets), part (4)
//
// The first row has the entry's head and the beginning of its data, the others
// have what follows. The data are the removed, then the added RRsets, each as
// its set's key and its value in TableSets.
//
// A row of TableRequests has the key: zone key, 00, request id. Its value is the
// version that the request made; it lives as long as that entry of the journal.

const (
	maxChangeRows   = 16384   // RRsets that one entry removes and adds
	maxJournalData  = 8 << 20 // octets of one entry
	journalPart     = 256 << 10
	maxRequestID    = 128
	journalVersions = 10000    // entries kept of a zone
	journalKeep     = 64 << 20 // octets of entries kept of a zone
	trimEntries     = 4        // entries dropped by one commit at most
)

// JournalEntry is what one version changed: RRsets whole, a changed one in both
// lists, each in canonical order of owner, then by type. RRSIGs are a set for
// each type that they cover. The old and the new SOA are among the sets, but
// where settings alone were changed.
type JournalEntry struct {
	Version      uint64
	SerialBefore uint32
	SerialAfter  uint32
	Time         time.Time
	RequestID    string
	Removed      []rr.Set
	Added        []rr.Set
}

// Effects returns, once for each name and type that the entry touches, what is
// there after it: a set without Data where nothing is. The RRSIGs of a name are
// one set here, as package authority has it; before gives those that were
// there before the entry, and is asked only in signed zones.
func (e *JournalEntry) Effects(before func(owner rr.Name) rr.Set) []rr.Set {
	after := map[rr.Key]map[rr.Type]rr.Set{}
	touch := func(s rr.Set) map[rr.Type]rr.Set {
		at := after[s.Name.Key()]
		if at == nil {
			at = map[rr.Type]rr.Set{}
			after[s.Name.Key()] = at
		}
		if _, has := at[s.Type]; !has {
			at[s.Type] = rr.Set{Name: s.Name, Type: s.Type}
			if s.Type == rr.TypeRRSIG {
				at[s.Type] = before(s.Name)
			}
		}
		return at
	}
	for _, s := range e.Removed {
		at := touch(s)
		left := rr.Set{Name: s.Name, Type: s.Type, TTL: at[s.Type].TTL}
		for _, data := range at[s.Type].Data {
			if !slices.Contains(s.Data, data) {
				left.Data = append(left.Data, data)
			}
		}
		at[s.Type] = left
	}
	for _, s := range e.Added {
		at := touch(s)
		if was := at[s.Type]; len(was.Data) > 0 {
			s.Data = slices.Concat(was.Data, s.Data)
			s.TTL = min(s.TTL, was.TTL)
		}
		at[s.Type] = s
	}
	var sets []rr.Set
	for _, s := range append(slices.Clone(e.Removed), e.Added...) {
		at := after[s.Name.Key()]
		if set, has := at[s.Type]; has {
			sets = append(sets, set)
			delete(at, s.Type)
		}
	}
	return sets
}

// delta is the rows that a version takes out and puts in, each in order of key.
// A changed RRset is in both.
type delta struct {
	removed, added []setRow
}

func (d *delta) rows() int { return len(d.removed) + len(d.added) }

func (d *delta) bytes() int {
	n := 0
	for _, rows := range [][]setRow{d.removed, d.added} {
		for _, row := range rows {
			n += len(row.key) + len(row.value) + 8
		}
	}
	return n
}

func (d *delta) tooLarge() bool {
	return d.rows() > maxChangeRows || d.bytes() > maxJournalData
}

func journalKey(zone rr.Key, version uint64, part uint32) string {
	b := appendBig64(append([]byte(zone), 0), version)
	return string(binary.BigEndian.AppendUint32(b, part))
}

func requestKey(zone rr.Key, id string) string { return string(zone) + "\x00" + id }

// journalHead is the front of an entry's first row.
type journalHead struct {
	JournalEntry
	removed, added int
	data           int // octets
}

func encodeJournal(h *journalHead, d *delta) []byte {
	b := appendTime([]byte{formVersion}, h.Time)
	b = appendUint(b, uint64(h.SerialBefore))
	b = appendUint(b, uint64(h.SerialAfter))
	b = appendString(b, h.RequestID)
	b = appendUint(b, uint64(len(d.removed)))
	b = appendUint(b, uint64(len(d.added)))
	var data []byte
	for _, rows := range [][]setRow{d.removed, d.added} {
		for _, row := range rows {
			data = appendString(appendString(data, row.key), row.value)
		}
	}
	return append(appendUint(b, uint64(len(data))), data...)
}

// decodeJournalHead reads the front of a first row and leaves d at the data.
func decodeJournalHead(row []byte) (*journalHead, *decoder) {
	d := decode(row)
	h := &journalHead{}
	h.Time = d.time()
	h.SerialBefore = uint32(d.uint(1<<32 - 1))
	h.SerialAfter = uint32(d.uint(1<<32 - 1))
	h.RequestID = d.string(maxRequestID)
	h.removed, h.added = int(d.uint(maxChangeRows)), int(d.uint(maxChangeRows))
	h.data = int(d.uint(maxJournalData + 1<<20))
	return h, d
}

// decodeJournal reads an entry whose parts have been joined.
func decodeJournal(zone rr.Key, row []byte) (JournalEntry, error) {
	h, d := decodeJournalHead(row)
	if d.err == nil && h.data != len(d.rest) {
		d.fail("entry has parts missing")
	}
	read := func(n int) (sets []rr.Set) {
		for range n {
			key, value := d.string(4*rr.MaxNameLen), d.string(2*MaxSetBytes)
			if d.err != nil {
				return nil
			}
			set, err := decodeSet(zone, key, []byte(value))
			if err != nil {
				d.fail(err.Error())
				return nil
			}
			sets = append(sets, set)
		}
		return sets
	}
	h.Removed = read(h.removed)
	h.Added = read(h.added)
	return h.JournalEntry, d.end()
}

// journal appends the entry of a zone's new version and drops old ones.
func (t *tx) journal(ctx context.Context, z *zoneRow, h *journalHead, d *delta, keep uint64) error {
	row := encodeJournal(h, d)
	z.journalBytes += uint64(len(row))
	for part := uint32(0); len(row) > 0; part++ {
		n := min(len(row), journalPart)
		t.put(TableJournal, journalKey(z.key(), z.Version, part), row[:n:n])
		row = row[n:]
	}
	if h.RequestID != "" {
		t.put(TableRequests, requestKey(z.key(), h.RequestID), appendUint([]byte{formVersion}, z.Version))
	}
	for range trimEntries {
		if z.Version-z.JournalFrom <= keep && z.journalBytes <= journalKeep || z.JournalFrom+1 >= z.Version {
			return nil
		}
		if err := t.trimJournal(ctx, z); err != nil {
			return err
		}
	}
	return nil
}

// trimJournal drops the oldest entry of a zone.
func (t *tx) trimJournal(ctx context.Context, z *zoneRow) error {
	oldest := z.JournalFrom + 1
	var keys []string
	size := uint64(0)
	err := t.scan(ctx, TableJournal, []Range{{journalKey(z.key(), oldest, 0), journalKey(z.key(), oldest+1, 0)}}, func(key, value []byte) error {
		if len(keys) == 0 {
			t.forgetRequest(z.key(), value)
		}
		keys = append(keys, string(key))
		size += uint64(len(value))
		return nil
	})
	if err != nil {
		return err
	}
	for _, key := range keys {
		t.delete(TableJournal, key)
	}
	z.JournalFrom = oldest
	z.journalBytes -= min(size, z.journalBytes)
	return nil
}

// forgetRequest deletes the request of an entry, given its first row.
func (t *tx) forgetRequest(zone rr.Key, first []byte) {
	if h, d := decodeJournalHead(first); d.err == nil && h.RequestID != "" {
		t.delete(TableRequests, requestKey(zone, h.RequestID))
	}
}

// requested returns the version that a request made; 0 where it is not known.
func (t *tx) requested(ctx context.Context, zone rr.Key, id string) (uint64, error) {
	if id == "" {
		return 0, nil
	}
	key := requestKey(zone, id)
	row, err := t.get(ctx, TableRequests, key)
	if err != nil || row == nil {
		return 0, err
	}
	d := decode(row)
	version := d.uint(maxUint64)
	if err := d.end(); err != nil {
		return 0, corrupt(TableRequests, []byte(key), err)
	}
	return version, nil
}

// Journal calls fn for each version of a zone after the given one, in order: a
// holder of that version who takes out what was removed and puts in what was
// added has the next. ErrGone where the journal no longer reaches back so far,
// so that the zone is to be loaded; ErrForeign where the zone never had the
// version; ErrNotFound. An error of fn is returned as it is.
func (s *Snapshot) Journal(ctx context.Context, zone rr.Name, after uint64, fn func(JournalEntry) error) error {
	z, err := s.liveZone(ctx, zone)
	switch {
	case err != nil:
		return err
	case after > z.Version:
		return fail(ErrForeign, "zone %v is at version %d, before %d", zone, z.Version, after)
	case after < z.JournalFrom:
		return fail(ErrGone, "zone %v: the journal begins after version %d, not %d", zone, z.JournalFrom, after)
	}
	j := journalReader{zone: z.key(), next: after + 1, fn: fn}
	last := Range{journalKey(j.zone, after+1, 0), journalKey(j.zone, z.Version+1, 0)}
	if err := s.scan(ctx, TableJournal, []Range{last}, j.row); err != nil {
		return err
	}
	if err := j.flush(); err != nil {
		return err
	}
	if j.next != z.Version+1 {
		return corruptWhy(TableJournal, []byte(journalKey(j.zone, j.next, 0)), "entry is missing")
	}
	return nil
}

// Journal is Snapshot.Journal now.
func (s *Store) Journal(ctx context.Context, zone rr.Name, after uint64, fn func(JournalEntry) error) error {
	return s.Snapshot(ctx, func(v *Snapshot) error { return v.Journal(ctx, zone, after, fn) })
}

// journalReader joins the parts of entries.
type journalReader struct {
	zone  rr.Key
	next  uint64 // the version whose parts are in entry, or are to come
	part  uint32 // the part to come
	entry []byte
	fn    func(JournalEntry) error
}

func (j *journalReader) row(key, value []byte) error {
	if string(key) != journalKey(j.zone, j.next, j.part) {
		if err := j.flush(); err != nil {
			return err
		}
		if string(key) != journalKey(j.zone, j.next, 0) {
			return corruptWhy(TableJournal, key, "part is missing before this one")
		}
	}
	if len(j.entry)+len(value) > maxJournalData+2<<20 {
		return corruptWhy(TableJournal, key, "entry is too large")
	}
	j.entry = append(j.entry, value...)
	j.part++
	return nil
}

// flush hands on the entry whose parts have been read, if there is one.
func (j *journalReader) flush() error {
	if j.part == 0 {
		return nil
	}
	e, err := decodeJournal(j.zone, j.entry)
	if err != nil {
		return corrupt(TableJournal, []byte(journalKey(j.zone, j.next, 0)), err)
	}
	e.Version = j.next
	j.next, j.part, j.entry = j.next+1, 0, j.entry[:0]
	return j.fn(e)
}
