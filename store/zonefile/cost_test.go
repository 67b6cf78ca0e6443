//go:build !race

// The race detector has pools give back less than they were given.

package zonefile

import (
	goruntime "runtime"
	"testing"

	"github.com/namelet/namelet/rr"
)

// A record that comes by itself costs what a record does, not what a file does: a
// server reads a thousand of them a second.
func TestCostOfOneRecord(t *testing.T) {
	origin := rr.MustParseName("example.org")
	read := func() {
		if _, err := ParseRdata(rr.TypeTXT, `"router=eu-1 state=active"`, origin); err != nil {
			t.Fatal(err)
		}
	}
	read()
	var before, after goruntime.MemStats
	goruntime.ReadMemStats(&before)
	const times = 1000
	for range times {
		read()
	}
	goruntime.ReadMemStats(&after)
	if each := (after.TotalAlloc - before.TotalAlloc) / times; each > 4096 {
		t.Errorf("a record takes %d octets of memory to read, want 4096 at most", each)
	}
}
