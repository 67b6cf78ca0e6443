package main

import (
	"io"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"
)

func TestMeterText(t *testing.T) {
	for _, test := range []struct {
		done, total int64
		taken       time.Duration
		want        string
	}{
		{0, 1000, 0, "storing: 0 of 1000 records (0 %)"},
		{500, 1000, 100 * time.Millisecond, "storing: 500 of 1000 records (50 %)"},
		{500, 2000, 5 * time.Second, "storing: 500 of 2000 records (25 %), 100 a second, about 15s left"},
		{1999, 2000, 5 * time.Second, "storing: 1999 of 2000 records (99 %), 400 a second, about 1s left"},
		{2000, 2000, 5 * time.Second, "storing: 2000 of 2000 records (100 %), 400 a second"},
		{3000, 2000, 5 * time.Second, "storing: 3000 of 2000 records (100 %), 600 a second"},
		{5, 0, 0, "storing: 5 of 0 records"},
	} {
		if got := meterText("storing", "records", test.done, test.total, test.taken); got != test.want {
			t.Errorf("%d of %d after %v: %q, want %q", test.done, test.total, test.taken, got, test.want)
		}
	}
}

// On a terminal there is one line, which is gone in the end.
func TestMeterLine(t *testing.T) {
	var out strings.Builder
	m := meter{out: &out, terminal: true}
	m.show("reading", "bytes", 1, 1000)
	m.show("reading", "bytes", 2, 1000) // too soon
	m.show("storing", "records", 1, 9)
	m.clear()
	lines := strings.Split(out.String(), "\r")
	if len(lines) != 5 || !strings.HasPrefix(lines[1], "reading: 1 of") || !strings.HasPrefix(lines[2], "storing: 1 of") || strings.TrimSpace(lines[3]) != "" || lines[4] != "" {
		t.Errorf("the terminal has %q", lines)
	}
	if len(lines[1]) > len(lines[2]) || len(lines[2]) > len(lines[3]) {
		t.Errorf("a shorter line leaves something of the one before: %q", lines)
	}
	(&meter{}).show("reading", "bytes", 1, 2) // shows nothing, and does not fail
}

// A restore reads its file twice, and says which time it is.
func TestRestoreShowsHowFarItIs(t *testing.T) {
	path := filepath.Join(t.TempDir(), "backup")
	if err := os.WriteFile(path, []byte("0123456789"), 0o600); err != nil {
		t.Fatal(err)
	}
	var out strings.Builder
	f, err := openBackup(path, &meter{out: &out, terminal: true})
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	for range 2 {
		if _, err := io.ReadFull(f, make([]byte, 5)); err != nil {
			t.Fatal(err)
		}
		if _, err := f.Seek(0, io.SeekStart); err != nil {
			t.Fatal(err)
		}
	}
	want := "\rchecking: 5 of 10 bytes (50 %)\rrestoring: 5 of 10 bytes (50 %)"
	if got := out.String(); got != want {
		t.Errorf("the terminal has %q, want %q", got, want)
	}
}
