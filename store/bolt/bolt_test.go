package bolt

import (
	"path/filepath"
	"testing"

	"github.com/namelet/namelet/store"
	"github.com/namelet/namelet/store/storetest"
)

func TestStore(t *testing.T) {
	open := func(t *testing.T, path string) store.Driver {
		d, err := Open(path, Options{})
		if err != nil {
			t.Fatal(err)
		}
		return d
	}
	storetest.Run(t, storetest.Backend{
		New:    func(t *testing.T) store.Driver { return open(t, filepath.Join(t.TempDir(), "store.db")) },
		Reopen: func(t *testing.T, closed store.Driver) store.Driver { return open(t, closed.(*Driver).path) },
	})
}

func BenchmarkStore(b *testing.B) {
	storetest.Bench(b, func(b *testing.B) store.Driver {
		d, err := Open(filepath.Join(b.TempDir(), "store.db"), Options{})
		if err != nil {
			b.Fatal(err)
		}
		return d
	})
}
