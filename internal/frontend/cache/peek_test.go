package cache

import (
	"net/netip"
	"testing"

	"github.com/namelet/namelet/internal/resolve"
)

// A look finds what Get would, with what leads to it, and leaves the cache as it is.
func TestPeek(t *testing.T) {
	c := New(Config{Bytes: 1 << 20})
	s := zoneOf(t, 1)
	q, in := question(hostName(0)), inputs()
	if got := c.Peek(q, in); got.Standing != Absent || got.Inputs != nil {
		t.Errorf("empty cache: %+v", got)
	}
	trace := answered(s, hostName(0))
	trace.Inputs = []resolve.Input{
		{Kind: resolve.InputClient, V4: 24, V6: 48, Prefix: netip.MustParsePrefix("192.0.2.0/24")},
		{Kind: resolve.InputNow, Arg: 600, Value: 600},
	}
	if !c.Put(q, trace, message("here")) {
		t.Fatal("not kept")
	}
	before := c.Stats()
	got := c.Peek(q, in)
	if got.Standing != Kept || got.Leaves != 1 || len(got.Inputs) != 2 || got.Inputs[0] != trace.Inputs[0] || got.Inputs[1] != trace.Inputs[1] {
		t.Errorf("kept: %+v", got)
	}
	elsewhere := *in
	elsewhere.Client = netip.MustParsePrefix("203.0.113.1/32")
	if got := c.Peek(q, &elsewhere); got.Standing != Absent || len(got.Inputs) != 1 {
		t.Errorf("from elsewhere: %+v, want nothing below the client", got)
	}
	later := *in
	later.Routing++
	if got := c.Peek(q, &later); got.Standing != Absent {
		t.Errorf("under another routing: %+v", got)
	}
	for _, d := range trace.Deps {
		d.Slots.Retire()
	}
	if got := c.Peek(q, in); got.Standing != Outdated {
		t.Errorf("after a change: %+v", got)
	}
	if after := c.Stats(); after != before {
		t.Errorf("looks changed %+v to %+v", before, after)
	}
}
