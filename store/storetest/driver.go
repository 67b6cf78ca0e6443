package storetest

import (
	"crypto/rand"
	"errors"
	"fmt"
	"slices"
	"strconv"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/namelet/namelet/store"
)

// rows scans a table of a driver, as "key=value".
func rows(t *testing.T, d store.Driver, table store.Table, ranges ...store.Range) []string {
	t.Helper()
	v, err := d.View(ctx)
	if err != nil {
		t.Fatal(err)
	}
	defer v.Close()
	return scan(t, v, table, ranges...)
}

func scan(t *testing.T, v store.View, table store.Table, ranges ...store.Range) []string {
	t.Helper()
	var got []string
	err := v.Scan(ctx, table, ranges, func(key, value []byte) error {
		got = append(got, fmt.Sprintf("%s=%s", key, value))
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	return got
}

var everything = store.Range{From: "", To: "\xff\xff\xff\xff\xff\xff"}

func put(table store.Table, key, value string) store.Write {
	return store.Write{Table: table, Key: key, Value: []byte(value)}
}

func apply(t *testing.T, d store.Driver, b store.Batch) {
	t.Helper()
	b.ID = batchID()
	if err := d.Apply(ctx, &b); err != nil {
		t.Fatal(err)
	}
}

func batchID() (id [16]byte) {
	rand.Read(id[:])
	return id
}

func testBatch(t *testing.T, s *suite) {
	d := s.New(t)
	defer d.Close()
	apply(t, d, store.Batch{Writes: []store.Write{put(store.TableMeta, "a", "1"), put(store.TableMeta, "b", "2"), put(store.TableZones, "", "root"), put(store.TableZones, "a", "3")}})

	bad := []store.Check{
		{Table: store.TableMeta, Key: "a", Want: []byte("2")},
		{Table: store.TableMeta, Key: "a", Want: nil},
		{Table: store.TableMeta, Key: "c", Want: []byte("1")},
		{Table: store.TableGuests, Key: "a", Want: []byte("1")},
	}
	for _, check := range bad {
		err := d.Apply(ctx, &store.Batch{
			ID:     batchID(),
			Checks: []store.Check{{Table: store.TableMeta, Key: "b", Want: []byte("2")}, check},
			Writes: []store.Write{put(store.TableMeta, "a", "9"), {Table: store.TableMeta, Key: "b"}},
			Log:    []store.LogEntry{{Shard: "x", Value: []byte("no")}},
		})
		wantErr(t, fmt.Sprintf("check %+v", check), err, store.ErrCheckFailed)
	}
	if diff := cmp.Diff([]string{"a=1", "b=2"}, rows(t, d, store.TableMeta, everything)); diff != "" {
		t.Errorf("after batches whose checks failed (-want +got):\n%s", diff)
	}

	apply(t, d, store.Batch{
		Checks: []store.Check{{Table: store.TableMeta, Key: "a", Want: []byte("1")}, {Table: store.TableMeta, Key: "c"}},
		Writes: []store.Write{{Table: store.TableMeta, Key: "a"}, put(store.TableMeta, "c", "\x00\xff"), {Table: store.TableMeta, Key: "none"}},
	})
	if diff := cmp.Diff([]string{"b=2", "c=\x00\xff"}, rows(t, d, store.TableMeta, everything)); diff != "" {
		t.Errorf("after a batch (-want +got):\n%s", diff)
	}
	if diff := cmp.Diff([]string{"=root", "a=3"}, rows(t, d, store.TableZones, store.One(""), store.Range{From: "a", To: "b"})); diff != "" {
		t.Errorf("another table (-want +got):\n%s", diff)
	}
}

func testView(t *testing.T, s *suite) {
	d := s.New(t)
	defer d.Close()
	var writes []store.Write
	for _, key := range []string{"", "\x00", "a", "a\x00", "a\x00b", "b", "c", "\xfe\xff"} {
		writes = append(writes, put(store.TableSets, "k"+key, "v"))
	}
	apply(t, d, store.Batch{Writes: writes})
	v, err := d.View(ctx)
	if err != nil {
		t.Fatal(err)
	}
	defer v.Close()
	if got := scan(t, v, store.TableSets, store.One("ka")); !slices.Equal(got, []string{"ka=v"}) {
		t.Errorf("a view's first read: got %q", got)
	}
	apply(t, d, store.Batch{Writes: []store.Write{{Table: store.TableSets, Key: "ka"}, put(store.TableSets, "kb", "new"), put(store.TableSets, "kbb", "new")}})

	got := scan(t, v, store.TableSets, store.Range{From: "k", To: "k\x00"}, store.Range{From: "ka", To: "kb"}, store.One("kb"), store.One("kbb"), store.Range{From: "kc", To: "l"})
	want := []string{"k=v", "ka=v", "ka\x00=v", "ka\x00b=v", "kb=v", "kc=v", "k\xfe\xff=v"}
	if !slices.Equal(got, want) {
		t.Errorf("ranges of a view: got %q, want %q", got, want)
	}
	if got := rows(t, d, store.TableSets, store.Range{From: "ka", To: "kc"}); !slices.Equal(got, []string{"ka\x00=v", "ka\x00b=v", "kb=new", "kbb=new"}) {
		t.Errorf("a later view: got %q", got)
	}
	stop, calls := errors.New("stop"), 0
	err = v.Scan(ctx, store.TableSets, []store.Range{everything}, func(_, _ []byte) error { calls++; return stop })
	if err != stop || calls != 1 {
		t.Errorf("a scan that is ended: got error %v after %d rows, want %v after 1", err, calls, stop)
	}
}

func testLog(t *testing.T, s *suite) {
	d := s.New(t)
	defer d.Close()
	start, err := d.Head(ctx)
	if err != nil {
		t.Fatal(err)
	}
	var want []string
	for i := range 25 {
		var b store.Batch
		for j := range 1 + i%3 {
			e := fmt.Sprintf("%d.%d", i, j)
			want = append(want, e)
			b.Log = append(b.Log, store.LogEntry{Shard: "shard", Value: []byte(e)})
		}
		apply(t, d, b)
	}
	var got []string
	position := start
	for range 100 {
		entries, next, err := d.Changes(ctx, position, 4)
		if err != nil {
			t.Fatal(err)
		}
		if len(entries) == 0 {
			break
		}
		for _, e := range entries {
			if e.Shard != "shard" {
				t.Errorf("shard is %q", e.Shard)
			}
			got = append(got, string(e.Value))
		}
		position = next
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("change log (-want +got):\n%s", diff)
	}
	head, err := d.Head(ctx)
	if err != nil {
		t.Fatal(err)
	}
	apply(t, d, store.Batch{Log: []store.LogEntry{{Shard: "other", Value: []byte("new")}}})
	for what, position := range map[string]string{"the head": head, "the last entry": position} {
		entries, _, err := d.Changes(ctx, position, 4)
		if err != nil || len(entries) != 1 || string(entries[0].Value) != "new" {
			t.Errorf("after %s, %q: %v, %v; want the one entry that came later", what, position, entries, err)
		}
	}
	_, _, err = d.Changes(ctx, "no position", 1)
	wantErr(t, "a position that is none", err, store.ErrForeign)
	if n, err := strconv.ParseUint(position, 10, 64); err == nil {
		_, _, err := d.Changes(ctx, strconv.FormatUint(n+2, 10), 1)
		wantErr(t, "a position to come", err, store.ErrForeign)
	}
}
