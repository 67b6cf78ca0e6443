package replica_test

import (
	"context"
	"errors"
	"log/slog"
	"path/filepath"
	"testing"
	"time"

	"github.com/namelet/namelet/internal/mirror"
	"github.com/namelet/namelet/internal/replica"
	"github.com/namelet/namelet/store"
	"github.com/namelet/namelet/store/memory"
)

// mirrored is a rig whose replica has a mirror and can be started again.
type mirrored struct {
	*rig
	faulty *faulty
	mine   *store.Store // the replica's
	path   string
	end    func()
}

func withMirror(t *testing.T, prepare func(*rig)) *mirrored {
	t.Helper()
	r, shared := othersStore(t)
	prepare(r)
	m := &mirrored{rig: r, faulty: &faulty{under: shared}, path: filepath.Join(t.TempDir(), "mirror.db")}
	m.start()
	return m
}

// start starts a process: over the store's identity where the mirror knows one.
func (m *mirrored) start() {
	m.t.Helper()
	mir, err := mirror.Open(m.path, slog.New(slog.DiscardHandler))
	if err != nil {
		m.t.Fatal(err)
	}
	content, err := mir.Load(m.t.Context())
	if err != nil {
		m.t.Fatal(err)
	}
	var mine *store.Store
	if content == nil {
		mine, err = store.New(m.t.Context(), m.faulty, store.Options{})
	} else {
		deferred := store.NewDeferred(store.Capabilities{}, func(ctx context.Context) (store.Driver, error) {
			if _, err := m.faulty.pass(ctx); err != nil {
				return nil, err
			}
			return m.faulty, nil
		})
		mine, err = store.New(m.t.Context(), deferred, store.Options{Identity: content.Standing.Identity})
	}
	if err != nil {
		m.t.Fatal(err)
	}
	m.mine = mine
	stop := m.follow(replica.Config{Store: mine, Mirror: mir, Content: content})
	ctx, endMirror := context.WithCancel(context.Background())
	done := make(chan struct{})
	go func() { mir.Run(ctx); close(done) }()
	ended := false
	m.end = func() {
		if ended {
			return
		}
		ended = true
		stop()
		endMirror()
		<-done
		if err := mir.Close(); err != nil {
			m.t.Error(err)
		}
	}
	m.t.Cleanup(m.end)
}

func (m *mirrored) restart() {
	m.t.Helper()
	m.end()
	m.start()
}

// A process that starts while its store is away serves what the one before served,
// guests too, and is in step soon after the store's return.
func TestStartsFromTheMirror(t *testing.T) {
	for _, fault := range []struct {
		name string
		is   func(context.Context) error
	}{{"fails", fails}, {"hangs", hangs}} {
		t.Run(fault.name, func(t *testing.T) {
			t.Parallel()
			m := withMirror(t, func(r *rig) {
				r.replace(apps, 1, `a 60 IN TXT "one"`+"\n"+`g 60 IN TXT "static"`+"\n")
				r.push("letter", "x")
				r.attach(store.Attachment{Zone: apps.Name, At: name("g.apps.example"), Guest: "letter"})
				r.replace(store.ZoneSpec{Name: name("gone.example")}, 1, "")
			})
			m.setText("b.apps.example", "two")
			m.within(time.Second, "a change", m.says("b.apps.example", `NOERROR "two"`))
			if err := m.store.DeleteZone(t.Context(), name("gone.example"), store.WriteOptions{}); err != nil {
				t.Fatal(err)
			}
			m.within(time.Second, "a deletion", m.says("a.gone.example", "REFUSED [not served here]"))
			m.faulty.set(fault.is)
			m.restart()
			for qname, want := range map[string]string{
				"a.apps.example": `NOERROR "one"`, "b.apps.example": `NOERROR "two"`, "g.apps.example": `NOERROR "x"`,
				"c.apps.example": "NXDOMAIN", "a.gone.example": "REFUSED [not served here]",
			} {
				if got := m.ask(qname); got != want {
					t.Errorf("%s from the mirror: got %q, want %q", qname, got, want)
				}
			}
			s := m.replica.Status()
			if !s.Mirrored || s.State != replica.Away || s.Why == "" || s.Caught.IsZero() {
				t.Errorf("status %+v", s)
			}
			m.setText("b.apps.example", "three")
			calm := m.askOften("a.apps.example", "b.apps.example", "g.apps.example")
			m.faulty.set(nil)
			m.within(recovery, "a change made meanwhile", m.says("b.apps.example", `NOERROR "three"`))
			m.within(recovery, "following", m.inState(replica.Following))
			if s := m.replica.Status(); s.Mirrored {
				t.Errorf("status %+v", s)
			}
			calm()
			// What was caught up with is in the mirror.
			m.faulty.set(fault.is)
			m.restart()
			if got, want := m.ask("b.apps.example"), `NOERROR "three"`; got != want {
				t.Errorf("from the mirror, the second time: got %q, want %q", got, want)
			}
		})
	}
}

// A store that is not the mirror's is not served, and is not written to.
func TestStartsBesideAnotherStore(t *testing.T) {
	m := withMirror(t, func(r *rig) { r.replace(apps, 1, `a 60 IN TXT "one"`+"\n") })
	m.within(time.Second, "following", m.inState(replica.Following))
	right, older := m.faulty.under, copyDriver(t, m.driver)
	m.setText("a.apps.example", "two")
	m.within(time.Second, "a change", m.says("a.apps.example", `NOERROR "two"`))
	foreign, foreignDriver := othersStore(t)
	foreign.replace(apps, 7, `a 60 IN TXT "foreign"`+"\n")
	for what, other := range map[string]store.Driver{"empty": memory.New(), "foreign": foreignDriver, "older": older} {
		m.faulty.swap(other)
		m.restart()
		if got, want := m.ask("a.apps.example"), `NOERROR "two"`; got != want {
			t.Errorf("beside a store that is %s: got %q, want %q", what, got, want)
		}
		if s := m.replica.Status(); s.State != replica.Refused || !s.Mirrored {
			t.Errorf("beside a store that is %s: status %+v", what, s)
		}
		if what == "older" {
			continue
		}
		if err := m.tryWrite(); !errors.Is(err, store.ErrForeign) {
			t.Errorf("a write to a store that is %s: got %v, want ErrForeign", what, err)
		}
	}
	m.faulty.swap(right)
	m.setText("a.apps.example", "three")
	m.within(recovery, "the right store", m.says("a.apps.example", `NOERROR "three"`))
}

// tryWrite writes through the replica's own store.
func (m *mirrored) tryWrite() error {
	set := txtSet("w.apps.example", "w")
	_, err := m.mine.Change(m.t.Context(), apps.Name, []store.Change{store.Put(set)}, store.WriteOptions{})
	return err
}
