package bolt

import (
	"bytes"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"testing"

	bbolt "go.etcd.io/bbolt"

	"github.com/namelet/namelet/store"
)

// What is wrong with a file is said in one line that names it.
func TestOpenRefusals(t *testing.T) {
	dir := t.TempDir()
	whole := filepath.Join(dir, "whole.db")
	st := mustOpen(t, whole)
	zone := name("example.org")
	if _, err := st.CreateZone(ctx, store.ZoneSpec{Name: zone}, store.Sequence(content(zone, 1, 3000))); err != nil {
		t.Fatal(err)
	}
	if err := st.Close(); err != nil {
		t.Fatal(err)
	}
	good, err := os.ReadFile(whole)
	if err != nil {
		t.Fatal(err)
	}
	alien := filepath.Join(dir, "alien.db")
	db, err := bbolt.Open(alien, 0o600, nil)
	if err != nil {
		t.Fatal(err)
	}
	err = db.Update(func(tx *bbolt.Tx) error { _, err := tx.CreateBucket([]byte("members")); return err })
	if err != nil {
		t.Fatal(err)
	}
	db.Close()
	file := func(name string, b []byte) string {
		path := filepath.Join(dir, name)
		if err := os.WriteFile(path, b, 0o600); err != nil {
			t.Fatal(err)
		}
		return path
	}
	tests := []struct {
		path string
		o    Options
		want error
		says string
	}{
		{filepath.Join(dir, "none", "store.db"), Options{}, fs.ErrNotExist, "create it"},
		{filepath.Join(dir, "none.db"), Options{ReadOnly: true}, store.ErrNotFound, "no such file"},
		{dir, Options{}, nil, "is a directory"},
		{"/dev/null", Options{}, nil, "no regular file"},
		{file("text.db", []byte("example.org. IN SOA\n")), Options{}, store.ErrCorrupt, "no store of Namelet"},
		{file("zone.db", bytes.Repeat([]byte("example.org. IN SOA\n"), 5000)), Options{}, store.ErrCorrupt, "no store of Namelet"},
		{file("cut.db", good[:20*4096]), Options{}, store.ErrCorrupt, "cut off"},
		{file("meta.db", append(bytes.Repeat([]byte{0xff}, 8192), good[8192:]...)), Options{}, store.ErrCorrupt, "no store of Namelet"},
		{alien, Options{}, store.ErrCorrupt, "another program"},
	}
	for _, test := range tests {
		d, err := Open(test.path, test.o)
		if err == nil {
			d.Close()
			t.Errorf("%s: opened", test.path)
			continue
		}
		if test.want != nil && !errors.Is(err, test.want) || !strings.Contains(err.Error(), test.says) || !strings.Contains(err.Error(), filepath.Dir(test.path)) || strings.Contains(err.Error(), "\n") {
			t.Errorf("%s: error is %q (want %v, with %q)", test.path, err, test.want, test.says)
		}
	}
	if _, err := os.Stat(filepath.Join(dir, "none.db")); err == nil {
		t.Error("an open for reading made a file")
	}
}

// Pages of noise are errors in every reader, never a crash.
func TestDamagedPages(t *testing.T) {
	dir := t.TempDir()
	path := filepath.Join(dir, "store.db")
	st := mustOpen(t, path)
	zone := name("example.org")
	if _, err := st.CreateZone(ctx, store.ZoneSpec{Name: zone}, store.Sequence(content(zone, 1, 3000))); err != nil {
		t.Fatal(err)
	}
	if err := st.Close(); err != nil {
		t.Fatal(err)
	}
	good, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	good = good[:usedPages(t, path)*4096]
	found := 0
	for page := 2; page*4096 < len(good); page += 3 {
		bad := bytes.Clone(good)
		for i := range 4096 {
			bad[page*4096+i] = byte(i*7 + page)
		}
		if err := os.WriteFile(path, bad, 0o600); err != nil {
			t.Fatal(err)
		}
		if readAll(path) != nil {
			found++
		}
	}
	if found == 0 {
		t.Error("no damage was found")
	}
}

func usedPages(t *testing.T, path string) (n int) {
	t.Helper()
	db, err := bbolt.Open(path, 0o600, nil)
	if err != nil {
		t.Fatal(err)
	}
	defer db.Close()
	err = db.View(func(tx *bbolt.Tx) error { n = int(tx.Size()) / 4096; return nil })
	if err != nil {
		t.Fatal(err)
	}
	return n
}

func readAll(path string) error {
	st, err := openStore(path)
	if err != nil {
		return err
	}
	defer st.Close()
	if _, _, err := st.Sets(ctx, name("example.org")); err != nil {
		return err
	}
	_, err = st.Change(ctx, name("example.org"), []store.Change{store.Put(address(name("new.example.org"), 1))}, store.WriteOptions{})
	return err
}

func TestUnwritable(t *testing.T) {
	path := filepath.Join(t.TempDir(), "store.db")
	st := mustOpen(t, path)
	zone := name("example.org")
	if _, err := st.CreateZone(ctx, store.ZoneSpec{Name: zone}, store.Sequence(content(zone, 1, 3))); err != nil {
		t.Fatal(err)
	}
	if err := st.Close(); err != nil {
		t.Fatal(err)
	}
	for range 2 { // readers share the file
		d, err := Open(path, Options{ReadOnly: true})
		if err != nil {
			t.Fatal(err)
		}
		st, err := store.New(ctx, d, store.Options{})
		if err != nil {
			t.Fatal(err)
		}
		defer st.Close()
		if _, sets, err := st.Sets(ctx, zone); err != nil || len(sets) != 4 {
			t.Errorf("read-only store has %d sets, %v", len(sets), err)
		}
		_, err = st.Change(ctx, zone, []store.Change{store.Put(address(zone, 1))}, store.WriteOptions{})
		if !errors.Is(err, store.ErrUnwritable) {
			t.Errorf("change of a read-only store: got error %v, want %v", err, store.ErrUnwritable)
		}
	}
	if _, err := Open(path, Options{}); !errors.Is(err, store.ErrLocked) {
		t.Errorf("open for writing beside readers: got error %v, want %v", err, store.ErrLocked)
	}
	if err := openError(path, &fs.PathError{Op: "open", Path: path, Err: fs.ErrPermission}); !errors.Is(err, store.ErrUnwritable) || strings.Count(err.Error(), path) != 1 {
		t.Errorf("no permission: %v", err)
	}
}

// Who finds the file in use is told by whom.
func TestLocked(t *testing.T) {
	path := filepath.Join(t.TempDir(), "store.db")
	cmd, lines := helper(t, "hold", path)
	if !lines.Scan() || lines.Text() != "ready" {
		t.Fatalf("the holder said %q", lines.Text())
	}
	_, err := Open(path, Options{})
	if !errors.Is(err, store.ErrLocked) || !strings.Contains(err.Error(), "control API") {
		t.Errorf("got error %v, want %v with what to do", err, store.ErrLocked)
	}
	if says := holder(path); says != "" && !strings.Contains(err.Error(), fmt.Sprintf("process %d ", cmd.Process.Pid)) {
		t.Errorf("error %v does not name process %d", err, cmd.Process.Pid)
	}
	cmd.Process.Kill()
	cmd.Wait()
	st := mustOpen(t, path)
	_, err = Open(path, Options{})
	if !errors.Is(err, store.ErrLocked) {
		t.Errorf("second open in one process: got error %v, want %v", err, store.ErrLocked)
	}
	t.Log(err)
	st.Close()
}

// The log keeps its newest entries, and says so to who asks for older ones.
func TestLogIsTrimmed(t *testing.T) {
	d, err := Open(filepath.Join(t.TempDir(), "store.db"), Options{logEntries: 50})
	if err != nil {
		t.Fatal(err)
	}
	defer d.Close()
	for i := range 200 {
		if err := d.Apply(ctx, &store.Batch{Log: []store.LogEntry{{Shard: "s", Value: []byte(fmt.Sprint(i))}}}); err != nil {
			t.Fatal(err)
		}
	}
	if _, _, err := d.Changes(ctx, "149", 1); !errors.Is(err, store.ErrGone) {
		t.Errorf("an entry that was dropped: got error %v, want %v", err, store.ErrGone)
	}
	entries, next, err := d.Changes(ctx, "150", 100)
	if err != nil || len(entries) != 50 || next != "200" || string(entries[0].Value) != "150" {
		t.Errorf("%d entries to %s, %v; want 50 to 200", len(entries), next, err)
	}
}
