package cache

import (
	"math/rand/v2"
	"testing"

	"github.com/namelet/namelet/internal/resolve"
)

// Every hit counts for the guest that the answer is of, whatever is evicted and put in
// the place of another meanwhile; and a guest is held for as long as one of its leaves.
func TestHitsCountForTheirGuests(t *testing.T) {
	const names = 400
	c := New(Config{Bytes: leastBytes})
	s := zoneOf(t, names)
	var guests [5]resolve.Reused // the last is for answers of none
	var want [5]uint64
	owner := map[int]int{}
	random := rand.New(rand.NewPCG(1, 2))
	for range 20_000 {
		i := random.IntN(names)
		q := question(hostName(i))
		if _, ok := c.Get(q, inputs()); ok {
			want[owner[i]]++
			if random.IntN(20) > 0 {
				continue
			}
		}
		g := random.IntN(len(guests))
		trace := answered(s, hostName(i))
		trace.Known = random.IntN(2) == 0
		if g < 4 {
			trace.Guest = &guests[g]
		}
		if random.IntN(3) == 0 {
			trace.Inputs = []resolve.Input{{Kind: resolve.InputNow, Arg: 600, Value: 600}}
		}
		if c.Put(q, trace, message("x")) {
			owner[i] = g
		}
	}
	if c.Stats().Evictions == 0 {
		t.Fatal("nothing was evicted")
	}
	for g := range 4 {
		if got := guests[g].Total(); got != want[g] || got == 0 {
			t.Errorf("guest %d: %d answers given again, want %d", g, got, want[g])
		}
	}
	held := 0
	for i := range c.guests.all {
		held += c.guests.all[i].leaves
	}
	if held == 0 || int64(held) > c.Stats().Leaves {
		t.Errorf("%d leaves hold guests, of %d", held, c.Stats().Leaves)
	}
	for i := range 20 * names { // of no guest, until all others are gone
		q := question(hostName(names + i))
		trace := answered(s, hostName(0))
		trace.Known = i%2 == 0 // into both rings
		c.Put(q, trace, message("x"))
	}
	for i := range c.guests.all {
		if g := &c.guests.all[i]; g.leaves != 0 || g.counts != nil {
			t.Errorf("guest %d is held by %d leaves after all went", i+1, g.leaves)
		}
	}
	for g := range 4 {
		if got := guests[g].Total(); got != want[g] {
			t.Errorf("guest %d: %d answers after its leaves went, want %d", g, got, want[g])
		}
	}
}

func TestHitOfGuestDoesNotAllocate(t *testing.T) {
	c := New(Config{Bytes: 1 << 20})
	trace := answered(zoneOf(t, 1), hostName(0))
	trace.Guest = new(resolve.Reused)
	q, in := question(hostName(0)), inputs()
	c.Put(q, trace, message("x"))
	if n := testing.AllocsPerRun(100, func() {
		if _, ok := c.Get(q, in); !ok {
			t.Fatal("no hit")
		}
	}); n != 0 {
		t.Errorf("a hit allocates %v times", n)
	}
	if trace.Guest.Total() != 101 {
		t.Errorf("%d answers counted, want 101", trace.Guest.Total())
	}
}

// An answer that a cache takes over from another counts for its guest there, too.
func TestGuestGoesWithTheAnswer(t *testing.T) {
	shared, own := NewShared(Config{Bytes: 1 << 20}), New(Config{Bytes: 1 << 20})
	trace := answered(zoneOf(t, 1), hostName(0))
	trace.Guest = new(resolve.Reused)
	q, in := question(hostName(0)), inputs()
	shared.Put(q, trace, message("x"))
	var taken resolve.Trace
	leaf, ok := shared.Fetch(q, in, nil, &taken)
	if !ok || !own.Put(q, &taken, &leaf) {
		t.Fatal("not taken over")
	}
	own.Get(q, in)
	if got := trace.Guest.Total(); got != 2 {
		t.Errorf("%d answers counted, want 2", got)
	}
}
