package spanner_test

import (
	"context"
	"errors"
	"fmt"
	"iter"
	"os"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"

	"github.com/namelet/namelet/internal/faultproxy"
	"github.com/namelet/namelet/rr"
	"github.com/namelet/namelet/store"
	"github.com/namelet/namelet/store/spanner"
	"github.com/namelet/namelet/store/spanner/emulator"
)

var ctx = context.Background()

// faults are what the interceptors do to the next calls of a method.
type faults struct {
	method string
	code   codes.Code
	left   atomic.Int32
	after  bool // the call is made, and its reply lost
}

func (f *faults) hits(method string) bool {
	return strings.HasSuffix(method, "/"+f.method) && f.left.Add(-1) >= 0
}

func (f *faults) err() error { return status.Error(f.code, "injected") }

func (f *faults) unary(ctx context.Context, method string, req, reply any, cc *grpc.ClientConn, invoke grpc.UnaryInvoker, opts ...grpc.CallOption) error {
	if !f.hits(method) {
		return invoke(ctx, method, req, reply, cc, opts...)
	}
	if f.after {
		if err := invoke(ctx, method, req, reply, cc, opts...); err != nil {
			return err
		}
	}
	return f.err()
}

func (f *faults) stream(ctx context.Context, desc *grpc.StreamDesc, cc *grpc.ClientConn, method string, open grpc.Streamer, opts ...grpc.CallOption) (grpc.ClientStream, error) {
	hit := f.hits(method)
	if hit && !f.after {
		return nil, f.err()
	}
	s, err := open(ctx, desc, cc, method, opts...)
	if hit && err == nil {
		s = &cutStream{ClientStream: s, err: f.err()}
	}
	return s, err
}

// cutStream fails after its first message.
type cutStream struct {
	grpc.ClientStream
	received int
	err      error
}

func (s *cutStream) RecvMsg(m any) error {
	if s.received++; s.received > 1 {
		return s.err
	}
	return s.ClientStream.RecvMsg(m)
}

var zone = rr.MustParseName("example.org")

func address(owner string, value byte) rr.Set {
	return rr.Set{Name: rr.MustParseName(owner + ".example.org"), Type: rr.TypeA, TTL: 60, Data: []rr.Rdata{rr.Rdata([]byte{192, 0, 2, value})}}
}

// filled makes a Store with a zone of n addresses.
func filled(t *testing.T, database string, o spanner.Options, n int) (*store.Store, *spanner.Driver) {
	t.Helper()
	d, err := spanner.Open(ctx, database, o)
	if err != nil {
		t.Fatal(err)
	}
	st, err := store.New(ctx, d, store.Options{})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { st.Close() })
	name := string(zone.Wire())
	sets := []rr.Set{{Name: zone, Type: rr.TypeSOA, TTL: 60, Data: []rr.Rdata{rr.Rdata(name + name + strings.Repeat("\x00\x00\x00\x01", 5))}}}
	for i := range n {
		sets = append(sets, address(fmt.Sprintf("h%05d", i), byte(i)))
	}
	if _, err := st.CreateZone(ctx, store.ZoneSpec{Name: zone}, store.Sequence(sets)); err != nil {
		t.Fatal(err)
	}
	return st, d
}

// Whatever calls meet, a change that is acknowledged was made once.
func TestFaults(t *testing.T) {
	server := emulator.Start(t)
	tests := []struct {
		name   string
		method string
		code   codes.Code
		times  int32
		after  bool
	}{
		{"unavailable once", "Commit", codes.Unavailable, 1, false},
		{"unavailable often", "Commit", codes.Unavailable, 12, false},
		{"reply lost", "Commit", codes.Unavailable, 1, true},
		{"reply lost, given up", "Commit", codes.DeadlineExceeded, 1, true},
		{"reply lost, as unknown", "Commit", codes.Unknown, 1, true},
		{"deadline exceeded", "Commit", codes.DeadlineExceeded, 2, false},
		{"aborted storm", "Commit", codes.Aborted, 15, false},
		{"resource exhausted", "Commit", codes.ResourceExhausted, 3, false},
		{"reads unavailable", "StreamingRead", codes.Unavailable, 5, false},
		{"reads exhausted", "StreamingRead", codes.ResourceExhausted, 3, false},
		{"streams cut", "StreamingRead", codes.Unavailable, 4, true},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			f := &faults{method: test.method, code: test.code, after: test.after}
			st, _ := filled(t, server.Database(t), spanner.Intercepted(spanner.Options{Endpoint: server.Host}, f.unary, f.stream), 100)
			head, err := st.Head(ctx)
			if err != nil {
				t.Fatal(err)
			}
			const changes = 3
			for i := range changes {
				f.left.Store(test.times)
				res, err := st.Change(ctx, zone, []store.Change{store.Put(address("n", byte(i+1)))}, store.WriteOptions{})
				if err != nil || res.Version != uint64(i)+2 {
					t.Fatalf("change %d: version %d, %v", i, res.Version, err)
				}
				if n := f.left.Load(); n > 0 {
					t.Fatalf("%d faults were not met", n)
				}
			}
			f.left.Store(test.times)
			sum := 0
			err = st.LoadZone(ctx, zone, func(z store.Zone, sets iter.Seq2[rr.Set, error]) error {
				for _, err := range sets {
					if err != nil {
						return err
					}
					sum++
				}
				return nil
			})
			if err != nil || sum != 102 {
				t.Errorf("the zone has %d sets, %v; want 102", sum, err)
			}
			events, _, err := st.Changes(ctx, head, 100)
			if err != nil || len(events) != changes {
				t.Errorf("%d events, %v; want %d", len(events), err, changes)
			}
		})
	}
}

// A store that goes away and comes back has what was acknowledged, once, and is
// followed again within two seconds.
func TestAway(t *testing.T) {
	server := emulator.Start(t)
	if server.Host == "" {
		t.Skip("a proxy needs an emulator")
	}
	for name, mode := range map[string]faultproxy.Mode{"cut": faultproxy.Cut, "silent": faultproxy.Silence, "held": faultproxy.Hold} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			proxy, err := faultproxy.New(server.Host)
			if err != nil {
				t.Fatal(err)
			}
			t.Cleanup(func() { proxy.Close() })
			st, _ := filled(t, server.Database(t), spanner.Options{Endpoint: proxy.Addr()}, 10)
			away(t, st, proxy, mode)
		})
	}
}

// A store that is far away is slow, and works.
func TestFarAway(t *testing.T) {
	server := emulator.Start(t)
	if server.Host == "" {
		t.Skip("a proxy needs an emulator")
	}
	proxy, err := faultproxy.New(server.Host)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { proxy.Close() })
	st, _ := filled(t, server.Database(t), spanner.Options{Endpoint: proxy.Addr()}, 10)
	cursor, err := st.Head(ctx)
	if err != nil {
		t.Fatal(err)
	}
	const oneWay = 100 * time.Millisecond
	proxy.Delay(oneWay)
	began := time.Now()
	if _, err := st.Change(ctx, zone, []store.Change{store.Put(address("far", 1))}, store.WriteOptions{}); err != nil {
		t.Error(err)
	}
	if took := time.Since(began); took < 2*oneWay {
		t.Errorf("a change took %v: nothing was delayed", took)
	}
	events, _, err := st.Changes(ctx, cursor, 10)
	if err != nil || len(events) != 1 {
		t.Errorf("%d events, %v; want that of the change", len(events), err)
	}
}

// awayTime is how long the store is away: NAMELET_SPANNER_AWAY where that is given,
// such as 10m (with -timeout to match).
func awayTime(t *testing.T) time.Duration {
	text := os.Getenv("NAMELET_SPANNER_AWAY")
	if text == "" {
		return 4 * time.Second
	}
	d, err := time.ParseDuration(text)
	if err != nil {
		t.Fatal(err)
	}
	return d
}

func away(t *testing.T, st *store.Store, proxy *faultproxy.Proxy, mode faultproxy.Mode) {
	cursor, err := st.Head(ctx)
	if err != nil {
		t.Fatal(err)
	}
	var acknowledged, unknown atomic.Int64
	done := make(chan struct{})
	var writers sync.WaitGroup
	for w := range 3 {
		writers.Go(func() {
			for i := 0; ; i++ {
				select {
				case <-done:
					return
				default:
				}
				_, err := st.Change(ctx, zone, []store.Change{store.Put(address(fmt.Sprintf("w%d", w), byte(i)))}, store.WriteOptions{})
				switch {
				case err == nil:
					acknowledged.Add(1)
				case errors.Is(err, store.ErrOutcomeUnknown):
					unknown.Add(1)
				case !errors.Is(err, store.ErrUnavailable):
					t.Errorf("change while the store is away: %v", err)
				}
			}
		})
	}
	time.Sleep(300 * time.Millisecond)
	proxy.Set(mode)
	time.Sleep(awayTime(t))
	before := acknowledged.Load()
	proxy.Set(faultproxy.Pass)
	back := time.Now()
	for {
		poll, cancel := context.WithTimeout(ctx, time.Second)
		_, _, err = st.Changes(poll, cursor, 1)
		cancel()
		if err == nil || time.Since(back) > 10*time.Second {
			break
		}
	}
	if took := time.Since(back); err != nil || took > 2*time.Second {
		t.Errorf("the log could be read %v after the return, %v", took, err)
	}
	for acknowledged.Load() == before && time.Since(back) < 20*time.Second {
		time.Sleep(10 * time.Millisecond)
	}
	t.Logf("reads and then writes go on %v after the return; %d changes, %d unknown", time.Since(back), before, unknown.Load())
	close(done)
	writers.Wait()
	z, err := st.Zone(ctx, zone)
	if made := int64(z.Version) - 1; err != nil || made < acknowledged.Load() || made > acknowledged.Load()+unknown.Load() {
		t.Errorf("%d changes were made, %v; %d were acknowledged and %d unknown", made, err, acknowledged.Load(), unknown.Load())
	}
	events := uint64(0)
	for {
		some, next, err := st.Changes(ctx, cursor, 50)
		if err != nil {
			t.Fatal(err)
		}
		if cursor = next; len(some) == 0 {
			break
		}
		for _, e := range some {
			if e.Version != events+2 {
				t.Fatalf("event of version %d after %d events", e.Version, events)
			}
			events++
		}
	}
	if events != z.Version-1 {
		t.Errorf("%d events of %d changes", events, z.Version-1)
	}
}

func TestOpenRefusals(t *testing.T) {
	server := emulator.Start(t)
	open := func(name, endpoint string) error {
		d, err := spanner.Open(ctx, name, spanner.Options{Endpoint: endpoint})
		if err == nil {
			d.Close()
		}
		return err
	}
	wants := func(what string, err, want error, hint string) {
		t.Helper()
		if !errors.Is(err, want) || !strings.Contains(fmt.Sprint(err), hint) {
			t.Errorf("%s: got error %v, want %v with %q", what, err, want, hint)
		}
	}
	database := server.Database(t)
	wants("no such database", open(server.Name(), server.Host), store.ErrForeign, "store migrate --create")
	wants("no name", open("db", server.Host), store.ErrInvalid, "projects/P")
	if server.Host != "" {
		proxy, err := faultproxy.New(server.Host)
		if err != nil {
			t.Fatal(err)
		}
		defer proxy.Close()
		proxy.Set(faultproxy.Cut)
		wants("gone at the start", open(database, proxy.Addr()), store.ErrUnavailable, "cannot be reached")
		proxy.Set(faultproxy.Pass)
		wants("back", open(database, proxy.Addr()), nil, "")
		proxy.Set(faultproxy.Silence)
		for _, create := range []bool{false, true} {
			o := spanner.Impatient(spanner.MigrateOptions{Endpoint: proxy.Addr(), Create: create}, 200*time.Millisecond)
			_, err := spanner.Migrate(ctx, database, o)
			wants("a migration of what is silent", err, store.ErrUnavailable, "cannot be reached: no reply")
		}
	}
	for _, test := range []struct {
		change int
		hint   string
	}{{+1, "run a newer responder"}, {-1, "responder store migrate"}} {
		name := server.Database(t)
		spanner.SetVersion(t, name, server.Host, spanner.SchemaVersion()+test.change)
		wants(fmt.Sprintf("schema %+d", test.change), open(name, server.Host), store.ErrSchema, test.hint)
		_, err := spanner.Migrate(ctx, name, spanner.MigrateOptions{Endpoint: server.Host})
		if test.change > 0 {
			wants("migration of a newer schema", err, store.ErrSchema, test.hint)
			continue
		}
		wants("migration", err, nil, "")
		wants("after the migration", open(name, server.Host), nil, "")
	}
}

// A database that another took the place of is not taken for it.
func TestReplacedDatabase(t *testing.T) {
	server := emulator.Start(t)
	database := server.Database(t)
	st, _ := filled(t, database, spanner.Options{Endpoint: server.Host}, 1)
	cursor, err := st.Head(ctx)
	if err != nil {
		t.Fatal(err)
	}
	if err := server.Drop(ctx, database); err != nil {
		t.Fatal(err)
	}
	if _, _, err := st.Changes(ctx, cursor, 1); !errors.Is(err, store.ErrForeign) {
		t.Errorf("a database that was dropped: got error %v", err)
	}
	if _, err := spanner.Migrate(ctx, database, spanner.MigrateOptions{Endpoint: server.Host, Create: true}); err != nil {
		t.Fatal(err)
	}
	if _, _, err := st.Changes(ctx, cursor, 1); !errors.Is(err, store.ErrForeign) {
		t.Errorf("a database in its place: got error %v", err)
	}
	if _, err := st.Change(ctx, zone, []store.Change{store.Put(address("n", 1))}, store.WriteOptions{}); !errors.Is(err, store.ErrForeign) {
		t.Errorf("a change of a database in its place: got error %v", err)
	}
}
