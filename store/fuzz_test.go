package store

import (
	"bytes"
	"context"
	"crypto/sha256"
	"errors"
	"io"
	"reflect"
	"testing"
	"time"

	"github.com/namelet/namelet/rr"
)

// mustCorrupt fails where a decoder's error does not name the row.
func mustCorrupt(t *testing.T, err error, table Table, key string) {
	t.Helper()
	var c *CorruptError
	if !errors.As(err, &c) || c.Table != table || c.Key != key {
		t.Fatalf("error is %v, want a CorruptError of %v, %q", err, table, key)
	}
}

var testZone = rr.MustParseName("Example.org")

func testSet() rr.Set {
	return rr.Set{Name: rr.MustParseName("WWW.example.org"), Type: rr.TypeA, TTL: 300, Data: []rr.Rdata{"\x01\x02\x03\x04", "\x01\x02\x03\x05"}}
}

func FuzzZone(f *testing.F) {
	z := &zoneRow{deleted: true, incarnation: 7, journalBytes: 1 << 40}
	z.Name, z.Version, z.JournalFrom, z.Serial, z.Created = testZone, 300, 200, 1<<32-1, time.UnixMilli(1e12)
	f.Add([]byte(testZone.Key()), encodeZone(z))
	z.ZoneSettings = ZoneSettings{SerialDate, 24 * time.Hour, ResidencyLookup, true}
	f.Add([]byte(testZone.Key()), encodeZone(z))
	f.Add([]byte(""), encodeZone(&zoneRow{Zone: Zone{Name: rr.Root}}))
	f.Fuzz(func(t *testing.T, key, row []byte) {
		z, err := decodeZone(key, row)
		if err != nil {
			mustCorrupt(t, err, TableZones, string(key))
			return
		}
		again, err := decodeZone(key, encodeZone(z))
		if err != nil || !reflect.DeepEqual(z, again) {
			t.Fatalf("zone %+v came back as %+v, %v", z, again, err)
		}
	})
}

func FuzzSet(f *testing.F) {
	rows, err := rowsOf(testZone, testSet())
	if err != nil {
		f.Fatal(err)
	}
	f.Add(rows[0].key, rows[0].value)
	f.Add(setKey("", rr.TypeRRSIG, rr.TypeSOA), encodeSet(rr.Set{Name: testZone.Lower(), Type: rr.TypeRRSIG, Data: []rr.Rdata{""}}))
	f.Fuzz(func(t *testing.T, key string, value []byte) {
		set, err := decodeSet(testZone.Key(), key, value)
		if err != nil {
			return
		}
		if !set.Name.IsSubdomainOf(testZone) || len(set.Data) == 0 {
			t.Fatalf("decoded %v", set)
		}
		again, err := decodeSet(testZone.Key(), key, encodeSet(set))
		if err != nil || !again.Equal(set) || again.Name != set.Name {
			t.Fatalf("set %v came back as %v, %v", set, again, err)
		}
	})
}

func FuzzJournal(f *testing.F) {
	rows, err := rowsOf(testZone, testSet())
	if err != nil {
		f.Fatal(err)
	}
	h := &journalHead{}
	h.SerialBefore, h.SerialAfter, h.RequestID = 1, 2, "request"
	f.Add(encodeJournal(h, &delta{removed: rows, added: rows}))
	f.Add(encodeJournal(h, &delta{}))
	f.Fuzz(func(t *testing.T, row []byte) {
		e, err := decodeJournal(testZone.Key(), row)
		if err == nil {
			e.Effects(func(owner rr.Name) rr.Set { return rr.Set{Name: owner, Type: rr.TypeRRSIG} })
		}
		requestOf(TableJournal, []byte(journalKey(testZone.Key(), 1, 0)), row)
	})
}

func FuzzAttachment(f *testing.F) {
	a := Attachment{
		Zone: testZone, At: testZone, Guest: "geo", Version: 3, Grants: []rr.Name{rr.Root, testZone}, Values: map[string]string{"k": "v", "": "x"},
		Limits: Limits{1, 2, 3, 4, 5, 6, 7}, Fallback: FallbackLastGood, Reset: true, Generation: 9, Changed: time.UnixMilli(5),
	}
	f.Add([]byte(a.key()), encodeAttachment(&a))
	previous := a.Release()
	a.Previous, a.Undone = &previous, &Undone{"geo", 4, "traps", time.UnixMilli(6)}
	f.Add([]byte(a.key()), encodeAttachment(&a))
	a.Candidate = &Candidate{Release: previous, Share: 500, Salt: 7, Began: time.UnixMilli(8)}
	f.Add([]byte(a.key()), encodeAttachment(&a))
	a.Candidate.Shadow, a.Candidate.Watch = true, DefaultWatch()
	f.Add([]byte(a.key()), encodeAttachment(&a))
	a.Candidate, a.Watched = nil, &Watched{DefaultWatch(), time.UnixMilli(9)}
	f.Add([]byte(a.key()), encodeAttachment(&a))
	f.Fuzz(func(t *testing.T, key, row []byte) {
		a, err := decodeAttachment(key, row)
		if err != nil {
			mustCorrupt(t, err, TableAttachments, string(key))
			return
		}
		again, err := decodeAttachment(key, encodeAttachment(&a))
		if err != nil || !reflect.DeepEqual(a, again) {
			t.Fatalf("attachment %+v came back as %+v, %v", a, again, err)
		}
	})
}

func FuzzSmallRows(f *testing.F) {
	key := guestKey("geo", 1)
	f.Add([]byte(key), encodeGuest(GuestVersion{Size: 5, Created: time.UnixMilli(5)}))
	f.Add([]byte(key), encodeGuest(GuestVersion{Size: 5, Created: time.UnixMilli(5), Proof: Proof{Report: "{}", Key: "K"}}))
	f.Add([]byte(key), encodeGuest(GuestVersion{Size: 5, Created: time.UnixMilli(5), Proof: Proof{Report: "{}", Key: "K", Signature: "S"}}))
	f.Add([]byte(key), encodeGarbage(setsGarbage(testZone.Key(), 5)))
	f.Add([]byte(key), encodeEvent(Event{Kind: EventZone, Zone: testZone, Version: 1}))
	f.Add([]byte(key), appendUint([]byte{formVersion}, 1<<63))
	entry := AuditEntry{Time: time.UnixMilli(5), RequestID: "r", Who: "w", From: "f", Operation: "o", Subjects: []string{"a", "b"}}
	f.Add([]byte(entry.key()), encodeAudit(&entry))
	f.Add([]byte("ci"), encodeToken(&Token{Scopes: MayGuests, Zones: []rr.Name{testZone}, Guests: []string{"g", "team-*"}, Expires: time.UnixMilli(5)}))
	f.Add([]byte(key), encodeReplica(&Replica{Host: "h", Serving: []Serving{{Point: Point{Zone: testZone, At: testZone}, Guest: "geo", Version: 1, Problem: "p"}}}))
	f.Fuzz(func(t *testing.T, key, row []byte) {
		fuzzAccess(t, key, row)
		if g, err := decodeGuest(key, row); err != nil {
			mustCorrupt(t, err, TableGuests, string(key))
		} else if guestKey(g.Name, g.Number) != string(key) {
			t.Fatalf("guest %+v has key %q", g, key)
		}
		if _, err := decodeGarbage(key, row); err != nil {
			mustCorrupt(t, err, TableGarbage, string(key))
		}
		if r, err := decodeReplica(key, row); err == nil {
			if again, err := decodeReplica(key, encodeReplica(&r)); err != nil || !reflect.DeepEqual(r, again) {
				t.Fatalf("replica %+v came back as %+v, %v", r, again, err)
			}
		}
		if e, err := decodeEvent(row); err == nil {
			if again, err := decodeEvent(encodeEvent(e)); err != nil || again != e {
				t.Fatalf("event %+v came back as %+v, %v", e, again, err)
			}
		}
		if _, err := number(context.Background(), oneRow{row: row}, metaCatalog); err != nil {
			mustCorrupt(t, err, TableMeta, metaCatalog)
		}
		ParseCursor(string(row))
	})
}

// oneRow is a reader of a store that has one row under every key.
type oneRow struct {
	reader
	row []byte
}

func (r oneRow) get(context.Context, Table, string) ([]byte, error) { return r.row, nil }

// Whatever a backup holds, it is refused or every row comes as it was written.
func FuzzBackup(f *testing.F) {
	d := newTestBackup(f)
	f.Add(d)
	f.Add(d[:len(d)-1])
	f.Add([]byte(backupMagic + "\x01\x01\x00\x00T\x04metaR\x00\x00"))
	f.Fuzz(func(t *testing.T, b []byte) {
		if len(b) > 40 { // else nothing gets past the sum
			sum := sha256.Sum256(b[:len(b)-32])
			b = append(bytes.Clone(b[:len(b)-32]), sum[:]...)
		}
		w := newBackupWriter(io.Discard)
		rows := uint64(0)
		info, err := ReadBackup(bytes.NewReader(b), func(table Table, key string, value []byte) error {
			rows++
			_ = checkRow(table, key, value)
			return w.write([]byte(key))
		})
		switch {
		case err == nil && (info.Rows != rows || info.Bytes != int64(len(b))):
			t.Fatalf("%+v of %d rows and %d octets", info, rows, len(b))
		case err != nil && !errors.Is(err, ErrBackup) && !errors.Is(err, ErrSchema):
			t.Fatalf("error %v", err)
		}
	})
}

// newTestBackup is a small backup with rows in several tables.
func newTestBackup(f *testing.F) []byte {
	var out bytes.Buffer
	w := newBackupWriter(&out)
	w.head(BackupInfo{Schema: schemaVersion, Identity: newIdentity(), Time: time.UnixMilli(5)})
	z := &zoneRow{incarnation: 1}
	z.Name, z.Version = testZone, 1
	for _, table := range []struct{ name, key, value string }{
		{"meta", metaStore, string(encodeStore(schemaVersion, newIdentity()))},
		{"zones", string(testZone.Key()), string(encodeZone(z))},
		{"chunks", string(make([]byte, 36)), "module"},
	} {
		w.write(appendString([]byte{backupTable}, table.name))
		w.write(appendString(appendString([]byte{backupRow}, table.key), table.value))
		w.rows++
	}
	if err := w.end(); err != nil {
		f.Fatal(err)
	}
	return out.Bytes()
}

// fuzzAccess holds rows of tokens and of the audit.
func fuzzAccess(t *testing.T, key, row []byte) {
	if token, err := decodeToken(key, row); err != nil {
		mustCorrupt(t, err, TableTokens, string(key))
	} else if again, err := decodeToken(key, encodeToken(&token)); err != nil || !reflect.DeepEqual(token, again) {
		t.Fatalf("token %+v came back as %+v, %v", token, again, err)
	}
	if entry, err := decodeAudit(key, row); err != nil {
		mustCorrupt(t, err, TableAudit, string(key))
	} else if again, err := decodeAudit(key, encodeAudit(&entry)); err != nil || !reflect.DeepEqual(entry, again) {
		t.Fatalf("audit entry %+v came back as %+v, %v", entry, again, err)
	}
	if name, secret, ok := ParseTokenText(string(row)); ok && tokenPrefix+name+"_"+secret != string(row) {
		t.Fatalf("token text %q is %q and %q", row, name, secret)
	}
}
