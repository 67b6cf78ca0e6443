package storetest

import (
	"bytes"
	"encoding/hex"
	"errors"
	"fmt"
	"strings"
	"sync"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/namelet/namelet/rr"
	"github.com/namelet/namelet/store"
)

func testGuests(t *testing.T, s *suite) {
	st, d := s.open(t, store.Options{})
	one, two := bytes.Repeat([]byte("one"), 1<<20), []byte("two")
	for i, step := range []struct {
		name   string
		module []byte
		number uint64
	}{
		{"geo", one, 1}, {"geo", one, 1}, {"geo", two, 2}, {"geo", one, 3}, {"geo2", one, 1}, {"a.b-c_d", two, 1},
	} {
		g, err := st.PutGuest(ctx, step.name, step.module)
		if err != nil || g.Number != step.number || g.Size != int64(len(step.module)) {
			t.Fatalf("step %d: %+v, %v; want version %d", i, g, err, step.number)
		}
		back, err := st.Guest(ctx, step.name, g.Number)
		if err != nil || back != g {
			t.Errorf("step %d: read back as %+v, %v, want %+v", i, back, err, g)
		}
		module, err := st.LoadBlob(ctx, g.Digest)
		if err != nil || !bytes.Equal(module, step.module) {
			t.Errorf("step %d: module read back with %d octets, %v", i, len(module), err)
		}
		if parsed, err := hex.DecodeString(g.Digest.String()); err != nil || !bytes.Equal(parsed, g.Digest[:]) {
			t.Errorf("digest %v is read as %v, %v", g.Digest, parsed, err)
		}
	}
	proof := store.Proof{Report: `{"asked": 1}`, Key: "8A16E72F3C2D", Signature: "untrusted comment: x\n"}
	for range 2 {
		g, err := st.PutProvedGuest(ctx, "proved", two, proof)
		back, err2 := st.Guest(ctx, "proved", 0)
		if err != nil || err2 != nil || g.Number != 1 || back != g || back.Proof != proof {
			t.Errorf("proved version is %+v, %v, read back as %+v, %v", g, err, back, err2)
		}
	}
	if g, err := st.PutProvedGuest(ctx, "proved", two, store.Proof{}); err != nil || g.Number != 2 {
		t.Errorf("without the signature it is %+v, %v, want version 2", g, err)
	}
	_, err := st.PutProvedGuest(ctx, "proved", two, store.Proof{Report: strings.Repeat("x", 1<<17)})
	wantErr(t, "large report", err, store.ErrTooLarge)
	all, err := st.Guests(ctx)
	var got []string
	for _, g := range all {
		got = append(got, fmt.Sprint(g.Name, g.Number))
	}
	if diff := cmp.Diff("a.b-c_d1 geo1 geo2 geo3 geo21 proved1 proved2", strings.Join(got, " ")); diff != "" || err != nil {
		t.Errorf("guests, %v (-want +got):\n%s", err, diff)
	}
	if g, err := st.Guest(ctx, "geo", 0); err != nil || g.Number != 3 {
		t.Errorf("newest version is %+v, %v, want 3", g, err)
	}
	if n := len(rows(t, d, store.TableBlobs, everything)); n != 2 {
		t.Errorf("two modules are kept %d times", n)
	}
	for _, bad := range []string{"", "Geo", "-a", "a-", "a b", "a/b", "a\x00", strings.Repeat("a", 65)} {
		_, err := st.PutGuest(ctx, bad, two)
		wantErr(t, fmt.Sprintf("guest name %q", bad), err, store.ErrInvalid)
	}
	_, err = st.PutGuest(ctx, "empty", nil)
	wantErr(t, "empty module", err, store.ErrInvalid)
	_, err = st.Guest(ctx, "none", 0)
	wantErr(t, "no such guest", err, store.ErrNotFound)
	_, err = st.Guest(ctx, "geo", 4)
	wantErr(t, "no such version", err, store.ErrNotFound)
	_, err = st.LoadBlob(ctx, store.Digest{})
	wantErr(t, "no such module", err, store.ErrNotFound)
}

// Pushes at once get a number each, and a module of the greatest size goes in.
func testGuestLimit(t *testing.T, s *suite) {
	st, _ := s.open(t, store.Options{})
	var wg sync.WaitGroup
	for i := range 8 {
		wg.Go(func() {
			if _, err := st.PutGuest(ctx, "many", []byte{byte(i)}); err != nil {
				t.Error(err)
			}
		})
	}
	wg.Wait()
	if g, err := st.Guest(ctx, "many", 0); err != nil || g.Number != 8 {
		t.Errorf("after 8 pushes at once the newest is %+v, %v", g, err)
	}
	module := make([]byte, store.MaxGuestBytes+1)
	for i := range module {
		module[i] = byte(i>>20 ^ i)
	}
	_, err := st.PutGuest(ctx, "big", module)
	wantErr(t, "module beyond the limit", err, store.ErrTooLarge)
	module = module[:store.MaxGuestBytes]
	g, err := st.PutGuest(ctx, "big", module)
	if err != nil {
		t.Fatal(err)
	}
	back, err := st.LoadBlob(ctx, g.Digest)
	if err != nil || !bytes.Equal(back, module) {
		t.Errorf("the greatest module came back with %d octets, %v", len(back), err)
	}
}

// attachable makes two zones, a private one, a signed one and a guest.
func attachable(t *testing.T, st *store.Store) (private, signed rr.Name) {
	t.Helper()
	private, signed = name("private.example"), name("signed.example")
	create(t, st, apex, soa(apex, 1))
	create(t, st, other, soa(other, 1))
	create(t, st, signed, soa(signed, 1), rrsig(signed, 1, rr.TypeSOA, "s"))
	if _, err := st.CreateZone(ctx, store.ZoneSpec{Name: private, Private: true}, store.Sequence([]rr.Set{soa(private, 1)})); err != nil {
		t.Fatal(err)
	}
	for _, module := range []string{"one", "two"} {
		if _, err := st.PutGuest(ctx, "geo", []byte(module)); err != nil {
			t.Fatal(err)
		}
	}
	return private, signed
}

func testAttachments(t *testing.T, s *suite) {
	st, _ := s.open(t, store.Options{})
	private, signed := attachable(t, st)
	www := name("www.example.org")
	full := store.Attachment{
		Zone: apex, At: www, Scope: store.ScopeName, Guest: "geo", Grants: []rr.Name{private, other, apex, private},
		Values: map[string]string{"b": "2", "a": ""}, Fallback: store.FallbackServFail, Reset: true,
		Limits: store.Limits{Fuel: 1, InitFuel: 3, MemoryPages: 4, Lookups: 5, AnswerBytes: 6, Concurrency: 7},
	}
	made, err := st.Attach(ctx, full)
	if err != nil {
		t.Fatal(err)
	}
	full.Version, full.Generation, full.Changed = 2, made.Generation, made.Changed
	full.Grants = []rr.Name{private, other}
	attachments := func(zone rr.Name, want ...store.Attachment) {
		t.Helper()
		got, err := st.Attachments(ctx, zone)
		if diff := cmp.Diff(want, got, cmp.AllowUnexported(rr.Name{})); diff != "" || err != nil {
			t.Errorf("attachments of %v, %v (-want +got):\n%s", zone, err, diff)
		}
	}
	attachments(apex, full)
	again, err := st.Attach(ctx, full)
	if err != nil || again.Generation != made.Generation {
		t.Errorf("attached again as generation %d, %v; want %d", again.Generation, err, made.Generation)
	}
	subtree, err := st.Attach(ctx, store.Attachment{Zone: apex, At: www, Guest: "geo", Version: 1})
	if err != nil || subtree.Generation <= made.Generation || subtree.Version != 1 {
		t.Errorf("second attachment: %+v, %v", subtree, err)
	}
	there, err := st.Attach(ctx, store.Attachment{Zone: other, At: other, Guest: "geo", Version: 1})
	if err != nil {
		t.Fatal(err)
	}
	full.Version = 1
	if full, err = st.Attach(ctx, full); err != nil || full.Generation <= there.Generation {
		t.Errorf("attachment with another version: %+v, %v", full, err)
	}
	attachments(apex, subtree, full)
	attachments(rr.Name{}, there, subtree, full)

	long := map[string]string{"k": strings.Repeat("v", 65530)}
	for what, bad := range map[string]struct {
		a    store.Attachment
		want error
	}{
		"no such zone":      {store.Attachment{Zone: name("none.example"), At: name("none.example"), Guest: "geo"}, store.ErrNotFound},
		"outside the zone":  {store.Attachment{Zone: apex, At: other, Guest: "geo"}, store.ErrInvalid},
		"no such guest":     {store.Attachment{Zone: apex, At: apex, Guest: "none"}, store.ErrNotFound},
		"no such version":   {store.Attachment{Zone: apex, At: apex, Guest: "geo", Version: 3}, store.ErrNotFound},
		"no such grant":     {store.Attachment{Zone: apex, At: apex, Guest: "geo", Grants: []rr.Name{name("none.example")}}, store.ErrNotFound},
		"signed zone":       {store.Attachment{Zone: signed, At: signed, Guest: "geo"}, store.ErrSigned},
		"private zone":      {store.Attachment{Zone: private, At: private, Guest: "geo"}, store.ErrInvalid},
		"no names":          {store.Attachment{Guest: "geo"}, store.ErrInvalid},
		"large values":      {store.Attachment{Zone: apex, At: apex, Guest: "geo", Values: long}, store.ErrTooLarge},
		"value without key": {store.Attachment{Zone: apex, At: apex, Guest: "geo", Values: map[string]string{"": ""}}, store.ErrInvalid},
		"many grants":       {store.Attachment{Zone: apex, At: apex, Guest: "geo", Grants: make([]rr.Name, 65)}, store.ErrTooLarge},
	} {
		_, err := st.Attach(ctx, bad.a)
		wantErr(t, what, err, bad.want)
	}
	if err := st.Detach(ctx, apex, www, store.ScopeName); err != nil {
		t.Error(err)
	}
	wantErr(t, "detach twice", st.Detach(ctx, apex, www, store.ScopeName), store.ErrNotFound)
	wantErr(t, "detach outside", st.Detach(ctx, apex, other, store.ScopeName), store.ErrInvalid)
	attachments(rr.Name{}, there, subtree)
}

func testCascade(t *testing.T, s *suite) {
	st, _ := s.open(t, store.Options{})
	private, signed := attachable(t, st)
	for _, a := range []store.Attachment{
		{Zone: apex, At: apex, Guest: "geo", Grants: []rr.Name{private}},
		{Zone: apex, At: name("www.example.org"), Guest: "geo", Grants: []rr.Name{signed}},
		{Zone: other, At: other, Guest: "geo", Grants: []rr.Name{apex}},
	} {
		if _, err := st.Attach(ctx, a); err != nil {
			t.Fatal(err)
		}
	}
	wantErr(t, "delete a granted zone", st.DeleteZone(ctx, private, store.WriteOptions{}), store.ErrInUse)
	wantErr(t, "delete a granted zone with attachments", st.DeleteZone(ctx, apex, store.WriteOptions{}), store.ErrInUse)
	_, err := st.ReplaceZone(ctx, store.ZoneSpec{Name: apex, Private: true}, store.Sequence([]rr.Set{soa(apex, 1)}), store.ReplaceOptions{})
	wantErr(t, "make a zone with attachments private", err, store.ErrInUse)
	_, err = replace(st, []rr.Set{soa(apex, 2), rrsig(apex, 1, rr.TypeSOA, "s")}, store.ReplaceOptions{})
	wantErr(t, "make a zone with attachments signed", err, store.ErrInUse)
	if all, err := st.Attachments(ctx, rr.Name{}); err != nil || len(all) != 3 {
		t.Errorf("after refusals there are attachments %v, %v", all, err)
	}
	if err := st.DeleteZone(ctx, other, store.WriteOptions{}); err != nil {
		t.Fatal(err)
	}
	if err := st.DeleteZone(ctx, apex, store.WriteOptions{}); err != nil {
		t.Fatal(err)
	}
	if all, err := st.Attachments(ctx, rr.Name{}); err != nil || len(all) != 0 {
		t.Errorf("zones were deleted, and attachments left: %v, %v", all, err)
	}
	if err := st.DeleteZone(ctx, private, store.WriteOptions{}); err != nil {
		t.Error(err)
	}
	create(t, st, apex, soa(apex, 1))
	if all, err := st.Attachments(ctx, apex); err != nil || len(all) != 0 {
		t.Errorf("a new zone has attachments %v, %v", all, err)
	}
}

// A row that is damaged is an error that names it, in every reader of it, and
// leaves other zones alone.
func testDamage(t *testing.T, s *suite) {
	st, d := s.open(t, store.Options{})
	attachable(t, st)
	change(t, st, apex, store.Put(a(apex, 1, 1)))
	g, err := st.PutGuest(ctx, "geo", bytes.Repeat([]byte("long"), 500000))
	if err != nil {
		t.Fatal(err)
	}
	if _, err := st.Attach(ctx, store.Attachment{Zone: apex, At: apex, Guest: "geo"}); err != nil {
		t.Fatal(err)
	}
	readers := map[store.Table]func() error{
		store.TableZones:       func() error { _, err := st.Zones(ctx); return err },
		store.TableSets:        func() error { _, _, err := st.Sets(ctx, apex); return err },
		store.TableJournal:     func() error { return st.Journal(ctx, apex, 1, func(store.JournalEntry) error { return nil }) },
		store.TableGuests:      func() error { _, err := st.Guests(ctx); return err },
		store.TableBlobs:       func() error { _, err := st.LoadBlob(ctx, g.Digest); return err },
		store.TableChunks:      func() error { _, err := st.LoadBlob(ctx, g.Digest); return err },
		store.TableAttachments: func() error { _, err := st.Attachments(ctx, apex); return err },
	}
	for table, read := range readers {
		var keys []string
		var values [][]byte
		v, err := d.View(ctx)
		if err != nil {
			t.Fatal(err)
		}
		err = v.Scan(ctx, table, []store.Range{everything}, func(key, value []byte) error {
			keys, values = append(keys, string(key)), append(values, bytes.Clone(value))
			return nil
		})
		v.Close()
		if err != nil || len(keys) == 0 {
			t.Fatalf("table %v has no rows, %v", table, err)
		}
		for _, damage := range []func([]byte) []byte{
			func([]byte) []byte { return []byte{} },
			func(b []byte) []byte { return b[:len(b)-1] },
			func(b []byte) []byte { return append([]byte{99}, b...) },
			func(b []byte) []byte { return bytes.Repeat([]byte{0xff}, len(b)) },
		} {
			spoil(t, d, table, keys, values, damage)
			err := read()
			var where *store.CorruptError
			if !errors.As(err, &where) || !errors.Is(err, store.ErrCorrupt) || where.Key == "" {
				t.Errorf("table %v: damage is %v, want a CorruptError", table, err)
			}
		}
		spoil(t, d, table, keys, values, func(b []byte) []byte { return b })
		if err := read(); err != nil {
			t.Errorf("table %v, made good: %v", table, err)
		}
	}
}

func spoil(t *testing.T, d store.Driver, table store.Table, keys []string, values [][]byte, damage func([]byte) []byte) {
	t.Helper()
	var b store.Batch
	for i := range keys {
		b.Writes = append(b.Writes, store.Write{Table: table, Key: keys[i], Value: damage(bytes.Clone(values[i]))})
	}
	apply(t, d, b)
}
