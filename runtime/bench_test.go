package runtime

import (
	"context"
	"fmt"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/namelet/namelet/rr"
)

// callbacksInstance runs testdata/callbacks.wat, for a host that has the RRset it looks up.
func callbacksInstance(t testing.TB) (*Instance, *benchHost) {
	i := newInstance(t, prepare(t, compile(t, newEngine(t, Config{}), wat(t, "testdata/callbacks.wat")), GenerationConfig{}))
	h := &benchHost{fakeHost: newHost()}
	h.set = rr.Set{Name: rr.MustParseName("www.example.org"), Type: rr.TypeA, TTL: 300, Data: []rr.Rdata{"\xc0\x00\x02\x07", "\xc0\x00\x02\x08"}}
	return i, h
}

// benchHost gives every lookup the same set, so that a benchmark does not measure it.
type benchHost struct {
	*fakeHost
	set rr.Set
}

func (h *benchHost) Lookup(batch []Lookup) {
	for i := range batch {
		batch[i].Set, batch[i].Status, batch[i].Zone = h.set, 0, h.zone
	}
}

func TestCallbacksAllocateNothing(t *testing.T) {
	i, h := callbacksInstance(t)
	for asks := range 4 {
		q := question(string(rune('a'+asks))+".example.org", rr.TypeA)
		var a Answer
		allocs := testing.AllocsPerRun(100, func() {
			if err := i.Answer(q, DefaultFuel, h, &a); err != nil {
				t.Fatal(err)
			}
		})
		if allocs != 0 {
			t.Errorf("%d callbacks: %v allocations, want 0", asks, allocs)
		}
		if len(i.Trace()) != asks {
			t.Errorf("%d callbacks: %d events", asks, len(i.Trace()))
		}
	}
}

// The handle goes back as four bytes, and the answer has the set.
func TestAnswerByHandle(t *testing.T) {
	i, h := callbacksInstance(t)
	var a Answer
	if err := i.Answer(question("d.example.org", rr.TypeA), DefaultFuel, h, &a); err != nil {
		t.Fatal(err)
	}
	want := []rr.Set{{Name: rr.MustParseName("d.example.org"), Type: rr.TypeA, TTL: 300, Data: h.set.Data}}
	if diff := cmp.Diff(want, a.Sets, cmp.Comparer(rr.Set.Equal)); diff != "" {
		t.Errorf("sets, want -, got +:\n%s", diff)
	}
}

func BenchmarkAnswer(b *testing.B) {
	i, h := callbacksInstance(b)
	for asks := range 4 {
		b.Run(fmt.Sprintf("callbacks=%d", asks), func(b *testing.B) {
			q := question(string(rune('a'+asks))+".example.org", rr.TypeA)
			var a Answer
			b.ReportAllocs()
			for b.Loop() {
				if err := i.Answer(q, DefaultFuel, h, &a); err != nil {
					b.Fatal(err)
				}
			}
			b.ReportMetric(float64(a.Fuel), "units/op")
		})
	}
}

func BenchmarkAnswerRead(b *testing.B) {
	owner := func(n int) string {
		return wire(fmt.Sprintf("%s.%04d.example.org", strings.Repeat("a", 60), n))
	}
	var chain, same []said
	for n := range 200 {
		chain = append(chain, said{5, 0, 30, owner(n), owner(n + 1), 0})
		same = append(same, said{1, 0, 30, "", fmt.Sprintf("%04d", n), 0})
	}
	chain[0].owner = ""
	for name, records := range map[string][]said{
		"usual":       {{5, 0, 30, "", wire("b.example.org"), 0}, {1, 0, 30, wire("b.example.org"), "abcd", 0}},
		"long chain":  chain,
		"large RRset": same,
	} {
		b.Run(name, func(b *testing.B) {
			rules, raw := answerRules(rr.TypeA), encode(1, records...)
			rules.Bytes = 65535
			var a Answer
			b.ReportAllocs()
			for b.Loop() {
				if err := a.Read(raw, rules); err != nil {
					b.Fatal(err)
				}
			}
		})
	}
}

// BenchmarkNewInstance makes a copy of a guest with one page of memory.
func BenchmarkNewInstance(b *testing.B) {
	gen := prepare(b, compile(b, newEngine(b, Config{}), wat(b, "testdata/fixed.wat")), GenerationConfig{})
	b.ReportAllocs()
	for b.Loop() {
		i, err := gen.NewInstance(context.Background())
		if err != nil {
			b.Fatal(err)
		}
		if err := i.Close(context.Background()); err != nil {
			b.Fatal(err)
		}
	}
}
