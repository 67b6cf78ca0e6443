package runtime

import (
	"bytes"
	"context"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/namelet/namelet/rr"
)

// asCopy gives the generation as a system has it that cannot map pictures.
func asCopy(t testing.TB, gen *Generation) *Generation {
	t.Helper()
	memory := make([]byte, gen.picture.memory.size)
	if err := gen.picture.memory.readInto(memory); err != nil {
		t.Fatal(err)
	}
	p := *gen.picture
	p.memory = &frozenMemory{size: len(memory), copy: memory}
	other := *gen
	other.picture = &p
	return &other
}

// Mapped or copied, an instance begins with the picture's bytes and goes back to them.
func TestPictureMappedAndCopied(t *testing.T) {
	gen := appsGeneration(t)
	want := asCopy(t, gen).picture.memory.copy
	for name, gen := range map[string]*Generation{"as here": gen, "copied": asCopy(t, gen)} {
		t.Run(name, func(t *testing.T) {
			i := newInstance(t, gen)
			for range 3 {
				if !bytes.Equal(i.guest.mem.bytes, want) {
					t.Fatal("the memory is not that of the picture")
				}
				var a Answer
				if err := i.Answer(question("shop.example.org", rr.TypeA), DefaultFuel, appsHost(), &a); err != nil {
					t.Fatal(err)
				}
				if bytes.Equal(i.guest.mem.bytes, want) {
					t.Fatal("a question left no trace in memory: the test shows nothing")
				}
				i.Reset()
				if err := i.Replace(context.Background()); err != nil {
					t.Fatal(err)
				}
			}
		})
	}
}

// What one instance writes, no other sees.
func TestInstancesShareNothing(t *testing.T) {
	gen := appsGeneration(t)
	one, other := newInstance(t, gen), newInstance(t, gen)
	at := len(one.guest.mem.bytes) - 1
	before := other.guest.mem.bytes[at]
	one.guest.mem.bytes[at] = before + 1
	if diff := cmp.Diff(before, other.guest.mem.bytes[at]); diff != "" {
		t.Errorf("the other's byte, want -, got +:\n%s", diff)
	}
	if got := newInstance(t, gen).guest.mem.bytes[at]; got != before {
		t.Errorf("a new instance's byte is %d, want %d", got, before)
	}
}

// BenchmarkFreshAnswer asks a Go guest from the picture each time, as reset=each does.
func BenchmarkFreshAnswer(b *testing.B) {
	gen := appsGeneration(b)
	for name, gen := range map[string]*Generation{"mapped": gen, "copied": asCopy(b, gen)} {
		b.Run(name, func(b *testing.B) {
			i, h, q := newInstance(b, gen), appsHost(), question("shop.example.org", rr.TypeA)
			var a Answer
			b.ReportAllocs()
			for b.Loop() {
				i.Reset()
				if err := i.Answer(q, DefaultFuel, h, &a); err != nil {
					b.Fatal(err)
				}
			}
		})
	}
}
