package replica_test

import (
	"context"
	"fmt"
	"log/slog"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/namelet/namelet/internal/replica"
	"github.com/namelet/namelet/internal/resolve"
	"github.com/namelet/namelet/runtime"
	"github.com/namelet/namelet/store"
	"github.com/namelet/namelet/store/memory"
)

// remote fills a store of others by prepare and follows it through a driver that
// can fail. The rig's store is that of the others.
func remote(t testing.TB, prepare func(*rig)) (*rig, *faulty) {
	t.Helper()
	r, shared := othersStore(t)
	prepare(r)
	f := &faulty{under: shared}
	mine, err := store.New(t.Context(), f, store.Options{})
	if err != nil {
		t.Fatal(err)
	}
	r.follow(replica.Config{Store: mine})
	return r, f
}

// othersStore makes a rig without a replica.
func othersStore(t testing.TB) (*rig, *memory.Driver) {
	t.Helper()
	shared := memory.New()
	s, err := store.New(t.Context(), shared, store.Options{})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { s.Close() })
	return &rig{t: t, store: s, driver: shared}, shared
}

// follow opens a replica and lets it follow until the test ends, or until what is
// returned is called. It closes the config's store then.
func (r *rig) follow(config replica.Config) (end func()) {
	r.t.Helper()
	engine, err := runtime.New(r.t.Context(), runtime.Config{})
	if err != nil {
		r.t.Fatal(err)
	}
	r.resolver = resolve.New(resolve.Config{})
	r.worker = r.resolver.NewWorker()
	config.Engine, config.Resolver, config.Log = engine, r.resolver, slog.New(slog.NewTextHandler(&r.log, nil))
	r.replica, err = replica.Open(r.t.Context(), config)
	if err != nil {
		r.t.Fatal(err)
	}
	ctx, stop := context.WithCancel(context.Background())
	done := make(chan struct{})
	followed, worker, resolver := r.replica, r.worker, r.resolver
	go func() { followed.Follow(ctx); close(done) }()
	ended := false
	end = func() {
		if ended {
			return
		}
		ended = true
		stop()
		<-done
		worker.Close()
		resolver.Close()
		if err := config.Store.Close(); err != nil {
			r.t.Error(err)
		}
		if err := engine.Close(context.Background()); err != nil {
			r.t.Error(err)
		}
	}
	r.t.Cleanup(end)
	return end
}

// recovery is what a replica may take after its store's return.
const recovery = 2 * time.Second

// within waits until ok, and fails the test where that takes longer.
func (r *rig) within(bound time.Duration, what string, ok func() bool) {
	r.t.Helper()
	for deadline := time.Now().Add(bound); !ok(); time.Sleep(2 * time.Millisecond) {
		if time.Now().After(deadline) {
			r.t.Fatalf("not within %v: %s; status %+v", bound, what, r.replica.Status())
		}
	}
}

func (r *rig) inState(state replica.State) func() bool {
	return func() bool { return r.replica.Status().State == state }
}

// logs reports whether the log has a line with text.
func (r *rig) logs(text string) func() bool {
	return func() bool { return strings.Contains(r.log.String(), text) }
}

// logText is a log that can be read while it is written.
type logText struct {
	mu   sync.Mutex
	text strings.Builder
}

func (l *logText) Write(line []byte) (int, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.text.Write(line)
}

func (l *logText) String() string {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.text.String()
}

// says reports whether the answer is want.
func (r *rig) says(qname, want string) func() bool {
	return func() bool { return r.ask(qname) == want }
}

// What others commit is served soon, although nothing wakes the replica.
func TestFollowsOthers(t *testing.T) {
	r, _ := remote(t, func(r *rig) { r.replace(apps, 1, `a 60 IN TXT "one"`+"\n") })
	for i := range 10 {
		text := fmt.Sprintf("v%d", i)
		r.setText("a.apps.example", text)
		r.within(time.Second, text, r.says("a.apps.example", fmt.Sprintf("NOERROR %q", text)))
		time.Sleep(time.Duration(i) * 30 * time.Millisecond)
	}
}

func TestAnIdleReplicaAsksSeldom(t *testing.T) {
	_, f := remote(t, func(r *rig) { r.replace(apps, 1, `a 60 IN TXT "one"`+"\n") })
	time.Sleep(3500 * time.Millisecond) // as long as changes are looked for often, and more
	before := f.count()
	time.Sleep(2 * time.Second)
	// A look at the feed each 200 ms at least, and two rows of meta each 2 s.
	if asked := f.count() - before; asked < 5 || asked > 18 {
		t.Errorf("an idle replica called its store %d times in 2 s, want 5 to 18", asked)
	}
}

// Whatever is wrong with the store, all that was held is answered; what was
// committed meanwhile is served within two seconds of its return.
func TestAnswersWhileTheStoreIsAway(t *testing.T) {
	for _, fault := range []struct {
		name string
		is   func(context.Context) error
	}{{"fails", fails}, {"hangs", hangs}} {
		t.Run(fault.name, func(t *testing.T) {
			t.Parallel()
			r, f := remote(t, func(r *rig) { r.replace(apps, 1, `a 60 IN TXT "one"`+"\n") })
			calm := r.askOften("a.apps.example", "b.apps.example")
			f.set(fault.is)
			r.within(3*time.Second, "away", r.inState(replica.Away))
			r.setText("a.apps.example", "two")
			time.Sleep(2 * time.Second)
			if got, want := r.ask("a.apps.example"), `NOERROR "one"`; got != want {
				t.Errorf("while the store is away: got %q, want %q", got, want)
			}
			if s := r.replica.Status(); s.Why == "" || s.Problems["store"] == "" || s.Errors == 0 || time.Since(s.Caught) < time.Second {
				t.Errorf("while the store is away: status %+v", s)
			}
			f.set(nil)
			r.within(recovery, "what was committed meanwhile", r.says("a.apps.example", `NOERROR "two"`))
			r.within(recovery, "following", r.inState(replica.Following))
			if s := r.replica.Status(); s.Problems["store"] != "" {
				t.Errorf("after the store's return: status %+v", s)
			}
			calm()
		})
	}
}

// askOften asks for names until what it returns is called, which fails the test
// where there was a SERVFAIL.
func (r *rig) askOften(names ...string) (calm func()) {
	worker := r.resolver.NewWorker()
	stop, done := make(chan struct{}), make(chan struct{})
	asker := &rig{t: r.t, worker: worker}
	failed, asked := 0, 0
	go func() {
		defer close(done)
		defer worker.Close()
		for {
			select {
			case <-stop:
				return
			case <-time.After(time.Millisecond):
			}
			for _, n := range names {
				asked++
				if strings.HasPrefix(asker.ask(n), "SERVFAIL") {
					failed++
				}
			}
		}
	}()
	return func() {
		r.t.Helper()
		close(stop)
		<-done
		if failed > 0 || asked == 0 {
			r.t.Errorf("%d of %d questions got SERVFAIL, want none", failed, asked)
		}
	}
}

// A slow store is followed late, and is not taken for one that is away.
func TestFollowsASlowStore(t *testing.T) {
	r, f := remote(t, func(r *rig) { r.replace(apps, 1, `a 60 IN TXT "one"`+"\n") })
	f.set(dawdles)
	r.setText("a.apps.example", "two")
	r.within(2*time.Second, "a change", r.says("a.apps.example", `NOERROR "two"`))
	if s := r.replica.Status(); s.State != replica.Following {
		t.Errorf("status %+v", s)
	}
}

// A zone whose reading is cut off is served as it was, and whole after that.
func TestAZoneCutOffInTheMiddle(t *testing.T) {
	var lines strings.Builder
	for i := range 2000 {
		fmt.Fprintf(&lines, "n%d 60 IN TXT \"new\"\n", i)
	}
	r, f := remote(t, func(r *rig) { r.replace(apps, 1, `a 60 IN TXT "one"`+"\n") })
	var passes atomic.Int64
	f.set(func(context.Context) error {
		if n := passes.Add(1); n > 12 && n < 60 {
			return errAway
		}
		return nil
	})
	r.replace(apps, 2, lines.String())
	r.within(10*time.Second, "the new zone", r.says("n1999.apps.example", `NOERROR "new"`))
	if got := r.ask("a.apps.example"); got != "NXDOMAIN" {
		t.Errorf("a name of the zone before: got %q", got)
	}
}

// A store that is not the one that was followed, or no longer what it was, is not
// served, and the right one is served again when it returns.
func TestRefusesOtherStores(t *testing.T) {
	cases := []struct {
		name string
		make func(*testing.T, *rig) store.Driver
		why  string
	}{
		{"empty", func(*testing.T, *rig) store.Driver { return memory.New() }, "empty"},
		{"foreign", func(t *testing.T, _ *rig) store.Driver {
			other, d := othersStore(t)
			other.replace(apps, 7, `a 60 IN TXT "foreign"`+"\n")
			return d
		}, "the store is "},
		{"older", func(t *testing.T, r *rig) store.Driver { return copyDriver(t, r.driver) }, "older state of itself"},
	}
	for _, c := range cases {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			r, f := remote(t, func(r *rig) { r.replace(apps, 1, `a 60 IN TXT "one"`+"\n") })
			right := f.under
			other := c.make(t, r)
			r.setText("a.apps.example", "two")
			r.within(time.Second, "a change", r.says("a.apps.example", `NOERROR "two"`))
			calm := r.askOften("a.apps.example")
			f.swap(other)
			r.within(4*time.Second, "refused", r.inState(replica.Refused))
			if s := r.replica.Status(); !strings.Contains(s.Why, c.why) {
				t.Errorf("why: got %q, want %q in it", s.Why, c.why)
			}
			time.Sleep(500 * time.Millisecond)
			if got, want := r.ask("a.apps.example"), `NOERROR "two"`; got != want {
				t.Errorf("got %q, want %q", got, want)
			}
			f.swap(right)
			r.setText("a.apps.example", "three")
			r.within(recovery, "the store's return", r.says("a.apps.example", `NOERROR "three"`))
			r.within(time.Second, "a line in the log", r.logs("the store is followed again"))
			calm()
		})
	}
}

// copyDriver copies all tables of a driver, as a restored backup has them.
func copyDriver(t *testing.T, from store.Driver) store.Driver {
	t.Helper()
	v, err := from.View(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	defer v.Close()
	b := &store.Batch{}
	for _, table := range store.Tables() {
		err := v.Scan(t.Context(), table, []store.Range{{From: "", To: strings.Repeat("\xff", 100)}}, func(key, value []byte) error {
			b.Writes = append(b.Writes, store.Write{Table: table, Key: string(key), Value: append([]byte(nil), value...)})
			return nil
		})
		if err != nil {
			t.Fatal(err)
		}
	}
	to := memory.New()
	if err := to.Apply(t.Context(), b); err != nil {
		t.Fatal(err)
	}
	return to
}
