package storetest

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"strings"
	"testing"
	"time"

	gocmp "github.com/google/go-cmp/cmp"

	"github.com/namelet/namelet/rr"
	"github.com/namelet/namelet/store"
)

// transactions are more rows than one transaction of a restore writes.
const transactions = 9000

// furnish gives a store something of everything that a store can have, with a zone
// of so many names.
func furnish(t *testing.T, st *store.Store, names int) {
	t.Helper()
	attachable(t, st)
	for i := range uint32(20) {
		change(t, st, apex, store.Put(a(name("n%d.example.org", i%7), 60, i+1)), store.Delete(name("n%d.example.org", (i+3)%7), rr.TypeANY))
	}
	request := store.WriteOptions{RequestID: "request"}
	if _, err := st.Change(ctx, apex, []store.Change{store.Put(txt(name("CaSe.example.org"), "x"))}, request); err != nil {
		t.Fatal(err)
	}
	create(t, st, rr.Root, soa(rr.Root, 7))
	signed := name("resigned.example")
	create(t, st, signed, soa(signed, 1), rrsig(signed, 3600, rr.TypeSOA, "s"), rrsig(signed, 60, rr.TypeNSEC, "s"))
	gone := name("gone.example")
	create(t, st, gone, soa(gone, 1))
	if err := st.DeleteZone(ctx, gone, store.WriteOptions{}); err != nil {
		t.Fatal(err)
	}
	large := name("large.example")
	create(t, st, large, plain(large, 1, names)...)
	if _, err := st.ReplaceZone(ctx, store.ZoneSpec{Name: large}, store.Sequence(plain(large, 2, names+1)), store.ReplaceOptions{}); err != nil {
		t.Fatal(err)
	}
	_, err := st.SetZone(ctx, apex, func(z *store.ZoneSpec) error { z.MaxStale = time.Hour; return nil }, store.WriteOptions{})
	if err != nil {
		t.Fatal(err)
	}
	if _, err := st.PutGuest(ctx, "geo", bytes.Repeat([]byte("long"), 500000)); err != nil {
		t.Fatal(err)
	}
	if _, err := st.Attach(ctx, store.Attachment{Zone: apex, At: apex, Guest: "geo"}); err != nil {
		t.Fatal(err)
	}
}

// verify holds a store against itself.
func verify(t *testing.T, what string, st *store.Store) store.Verified {
	t.Helper()
	seen, err := st.Verify(ctx, func(line string) error {
		t.Errorf("%s: %s", what, line)
		return nil
	})
	if err != nil {
		t.Errorf("%s: %v", what, err)
	}
	return seen
}

func backup(t *testing.T, st *store.Store) []byte {
	t.Helper()
	var b bytes.Buffer
	info, err := st.Backup(ctx, &b)
	if err != nil || info.Bytes != int64(b.Len()) || info.Rows == 0 || info.Identity != st.Identity() {
		t.Fatalf("backup of %d octets is %+v, %v", b.Len(), info, err)
	}
	return b.Bytes()
}

// writes are those that put the rows that a table has.
func writes(t *testing.T, d store.Driver, table store.Table) (all []store.Write) {
	t.Helper()
	v, err := d.View(ctx)
	if err != nil {
		t.Fatal(err)
	}
	defer v.Close()
	err = v.Scan(ctx, table, []store.Range{everything}, func(key, value []byte) error {
		all = append(all, store.Write{Table: table, Key: string(key), Value: bytes.Clone(value)})
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	return all
}

// lent makes a Store whose Close leaves the driver open.
func lent(t *testing.T, d store.Driver) *store.Store {
	t.Helper()
	kept := &dyingDriver{Driver: d, die: func() {}}
	kept.left.Store(1 << 30)
	st, err := store.New(ctx, kept, store.Options{})
	if err != nil {
		t.Fatal(err)
	}
	return st
}

// allRows is what a driver has but for the store's own row.
func allRows(t *testing.T, d store.Driver) []string {
	t.Helper()
	var all []string
	for _, table := range store.Tables() {
		for _, w := range writes(t, d, table) {
			if table != store.TableMeta || w.Key != "store" {
				all = append(all, fmt.Sprintf("%v %q %x", table, w.Key, w.Value))
			}
		}
	}
	return all
}

// A restored store has every row of the one that was backed up, under another
// identity, and goes on from there.
func testBackup(t *testing.T, s *suite) {
	st, _ := s.open(t, store.Options{})
	furnish(t, st, transactions)
	if err := st.Reclaim(ctx); err != nil {
		t.Fatal(err)
	}
	seen := verify(t, "before", st)
	if seen.Zones < 4 || seen.RRsets < transactions || seen.Journal < 20 || seen.Modules < 1 || seen.Findings != 0 {
		t.Errorf("verified %+v", seen)
	}
	cursor, err := st.Head(ctx)
	if err != nil {
		t.Fatal(err)
	}
	saved := backup(t, st)

	d := s.New(t)
	info, identity, err := store.Restore(ctx, d, bytes.NewReader(saved), store.RestoreOptions{})
	if err != nil || info.Identity != st.Identity() || identity == st.Identity() {
		t.Fatalf("restored as %s of %+v, %v", identity, info, err)
	}
	again, err := store.New(ctx, d, store.Options{})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { again.Close() })
	if again.Identity() != identity {
		t.Errorf("identity is %s, want %s", again.Identity(), identity)
	}
	if after := verify(t, "restored", again); after != seen {
		t.Errorf("restored: verified %+v, want %+v", after, seen)
	}
	zone, sets := load(t, st, apex)
	zoneAgain, setsAgain := load(t, again, apex)
	if diff := gocmp.Diff(texts(sets), texts(setsAgain)); diff != "" || zone != zoneAgain {
		t.Errorf("zone %+v is restored as %+v (-want +got):\n%s", zone, zoneAgain, diff)
	}
	if z := change(t, again, apex, store.Put(a(name("new.example.org"), 1, 1))); z.Version != zone.Version+1 {
		t.Errorf("the next version is %d, want %d", z.Version, zone.Version+1)
	}
	if z := create(t, again, name("gone.example"), soa(name("gone.example"), 1)); z.Version < 3 {
		t.Errorf("a zone that was deleted begins again at version %d", z.Version)
	}
	_, _, err = again.Changes(ctx, cursor, 10)
	wantErr(t, "a cursor of the store that was backed up", err, store.ErrForeign)
	verify(t, "restored and changed", again)
	if after := backup(t, st); !bytes.Equal(withoutTime(after), withoutTime(saved)) {
		t.Error("two backups of one state differ")
	}
}

// withoutTime leaves out the head, which has the time, and the sum.
func withoutTime(b []byte) []byte { return b[60 : len(b)-32] }

// A backup that is damaged changes nothing; what a store has is lost only by force;
// a restore that is cut short leaves no store behind but can be done again.
func testRestoreRefusals(t *testing.T, s *suite) {
	st, _ := s.open(t, store.Options{})
	furnish(t, st, transactions)
	saved := backup(t, st)
	d := s.New(t)
	defer d.Close()
	into := lent(t, d)
	create(t, into, name("before.example"), plain(name("before.example"), 3, 3)...)
	if err := into.Close(); err != nil {
		t.Fatal(err)
	}
	before := strings.Join(allRows(t, d), "\n")
	restore := func(b []byte, o store.RestoreOptions) error {
		_, _, err := store.Restore(ctx, d, bytes.NewReader(b), o)
		return err
	}
	wantErr(t, "a store that has something", restore(saved, store.RestoreOptions{}), store.ErrExists)
	force := store.RestoreOptions{Force: true}
	wantErr(t, "no backup", restore([]byte("$ORIGIN example.org.\n"), force), store.ErrBackup)
	wantErr(t, "nothing", restore(nil, force), store.ErrBackup)
	wantErr(t, "octets too many", restore(append(bytes.Clone(saved), 0), force), store.ErrBackup)
	for i := range 40 {
		at := 15 + i*(len(saved)-16)/40
		wantErr(t, fmt.Sprintf("cut off at %d", at), restore(saved[:at], force), store.ErrBackup)
		bad := bytes.Clone(saved)
		bad[at] ^= 0x10
		if err := restore(bad, force); !errors.Is(err, store.ErrBackup) && !errors.Is(err, store.ErrSchema) {
			t.Errorf("damaged at %d: error %v", at, err)
		}
	}
	canceled, cancel := context.WithCancel(ctx)
	cancel()
	if _, _, err := store.Restore(canceled, d, bytes.NewReader(saved), force); err == nil {
		t.Error("a restore that was canceled is done")
	}
	if after := strings.Join(allRows(t, d), "\n"); after != before {
		t.Error("a restore that was refused has changed the store")
	}

	for lives := range int32(3) {
		dying := &dyingDriver{Driver: d, die: func() {}}
		dying.left.Store(lives + 1)
		_, _, err := store.Restore(ctx, dying, bytes.NewReader(saved), store.RestoreOptions{Force: lives == 0})
		wantErr(t, "a restore whose process dies", err, store.ErrUnwritable)
		_, err = store.New(ctx, &dyingDriver{Driver: d}, store.Options{})
		wantErr(t, "open of half a store", err, store.ErrSchema)
	}
	if err := restore(saved, store.RestoreOptions{}); err != nil {
		t.Fatalf("restored again: %v", err)
	}
	again := lent(t, d)
	defer again.Close()
	verify(t, "restored again", again)
	if _, err := again.Zone(ctx, name("before.example")); !errors.Is(err, store.ErrNotFound) {
		t.Errorf("a zone of before is there: %v", err)
	}
}

// Whatever row is spoiled or missing, Verify has a line about it.
func testVerify(t *testing.T, s *suite) {
	st, d := s.open(t, store.Options{})
	furnish(t, st, 20)
	if err := st.Reclaim(ctx); err != nil {
		t.Fatal(err)
	}
	verify(t, "before", st)
	findings := func() (lines []string) {
		t.Helper()
		seen, err := st.Verify(ctx, func(line string) error { lines = append(lines, line); return nil })
		if err != nil || seen.Findings != len(lines) {
			t.Errorf("%d findings, %d lines, %v", seen.Findings, len(lines), err)
		}
		return lines
	}
	put := func(table store.Table, key string, value []byte) {
		t.Helper()
		if err := d.Apply(ctx, &store.Batch{ID: batchID(), Writes: []store.Write{{Table: table, Key: key, Value: value}}}); err != nil {
			t.Fatal(err)
		}
	}
	for _, table := range store.Tables() {
		if table == store.TableMeta || table == store.TableGarbage || table == store.TableReplicas {
			continue
		}
		all := writes(t, d, table)
		for i := 0; i < len(all); i += 1 + len(all)/60 { // some of many
			key, value := all[i].Key, all[i].Value
			put(table, key, nil)
			lost := findings()
			put(table, key, append([]byte{99}, value...))
			spoilt := findings()
			put(table, key, value)
			// Nothing names an attachment, or a zone that was deleted, whose row keeps
			// its last version.
			unnamed := table == store.TableAttachments || table == store.TableZones && strings.HasSuffix(key, "gone\x00")
			if len(lost) == 0 && !unnamed || len(spoilt) == 0 {
				t.Errorf("%v %q: %d findings where it is missing, %d where it is spoilt", table, key, len(lost), len(spoilt))
			}
		}
	}
	row := writes(t, d, store.TableSets)[0]
	for at := range []byte(row.Key) {
		moved := []byte(row.Key)
		moved[at] ^= 0x40
		put(store.TableSets, string(moved), row.Value)
		if lines := findings(); len(lines) == 0 {
			t.Errorf("a row too many, %q, is not found", moved)
		}
		put(store.TableSets, string(moved), nil)
	}
	verify(t, "made good", st)
}
