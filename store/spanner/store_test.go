package spanner_test

import (
	"context"
	"testing"

	"github.com/namelet/namelet/store"
	"github.com/namelet/namelet/store/spanner"
	"github.com/namelet/namelet/store/spanner/emulator"
	"github.com/namelet/namelet/store/storetest"
)

func TestStore(t *testing.T) {
	server := emulator.Start(t)
	names := map[store.Driver]string{}
	open := func(t *testing.T, name string) store.Driver {
		d, err := spanner.Open(context.Background(), name, spanner.Options{Endpoint: server.Host})
		if err != nil {
			t.Fatal(err)
		}
		names[d] = name
		return d
	}
	storetest.Run(t, storetest.Backend{
		New:    func(t *testing.T) store.Driver { return open(t, server.Database(t)) },
		Reopen: func(t *testing.T, closed store.Driver) store.Driver { return open(t, names[closed]) },
	})
}
