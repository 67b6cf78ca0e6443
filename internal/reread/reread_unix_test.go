//go:build unix

package reread

import (
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
)

// A file is read whole or not at all, and what is no file does not hold up who reads it.
func TestContent(t *testing.T) {
	dir := t.TempDir()
	file, pipe := filepath.Join(dir, "file"), filepath.Join(dir, "pipe")
	if err := os.WriteFile(file, []byte("12345678"), 0o600); err != nil {
		t.Fatal(err)
	}
	if err := syscall.Mkfifo(pipe, 0o600); err != nil {
		t.Fatal(err)
	}
	if got, err := Content(file, 8); err != nil || string(got) != "12345678" {
		t.Errorf("got %q, %v", got, err)
	}
	for _, row := range []struct {
		path string
		most int
		want string
	}{
		{file, 7, "longer than 7 octets"},
		{pipe, 8, "is not a file"},
		{dir, 8, "is not a file"},
		{filepath.Join(dir, "none"), 8, "no such file"},
	} {
		if got, err := Content(row.path, row.most); err == nil || !strings.Contains(err.Error(), row.want) || !strings.Contains(err.Error(), row.path) {
			t.Errorf("%s: got %q, %v, want an error that says %q", row.path, got, err, row.want)
		}
	}
}
