package cache

import (
	"bytes"
	"encoding/binary"
	"fmt"
	"math/rand/v2"
	"net/netip"
	"strings"
	"testing"

	"github.com/namelet/namelet/hostabi"
	"github.com/namelet/namelet/internal/authority"
	"github.com/namelet/namelet/internal/resolve"
	"github.com/namelet/namelet/rr"
)

// zoneOf builds a zone of n names with one A record each.
func zoneOf(t testing.TB, n int) *authority.Snapshot {
	t.Helper()
	s, err := authority.Build(name("example."), 1, func(yield func(rr.Set) bool) {
		soa := rr.Set{Name: name("example."), Type: rr.TypeSOA, TTL: 60, Data: []rr.Rdata{soaData(1)}}
		ns := rr.Set{Name: name("example."), Type: rr.TypeNS, TTL: 60, Data: []rr.Rdata{name("ns.example.").Wire()}}
		if !yield(soa) || !yield(ns) {
			return
		}
		for i := range n {
			if !yield(rr.Set{Name: hostName(i), Type: rr.TypeA, TTL: 60, Data: []rr.Rdata{"\x01\x02\x03\x04"}}) {
				return
			}
		}
	})
	if err != nil {
		t.Fatal(err)
	}
	return s
}

func soaData(serial uint32) rr.Rdata {
	numbers := binary.BigEndian.AppendUint32(nil, serial)
	for range 4 {
		numbers = binary.BigEndian.AppendUint32(numbers, 60)
	}
	return "\x00\x00" + rr.Rdata(numbers)
}

func name(s string) rr.Name { return rr.MustParseName(s) }

func hostName(i int) rr.Name { return name(fmt.Sprintf("host%d.example.", i)) }

func question(n rr.Name) *Question {
	return &Question{Name: n.AppendLower(nil), Type: rr.TypeA}
}

// answered returns the trace that the static answer to a question has.
func answered(s *authority.Snapshot, n rr.Name) *resolve.Trace {
	zones := authority.NewZones([]*authority.Zone{{Apex: s.Apex(), Snapshot: s}})
	var a authority.Answer
	zones.Lookup(authority.Question{Name: n, Type: rr.TypeA}, &a)
	return &resolve.Trace{Cacheable: true, Known: a.Outcome == authority.OutcomeAnswer, Deps: a.Deps}
}

func message(text string) *Leaf {
	return &Leaf{Msg: []byte(text + strings.Repeat(".", max(0, 90-len(text))))}
}

func inputs() *Inputs {
	return &Inputs{Client: netip.MustParsePrefix("192.0.2.200/32"), Source: netip.MustParsePrefix("198.51.100.1/32"), Now: 1000, Transport: hostabi.TransportUDP, Seed: 7}
}

func mustHit(t *testing.T, c *Cache, q *Question, in *Inputs, want *Leaf) {
	t.Helper()
	got, ok := c.Get(q, in)
	if !ok || !bytes.Equal(got.Msg, want.Msg) {
		t.Fatalf("got %q, %v, want %q", got.Msg, ok, want.Msg)
	}
}

func mustMiss(t *testing.T, c *Cache, q *Question, in *Inputs) {
	t.Helper()
	if got, ok := c.Get(q, in); ok {
		t.Fatalf("got %q, want a miss", got.Msg)
	}
}

func TestWholeLeafComesBack(t *testing.T) {
	s := zoneOf(t, 2)
	c := New(Config{Bytes: 1 << 20})
	q := question(hostName(1))
	want := &Leaf{
		Msg: []byte("message"), Options: []byte("options"),
		Meta: Meta{Required: 1, RCode: 0xfff, Class: 15, Bucket: 1<<63 | 3},
	}
	if !c.Put(q, answered(s, hostName(1)), want) {
		t.Fatal("not kept")
	}
	got, ok := c.Get(q, inputs())
	if !ok || string(got.Msg) != "message" || string(got.Options) != "options" || got.Meta != want.Meta {
		t.Errorf("got %+v, want %+v", got, want)
	}
	for what, other := range map[string]*Question{
		"another type": {Name: q.Name, Type: rr.TypeAAAA},
		"with DO":      {Name: q.Name, Type: rr.TypeA, DO: true},
		"another name": question(hostName(2)),
	} {
		if _, ok := c.Get(other, inputs()); ok {
			t.Errorf("%s: got a hit, want a miss", what)
		}
	}
	later := inputs()
	later.Routing++
	mustMiss(t, c, q, later)
}

func TestWhatMayNotBeGivenAgainIsNotKept(t *testing.T) {
	s := zoneOf(t, 2)
	c := New(Config{Bytes: 1 << 20})
	trace := answered(s, hostName(1))
	for what, put := range map[string]func() bool{
		"not cacheable": func() bool {
			once := *trace
			once.Cacheable = false
			return c.Put(question(hostName(1)), &once, message("m"))
		},
		"a long message": func() bool {
			return c.Put(question(hostName(1)), trace, &Leaf{Msg: make([]byte, MaxMessage+1)})
		},
		"many inputs": func() bool {
			deep := *trace
			for i := range maxDepth + 1 {
				deep.Inputs = append(deep.Inputs, resolve.Input{Kind: resolve.InputNow, Arg: int64(i + 1)})
			}
			return c.Put(question(hostName(1)), &deep, message("m"))
		},
		"many dependencies": func() bool {
			broad := *trace
			broad.Deps = make([]resolve.Dep, maxDeps+1)
			return c.Put(question(hostName(1)), &broad, message("m"))
		},
	} {
		if put() {
			t.Errorf("%s: kept", what)
		}
		mustMiss(t, c, question(hostName(1)), inputs())
	}
	if got := c.Stats(); got.Refused != 4 || got.Leaves != 0 {
		t.Errorf("got %+v, want 4 refused and none held", got)
	}
}

func TestInputsLeadToTheirAnswers(t *testing.T) {
	in := func(change func(*Inputs)) *Inputs {
		i := inputs()
		change(i)
		return i
	}
	client := func(p string) func(*Inputs) {
		return func(i *Inputs) { i.Client = netip.MustParsePrefix(p) }
	}
	source := func(p string) func(*Inputs) {
		return func(i *Inputs) { i.Source = netip.MustParsePrefix(p) }
	}
	prefix := netip.MustParsePrefix
	tests := []struct {
		name   string
		input  resolve.Input
		same   []func(*Inputs)
		others []func(*Inputs)
	}{
		{
			"client", resolve.Input{Kind: resolve.InputClient, V4: 24, V6: 56, Prefix: prefix("192.0.2.0/24")},
			[]func(*Inputs){client("192.0.2.1/32"), client("192.0.2.0/24")},
			[]func(*Inputs){client("192.0.3.1/32"), client("192.0.0.0/22"), client("2001:db8::1/128"), client("::c000:2/120")},
		},
		{
			"client IPv6", resolve.Input{Kind: resolve.InputClient, V4: 24, V6: 56, Prefix: prefix("2001:db8::/56")},
			[]func(*Inputs){client("2001:db8::1/128"), client("2001:db8:0:ff::/64")},
			[]func(*Inputs){client("2001:db8:0:100::/64"), client("2001:db8::/48"), client("192.0.2.1/32")},
		},
		{
			"source", resolve.Input{Kind: resolve.InputSource, V4: 24, V6: 56, Prefix: prefix("198.51.100.0/24")},
			[]func(*Inputs){source("198.51.100.1/32"), client("203.0.113.0/24")},
			[]func(*Inputs){source("198.51.101.1/32"), source("192.0.2.200/32")},
		},
		{
			"now", resolve.Input{Kind: resolve.InputNow, Arg: 60, Value: 960},
			[]func(*Inputs){func(i *Inputs) { i.Now = 960 }, func(i *Inputs) { i.Now = 1019 }},
			[]func(*Inputs){func(i *Inputs) { i.Now = 1020 }, func(i *Inputs) { i.Now = 959 }},
		},
		{
			"before", resolve.Input{Kind: resolve.InputBefore, Arg: 1100, Value: 1},
			[]func(*Inputs){func(i *Inputs) { i.Now = 1099 }},
			[]func(*Inputs){func(i *Inputs) { i.Now = 1100 }},
		},
		{
			"pick", resolve.Input{Kind: resolve.InputPick, Arg: 4, Value: int64(resolve.Draw(7, 0, 4))},
			[]func(*Inputs){func(i *Inputs) { i.Seed = seedFor(resolve.Draw(7, 0, 4), true) }},
			[]func(*Inputs){func(i *Inputs) { i.Seed = seedFor(resolve.Draw(7, 0, 4), false) }},
		},
		{
			"transport", resolve.Input{Kind: resolve.InputTransport, Value: int64(hostabi.TransportUDP)},
			[]func(*Inputs){func(*Inputs) {}},
			[]func(*Inputs){func(i *Inputs) { i.Transport = hostabi.TransportTLS }},
		},
		{
			"site", resolve.Input{Kind: resolve.InputSite},
			[]func(*Inputs){func(i *Inputs) { i.Now, i.Seed = 1, 1 }},
			nil,
		},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			s := zoneOf(t, 2)
			c := New(Config{Bytes: 1 << 20})
			q := question(hostName(1))
			trace := answered(s, hostName(1))
			trace.Inputs = []resolve.Input{test.input}
			trace.ScopeV4, trace.ScopeV6 = 24, 56
			c.Put(q, trace, message("kept"))
			mustHit(t, c, q, inputsFor(test.input), message("kept"))
			for _, change := range test.same {
				base := inputsFor(test.input)
				change(base)
				mustHit(t, c, q, base, message("kept"))
			}
			for _, change := range test.others {
				mustMiss(t, c, q, in(change))
			}
			if leaf, _ := c.Get(q, inputsFor(test.input)); test.input.Kind != resolve.InputSite && (leaf.ScopeV4 != 24 || leaf.ScopeV6 != 56) {
				t.Errorf("got scopes %d and %d, want those of the trace", leaf.ScopeV4, leaf.ScopeV6)
			}
		})
	}
}

// inputsFor gives inputs under which the input has its value.
func inputsFor(in resolve.Input) *Inputs {
	i := inputs()
	switch in.Kind {
	case resolve.InputClient:
		i.Client = in.Prefix
	case resolve.InputSource:
		i.Source = in.Prefix
	}
	return i
}

// seedFor finds another seed whose first draw of 4 is v, or is not.
func seedFor(v int, same bool) uint64 {
	for seed := uint64(100); ; seed++ {
		if (resolve.Draw(seed, 0, 4) == v) == same {
			return seed
		}
	}
}

func TestScopeIsTheGreatestOfTheQuestion(t *testing.T) {
	s := zoneOf(t, 2)
	c := New(Config{Bytes: 1 << 20})
	q := question(hostName(1))
	for _, transport := range []hostabi.Transport{hostabi.TransportTLS, hostabi.TransportUDP} {
		trace := answered(s, hostName(1))
		trace.Inputs = []resolve.Input{{Kind: resolve.InputTransport, Value: int64(transport)}}
		if transport == hostabi.TransportTLS {
			trace.ScopeV4 = 20
		}
		c.Put(q, trace, message("kept"))
	}
	if leaf, ok := c.Get(q, inputs()); !ok || leaf.ScopeV4 != 20 {
		t.Errorf("got scope %d, %v, want 20: of the answer beside", leaf.ScopeV4, ok)
	}
}

func TestAnotherInputTakesThePlaceOfOne(t *testing.T) {
	s := zoneOf(t, 2)
	c := New(Config{Bytes: 1 << 20})
	q := question(hostName(1))
	trace := answered(s, hostName(1))
	trace.Inputs = []resolve.Input{{Kind: resolve.InputTransport, Value: int64(hostabi.TransportUDP)}}
	c.Put(q, trace, message("by transport"))
	trace.Inputs = []resolve.Input{{Kind: resolve.InputNow, Arg: 60, Value: 960}}
	c.Put(q, trace, message("by time"))
	mustHit(t, c, q, inputs(), message("by time"))
	trace.Inputs = nil
	c.Put(q, trace, message("always"))
	mustHit(t, c, q, inputs(), message("always"))
}

func TestChangesEndAnswers(t *testing.T) {
	old := zoneOf(t, 50)
	c := New(Config{Bytes: 1 << 20})
	for i := range 50 {
		c.Put(question(hostName(i)), answered(old, hostName(i)), message(fmt.Sprint(i)))
	}
	changes := []authority.Change{{Name: hostName(7), Type: rr.TypeA, TTL: 60, Data: []rr.Rdata{"\x05\x05\x05\x05"}}}
	next, err := old.Apply(2, changes)
	if err != nil {
		t.Fatal(err)
	}
	mustHit(t, c, question(hostName(7)), inputs(), message("7"))
	authority.Outdate(old, next, changes)
	mustMiss(t, c, question(hostName(7)), inputs())
	still := 0
	for i := range 50 {
		if _, ok := c.Get(question(hostName(i)), inputs()); ok {
			still++
		}
	}
	if still < 40 {
		t.Errorf("%d of 50 answers are left, want all but the changed and a few that share slots", still)
	}
	late := answered(old, hostName(7)) // of a query that was slow
	c.Put(question(hostName(7)), late, message("late"))
	mustMiss(t, c, question(hostName(7)), inputs())
	c.Put(question(hostName(7)), answered(next, hostName(7)), message("new"))
	mustHit(t, c, question(hostName(7)), inputs(), message("new"))
	authority.Outdate(next, nil, nil)
	for i := range 50 {
		mustMiss(t, c, question(hostName(i)), inputs())
	}
}

func TestGenerationsAreKeptBesideEachOther(t *testing.T) {
	old := zoneOf(t, 2)
	c := New(Config{Bytes: 1 << 20})
	under := func(generation uint64) *Inputs {
		in := inputs()
		in.Routing = generation
		return in
	}
	for generation := range uint64(3) {
		for i := range 2 {
			trace := answered(old, hostName(i))
			trace.Routing = generation
			c.Put(question(hostName(i)), trace, message(fmt.Sprint(i, generation)))
		}
	}
	for generation := range uint64(3) {
		mustHit(t, c, question(hostName(1)), under(generation), message(fmt.Sprint(1, generation)))
	}
	mustMiss(t, c, question(hostName(1)), under(3))
	changes := []authority.Change{{Name: hostName(1), Type: rr.TypeA, TTL: 60, Data: []rr.Rdata{"\x05\x05\x05\x05"}}}
	next, err := old.Apply(2, changes)
	if err != nil {
		t.Fatal(err)
	}
	authority.Outdate(old, next, changes)
	for generation := range uint64(3) {
		mustMiss(t, c, question(hostName(1)), under(generation))
	}
}

func TestLeavesOfAQuestionAreBounded(t *testing.T) {
	s := zoneOf(t, 2)
	c := New(Config{Bytes: 4 << 20, Leaves: 100})
	q := question(hostName(1))
	for i := range 1000 {
		trace := answered(s, hostName(1))
		trace.Inputs = []resolve.Input{{Kind: resolve.InputPick, Arg: 65536, Value: int64(i)}}
		if !c.Put(q, trace, message("m")) {
			t.Fatal("not kept")
		}
	}
	reachable := 0
	for i := range 1000 {
		key := appendChild(nil, c.find(c.hash(q.appendKey(nil)), q.appendKey(nil)).inner().id(), &resolve.Input{Kind: resolve.InputPick, Value: int64(i)})
		if c.find(c.hash(key), key) != nil {
			reachable++
		}
	}
	if reachable == 0 || reachable > 100 {
		t.Errorf("%d answers can be reached, want 1 to 100", reachable)
	}
}

// A flood of names that do not exist passes by: what is asked stays.
func TestFloodDoesNotPushOut(t *testing.T) {
	s := zoneOf(t, 500)
	c := New(Config{Bytes: 1 << 20})
	guest := func(i int) *resolve.Trace { // as a guest's or a wildcard's: not known
		trace := answered(s, hostName(i))
		trace.Known = i%2 == 0
		return trace
	}
	ask := func(i int) bool {
		if _, ok := c.Get(question(hostName(i)), inputs()); ok {
			return true
		}
		c.Put(question(hostName(i)), guest(i), message("known"))
		return false
	}
	for range 5 {
		for i := range 500 {
			ask(i)
		}
	}
	hits, asked := 0, 0
	for i := range 200_000 {
		random := name(fmt.Sprintf("x%d.example.", i))
		c.Put(question(random), answered(s, random), message("flood"))
		if i%20 == 0 {
			asked++
			if ask(i / 20 % 500) {
				hits++
			}
		}
	}
	if hits*100 < asked*99 {
		t.Errorf("%d of %d known names were answered from the cache, want 99 in 100", hits, asked)
	}
	if got := c.Stats(); got.Bytes > got.Size || got.Size > 1<<20 {
		t.Errorf("got %+v: more than its bound", got)
	}
}

// The index and the rings agree after whatever happened, and the counts are those
// of what is held.
func TestEntriesAreWhereTheIndexSays(t *testing.T) {
	s := zoneOf(t, 300)
	c := New(Config{Bytes: leastBytes})
	random := rand.New(rand.NewPCG(1, 2))
	for range 60_000 {
		i := random.IntN(3000)
		n := name(fmt.Sprintf("host%d.example.", i))
		in := inputs()
		in.Seed = random.Uint64()
		if leaf, ok := c.Get(question(n), in); ok {
			if want := fmt.Sprint(i, "/"); !bytes.HasPrefix(leaf.Msg, []byte(want)) {
				t.Fatalf("got %q, want the answer of %d", leaf.Msg, i)
			}
			continue
		}
		trace := answered(s, n)
		if i%3 == 0 {
			trace.Inputs = []resolve.Input{{Kind: resolve.InputPick, Arg: 3, Value: int64(resolve.Draw(in.Seed, 0, 3))}}
		}
		text := fmt.Sprint(i, "/") + strings.Repeat("x", random.IntN(400))
		c.Put(question(n), trace, message(text))
	}
	count, held := 0, int64(0)
	for _, slot := range c.index.slots {
		if slot == 0 {
			continue
		}
		e := c.at(place(slot))
		if e.hash() != uint32(slot>>32) || c.find(e.hash(), e.key()) == nil {
			t.Fatalf("slot %x has an entry of hash %x", slot, e.hash())
		}
		count++
		held += int64(e.size())
	}
	got := c.Stats()
	if int(got.Leaves+got.Nodes) != count || c.index.count != count || got.Bytes != held {
		t.Errorf("got %+v, want %d entries of %d bytes", got, count, held)
	}
	if got.Evictions == 0 || got.Hits == 0 {
		t.Errorf("got %+v, want hits and evictions", got)
	}
}

func TestZonesAreForgotten(t *testing.T) {
	c := New(Config{Bytes: 1 << 20})
	for range 100 {
		c.Put(question(hostName(1)), answered(zoneOf(t, 2), hostName(1)), message("m"))
	}
	if held := len(c.zones.number); held > 1 || len(c.zones.slots) > 2 {
		t.Errorf("%d zones held in %d numbers, want the last alone", held, len(c.zones.slots))
	}
}

func TestShared(t *testing.T) {
	s := zoneOf(t, 2)
	c := NewShared(Config{Bytes: 1 << 20})
	q := question(hostName(1))
	c.Put(q, answered(s, hostName(1)), &Leaf{Msg: []byte("message"), Options: []byte("options")})
	leaf, ok := c.Get(q, inputs(), []byte("before "))
	c.Put(q, answered(s, hostName(1)), &Leaf{Msg: []byte("another"), Options: []byte("another")})
	if !ok || string(leaf.Msg) != "message" || string(leaf.Options) != "options" {
		t.Errorf("got %q, %q, %v, want copies", leaf.Msg, leaf.Options, ok)
	}
	if c.Stats().Hits != 1 {
		t.Errorf("got %+v, want a hit", c.Stats())
	}
}
