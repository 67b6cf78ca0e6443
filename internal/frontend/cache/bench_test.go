package cache

import (
	"fmt"
	"net/netip"
	"testing"

	"github.com/namelet/namelet/internal/resolve"
	"github.com/namelet/namelet/rr"
)

// workload is a filled cache with questions and inputs that hit.
type workload struct {
	cache     *Cache
	questions []Question
	inputs    Inputs
	trace     []*resolve.Trace
	leaf      *Leaf
}

// load fills a cache with the names of a zone, whose guests asked for some input.
func load(tb testing.TB, names int, asked func(trace *resolve.Trace, put func())) *workload {
	tb.Helper()
	s := zoneOf(tb, names)
	w := &workload{cache: New(Config{Bytes: max(64<<20, names*600)}), inputs: *inputs(), leaf: message("an answer")}
	for i := range names {
		q := *question(hostName(i))
		trace := answered(s, hostName(i))
		w.questions, w.trace = append(w.questions, q), append(w.trace, trace)
		asked(trace, func() { w.cache.Put(&q, trace, w.leaf) })
	}
	return w
}

var kinds = []struct {
	name  string
	names int
	asked func(trace *resolve.Trace, put func())
}{
	{"static", 10_000, func(_ *resolve.Trace, put func()) { put() }},
	{"static-1M", 1_000_000, func(_ *resolve.Trace, put func()) { put() }},
	{"client24", 10_000, func(t *resolve.Trace, put func()) {
		t.Inputs = []resolve.Input{{Kind: resolve.InputClient, V4: 24, V6: 56, Prefix: netip.MustParsePrefix("192.0.2.0/24")}}
		put()
	}},
	{"pick100", 1_000, func(t *resolve.Trace, put func()) {
		for i := range 100 {
			t.Inputs = []resolve.Input{{Kind: resolve.InputPick, Arg: 100, Value: int64(i)}}
			put()
		}
	}},
}

func BenchmarkHit(b *testing.B) {
	for _, k := range kinds {
		b.Run(k.name, func(b *testing.B) {
			if testing.Short() && k.names > 100_000 {
				b.Skip("a million names take half a gigabyte")
			}
			w := load(b, k.names, k.asked)
			b.ReportAllocs()
			hits, at := 0, uint32(1)
			for b.Loop() {
				at = at*1664525 + 1013904223
				w.inputs.Seed++
				if _, ok := w.cache.Get(&w.questions[int(at>>8)%len(w.questions)], &w.inputs); ok {
					hits++
				}
			}
			if hits*100 < b.N*99 {
				b.Fatalf("%d hits of %d", hits, b.N)
			}
		})
	}
}

func BenchmarkMissAndPut(b *testing.B) {
	w := load(b, 10_000, func(_ *resolve.Trace, put func()) { put() })
	q := Question{Type: rr.TypeA}
	names := make([][]byte, 1<<16)
	for i := range names {
		names[i] = name(fmt.Sprintf("flood%d.example.", i)).AppendLower(nil)
	}
	trace := *w.trace[0]
	trace.Known = false
	b.ReportAllocs()
	i := 0
	for b.Loop() {
		q.Name = names[i%len(names)]
		q.Type = rr.Type(1 + i/len(names)%1000)
		i++
		if _, ok := w.cache.Get(&q, &w.inputs); !ok {
			w.cache.Put(&q, &trace, w.leaf)
		}
	}
}

func TestHitsAndPutsAllocateNothing(t *testing.T) {
	for _, k := range kinds {
		if k.names > 100_000 {
			continue
		}
		t.Run(k.name, func(t *testing.T) {
			w := load(t, 100, k.asked)
			i := 0
			if got := testing.AllocsPerRun(1000, func() {
				i++
				w.inputs.Seed++
				if _, ok := w.cache.Get(&w.questions[i%100], &w.inputs); !ok {
					t.Fatal("a miss")
				}
			}); got != 0 {
				t.Errorf("a hit: got %v allocations, want 0", got)
			}
			if got := testing.AllocsPerRun(1000, func() {
				i++
				w.cache.Put(&w.questions[i%100], w.trace[i%100], w.leaf)
			}); got != 0 {
				t.Errorf("a put: got %v allocations, want 0", got)
			}
		})
	}
}
