package replica_test

import (
	"context"
	"os"
	"strconv"
	"testing"
	"time"

	"github.com/namelet/namelet/internal/replica"
	"github.com/namelet/namelet/store"
	"github.com/namelet/namelet/store/spanner"
	"github.com/namelet/namelet/store/spanner/emulator"
)

// database makes a database, and returns what opens it.
func database(t *testing.T) (*emulator.Server, func() store.Driver) {
	t.Helper()
	server := emulator.Start(t)
	name := server.Database(t)
	return server, func() store.Driver {
		t.Helper()
		d, err := spanner.Open(context.Background(), name, spanner.Options{Endpoint: server.Host})
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() { d.Close() })
		return d
	}
}

// TestModelOverSpanner is TestModel with a store that is shared indeed.
func TestModelOverSpanner(t *testing.T) {
	operations := 240
	if n, err := strconv.Atoi(os.Getenv(operationsEnv)); err == nil {
		operations = n / 20
	}
	_, open := database(t)
	checkModel(t, nil, func(store.Driver) store.Driver { return open() }, operations)
}

// A Spanner that answers nothing changes nothing of what is answered, also for a
// process that starts then, and is followed again soon after.
func TestSpannerThatIsFrozen(t *testing.T) {
	server, open := database(t)
	s, err := store.New(t.Context(), open(), store.Options{})
	if err != nil {
		t.Fatal(err)
	}
	r := &rig{t: t, store: s}
	t.Cleanup(func() { s.Close() })
	r.replace(apps, 1, `a 60 IN TXT "one"`+"\n")
	m := &mirrored{rig: r, faulty: &faulty{under: open()}, path: t.TempDir() + "/mirror.db"}
	m.start()
	m.setText("a.apps.example", "two")
	m.within(time.Second, "a change", m.says("a.apps.example", `NOERROR "two"`))
	calm := m.askOften("a.apps.example")
	server.Freeze(t)
	m.within(5*time.Second, "away", m.inState(replica.Away))
	time.Sleep(3 * time.Second)
	calm()
	m.restart()
	if got, want := m.ask("a.apps.example"), `NOERROR "two"`; got != want {
		t.Errorf("started while it is frozen: got %q, want %q", got, want)
	}
	calm = m.askOften("a.apps.example")
	server.Thaw(t)
	m.within(recovery, "following", m.inState(replica.Following))
	m.setText("a.apps.example", "three")
	m.within(time.Second, "a change", m.says("a.apps.example", `NOERROR "three"`))
	calm()
}
