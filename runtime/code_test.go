package runtime

import (
	"context"
	"errors"
	"os"
	"path/filepath"
	goruntime "runtime"
	"sync"
	"testing"
	"time"

	"github.com/namelet/namelet/rr"
)

// unloadable gives a generation whose module's code can go.
func unloadable(t testing.TB, wasm []byte) *Generation {
	t.Helper()
	return prepare(t, compile(t, newEngine(t, Config{CacheDir: t.TempDir()}), wasm), GenerationConfig{})
}

// Code goes while nobody uses it, and only then; an instance made after it came back answers as before.
func TestCodeGoesAndComesBack(t *testing.T) {
	ctx := context.Background()
	gen := unloadable(t, wat(t, "testdata/fixed.wat"))
	m := gen.Module()
	for range 3 {
		i, err := gen.NewInstance(ctx)
		if err != nil {
			t.Fatal(err)
		}
		if m.Unload() {
			t.Fatal("code went from under an instance")
		}
		var a Answer
		if err := i.Answer(question("www.example.org", rr.TypeA), DefaultFuel, newHost(), &a); err != nil || len(a.Sets) == 0 {
			t.Fatalf("got %v, %v", a.Sets, err)
		}
		i.Reset()
		i.Reset()
		for range 2 { // a second Close does nothing
			if err := i.Close(ctx); err != nil {
				t.Fatal(err)
			}
		}
		if !m.Unload() || m.Unload() || m.TryHold() || m.InUse() {
			t.Fatal("code that nobody uses did not go, or went twice")
		}
		if _, err := gen.NewInstance(ctx); !errors.Is(err, ErrNotLoaded) {
			t.Fatalf("an instance without code: got %v, want ErrNotLoaded", err)
		}
		if err := m.Hold(ctx); err != nil {
			t.Fatal(err)
		}
		if m.Unload() {
			t.Fatal("code went that is held")
		}
		m.Release()
	}
	if !m.Unload() {
		t.Fatal("code did not go")
	}
	prepare(t, m, GenerationConfig{}) // loads it
	if !m.TryHold() {
		t.Error("a generation was prepared without code")
	}
}

// Code that could not come back stays.
func TestCodeStaysWithoutCache(t *testing.T) {
	if compile(t, newEngine(t, Config{}), wat(t, "testdata/fixed.wat")).Unload() {
		t.Error("code went that would have to be compiled again")
	}
}

// Instances are made, asked and closed while somebody else unloads the code as often as can be.
func TestCodeGoesBesideCalls(t *testing.T) {
	ctx := context.Background()
	gen := unloadable(t, wat(t, "testdata/fixed.wat"))
	m := gen.Module()
	want := func() int {
		i := newInstance(t, gen)
		defer i.Close(ctx)
		var a Answer
		if err := i.Answer(question("www.example.org", rr.TypeA), DefaultFuel, newHost(), &a); err != nil {
			t.Fatal(err)
		}
		return len(a.Sets)
	}()
	var askers, unloader sync.WaitGroup
	stop := make(chan struct{})
	unloader.Go(func() {
		for {
			select {
			case <-stop:
				return
			default:
				m.Unload()
				goruntime.Gosched()
			}
		}
	})
	for range 4 {
		askers.Go(func() {
			for range 100 {
				if err := m.Hold(ctx); err != nil {
					t.Error(err)
					return
				}
				i, err := gen.NewInstance(ctx)
				m.Release()
				if err != nil {
					t.Error(err)
					return
				}
				var a Answer
				if err := i.Answer(question("www.example.org", rr.TypeA), DefaultFuel, newHost(), &a); err != nil || len(a.Sets) != want {
					t.Errorf("got %v, %v; want %d sets", a.Sets, err, want)
				}
				if err := i.Close(ctx); err != nil {
					t.Error(err)
				}
				m.Unload()
			}
		})
	}
	askers.Wait()
	close(stop)
	unloader.Wait()
	if m.InUse() || m.Unload() {
		t.Error("code is there after the last user has let it go")
	}
}

// Where what is kept was lost the error says so, and is told to all who wait; nothing is held then.
func TestCodeThatCannotComeBack(t *testing.T) {
	ctx := context.Background()
	gen := unloadable(t, wat(t, "testdata/fixed.wat"))
	m := gen.Module()
	if !m.Unload() {
		t.Fatal("code did not go")
	}
	kept := m.code.kept
	if _, err := kept.spill.file.WriteAt([]byte{0xff}, kept.at+9); err != nil {
		t.Fatal(err)
	}
	var all sync.WaitGroup
	for range 4 {
		all.Go(func() {
			if err := m.Hold(ctx); !errors.Is(err, errSpoilt) {
				t.Errorf("got %v, want errSpoilt", err)
			}
		})
	}
	all.Wait()
	if m.TryHold() {
		t.Error("spoilt code is loaded")
	}
	m.code.kept = nil // as if it stayed: a module that is closed says so
	if err := m.Close(ctx); err != nil {
		t.Fatal(err)
	}
	if err := m.Hold(ctx); !errors.Is(err, errClosed) {
		t.Errorf("got %v, want errClosed", err)
	}
}

// The file that modules are kept in has no name, and their places in it are given back.
func TestModulesLeaveNoFile(t *testing.T) {
	dir := t.TempDir()
	e := newEngine(t, Config{CacheDir: dir})
	if left, err := filepath.Glob(filepath.Join(dir, "*.tmp")); err != nil || len(left) != 0 {
		t.Errorf("left %v, %v", left, err)
	}
	content := make([]byte, 3*sparsePage+5)
	content[len(content)-1] = 7
	kept, err := e.modules.put(content)
	if err != nil {
		t.Fatal(err)
	}
	if got, err := kept.read(); err != nil || len(got) != len(content) || got[len(got)-1] != 7 {
		t.Errorf("got %d bytes, %v", len(got), err)
	}
	e.modules.file.Close()
	if _, err := kept.read(); !errors.Is(err, os.ErrClosed) {
		t.Errorf("got %v, want os.ErrClosed", err)
	}
	e.modules = nil
}

// Code that was given up does not pile up beyond what is said.
func TestUnloadedCodeIsCollected(t *testing.T) {
	if testing.Short() {
		t.Skip("a Go guest takes long to compile with the race detector, and no goroutines of ours meet here")
	}
	ctx := context.Background()
	gen := unloadable(t, goGuest(t, "apps"))
	m := gen.Module()
	most := int64(0)
	for range 2 * mostUnloaded / m.CodeBytes() {
		if !m.Unload() {
			t.Fatal("code did not go")
		}
		most = max(most, m.engine.UnloadedBytes())
		if err := m.Hold(ctx); err != nil {
			t.Fatal(err)
		}
		m.Release()
	}
	if most > mostUnloaded+2*m.CodeBytes() {
		t.Errorf("%d bytes waited to be collected", most)
	}
	if !m.Unload() {
		t.Fatal("code did not go")
	}
	for range 100 {
		if goruntime.GC(); m.engine.UnloadedBytes() == 0 {
			return
		}
		time.Sleep(10 * time.Millisecond) // finalizers run beside
	}
	t.Errorf("%d bytes are held by nobody", m.engine.UnloadedBytes())
}

// BenchmarkAfterEviction makes the first answer of a Go guest whose instance, or code too, was evicted.
func BenchmarkAfterEviction(b *testing.B) {
	ctx := context.Background()
	for _, code := range []bool{false, true} {
		b.Run(map[bool]string{false: "instance", true: "code"}[code], func(b *testing.B) {
			gen := unloadable(b, goGuest(b, "apps"))
			m, h, q := gen.Module(), appsHost(), question("shop.example.org", rr.TypeA)
			for b.Loop() {
				if code {
					m.Unload()
				}
				if err := m.Hold(ctx); err != nil {
					b.Fatal(err)
				}
				i, err := gen.NewInstance(ctx)
				m.Release()
				if err != nil {
					b.Fatal(err)
				}
				var a Answer
				if err := i.Answer(q, DefaultFuel, h, &a); err != nil {
					b.Fatal(err)
				}
				if err := i.Close(ctx); err != nil {
					b.Fatal(err)
				}
			}
		})
	}
}
