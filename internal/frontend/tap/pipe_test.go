//go:build unix

package tap

import (
	"log/slog"
	"os"
	"path/filepath"
	"syscall"
	"testing"
	"time"

	framestream "github.com/farsightsec/golang-framestream"
)

// A pipe that nobody reads keeps nobody, and is written to once somebody does.
func TestPipe(t *testing.T) {
	path := filepath.Join(t.TempDir(), "pipe")
	if err := syscall.Mkfifo(path, 0o600); err != nil {
		t.Fatal(err)
	}
	_, end := start(t, "file:"+path, slog.New(slog.DiscardHandler))
	time.Sleep(2 * retryFirst)
	end()
	d, end := start(t, "file:"+path, slog.New(slog.DiscardHandler))
	reader, err := os.OpenFile(path, os.O_RDONLY|syscall.O_NONBLOCK, 0)
	if err != nil {
		t.Fatal(err)
	}
	defer reader.Close()
	for !d.Stats().Connected {
		time.Sleep(time.Millisecond)
	}
	d.Take(exchange(t, "www.example."))
	end()
	r, err := framestream.NewReader(reader, &framestream.ReaderOptions{ContentTypes: [][]byte{contentType}})
	if err != nil {
		t.Fatal(err)
	}
	var frame [4096]byte
	for range 2 {
		if _, err := r.ReadFrame(frame[:]); err != nil {
			t.Fatal(err)
		}
	}
}
