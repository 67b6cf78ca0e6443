package runtime

import (
	"bytes"
	"context"
	"fmt"
	"math/rand/v2"
	goruntime "runtime"
	"testing"
	"time"
	"weak"

	"github.com/google/go-cmp/cmp"

	"github.com/namelet/namelet/rr"
)

// contents gives the memory of a picture.
func contents(t testing.TB, f *frozenMemory) []byte {
	t.Helper()
	memory := make([]byte, f.size)
	if err := f.readInto(memory); err != nil {
		t.Fatal(err)
	}
	return memory
}

// Whatever two memories have, the second is got back from the first and what differs.
func TestDifferences(t *testing.T) {
	e := newEngine(t, Config{Interpreter: true})
	random := rand.New(rand.NewPCG(1, 2))
	for range 300 {
		base := make([]byte, 16*sparsePage)
		for range random.IntN(12) {
			base[random.IntN(len(base))] = byte(random.Uint32())
		}
		next := bytes.Clone(base)
		for range random.IntN(8) {
			at := random.IntN(len(next))
			clear(next[at:min(len(next), at+random.IntN(2)*sparsePage)])
			next[at] = byte(random.Uint32())
		}
		m := &Module{engine: e, bases: map[int]weak.Pointer[frozenMemory]{}}
		first, second := m.freeze(base), m.freeze(next)
		if !bytes.Equal(contents(t, second), next) || !bytes.Equal(contents(t, first), base) {
			t.Fatal("a memory is not got back")
		}
		for _, heap := range []bool{false, true} {
			view := *second
			if heap && view.delta.spilt != nil {
				pages, err := view.delta.spilt.read()
				if err != nil {
					t.Fatal(err)
				}
				view.delta = delta{runs: view.delta.runs, heap: pages}
			}
			mapped := linearMemory{limit: uint64(len(next))}
			mapped.Allocate(0, 0)
			mapped.Reallocate(uint64(len(next)))
			for range 2 {
				if err := mapped.adopt(&view); err != nil {
					t.Fatal(err)
				}
				for range 3 {
					if !bytes.Equal(mapped.bytes, next) {
						t.Fatal("an instance does not begin with its picture")
					}
					for range random.IntN(10) {
						mapped.bytes[random.IntN(len(next))]++
					}
					if err := mapped.restore(&view); err != nil {
						t.Fatal(err)
					}
				}
			}
			mapped.Free()
		}
		goruntime.KeepAlive(first)
	}
}

// Generations of one module that share a picture are as those are that have their own.
func TestSharedPictures(t *testing.T) {
	if testing.Short() {
		t.Skip("a Go guest takes long to compile with the race detector, and no goroutines of ours meet here")
	}
	module := goGuest(t, "weighted")
	cache := Config{CacheDir: t.TempDir()}
	shared := compile(t, newEngine(t, cache), module)
	var kept []*Generation
	alone, all := int64(0), int64(0)
	for n := range 3 {
		values := map[string]string{"blue.example": fmt.Sprint(1 + n*n*1000), fmt.Sprint("green", n, ".example"): "2"}
		mine := compile(t, newEngine(t, cache), module)
		want, got := prepare(t, mine, GenerationConfig{Values: values}), prepare(t, shared, GenerationConfig{Values: values})
		kept = append(kept, got, want)
		alone += mine.engine.PictureBytes()
		all = shared.engine.PictureBytes()
		if !bytes.Equal(contents(t, got.picture.memory), contents(t, want.picture.memory)) {
			t.Errorf("%v: the memories differ", values)
		}
		if diff := cmp.Diff(want.picture.globals, got.picture.globals); diff != "" {
			t.Errorf("%v: globals, want -, got +:\n%s", values, diff)
		}
		one, other := newInstance(t, got), newInstance(t, want)
		for k := range 20 {
			q := question(fmt.Sprintf("shop%d.example.org", k%3), rr.TypeA)
			var a, b Answer
			if err := one.Answer(q, DefaultFuel, appsHost(), &a); err != nil {
				t.Fatal(err)
			}
			if err := other.Answer(q, DefaultFuel, appsHost(), &b); err != nil {
				t.Fatal(err)
			}
			if diff := cmp.Diff(b.Sets, a.Sets, cmp.Comparer(rr.Set.Equal)); diff != "" || a.Fuel != b.Fuel {
				t.Errorf("answers, want -, got +:\n%s\nfuel: want %d, got %d", diff, b.Fuel, a.Fuel)
			}
			if k%5 == 4 {
				one.Reset()
				other.Reset()
			}
		}
	}
	t.Logf("pictures: %d KiB alone, %d KiB shared", alone>>10, all>>10)
	if 2*all > alone {
		t.Errorf("pictures take %d bytes, alone %d: want less than half", all, alone)
	}
	goruntime.KeepAlive(kept)
}

// What a picture takes is given back with its last generation, and the base with the last that shares it.
func TestPicturesAreGivenBack(t *testing.T) {
	if testing.Short() {
		t.Skip("a Go guest takes long to compile with the race detector, and no goroutines of ours meet here")
	}
	m := compile(t, newEngine(t, Config{}), goGuest(t, "weighted"))
	first := prepare(t, m, GenerationConfig{Values: map[string]string{"blue.example": "7"}})
	base := m.engine.PictureBytes()
	second := prepare(t, m, GenerationConfig{Values: map[string]string{"blue.example": "7", "green.example": "2"}})
	want := contents(t, second.picture.memory)
	goruntime.KeepAlive(first)
	first = nil
	goruntime.GC()
	if got := m.engine.PictureBytes(); got <= base {
		t.Errorf("%d bytes are held, the base alone has %d and is in use", got, base)
	}
	i, err := second.NewInstance(context.Background())
	if err != nil {
		t.Fatal(err)
	}
	if !bytes.Equal(i.guest.mem.bytes, want) {
		t.Error("the memory is not that of the picture, once the first generation is gone")
	}
	if err := i.Close(context.Background()); err != nil {
		t.Fatal(err)
	}
	i, second = nil, nil
	for range 100 {
		if goruntime.GC(); m.engine.PictureBytes() == 0 {
			return
		}
		time.Sleep(10 * time.Millisecond) // clean-ups run beside
	}
	t.Errorf("%d bytes are held by nobody", m.engine.PictureBytes())
}
