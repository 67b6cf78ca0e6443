package cache_test

import (
	"context"
	"fmt"
	"hash/fnv"
	"math/rand/v2"
	"net/netip"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/namelet/namelet/hostabi"
	"github.com/namelet/namelet/internal/authority"
	"github.com/namelet/namelet/internal/frontend/cache"
	"github.com/namelet/namelet/internal/resolve"
	"github.com/namelet/namelet/rr"
	"github.com/namelet/namelet/runtime"
)

var (
	apexes  = []rr.Name{rr.MustParseName("z."), rr.MustParseName("a.z."), rr.MustParseName("p.")}
	private = apexes[2]
	covered = rr.MustParseName("g.z.") // by a guest
	labels  = []string{"a", "b", "*", "g", "h"}
	types   = []rr.Type{rr.TypeA, rr.TypeTXT, rr.TypeCNAME, rr.TypeMX, rr.TypeNS, rr.TypeDNAME}
)

// nameUnder draws a name at or below an apex.
func nameUnder(r *rand.Rand, apex rr.Name, depth int) rr.Name {
	for range r.IntN(depth + 1) {
		if child, err := apex.Child(labels[r.IntN(len(labels))]); err == nil {
			apex = child
		}
	}
	return apex
}

// drawSet draws an RRset of a zone. Zone cuts and DNAMEs are rare, since they
// outdate everything.
func drawSet(r *rand.Rand, apex rr.Name) rr.Set {
	set := rr.Set{Name: nameUnder(r, apex, 3), Type: types[r.IntN(4)], TTL: uint32(60 + r.IntN(2))}
	if r.IntN(20) == 0 && !covered.IsSubdomainOf(set.Name) {
		set.Type = types[4+r.IntN(2)]
	}
	target := nameUnder(r, apexes[r.IntN(len(apexes))], 3).Wire()
	switch set.Type {
	case rr.TypeA:
		set.Data = []rr.Rdata{string([]byte{192, 0, 2, byte(r.IntN(4))})}
	case rr.TypeTXT:
		set.Data = []rr.Rdata{"\x01" + string(rune('a'+r.IntN(4)))}
	case rr.TypeMX:
		set.Data = []rr.Rdata{"\x00\x0a" + target}
	default:
		set.Data = []rr.Rdata{target}
	}
	return set
}

// buildZone makes a zone with a few random sets.
func buildZone(t testing.TB, r *rand.Rand, apex rr.Name, version uint64) *authority.Snapshot {
	t.Helper()
	numbers := strings.Repeat("\x00\x00\x00\x3d", 5)
	s, err := authority.Build(apex, version, slices.Values([]rr.Set{
		{Name: apex, Type: rr.TypeSOA, TTL: 60, Data: []rr.Rdata{apex.Wire() + apex.Wire() + numbers}},
		{Name: apex, Type: rr.TypeNS, TTL: 60, Data: []rr.Rdata{apex.Wire()}},
	}))
	if err != nil {
		t.Fatal(err)
	}
	for range 20 {
		if next, err := s.Apply(version, []authority.Change{drawSet(r, apex)}); err == nil {
			s = next
		}
	}
	return s
}

// guest is a conforming guest: what it asks for and what it answers follow from
// the question, its salt and what it was given.
type guest struct{ salt string }

func (g guest) NewInstance(context.Context) (resolve.Instance, error) {
	return &guestInstance{salt: g.salt}, nil
}

type guestInstance struct {
	salt    string
	state   uint64 // a hash of all that went in
	heard   strings.Builder
	events  []runtime.Event
	lookups []runtime.Lookup
}

func (*guestInstance) Close(context.Context) error                         { return nil }
func (*guestInstance) MemoryBytes() int                                    { return 0 }
func (*guestInstance) BesideBytes() int                                    { return 0 }
func (*guestInstance) Reset()                                              {} // an answer leaves nothing behind
func (*guestInstance) Idle(hostabi.IdleReason, uint64, runtime.Sink) error { return nil }
func (i *guestInstance) Trace() []runtime.Event                            { return i.events }
func (i *guestInstance) Lookups() []runtime.Lookup                         { return i.lookups }

// hear takes something in.
func (i *guestInstance) hear(format string, args ...any) {
	text := fmt.Sprintf(format, args...)
	i.heard.WriteString(text + " ")
	h := fnv.New64a()
	fmt.Fprint(h, i.state, text)
	i.state = h.Sum64()
}

// choose makes a choice that follows from what was heard, and from the choices
// before.
func (i *guestInstance) choose(n uint64) uint64 {
	i.state = i.state*6364136223846793005 + 1442695040888963407
	return i.state >> 33 % n
}

func (i *guestInstance) Answer(q *hostabi.Question, _ uint64, h runtime.Host, a *runtime.Answer) error {
	qname, _, err := rr.NameFromWire(q.QName)
	if err != nil {
		return err
	}
	*a = runtime.Answer{Fuel: 1}
	i.state, i.events, i.lookups = 0, nil, nil
	i.heard.Reset()
	i.hear("%s %s %d", i.salt, strings.ToLower(qname.String()), q.QType)
	for range i.choose(5) {
		i.ask(h)
	}
	switch i.choose(8) {
	case 0:
		a.Disposition = hostabi.DispositionNoData
	case 1:
		a.Disposition = hostabi.DispositionNXDomain
	case 2:
		a.Disposition = hostabi.DispositionStatic
	case 3:
		a.Disposition = hostabi.DispositionRefuse
	case 4:
		target := nameUnder(rand.New(rand.NewPCG(i.state, 1)), apexes[0], 3)
		a.Disposition = hostabi.DispositionAnswer
		a.Sets = []rr.Set{{Name: qname, Type: rr.TypeCNAME, TTL: 5, Data: []rr.Rdata{target.Wire()}}}
	default:
		text := i.heard.String()
		text = text[:min(len(text), 255)]
		a.Disposition = hostabi.DispositionAnswer
		a.Sets = []rr.Set{{Name: qname, Type: rr.Type(q.QType), TTL: 5, Data: []rr.Rdata{string([]byte{byte(len(text))}) + text}}}
	}
	return nil
}

// ask asks for one input, of which kind follows from what was heard before.
func (i *guestInstance) ask(h runtime.Host) {
	if h.Site() == slow && rand.IntN(8) == 0 {
		time.Sleep(200 * time.Microsecond) // the world goes on while a guest runs
	}
	e := runtime.Event{}
	switch i.choose(8) {
	case 0:
		e.Kind, e.V4, e.V6 = runtime.EventClient, uint8(8*i.choose(4)), 32
		known := h.Client()
		e.Prefix = netip.PrefixFrom(known.Addr(), min(int(e.V4), known.Bits())).Masked()
	case 1:
		e.Kind, e.Arg = runtime.EventNow, 10
		e.Value = h.Now() / 10 * 10
	case 2:
		e.Kind, e.Arg = runtime.EventBefore, int64(1000+i.choose(100))
		if h.Now() < e.Arg {
			e.Value = 1
		}
	case 3:
		e.Kind, e.Arg = runtime.EventPick, 3
		k := 0
		for _, old := range i.events {
			if old.Kind == runtime.EventPick {
				k++
			}
		}
		e.Value = int64(h.Pick(k, 3))
	case 4:
		e.Kind, e.Value = runtime.EventTransport, int64(h.Transport())
	default:
		i.lookup(h)
		return
	}
	i.events = append(i.events, e)
	i.hear("%v/%d/%v", e.Kind, e.Value, e.Prefix)
}

// lookup reads an RRset of the attachment's zone or of the private one.
func (i *guestInstance) lookup(h runtime.Host) {
	apex := apexes[2*i.choose(2)]
	l := runtime.Lookup{Name: nameUnder(rand.New(rand.NewPCG(i.state, 2)), apex, 2), Type: types[i.choose(4)]}
	batch := []runtime.Lookup{l}
	h.Lookup(batch)
	i.lookups = append(i.lookups, batch[0])
	i.events = append(i.events, runtime.Event{Kind: runtime.EventLookup, Arg: int64(len(i.lookups) - 1)})
	i.hear("%v/%v/%q", batch[0].Status, batch[0].Wildcard, batch[0].Set.Data)
}

// world is what a writer changes while askers ask.
type world struct {
	t       *testing.T
	askers  []*asker
	mu      sync.Mutex
	history []*resolve.Routing // by version
	started atomic.Int64       // the last version that may be in force
	acked   atomic.Int64       // the last that is
	done    atomic.Bool
}

func (w *world) at(version int64) *resolve.Routing {
	w.mu.Lock()
	defer w.mu.Unlock()
	return w.history[version]
}

// publish does what a replica does, in its order.
func (w *world) publish(routing *resolve.Routing, outdate func()) {
	w.mu.Lock()
	w.history = append(w.history, routing)
	version := int64(len(w.history) - 1)
	w.mu.Unlock()
	w.started.Store(version)
	for _, a := range w.askers {
		a.resolver.SetRouting(context.Background(), routing)
	}
	outdate()
	w.acked.Store(version)
}

// write makes changes until there were enough.
func (w *world) write(r *rand.Rand, zones *authority.Zones, changes int) {
	defer w.done.Store(true)
	routing := w.at(0)
	for version := uint64(2); version < uint64(changes); version++ {
		if r.IntN(40) == 0 {
			routing = routed(w.t, zones, fmt.Sprint(version))
			w.publish(routing, func() {})
			continue
		}
		zone := zones.Get(apexes[r.IntN(len(apexes))])
		if zone == nil || r.IntN(40) == 0 {
			zones = w.comeOrGo(r, zones, version)
			routing = routing.WithZones(zones)
			continue
		}
		batch := []authority.Change{drawSet(r, zone.Apex)}
		if r.IntN(2) == 0 {
			batch[0].Data = nil
		}
		next, err := zone.Snapshot.Apply(version, batch)
		if err != nil {
			continue
		}
		zones = zones.With(&authority.Zone{Apex: zone.Apex, Private: zone.Private, Direct: zone.Direct, Snapshot: next})
		routing = routing.WithZones(zones)
		w.publish(routing, func() { authority.Outdate(zone.Snapshot, next, batch) })
		time.Sleep(time.Duration(r.IntN(300)) * time.Microsecond)
	}
}

// comeOrGo takes the zone in the middle away, or makes it anew.
func (w *world) comeOrGo(r *rand.Rand, zones *authority.Zones, version uint64) *authority.Zones {
	apex := apexes[1]
	if zone := zones.Get(apex); zone != nil {
		zones = zones.Without(apex)
		w.publish(w.at(w.acked.Load()).WithZones(zones), func() { authority.Outdate(zone.Snapshot, nil, nil) })
		return zones
	}
	zones = zones.With(&authority.Zone{Apex: apex, Direct: r.IntN(2) == 0, Snapshot: buildZone(w.t, r, apex, version)})
	w.publish(w.at(w.acked.Load()).WithZones(zones), func() {})
	return zones
}

func routed(t *testing.T, zones *authority.Zones, salt string) *resolve.Routing {
	attachment := func(at rr.Name, salt string) *resolve.Attachment {
		return &resolve.Attachment{Zone: apexes[0], At: at, Guest: guest{salt}, Label: "g" + salt, Fuel: 100, Grants: []rr.Name{private}}
	}
	below := rr.MustParseName("b.g.z.")
	active := []*resolve.Attachment{attachment(covered, salt), attachment(below, salt+"b")}
	// Candidates beside them: one answer may come by two, of which none, one or both are on trial.
	routing, errs := resolve.NewRouting(zones, active,
		resolve.Beside{Of: active[0], Candidate: attachment(covered, salt+"c"), Share: 4000, Salt: 1},
		resolve.Beside{Of: active[1], Candidate: attachment(below, salt+"d"), Share: 6000, Salt: 2})
	if len(errs) > 0 {
		t.Error(errs)
	}
	return routing
}

// asker asks the same questions of a cache and of the versions that count.
type asker struct {
	world    *world
	random   *rand.Rand
	now      int64
	resolver *resolve.Resolver
	worker   *resolve.Worker
	cache    *cache.Cache
	shared   *cache.Shared // that of the slow workers
	trace    resolve.Trace
	fetched  int
	pure     map[int64]*resolve.Worker // workers of one version each
	checked  int
}

func newAsker(w *world, seed uint64) *asker {
	a := &asker{world: w, random: rand.New(rand.NewPCG(seed, 3)), cache: cache.New(cache.Config{Bytes: 1 << 18, Leaves: 50})}
	a.shared = cache.NewShared(cache.Config{Bytes: 1 << 18, Leaves: 50})
	a.resolver = a.newResolver(slow)
	a.worker = a.resolver.NewWorker()
	return a
}

// slow is the site where guests take their time.
const slow = "slow"

func (a *asker) newResolver(site string) *resolve.Resolver {
	return resolve.New(resolve.Config{Site: site, Now: func() time.Time { return time.Unix(a.now, 0) }})
}

// uncached answers a question as one version has it.
func (a *asker) uncached(version int64, q authority.Question, c resolve.Client) string {
	worker := a.pure[version]
	if worker == nil {
		if len(a.pure) > 20 {
			a.pure = nil
		}
		if a.pure == nil {
			a.pure = map[int64]*resolve.Worker{}
		}
		r := a.newResolver("fast")
		r.SetRouting(context.Background(), a.world.at(version))
		worker = r.NewWorker()
		a.pure[version] = worker
	}
	var resp resolve.Response
	worker.Resolve(q, c, &resp)
	return written(&resp)
}

// written is a response as text.
func written(resp *resolve.Response) string {
	var b strings.Builder
	fmt.Fprint(&b, resp.Outcome, resp.RCode, resp.Authoritative, resp.Errors)
	for _, section := range [][]rr.Set{resp.Answer.Answer, resp.Authority, resp.Additional} {
		b.WriteByte('\n')
		for _, set := range section {
			fmt.Fprintf(&b, "%v %v %d %q;", strings.ToLower(set.Name.String()), set.Type, set.TTL, set.Data)
		}
	}
	return b.String()
}

// mostMoves is how many changes while it is answered a question may fail by, in a zone
// that is not held.
const mostMoves = 4

// ask asks one question and checks the answer.
func (a *asker) ask(resp *resolve.Response) error {
	r := a.random
	q := authority.Question{Name: nameUnder(r, apexes[r.IntN(2)], 3), Type: types[r.IntN(4)]}
	if r.IntN(3) > 0 {
		q = authority.Question{Name: nameUnder(r, covered, 1), Type: types[r.IntN(2)]}
	}
	a.now = int64(1000 + r.IntN(30))
	c := resolve.Client{
		Addr:      netip.AddrFrom4([4]byte{10, byte(r.IntN(2)), byte(r.IntN(2)), 1}),
		Transport: hostabi.Transport(1 + r.IntN(2)),
		Seed:      r.Uint64() | 1,
	}
	if r.IntN(2) == 0 {
		c.Subnet = netip.PrefixFrom(netip.AddrFrom4([4]byte{172, byte(r.IntN(2)), byte(r.IntN(2)), 0}), 8+8*r.IntN(3))
		c.Subnet = c.Subnet.Masked()
	}
	key := &cache.Question{Name: q.Name.AppendLower(nil), Type: q.Type}

	from := a.world.acked.Load()
	in := &cache.Inputs{Routing: a.resolver.Generation(), Client: c.Known(), Source: c.Source(), Now: a.now, Transport: c.Transport, Seed: c.Seed}
	leaf, hit := a.cache.Get(key, in)
	if !hit {
		if leaf, hit = a.shared.Fetch(key, in, nil, &a.trace); hit {
			a.cache.Put(key, &a.trace, &leaf)
			a.fetched++
		}
	}
	got := string(leaf.Msg)
	if !hit {
		a.worker.Resolve(q, c, resp)
		got = written(resp)
	}
	to := a.world.started.Load()
	if !hit {
		if r.IntN(4) == 0 {
			time.Sleep(time.Duration(r.IntN(400)) * time.Microsecond) // a slow one
		}
		if r.IntN(2) == 0 {
			a.cache.Put(key, &resp.Trace, &cache.Leaf{Msg: []byte(got)})
		} else {
			a.shared.Put(key, &resp.Trace, &cache.Leaf{Msg: []byte(got)})
		}
	}
	a.checked++
	var wants []string
	for version := from; version <= to; version++ {
		want := a.uncached(version, q, c)
		if want == got {
			return nil
		}
		wants = append(wants, want)
	}
	if !hit && resp.Outcome == authority.OutcomeFailed && to-from >= mostMoves {
		return nil // read from where it is kept, it changed each time that it was answered anew
	}
	return fmt.Errorf("%v %v, hit %v, versions %d to %d:\ngot  %s\nwant %s", q.Name, q.Type, hit, from, to, got, strings.Join(wants, "\nor   "))
}

// The cached answer is always the one that computing it anew would give, at some
// version between the question and the answer.
func TestCachedIsAsUncached(t *testing.T) {
	changes := 4000
	if testing.Short() {
		changes = 500
	}
	for seed := range uint64(2) {
		r := rand.New(rand.NewPCG(seed, 4))
		var served []*authority.Zone
		for _, apex := range apexes {
			served = append(served, &authority.Zone{Apex: apex, Private: apex == private, Direct: r.IntN(2) == 0, Snapshot: buildZone(t, r, apex, 1)})
		}
		w := &world{t: t}
		for n := range uint64(3) {
			w.askers = append(w.askers, newAsker(w, seed*100+n))
		}
		zones := authority.NewZones(served)
		w.publish(routed(t, zones, "first"), func() {})
		var group sync.WaitGroup
		for _, a := range w.askers {
			group.Go(func() {
				var resp resolve.Response
				for !w.done.Load() {
					if err := a.ask(&resp); err != nil {
						t.Error(err)
						return
					}
				}
			})
		}
		w.write(r, zones, changes)
		group.Wait()
		for _, a := range w.askers {
			s := a.cache.Stats()
			t.Logf("%d checked, %d fetched, %+v", a.checked, a.fetched, s)
			if s.Hits*10 < uint64(a.checked) || a.fetched == 0 || s.Invalid == 0 || s.Nodes == 0 {
				t.Errorf("got %+v: too few hits, inputs or invalid answers to have tested anything", s)
			}
		}
	}
}
