package cache

import "testing"

// To foresee changes nothing, whatever is foreseen.
func TestForesee(t *testing.T) {
	w := load(t, 100, kinds[0].asked)
	hashes := []uint32{0, 1, 1 << 31, 0xffffffff}
	for i := range w.questions {
		hashes = append(hashes, w.cache.Hash(&w.questions[i], 0))
	}
	for n := range hashes {
		w.cache.Foresee(hashes[:n])
	}
	for i := range w.questions {
		if leaf, ok := w.cache.Get(&w.questions[i], &w.inputs); !ok || string(leaf.Msg) != string(w.leaf.Msg) {
			t.Fatalf("question %d: got %q, %v", i, leaf.Msg, ok)
		}
	}
	if allocs := testing.AllocsPerRun(10, func() { w.cache.Foresee(hashes) }); allocs != 0 {
		t.Errorf("got %v allocations, want none", allocs)
	}
}

// BenchmarkForeseen is BenchmarkHit over a million names, for as many questions at
// a time as the server receives.
func BenchmarkForeseen(b *testing.B) {
	if testing.Short() {
		b.Skip("a million names take half a gigabyte")
	}
	w := load(b, 1_000_000, kinds[0].asked)
	hashes := make([]uint32, foreseen)
	b.ReportAllocs()
	at := 0
	for b.Loop() {
		if at%foreseen == 0 {
			for k := range hashes {
				hashes[k] = w.cache.Hash(&w.questions[(at+k)*7919%len(w.questions)], 0)
			}
			w.cache.Foresee(hashes)
		}
		if _, ok := w.cache.Get(&w.questions[at*7919%len(w.questions)], &w.inputs); !ok {
			b.Fatal("no hit")
		}
		at++
	}
}
