package main

import (
	"bytes"
	"io"
	"strings"
	"testing"

	"github.com/namelet/namelet/rr"
	"github.com/namelet/namelet/store/zonefile"
)

func TestZones(t *testing.T) {
	const n = 200
	for _, c := range []struct {
		apex  string
		write func(io.Writer)
		sets  int
	}{
		{"bench.example", func(w io.Writer) { writeNames(w, "bench.example", n) }, 4 + n + n/4},
		{"routes.internal", func(w io.Writer) { writeRoutes(w, n) }, 4 + n + 2*routers},
		{"weighted.example", func(w io.Writer) { writeBare(w, "weighted.example") }, 4 + 2},
	} {
		var first, second bytes.Buffer
		c.write(&first)
		c.write(&second)
		if !bytes.Equal(first.Bytes(), second.Bytes()) {
			t.Errorf("%s: two makings differ", c.apex)
		}
		sets, err := zonefile.Parse(&first, zonefile.Options{Origin: rr.MustParseName(c.apex)})
		if err != nil {
			t.Errorf("%s: %v", c.apex, err)
		}
		if len(sets) != c.sets {
			t.Errorf("%s: got %d RRsets, want %d", c.apex, len(sets), c.sets)
		}
	}
}

// About a tenth of the queries are for names that are not in the zone, and the others are in it.
func TestQueries(t *testing.T) {
	const n, draws = 100, 10_000
	var text bytes.Buffer
	writeQueries(&text, "bench.example", n, draws)
	absent := 0
	lines := strings.Split(strings.TrimSpace(text.String()), "\n")
	for _, line := range lines {
		switch {
		case line[0] == 'x':
			absent++
		case line < "n0000000.bench.example A" || line > "n0000099.bench.example A":
			t.Fatalf("%q is not in the zone", line)
		}
	}
	if len(lines) != draws || absent < draws*missing/100*8/10 || absent > draws*missing/100*12/10 {
		t.Errorf("got %d queries, %d of them for names that are not there", len(lines), absent)
	}
}
