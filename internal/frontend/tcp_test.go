package frontend

import (
	"context"
	"encoding/binary"
	"errors"
	"io"
	"net"
	"net/netip"
	"sync"
	"testing"
	"time"

	"github.com/miekg/dns"

	"github.com/namelet/namelet/hostabi"
	"github.com/namelet/namelet/internal/authority"
	"github.com/namelet/namelet/internal/resolve"
	"github.com/namelet/namelet/rr"
)

// gate is a handler whose answers to TXT wait until it is opened. It says when
// one begins to wait.
type gate struct {
	waiting chan struct{}
	open    chan struct{}
}

func newGate() *gate {
	return &gate{waiting: make(chan struct{}, 100), open: make(chan struct{})}
}

func (g *gate) NewWorker() Worker                { return g }
func (g *gate) NewSlowWorker() Worker            { return g }
func (g *gate) Generation() uint64               { return 0 }
func (g *gate) Shadows() bool                    { return false }
func (g *gate) Shadowed(authority.Question) bool { return false }
func (g *gate) Idle()                            {}
func (g *gate) Close()                           {}

func (g *gate) Resolve(q authority.Question, _ resolve.Client, resp *resolve.Response) {
	if q.Type == rr.TypeTXT {
		g.waiting <- struct{}{}
		<-g.open
	}
	resp.Outcome = authority.OutcomeNoData
}

func (g *gate) wait(t *testing.T, n int) {
	t.Helper()
	for range n {
		select {
		case <-g.waiting:
		case <-time.After(patience):
			t.Fatal("no query came to the resolver")
		}
	}
}

// id reads a message and returns its id.
func id(t *testing.T, conn net.Conn) uint16 {
	t.Helper()
	return binary.BigEndian.Uint16(receive(t, conn))
}

// closed checks that the server ends the connection without another octet.
func closed(t *testing.T, conn net.Conn) {
	t.Helper()
	b, err := io.ReadAll(conn)
	var timeout net.Error
	if len(b) > 0 || errors.As(err, &timeout) && timeout.Timeout() {
		t.Errorf("got %x, %v, want the connection closed", b, err)
	}
}

func TestPipelining(t *testing.T) {
	g := newGate()
	s := serve(t, Config{TCP: TCPConfig{Workers: 2}}, g)
	conn := dial(t, "tcp", s.Addrs()[0])
	send(t, conn, framed(question(t, 1, "a.", dns.TypeTXT), question(t, 2, "a.", dns.TypeA), question(t, 3, "a.", dns.TypeA)))
	got := []uint16{id(t, conn), id(t, conn)}
	if got[0]+got[1] != 5 {
		t.Errorf("got answers %v before the slow one's, want 2 and 3", got)
	}
	close(g.open)
	if got := id(t, conn); got != 1 {
		t.Errorf("got answer %d, want 1", got)
	}
}

// Queries may come in any pieces.
func TestTrickle(t *testing.T) {
	s := serve(t, Config{}, example(t))
	conn := dial(t, "tcp", s.Addrs()[0])
	b := framed(question(t, 1, "www.example.", dns.TypeA), question(t, 2, "www.example.", dns.TypeA))
	for i := range b {
		send(t, conn, b[i:i+1])
		time.Sleep(time.Millisecond)
	}
	if got := id(t, conn) + id(t, conn); got != 3 {
		t.Errorf("got ids that sum to %d, want 3", got)
	}
}

func TestManyQueriesOnOneConnection(t *testing.T) {
	s := serve(t, Config{TCP: TCPConfig{Workers: 3, InFlight: 4}}, example(t))
	conn := dial(t, "tcp", s.Addrs()[0])
	const n = 2000
	go func() {
		var b []byte
		for i := range n {
			b = append(b, framed(question(t, uint16(i), "www.example.", dns.TypeA))...)
		}
		_, _ = conn.Write(b) // a failure shows as answers that do not come
	}()
	seen := make([]bool, n)
	for range n {
		i := id(t, conn)
		if int(i) >= n || seen[i] {
			t.Fatalf("answer %d came twice or was not asked for", i)
		}
		seen[i] = true
	}
}

func TestInFlightLimit(t *testing.T) {
	g := newGate()
	s := serve(t, Config{TCP: TCPConfig{Workers: 8, InFlight: 3}}, g)
	conn := dial(t, "tcp", s.Addrs()[0])
	for i := range 6 {
		send(t, conn, framed(question(t, uint16(i), "a.", dns.TypeTXT)))
	}
	g.wait(t, 3)
	select {
	case <-g.waiting:
		t.Error("a fourth query was taken")
	case <-time.After(50 * time.Millisecond):
	}
	close(g.open)
	for range 6 {
		id(t, conn)
	}
}

// A client that closes its side still gets the answers to what it asked.
func TestHalfClosed(t *testing.T) {
	g := newGate()
	s := serve(t, Config{TCP: TCPConfig{Workers: 2}}, g)
	conn := dial(t, "tcp", s.Addrs()[0])
	send(t, conn, framed(question(t, 1, "a.", dns.TypeTXT), question(t, 2, "a.", dns.TypeTXT)))
	if err := conn.(*net.TCPConn).CloseWrite(); err != nil {
		t.Fatal(err)
	}
	g.wait(t, 2)
	close(g.open)
	if got := id(t, conn) + id(t, conn); got != 3 {
		t.Errorf("got ids that sum to %d, want 3", got)
	}
	closed(t, conn)
}

func TestTimeouts(t *testing.T) {
	s := serve(t, Config{TCP: TCPConfig{Idle: 60 * time.Millisecond, Message: 60 * time.Millisecond}}, example(t))
	query := framed(question(t, 1, "www.example.", dns.TypeA))
	t.Run("silent from the start", func(t *testing.T) {
		closed(t, dial(t, "tcp", s.Addrs()[0]))
	})
	t.Run("silent after a query", func(t *testing.T) {
		conn := dial(t, "tcp", s.Addrs()[0])
		send(t, conn, query)
		receive(t, conn)
		closed(t, conn)
	})
	t.Run("length cut off", func(t *testing.T) {
		conn := dial(t, "tcp", s.Addrs()[0])
		send(t, conn, query[:1])
		closed(t, conn)
	})
	t.Run("an octet now and then", func(t *testing.T) {
		conn := dial(t, "tcp", s.Addrs()[0])
		for _, c := range query[:len(query)-1] {
			if _, err := conn.Write([]byte{c}); err != nil {
				return // cut off, as it should be
			}
			time.Sleep(20 * time.Millisecond)
		}
		closed(t, conn)
	})
}

// A connection that waits for an answer is not idle.
func TestNotIdleInFlight(t *testing.T) {
	g := newGate()
	s := serve(t, Config{TCP: TCPConfig{Idle: 30 * time.Millisecond}}, g)
	conn := dial(t, "tcp", s.Addrs()[0])
	send(t, conn, framed(question(t, 1, "a.", dns.TypeTXT)))
	g.wait(t, 1)
	time.Sleep(100 * time.Millisecond)
	send(t, conn, framed(question(t, 2, "a.", dns.TypeTXT)))
	close(g.open)
	if got := id(t, conn) + id(t, conn); got != 3 {
		t.Errorf("got ids that sum to %d, want 3", got)
	}
}

func TestBrokenFraming(t *testing.T) {
	s := serve(t, Config{}, example(t))
	for name, b := range map[string][]byte{
		"length 0":            {0, 0},
		"length 11":           append([]byte{0, 11}, make([]byte, 11)...),
		"longer than a query": {0xff, 0xff},
	} {
		t.Run(name, func(t *testing.T) {
			conn := dial(t, "tcp", s.Addrs()[0])
			send(t, conn, b)
			closed(t, conn)
		})
	}
}

// A client that does not read its answers is cut off, and others do not notice.
func TestSlowReader(t *testing.T) {
	s := serve(t, Config{TCP: TCPConfig{Workers: 1, InFlight: 2, Write: 100 * time.Millisecond}}, example(t))
	slow := dial(t, "tcp", s.Addrs()[0])
	cut := make(chan struct{})
	go func() {
		defer close(cut)
		query := framed(question(t, 1, "example.", dns.TypeTXT)) // 4 KB of answer
		for {
			if _, err := slow.Write(query); err != nil {
				return
			}
		}
	}()
	for {
		quick := dial(t, "tcp", s.Addrs()[0])
		exchangeOn(t, quick, question(t, 1, "www.example.", dns.TypeA))
		quick.Close()
		select {
		case <-cut:
			if s.metrics.sum(hostabi.TransportTCP).unsent == 0 {
				t.Error("no response was counted as unsent")
			}
			return
		default:
		}
	}
}

func TestConnectionLimits(t *testing.T) {
	tests := []struct {
		name   string
		config TCPConfig
		metric string
	}{
		{"in all", TCPConfig{Connections: 2}, "total"},
		{"of a client", TCPConfig{ClientConnections: 2}, "client"},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			s := serve(t, Config{TCP: test.config}, example(t))
			query := question(t, 1, "www.example.", dns.TypeA)
			first, second := dial(t, "tcp", s.Addrs()[0]), dial(t, "tcp", s.Addrs()[0])
			exchangeOn(t, first, query)
			exchangeOn(t, second, query)
			closed(t, dial(t, "tcp", s.Addrs()[0]))
			if got := scrape(t, s.Metrics())[`responder_tcp_connections_refused_total limit=`+test.metric]; got != 1 {
				t.Errorf("counted %v refused, want 1", got)
			}
			first.Close() // its place is free again, a moment later
			for deadline := time.Now().Add(patience); ; time.Sleep(time.Millisecond) {
				third := dial(t, "tcp", s.Addrs()[0])
				send(t, third, framed(query))
				if _, err := third.Read(make([]byte, 1)); err == nil {
					return
				}
				if time.Now().After(deadline) {
					t.Fatal("the place of a closed connection was not given back")
				}
			}
		})
	}
}

func TestClientPrefixes(t *testing.T) {
	l := newConnLimiter(100, 1)
	for _, step := range []struct {
		client string
		want   admission
	}{
		{"192.0.2.1", admitted}, {"192.0.2.200", crowded}, {"192.0.3.1", admitted},
		{"2001:db8::1", admitted}, {"2001:db8:0:ff::1", crowded}, {"2001:db8:0:100::1", admitted},
	} {
		if got := l.admit(netip.MustParseAddr(step.client)); got != step.want {
			t.Errorf("%s: got %d, want %d", step.client, got, step.want)
		}
	}
	l.release(netip.MustParseAddr("192.0.2.1"))
	if got := l.admit(netip.MustParseAddr("192.0.2.9")); got != admitted || l.open != 4 || len(l.byClient) != 4 {
		t.Errorf("after a release: got %d, %d open, %d prefixes", got, l.open, len(l.byClient))
	}
}

// What has arrived before Shutdown is answered, over both transports; what comes
// after it is not.
func TestShutdownInFlight(t *testing.T) {
	g := newGate()
	s, err := Listen(t.Context(), Config{Listen: []string{"127.0.0.1:0"}, Workers: 1, TCP: TCPConfig{Workers: 1}}, g)
	if err != nil {
		t.Fatal(err)
	}
	var running sync.WaitGroup
	running.Go(func() {
		if err := s.Serve(); err != nil {
			t.Errorf("serve: %v", err)
		}
	})
	idle, tcp, udp := dial(t, "tcp", s.Addrs()[0]), dial(t, "tcp", s.Addrs()[0]), dial(t, "udp", s.Addrs()[0])
	send(t, tcp, framed(question(t, 1, "a.", dns.TypeTXT), question(t, 2, "a.", dns.TypeTXT)))
	send(t, udp, question(t, 3, "a.", dns.TypeTXT))
	g.wait(t, 2) // one over each; the second of the connection waits behind the first
	send(t, udp, question(t, 4, "a.", dns.TypeA))
	running.Go(func() {
		if err := s.Shutdown(context.Background()); err != nil {
			t.Errorf("shutdown: %v", err)
		}
	})
	for s.drainBy.Load() == nil {
		time.Sleep(time.Millisecond)
	}
	close(g.open)
	if got := id(t, tcp) + id(t, tcp); got != 3 {
		t.Errorf("TCP: got ids that sum to %d, want 3", got)
	}
	closed(t, tcp)
	closed(t, idle)
	if got := id(t, udp) + id(t, udp); got != 7 {
		t.Errorf("UDP: got ids that sum to %d, want 7", got)
	}
	running.Wait()
	if conn, err := net.Dial("tcp", s.Addrs()[0].String()); err == nil {
		conn.Close()
		t.Error("the server still accepts connections")
	}
	again, err := Listen(t.Context(), Config{Listen: []string{s.Addrs()[0].String()}}, g)
	if err != nil {
		t.Fatalf("the port is not free again: %v", err)
	}
	if err := again.Shutdown(t.Context()); err != nil { // without Serve
		t.Error(err)
	}
	if err := again.Serve(); err == nil {
		t.Error("a server that was shut down serves")
	}
}

// A shutdown that may not wait any longer cuts what is left and says so.
func TestShutdownDeadline(t *testing.T) {
	g := newGate()
	s, err := Listen(t.Context(), Config{Listen: []string{"127.0.0.1:0"}}, g)
	if err != nil {
		t.Fatal(err)
	}
	served := make(chan error, 1)
	go func() { served <- s.Serve() }()
	conn := dial(t, "tcp", s.Addrs()[0])
	send(t, conn, framed(question(t, 1, "a.", dns.TypeTXT)))
	g.wait(t, 1)
	ctx, cancel := context.WithTimeout(t.Context(), 20*time.Millisecond)
	defer cancel()
	if err := s.Shutdown(ctx); !errors.Is(err, context.DeadlineExceeded) {
		t.Errorf("got %v, want the context's error", err)
	}
	closed(t, conn)
	close(g.open)
	if err := <-served; err != nil {
		t.Error(err)
	}
}
