package frontend

import (
	"context"
	"encoding/binary"
	"fmt"
	"math/rand/v2"
	"net"
	"slices"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/miekg/dns"

	"github.com/namelet/namelet/internal/authority"
	"github.com/namelet/namelet/internal/resolve"
	"github.com/namelet/namelet/rr"
)

// resolving makes Workers of a resolver.
type resolving struct{ *resolve.Resolver }

func (r resolving) NewWorker() Worker     { return r.Resolver.NewWorker() }
func (r resolving) NewSlowWorker() Worker { return r.Resolver.NewSlowWorker() }

// changing is a zone whose names have the version that last changed them as
// their address.
type changing struct {
	resolver *resolve.Resolver
	snapshot *authority.Snapshot
	version  uint64
	names    []rr.Name
	begun    []atomic.Uint64 // version that a name is about to have
	ended    []atomic.Uint64 // version that a name has: nobody may be told an older one
}

// hot is how many of the names are asked for, and changed, all the time.
const hot = 50

// changingTTL is that of a record that carries a version.
const changingTTL = 60

func newChanging(t testing.TB, names int) *changing {
	t.Helper()
	c := &changing{
		resolver: resolve.New(resolve.Config{}),
		begun:    make([]atomic.Uint64, names),
		ended:    make([]atomic.Uint64, names),
	}
	sets := []rr.Set{
		set(t, "example. 60 IN SOA ns.example. host.example. 1 2 3 4 60"),
		set(t, "example. 60 IN NS ns.elsewhere."),
	}
	for i := range names {
		c.names = append(c.names, rr.MustParseName(fmt.Sprintf("n%d.example.", i)))
		sets = append(sets, c.set(i, 1))
		c.begun[i].Store(1)
		c.ended[i].Store(1)
	}
	snapshot, err := authority.Build(rr.MustParseName("example."), 1, slices.Values(sets))
	if err != nil {
		t.Fatal(err)
	}
	c.snapshot, c.version = snapshot, 1
	c.publish(t)
	return c
}

func (c *changing) set(i int, version uint64) rr.Set {
	return rr.Set{Name: c.names[i], Type: rr.TypeA, TTL: changingTTL,
		Data: []rr.Rdata{rr.Rdata(binary.BigEndian.AppendUint32(nil, uint32(version)))}}
}

// publish makes the snapshot what is answered from.
func (c *changing) publish(t testing.TB) {
	t.Helper()
	routing := c.resolver.Routing()
	zone := &authority.Zone{Apex: c.snapshot.Apex(), Snapshot: c.snapshot}
	if routing.Zones().Len() == 0 {
		var errs []error
		if routing, errs = resolve.NewRouting(authority.NewZones([]*authority.Zone{zone}), nil); len(errs) > 0 {
			t.Fatal(errs)
		}
	} else {
		routing = routing.WithZones(routing.Zones().With(zone))
	}
	c.resolver.SetRouting(context.Background(), routing)
}

// change gives name i its next version, as one who keeps the order does: publish,
// outdate, tell.
func (c *changing) change(t testing.TB, i int) {
	t.Helper()
	c.version++
	changes := []authority.Change{c.set(i, c.version)}
	next, err := c.snapshot.Apply(c.version, changes)
	if err != nil {
		t.Fatal(err)
	}
	old := c.snapshot
	c.begun[i].Store(c.version)
	c.snapshot = next
	c.publish(t)
	authority.Outdate(old, next, changes)
	c.ended[i].Store(c.version)
}

// While names change, every query is answered, once, and no answer is older than
// what had been told before it was asked, or newer than what is true. Answers are
// kept in memory that has room for all, for some, and not at all.
func TestNoQueryIsLostToChanges(t *testing.T) {
	for _, bytes := range []int{0, 1, 8 << 20} {
		t.Run(fmt.Sprint(bytes), func(t *testing.T) { loseNoQuery(t, bytes) })
	}
}

func loseNoQuery(t *testing.T, cacheBytes int) {
	const clients, window, rounds = 3, 16, 400
	c := newChanging(t, 2000)
	s := serve(t, Config{Workers: 2, CacheBytes: cacheBytes}, resolving{c.resolver})
	stop := make(chan struct{})
	var running sync.WaitGroup
	changes := 0
	running.Go(func() {
		tick := time.NewTicker(200 * time.Microsecond)
		defer tick.Stop()
		for {
			select {
			case <-stop:
				return
			case <-tick.C:
				c.change(t, rand.IntN(hot))
				changes++
			}
		}
	})
	failed := make(chan error, clients)
	for range clients {
		conn := dial(t, "udp", s.Addrs()[0])
		go func() { failed <- c.ask(conn, window, rounds) }()
	}
	for range clients {
		if err := <-failed; err != nil {
			t.Error(err)
		}
	}
	close(stop)
	running.Wait()
	if changes == 0 {
		t.Error("nothing changed while queries ran")
	}
	got := scrape(t, s.Metrics())
	if hits, invalid := got["responder_cache_lookups_total result=hit"], got["responder_cache_lookups_total result=invalid"]; (hits > 0 && invalid > 0) != (cacheBytes > 0) {
		t.Errorf("got %v hits, %v found invalid", hits, invalid)
	}
}

// ask asks rounds times for as many names as the window has, and checks what
// comes back.
func (c *changing) ask(conn net.Conn, window, rounds int) error {
	names, least := make([]int, window), make([]uint64, window)
	buf := make([]byte, 512)
	for round := range rounds {
		for k := range window {
			names[k] = rand.IntN(hot)
			if k == 0 {
				names[k] = rand.IntN(len(c.names))
			}
			least[k] = c.ended[names[k]].Load()
			m := new(dns.Msg)
			m.SetQuestion(c.names[names[k]].String(), dns.TypeA)
			m.Id = uint16(round*window + k)
			msg, err := m.Pack()
			if err != nil {
				return err
			}
			if _, err := conn.Write(msg); err != nil {
				return err
			}
		}
		for left := window; left > 0; left-- {
			n, err := conn.Read(buf)
			if err != nil {
				return fmt.Errorf("%d of round %d are not answered: %w", left, round, err)
			}
			if err := c.check(buf[:n], round*window, names, least); err != nil {
				return err
			}
		}
	}
	return nil
}

// check checks one answer of a round; its first query had the id first.
func (c *changing) check(msg []byte, first int, names []int, least []uint64) error {
	var m dns.Msg
	if err := m.Unpack(msg); err != nil {
		return err
	}
	k := int(m.Id) - first&0xffff
	if k < 0 || k >= len(names) || names[k] < 0 {
		return fmt.Errorf("an answer to a question that was not asked, or has been answered: %v", &m)
	}
	i := names[k]
	names[k] = -1
	if m.Rcode != dns.RcodeSuccess || len(m.Answer) != 1 || m.Question[0].Name != c.names[i].String() {
		return fmt.Errorf("asked for %v, got %v", c.names[i], &m)
	}
	a, ok := m.Answer[0].(*dns.A)
	if !ok || m.Answer[0].Header().Name != c.names[i].String() {
		return fmt.Errorf("asked for %v, got %v", c.names[i], m.Answer[0])
	}
	got, most := uint64(binary.BigEndian.Uint32(a.A.To4())), c.begun[i].Load()
	if got < least[k] || got > most {
		return fmt.Errorf("got version %d of %v, want %d to %d", got, c.names[i], least[k], most)
	}
	return nil
}
