package main

import (
	"net"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// TestAnswersAreHeldAgainstFingerprints asks a server whose answers are known, in one of two files or in none.
func TestAnswersAreHeldAgainstFingerprints(t *testing.T) {
	fake := newFakeServer(t)
	dir := t.TempDir()
	queries := filepath.Join(dir, "queries")
	if err := os.WriteFile(queries, []byte("n1.example A\nn2.example A\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	b := &bench{options: &options{}, dir: dir}
	right, err := b.fingerprints(&server{port: fake.conn.LocalAddr().(*net.UDPAddr).Port}, queries, "right")
	if err != nil {
		t.Fatal(err)
	}
	text, err := os.ReadFile(right)
	if err != nil {
		t.Fatal(err)
	}
	lines := strings.Fields(string(text))
	write := func(name string, lines ...string) string {
		path := filepath.Join(dir, name)
		if err := os.WriteFile(path, []byte(strings.Join(lines, "\n")), 0o600); err != nil {
			t.Fatal(err)
		}
		return path
	}
	wrong, half := write("wrong", "1", "2"), write("half", lines[0], "2")
	for _, c := range []struct {
		answers []string
		share   int64 // of answers that are wrong, of two
	}{{[]string{right}, 0}, {[]string{wrong, right}, 0}, {[]string{wrong}, 2}, {[]string{half, wrong}, 1}} {
		request := loadRequest{Address: fake.conn.LocalAddr().String(), Seconds: 0.1, Streams: []stream{{Queries: queries, Rate: 1000, Answers: c.answers}}}
		r := generate(t, request)[0]
		if r.Answered == 0 || r.Wrong < (r.Answered*c.share-2)/2 || r.Wrong > (r.Answered*c.share+2)/2 {
			t.Errorf("%v: %d of %d answers are wrong, want %d of two", c.answers, r.Wrong, r.Answered, c.share)
		}
	}
	if _, err := newGenerator(loadRequest{Address: "127.0.0.1:1", Streams: []stream{{Queries: queries, Answers: []string{write("short", "1")}}}}); err == nil {
		t.Error("a file with too few fingerprints is taken")
	}
}
