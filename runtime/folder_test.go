package runtime

import (
	"context"
	"os"
	"path/filepath"
	"testing"

	"github.com/namelet/namelet/rr"
)

// Code comes back whatever became of the folder that it is kept in, and what cannot be
// kept there stays. The engine counts nobody who uses it twice: what is given up goes.
func TestCodeComesBackFromASpoiltFolder(t *testing.T) {
	for _, row := range []struct {
		what  string
		spoil func(t *testing.T, own string)
		kept  bool
	}{
		{"a file that does not read", func(t *testing.T, own string) {
			for _, path := range files(t, own) {
				overwrite(t, path, 400)
			}
		}, true},
		{"a file that ends", func(t *testing.T, own string) {
			for _, path := range files(t, own) {
				if err := os.Truncate(path, 10); err != nil {
					t.Fatal(err)
				}
			}
		}, true},
		{"no folder", func(t *testing.T, own string) {
			if err := os.RemoveAll(filepath.Dir(own)); err != nil {
				t.Fatal(err)
			}
		}, true},
		{"no place", func(t *testing.T, own string) {
			if err := os.RemoveAll(own); err != nil {
				t.Fatal(err)
			}
			if err := os.Symlink("nowhere", own); err != nil {
				t.Fatal(err)
			}
		}, false},
	} {
		t.Run(row.what, func(t *testing.T) {
			ctx, dir := context.Background(), filepath.Join(t.TempDir(), "cache")
			wasm := wat(t, "testdata/fixed.wat")
			e := newEngine(t, Config{CacheDir: dir})
			gen := prepare(t, compile(t, e, wasm), GenerationConfig{})
			if !gen.Module().Unload() {
				t.Fatal("the code did not go")
			}
			row.spoil(t, e.folder.own[0])
			if err := gen.Module().Hold(ctx); err != nil {
				t.Fatalf("the code did not come back: %v", err)
			}
			gen.Module().Release()
			i, err := gen.NewInstance(ctx)
			if err != nil {
				t.Fatal(err)
			}
			var a Answer
			if err := i.Answer(question("www.example.org", rr.TypeA), DefaultFuel, newHost(), &a); err != nil || len(a.Sets) == 0 {
				t.Fatalf("got %v, %v", a.Sets, err)
			}
			if err := i.Close(ctx); err != nil {
				t.Fatal(err)
			}
			if kept := gen.Module().Unload(); kept != row.kept {
				t.Errorf("unloaded: got %v, want %v", kept, row.kept)
			}
			if row.kept && len(files(t, e.folder.own[0])) != 1 {
				t.Error("the code is not kept again")
			}
			// What is pushed then is not refused.
			fresh := compile(t, newEngine(t, Config{CacheDir: t.TempDir()}), wasm)
			row.spoil(t, fresh.engine.folder.own[0])
			if _, err := fresh.engine.Compile(ctx, append(wasm, 0, 2, 1, 'x')); err != nil { // a custom section: the digest is another
				t.Errorf("a new module: %v", err)
			}
		})
	}
}

// files names what is in the engine's folder.
func files(t *testing.T, own string) []string {
	t.Helper()
	all, err := filepath.Glob(filepath.Join(own, "*"))
	if err != nil {
		t.Fatal(err)
	}
	return all
}

// overwrite spoils a file from a place on.
func overwrite(t *testing.T, path string, from int64) {
	t.Helper()
	f, err := os.OpenFile(path, os.O_WRONLY, 0)
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	if _, err := f.WriteAt(make([]byte, 64), from); err != nil {
		t.Fatal(err)
	}
}
