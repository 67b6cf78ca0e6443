package frontend

import (
	"context"
	"fmt"
	"net"
	"net/netip"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/miekg/dns"

	"github.com/namelet/namelet/hostabi"
	"github.com/namelet/namelet/internal/authority"
	"github.com/namelet/namelet/internal/frontend/cache"
	"github.com/namelet/namelet/internal/resolve"
	"github.com/namelet/namelet/rr"
)

// distant is a handler that has to wait, for as long as the test says, for names
// below far.example. All it answers may be kept. With byTransport the answer depends
// on that.
type distant struct {
	byTransport bool
	began       chan struct{} // one for each that is computed
	open        chan struct{}
	computed    atomic.Int64
	release     func() // opens; once is enough
}

func newDistant() *distant {
	d := &distant{began: make(chan struct{}, 1000), open: make(chan struct{})}
	d.release = sync.OnceFunc(func() { close(d.open) })
	return d
}

// serveDistant runs a server whose slow workers are released before it ends.
func serveDistant(t testing.TB, config Config, d *distant) *Server {
	s := serve(t, config, d)
	t.Cleanup(d.release)
	return s
}

func (d *distant) Generation() uint64               { return 0 }
func (d *distant) Shadows() bool                    { return false }
func (d *distant) Shadowed(authority.Question) bool { return false }
func (d *distant) NewWorker() Worker                { return distantWorker{d, false} }
func (d *distant) NewSlowWorker() Worker            { return distantWorker{d, true} }

type distantWorker struct {
	*distant
	slow bool
}

func (distantWorker) Idle()  {}
func (distantWorker) Close() {}

func (w distantWorker) Resolve(q authority.Question, c resolve.Client, resp *resolve.Response) {
	if q.Name.IsSubdomainOf(rr.MustParseName("far.example")) {
		resp.Loads = q.Name.IsSubdomainOf(rr.MustParseName("code.far.example"))
		if resp.Waits = !w.slow; resp.Waits {
			return
		}
		w.began <- struct{}{}
		<-w.open
		w.computed.Add(1)
	}
	resp.Outcome, resp.Trace.Cacheable, resp.Trace.Known = authority.OutcomeAnswer, true, true
	if w.byTransport {
		resp.Trace.Inputs = append(resp.Trace.Inputs, resolve.Input{Kind: resolve.InputTransport, Value: int64(c.Transport)})
	}
	data := []rr.Rdata{rr.Rdata([]byte{192, 0, 2, byte(c.Transport)})}
	resp.Answer.Answer = append(resp.Answer.Answer, rr.Set{Name: q.Name, Type: rr.TypeA, TTL: 60, Data: data})
}

// begun waits until n more questions are being computed.
func (d *distant) begun(t *testing.T, n int) {
	t.Helper()
	for range n {
		select {
		case <-d.began:
		case <-time.After(patience):
			t.Fatal("no slow worker began")
		}
	}
}

// waitingAre waits until that many questions wait.
func waitingAre(t *testing.T, s *Server, n int) {
	t.Helper()
	for end := time.Now().Add(patience); s.slow.waiting() != n; time.Sleep(time.Millisecond) {
		if time.Now().After(end) {
			t.Fatalf("got %d questions that wait, want %d", s.slow.waiting(), n)
		}
	}
}

// askFor sends a question.
func askFor(t *testing.T, conn net.Conn, id int, qname string) {
	t.Helper()
	msg := question(t, uint16(id), qname, dns.TypeA)
	if _, ok := conn.(*net.UDPConn); !ok {
		msg = framed(msg)
	}
	send(t, conn, msg)
}

// address reads a message and returns the address in its first answer.
func address(t *testing.T, conn net.Conn) string {
	t.Helper()
	var m dns.Msg
	if err := m.Unpack(receive(t, conn)); err != nil {
		t.Fatal(err)
	}
	if len(m.Answer) != 1 {
		return dns.RcodeToString[m.Rcode]
	}
	return m.Answer[0].(*dns.A).A.String()
}

// What waits holds nobody up, comes from the address that was asked, and is at hand
// from then on for every worker and transport.
func TestSlowQuestions(t *testing.T) {
	d := newDistant()
	s := serveDistant(t, Config{Listen: []string{"0.0.0.0:0"}, Workers: 1, CacheBytes: 1 << 20}, d)
	port := s.Addrs()[0].Port()
	udp := dial(t, "udp", netip.AddrPortFrom(netip.MustParseAddr("127.0.0.2"), port))
	tcp := dial(t, "tcp", netip.AddrPortFrom(netip.MustParseAddr("127.0.0.2"), port))
	for _, conn := range []net.Conn{udp, tcp} {
		askFor(t, conn, 1, "a.far.example.")
		exchangeOn(t, conn, question(t, 2, "near.example.", dns.TypeA))
	}
	d.begun(t, 1)
	d.release()
	for _, conn := range []net.Conn{udp, tcp} {
		if got := id(t, conn); got != 1 {
			t.Errorf("got answer %d, want 1", got)
		}
	}
	for range 3 {
		exchangeOn(t, udp, question(t, 3, "a.FAR.example.", dns.TypeA))
		exchangeOn(t, tcp, question(t, 3, "A.far.example.", dns.TypeA))
	}
	if n := d.computed.Load(); n != 1 {
		t.Errorf("got %d computations, want one", n)
	}
	got := scrape(t, s.Metrics())
	if got["responder_slow_queries_total answer=computed"] != 1 || got["responder_slow_queries_total answer=shared"] != 1 {
		t.Errorf("got %v slow queries computed and %v shared, want one of each",
			got["responder_slow_queries_total answer=computed"], got["responder_slow_queries_total answer=shared"])
	}
}

// However many ask the same at a time, it is computed once.
func TestSlowQuestionsAreComputedOnce(t *testing.T) {
	const n = 50
	d := newDistant()
	s := serveDistant(t, Config{Workers: 2, CacheBytes: 1 << 20}, d)
	var conns []net.Conn
	for i := range n {
		conns = append(conns, dial(t, [2]string{"udp", "tcp"}[i%2], s.Addrs()[0]))
		askFor(t, conns[i], i, "a.far.example.")
	}
	d.begun(t, 1)
	waitingAre(t, s, n-1)
	d.release()
	for i, conn := range conns {
		if got := id(t, conn); got != uint16(i) {
			t.Errorf("got answer %d, want %d", got, i)
		}
	}
	if n := d.computed.Load(); n != 1 {
		t.Errorf("got %d computations, want one", n)
	}
}

// Who waits for another's answer gets it only where it is theirs, too.
func TestSlowQuestionsKeepTheirInputs(t *testing.T) {
	const n = 20
	d := newDistant()
	d.byTransport = true
	s := serveDistant(t, Config{Workers: 1, CacheBytes: 1 << 20}, d)
	var conns []net.Conn
	for i := range n {
		conns = append(conns, dial(t, [2]string{"udp", "tcp"}[i%2], s.Addrs()[0]))
		askFor(t, conns[i], i, "a.far.example.")
	}
	d.begun(t, 1)
	waitingAre(t, s, n-1)
	d.release()
	for i, conn := range conns {
		want := [2]string{
			fmt.Sprint("192.0.2.", int(hostabi.TransportUDP)), fmt.Sprint("192.0.2.", int(hostabi.TransportTCP)),
		}[i%2]
		if got := address(t, conn); got != want {
			t.Errorf("got %s, want %s", got, want)
		}
	}
	// One for each transport, and those that missed it before it was kept.
	if got := d.computed.Load(); got < 2 || got > n/2+1 {
		t.Errorf("got %d computations", got)
	}
}

// Where too many wait the oldest is shed, and told so if it can be.
func TestSlowQuestionsAreShed(t *testing.T) {
	d := newDistant()
	s := serveDistant(t, Config{Workers: 1, CacheBytes: 1 << 20, Slow: SlowConfig{Workers: 1, Queue: 4}}, d)
	udp, tcp := dial(t, "udp", s.Addrs()[0]), dial(t, "tcp", s.Addrs()[0])
	askFor(t, tcp, 0, "x0.far.example.")
	d.begun(t, 1)
	for i, conn := range []net.Conn{udp, tcp, udp, udp} {
		askFor(t, conn, i+1, fmt.Sprintf("x%d.far.example.", i+1))
		waitingAre(t, s, i+1)
	}
	for i := range 2 {
		askFor(t, udp, i+5, fmt.Sprintf("x%d.far.example.", i+5))
	}
	var m dns.Msg
	if err := m.Unpack(receive(t, tcp)); err != nil {
		t.Fatal(err)
	}
	if m.Id != 2 || m.Rcode != dns.RcodeServerFailure {
		t.Errorf("got %s to question %d, want SERVFAIL to question 2", dns.RcodeToString[m.Rcode], m.Id)
	}
	d.release()
	for range 4 {
		if got := id(t, udp); got < 3 {
			t.Errorf("got an answer to question %d, which was shed", got)
		}
	}
	got := scrape(t, s.Metrics())
	if got["responder_queries_shed_total transport=udp"] != 1 || got["responder_queries_shed_total transport=tcp"] != 1 {
		t.Errorf("got %v and %v shed, want one each", got["responder_queries_shed_total transport=udp"], got["responder_queries_shed_total transport=tcp"])
	}
}

// A store that does not answer takes nothing from those who do not need it.
func TestFullSlowQueueLeavesOthersAlone(t *testing.T) {
	const asks = 300
	d := newDistant()
	s := serveDistant(t, Config{Workers: 1, CacheBytes: 1 << 20, Slow: SlowConfig{Workers: 2, Queue: 8}}, d)
	flood, udp, tcp := dial(t, "udp", s.Addrs()[0]), dial(t, "udp", s.Addrs()[0]), dial(t, "tcp", s.Addrs()[0])
	streams := dial(t, "tcp", s.Addrs()[0])
	for i := range 12 {
		askFor(t, streams, i, fmt.Sprintf("tcp%d.far.example.", i))
	}
	for i := range asks {
		for k := range 4 {
			askFor(t, flood, i, fmt.Sprintf("x%d-%d.far.example.", i, k))
		}
		exchangeOn(t, udp, question(t, uint16(i), "known.example.", dns.TypeA))
		exchangeOn(t, tcp, question(t, uint16(i), fmt.Sprintf("n%d.example.", i), dns.TypeA))
	}
	d.release()
}

// What waits when the server is told to end is answered first.
func TestSlowQuestionsAreAnsweredBeforeTheEnd(t *testing.T) {
	d := newDistant()
	s := serveDistant(t, Config{Workers: 1, CacheBytes: 1 << 20, Slow: SlowConfig{Workers: 1}}, d)
	udp, tcp := dial(t, "udp", s.Addrs()[0]), dial(t, "tcp", s.Addrs()[0])
	askFor(t, udp, 1, "a.far.example.")
	d.begun(t, 1)
	askFor(t, tcp, 2, "b.far.example.")
	waitingAre(t, s, 1)
	var ended sync.WaitGroup
	ended.Go(func() {
		ctx, cancel := context.WithTimeout(context.Background(), patience)
		defer cancel()
		if err := s.Shutdown(ctx); err != nil {
			t.Error(err)
		}
	})
	time.Sleep(2 * drainTime)
	d.release()
	if got := id(t, udp); got != 1 {
		t.Errorf("got answer %d, want 1", got)
	}
	if got := id(t, tcp); got != 2 {
		t.Errorf("got answer %d, want 2", got)
	}
	ended.Wait()
}

// A question too old to be waited for is not computed.
func TestOldSlowQuestionsAreShed(t *testing.T) {
	s := &Server{config: Config{MaxUDPSize: defaultMaxUDPSize, Slow: SlowConfig{Queue: 4}}, handler: newDistant(), metrics: &Metrics{}, panics: &panicLog{}, policy: mustPolicy(PolicyConfig{})}
	p := s.newSlowPool()
	for i := range 3 {
		x := s.newExchange(netip.MustParseAddr("192.0.2.1"), hostabi.TransportUDP)
		x.query = question(t, uint16(i), "a.far.example.", dns.TypeA)
		p.push(x)
		if i < 2 {
			x.since = x.since.Add(-slowPatience)
		}
	}
	if x := p.take(); x.query[1] != 2 {
		t.Errorf("got question %d, want 2", x.query[1])
	}
	if n := p.refuser.counters.shed.n.Load(); n != 2 {
		t.Errorf("got %d shed, want 2", n)
	}
}

// A hit stays a hit: with the slow workers' cache at hand it takes neither memory
// nor the other's lock.
func TestAdoptedAnswersCostNothing(t *testing.T) {
	s := &Server{config: Config{MaxUDPSize: defaultMaxUDPSize}, handler: newDistant(), metrics: &Metrics{}, panics: &panicLog{}, policy: mustPolicy(PolicyConfig{})}
	shared := cache.NewShared(cache.Config{Bytes: 1 << 20})
	r := s.newResponder(hostabi.TransportUDP, keepOwn(cache.New(cache.Config{Bytes: 1 << 20}), shared))
	slow := s.newResponder(hostabi.TransportUDP, keepShared(shared))
	slow.mayWait = true
	d := s.handler.(*distant)
	d.release()
	msg, client := question(t, 1, "a.far.example.", dns.TypeA), netip.MustParseAddr("192.0.2.1")
	slow.respond(nil, msg, client, new(query))
	dst, q := make([]byte, 0, defaultMaxUDPSize), new(query)
	r.wake()
	if _, done := r.quick(dst, msg, client, q); done {
		t.Fatal("the answer was there already")
	}
	if _, ok := r.adopt(dst, q); !ok {
		t.Fatal("the answer of the slow worker was not there")
	}
	before := shared.Stats()
	allocs := testing.AllocsPerRun(100, func() {
		if _, done := r.quick(dst, msg, client, q); !done {
			t.Fatal("no hit")
		}
	})
	if allocs != 0 || shared.Stats() != before {
		t.Errorf("got %v allocations, and the shared cache asked: %v", allocs, shared.Stats() != before)
	}
}
