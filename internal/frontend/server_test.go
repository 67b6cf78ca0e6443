package frontend

import (
	"bytes"
	"context"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net"
	"net/netip"
	"strings"
	"sync"
	"sync/atomic"
	"syscall"
	"testing"
	"time"

	"github.com/miekg/dns"

	"github.com/namelet/namelet/hostabi"
	"github.com/namelet/namelet/internal/authority"
	"github.com/namelet/namelet/internal/resolve"
	"github.com/namelet/namelet/rr"
)

// patience bounds every wait of the tests.
const patience = 10 * time.Second

// handler makes Workers of a function.
type handler func(q authority.Question, c resolve.Client, resp *resolve.Response)

func (h handler) NewWorker() Worker                { return h }
func (h handler) NewSlowWorker() Worker            { return h }
func (h handler) Generation() uint64               { return 0 }
func (h handler) Shadows() bool                    { return false }
func (h handler) Shadowed(authority.Question) bool { return false }
func (h handler) Idle()                            {}
func (h handler) Close()                           {}

func (h handler) Resolve(q authority.Question, c resolve.Client, resp *resolve.Response) {
	h(q, c, resp)
}

// example answers A of any name below example, and large TXT; all else is
// refused.
func example(t testing.TB) handler {
	large := bulk(t, "example.", 20, 200).Data
	return func(q authority.Question, c resolve.Client, resp *resolve.Response) {
		if !q.Name.IsSubdomainOf(rr.MustParseName("example")) {
			resp.Outcome = authority.OutcomeRefused
			resp.Errors = append(resp.Errors, resolve.ExtendedError{Code: resolve.ErrorNotAuthority})
			return
		}
		resp.Outcome, resp.Authoritative = authority.OutcomeAnswer, true
		s := rr.Set{Name: q.Name, Type: q.Type, TTL: 60, Data: []rr.Rdata{"\x7f\x00\x00\x01"}}
		if q.Type == rr.TypeTXT {
			s.Data = large
		}
		resp.Answer.Answer = append(resp.Answer.Answer, s)
	}
}

// serve runs a server and ends it with the test.
func serve(t testing.TB, config Config, h Handler) *Server {
	t.Helper()
	if config.Listen == nil {
		config.Listen = []string{"127.0.0.1:0"}
	}
	if config.Logger == nil {
		config.Logger = slog.New(slog.DiscardHandler)
	}
	s, err := Listen(t.Context(), config, h)
	if err != nil {
		t.Fatal(err)
	}
	served := make(chan error, 1)
	go func() { served <- s.Serve() }()
	t.Cleanup(func() {
		ctx, cancel := context.WithTimeout(context.Background(), patience)
		defer cancel()
		if err := s.Shutdown(ctx); err != nil {
			t.Errorf("shutdown: %v", err)
		}
		// A test that needs no answer may be over before Serve begins.
		if err := <-served; err != nil && !errors.Is(err, errClosed) {
			t.Errorf("serve: %v", err)
		}
	})
	return s
}

// dial connects to one address of a server.
func dial(t testing.TB, network string, addr netip.AddrPort) net.Conn {
	t.Helper()
	conn, err := net.Dial(network, addr.String())
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { conn.Close() })
	if err := conn.SetDeadline(time.Now().Add(patience)); err != nil {
		t.Fatal(err)
	}
	return conn
}

func send(t testing.TB, conn net.Conn, b []byte) {
	t.Helper()
	if _, err := conn.Write(b); err != nil {
		t.Fatal(err)
	}
}

// framed returns messages as TCP carries them.
func framed(msgs ...[]byte) []byte {
	var b []byte
	for _, m := range msgs {
		b = binary.BigEndian.AppendUint16(b, uint16(len(m)))
		b = append(b, m...)
	}
	return b
}

// receive reads one message.
func receive(t testing.TB, conn net.Conn) []byte {
	t.Helper()
	if _, ok := conn.(*net.UDPConn); ok {
		buf := make([]byte, maxMessage)
		n, err := conn.Read(buf)
		if err != nil {
			t.Fatal(err)
		}
		return buf[:n]
	}
	var prefix [2]byte
	if _, err := io.ReadFull(conn, prefix[:]); err != nil {
		t.Fatal(err)
	}
	msg := make([]byte, binary.BigEndian.Uint16(prefix[:]))
	if _, err := io.ReadFull(conn, msg); err != nil {
		t.Fatal(err)
	}
	return msg
}

// exchangeOn sends a message and returns the response.
func exchangeOn(t testing.TB, conn net.Conn, msg []byte) []byte {
	t.Helper()
	if _, ok := conn.(*net.UDPConn); !ok {
		msg = framed(msg)
	}
	send(t, conn, msg)
	return receive(t, conn)
}

// question packs a query.
func question(t testing.TB, id uint16, qname string, qtype uint16) []byte {
	t.Helper()
	m := new(dns.Msg)
	m.SetQuestion(qname, qtype)
	m.Id = id
	b, err := m.Pack()
	if err != nil {
		t.Fatal(err)
	}
	return b
}

func TestOddMessages(t *testing.T) {
	s := serve(t, Config{Workers: 1}, example(t))
	const (
		q   = wwwExample + aIN
		opt = "00 0029 04d0 00 00 0000 0000"
	)
	tests := []struct{ name, msg, want string }{
		{"answer", "0001 0100 0001 0000 0000 0000" + q, "0001 8500 0001 0001 0000 0000" + q + "c00c 0001 0001 0000003c 0004 7f000001"},
		{"question case is echoed", "0001 0000 0001 0000 0000 0000 03775777 074578614d706c45 00" + aIN,
			"0001 8400 0001 0001 0000 0000 03775777 074578614d706c45 00" + aIN + "c00c 0001 0001 0000003c 0004 7f000001"},
		{"DO is copied", "0001 0000 0001 0000 0000 0001" + q + "00 0029 0400 00 00 8000 0000",
			"0001 8400 0001 0001 0000 0001" + q + "c00c 0001 0001 0000003c 0004 7f000001 00 0029 04d0 00 00 8000 0000"},
		{"CD and AD are not copied", "0001 0030 0001 0000 0000 0000" + q, "0001 8400 0001 0001 0000 0000" + q + "c00c 0001 0001 0000003c 0004 7f000001"},
		{"unknown option is ignored", "0001 0000 0001 0000 0000 0001" + q + "00 0029 0400 00 00 0000 0005 fde9 0001 ff",
			"0001 8400 0001 0001 0000 0001" + q + "c00c 0001 0001 0000003c 0004 7f000001" + opt},
		{"outside the zones", "0001 0000 0001 0000 0000 0000 00 0001 0001", "0001 8005 0001 0000 0000 0000 00 0001 0001"},
		{"outside the zones, EDNS", "0001 0000 0001 0000 0000 0001 00 0001 0001" + opt,
			"0001 8005 0001 0000 0000 0001 00 0001 0001 00 0029 04d0 00 00 0000 0006 000f 0002 0014"},
		{"NOTIFY", "0001 2100 0001 0000 0000 0000" + q, "0001 a104 0001 0000 0000 0000" + q},
		{"NOTIFY, EDNS", "0001 2100 0001 0000 0000 0001" + q + opt, "0001 a104 0001 0000 0000 0001" + q + opt},
		{"opcode 15", "0001 7800 0000 0000 0000 0000", "0001 f804 0000 0000 0000 0000"},
		{"no question", "0001 0000 0000 0000 0000 0000", "0001 8001 0000 0000 0000 0000"},
		{"two questions", "0001 0000 0002 0000 0000 0000" + q + q, "0001 8001 0000 0000 0000 0000"},
		{"two questions, OPT", "0001 0000 0002 0000 0000 0001" + q + q + opt, "0001 8001 0000 0000 0000 0001" + opt},
		{"name cut off", "0001 0000 0001 0000 0000 0000 0377", "0001 8001 0000 0000 0000 0000"},
		{"trailing octets", "0001 0000 0001 0000 0000 0000" + q + "0000", "0001 8001 0001 0000 0000 0000" + q},
		{"two OPT", "0001 0000 0001 0000 0000 0002" + q + opt + opt, "0001 8001 0001 0000 0000 0001" + q + opt},
		{"EDNS version 1", "0001 0000 0001 0000 0000 0001" + q + "00 0029 0400 00 01 8000 0000",
			"0001 8000 0001 0000 0000 0001" + q + "00 0029 04d0 01 00 8000 0000"},
		{"CH", "0001 0000 0001 0000 0000 0000" + wwwExample + "0010 0003", "0001 8005 0001 0000 0000 0000" + wwwExample + "0010 0003"},
		{"MAILB", "0001 0000 0001 0000 0000 0000" + wwwExample + "00fd 0001", "0001 8004 0001 0000 0000 0000" + wwwExample + "00fd 0001"},
		{"type TSIG", "0001 0000 0001 0000 0000 0000" + wwwExample + "00fa 0001", "0001 8001 0001 0000 0000 0000" + wwwExample + "00fa 0001"},
		{"TSIG", "0001 0000 0001 0000 0000 0001" + q + tsigRecord,
			"0001 8009 0001 0000 0000 0001" + q + "016b 00 00fa 00ff 00000000 001d 0b686d61632d736861323536 00 000066000000 012c 0000 0001 0011 0000"},
		{"TSIG with EDNS", "0001 0000 0001 0000 0000 0002" + q + opt + tsigRecord,
			"0001 8009 0001 0000 0000 0002" + q + opt + "016b 00 00fa 00ff 00000000 001d 0b686d61632d736861323536 00 000066000000 012c 0000 0001 0011 0000"},
	}
	for _, network := range []string{"udp", "tcp"} {
		conn := dial(t, network, s.Addrs()[0])
		for _, test := range tests {
			t.Run(network+"/"+test.name, func(t *testing.T) {
				got := exchangeOn(t, conn, unhex(t, test.msg))
				if want := unhex(t, test.want); !bytes.Equal(got, want) {
					t.Errorf("got\n%x, want\n%x", got, want)
				}
			})
		}
	}
}

// What gets no response is shown by the next query's being the first to get one.
func TestIgnoredMessages(t *testing.T) {
	s := serve(t, Config{Workers: 1}, example(t))
	next := question(t, 0x4242, "www.example.", dns.TypeA)
	response := unhex(t, "0001 8000 0001 0000 0000 0000"+wwwExample+aIN)

	udp := dial(t, "udp", s.Addrs()[0])
	for _, msg := range [][]byte{{}, unhex(t, "0001 0000 0001 0000 0000 00"), response} {
		send(t, udp, msg)
	}
	if got := exchangeOn(t, udp, next); binary.BigEndian.Uint16(got) != 0x4242 {
		t.Errorf("UDP: got %x", got)
	}
	tcp := dial(t, "tcp", s.Addrs()[0])
	send(t, tcp, framed(response))
	if got := exchangeOn(t, tcp, next); binary.BigEndian.Uint16(got) != 0x4242 {
		t.Errorf("TCP: got %x", got)
	}
}

func TestTransferIsNotSupported(t *testing.T) {
	s := serve(t, Config{Workers: 1}, example(t))
	tests := []struct {
		network string
		qtype   uint16
		want    int
	}{
		{"udp", dns.TypeAXFR, dns.RcodeFormatError},
		{"tcp", dns.TypeAXFR, dns.RcodeNotImplemented},
		{"udp", dns.TypeIXFR, dns.RcodeNotImplemented},
		{"tcp", dns.TypeIXFR, dns.RcodeNotImplemented},
	}
	for _, test := range tests {
		msg := exchangeOn(t, dial(t, test.network, s.Addrs()[0]), question(t, 1, "example.", test.qtype))
		var m dns.Msg
		if err := m.Unpack(msg); err != nil || m.Rcode != test.want || len(m.Question) != 1 {
			t.Errorf("%s %s: got %v, %v, want code %d", test.network, dns.Type(test.qtype), m, err, test.want)
		}
	}
}

func TestTruncationThenTCP(t *testing.T) {
	s := serve(t, Config{Workers: 1}, example(t))
	for _, size := range []uint16{0, 100, 512, 900, 4096} {
		m := new(dns.Msg)
		m.SetQuestion("example.", dns.TypeTXT)
		limit := 512
		if size > 0 {
			m.SetEdns0(size, false)
			limit = min(max(int(size), 512), defaultMaxUDPSize)
		}
		msg, err := m.Pack()
		if err != nil {
			t.Fatal(err)
		}
		var short, whole dns.Msg
		got := exchangeOn(t, dial(t, "udp", s.Addrs()[0]), msg)
		if err := short.Unpack(got); err != nil || !short.Truncated || len(got) > limit || len(short.Answer) != 0 {
			t.Errorf("size %d: %d octets, TC %v, %d records, %v", size, len(got), short.Truncated, len(short.Answer), err)
		}
		got = exchangeOn(t, dial(t, "tcp", s.Addrs()[0]), msg)
		if err := whole.Unpack(got); err != nil || whole.Truncated || len(whole.Answer) != 20 {
			t.Errorf("size %d over TCP: TC %v, %d records, %v", size, whole.Truncated, len(whole.Answer), err)
		}
	}
}

// The resolver is told where a question came from, and gets the name as it was
// sent.
func TestClientAndQuestion(t *testing.T) {
	type asked struct {
		q authority.Question
		c resolve.Client
	}
	seen := make(chan asked, 1)
	s := serve(t, Config{Workers: 1, Listen: []string{"127.0.0.1:0", "[::1]:0", "[::]:0", ":0"}},
		handler(func(q authority.Question, c resolve.Client, resp *resolve.Response) {
			resp.Outcome = authority.OutcomeNoData
			q.Name = q.Name.Clone()
			seen <- asked{q, c}
		}))
	addrs := s.Addrs()
	local4, local6 := netip.MustParseAddr("127.0.0.1"), netip.MustParseAddr("::1")
	for _, to := range []netip.AddrPort{addrs[0], addrs[1], netip.AddrPortFrom(local6, addrs[2].Port()),
		netip.AddrPortFrom(local4, addrs[3].Port()), netip.AddrPortFrom(local6, addrs[3].Port())} {
		for network, transport := range map[string]hostabi.Transport{"udp": hostabi.TransportUDP, "tcp": hostabi.TransportTCP} {
			exchangeOn(t, dial(t, network, to), question(t, 1, "WwW.eXample.", dns.TypeMX))
			got := <-seen
			if want := (resolve.Client{Addr: to.Addr(), Transport: transport}); got.c != want {
				t.Errorf("%s %v: got client %v, want %v", network, to, got.c, want)
			}
			if want := (authority.Question{Name: rr.MustParseName("WwW.eXample."), Type: rr.TypeMX}); got.q != want {
				t.Errorf("%s %v: got question %v, want %v", network, to, got.q, want)
			}
		}
	}
}

func TestWorkersShareAnAddress(t *testing.T) {
	s := serve(t, Config{Workers: 4}, example(t))
	for i := range 40 { // the kernel chooses a socket by the client's port
		conn := dial(t, "udp", s.Addrs()[0])
		if got := exchangeOn(t, conn, question(t, uint16(i), "www.example.", dns.TypeA)); binary.BigEndian.Uint16(got) != uint16(i) {
			t.Errorf("got %x", got)
		}
	}
}

func TestPortInUse(t *testing.T) {
	for _, workers := range []int{1, 3} {
		s := serve(t, Config{Workers: workers}, example(t))
		taken := s.Addrs()[0].String()
		_, err := Listen(t.Context(), Config{Listen: []string{"127.0.0.1:0", taken}, Workers: 3}, example(t))
		if !errors.Is(err, syscall.EADDRINUSE) || !strings.Contains(err.Error(), taken) {
			t.Errorf("%d workers: got %v, want address in use", workers, err)
		}
	}
	udp, err := net.ListenPacket("udp", "127.0.0.1:0") // UDP alone is in use
	if err != nil {
		t.Fatal(err)
	}
	defer udp.Close()
	if _, err := Listen(t.Context(), Config{Listen: []string{udp.LocalAddr().String()}}, example(t)); !errors.Is(err, syscall.EADDRINUSE) {
		t.Errorf("UDP: got %v, want address in use", err)
	}
	tcp, err := net.Listen("tcp", "127.0.0.1:0") // TCP alone is in use
	if err != nil {
		t.Fatal(err)
	}
	defer tcp.Close()
	if _, err := Listen(t.Context(), Config{Listen: []string{tcp.Addr().String()}}, example(t)); !errors.Is(err, syscall.EADDRINUSE) {
		t.Errorf("TCP: got %v, want address in use", err)
	}
}

func TestBadConfiguration(t *testing.T) {
	tests := []struct {
		config Config
		want   string
	}{
		{Config{}, "no address"},
		{Config{Listen: []string{"127.0.0.1"}}, "want HOST:PORT"},
		{Config{Listen: []string{"127.0.0.1:99999"}}, "invalid port"},
		{Config{Listen: []string{"127.0.0.1:0"}, MaxUDPSize: 100}, "512 to 4096"},
		{Config{Listen: []string{"127.0.0.1:0"}, Workers: -1}, "workers is negative"},
		{Config{Listen: []string{"127.0.0.1:0"}, TCP: TCPConfig{Idle: -1}}, "idle time is negative"},
	}
	for _, test := range tests {
		s, err := Listen(t.Context(), test.config, example(t))
		if err == nil || !strings.Contains(err.Error(), test.want) || strings.Contains(err.Error(), "\n") {
			t.Errorf("%+v: got %v, %v, want %q", test.config, s, err, test.want)
		}
	}
}

// A panic costs its own question only, and the Worker.
func TestPanic(t *testing.T) {
	var log bytes.Buffer
	var mu sync.Mutex
	made := 0
	var closed atomic.Int64
	makes := makeWorker(func() Worker {
		mu.Lock()
		defer mu.Unlock()
		made++
		return closing{&closed, handler(func(q authority.Question, c resolve.Client, resp *resolve.Response) {
			if q.Type == rr.TypeTXT {
				resp.Answer.Answer = append(resp.Answer.Answer, rr.Set{Name: q.Name})
				panic("spilled")
			}
			example(t)(q, c, resp)
		})}
	})
	s := serve(t, Config{Workers: 1, TCP: TCPConfig{Workers: 1}, Logger: slog.New(slog.NewTextHandler(&log, nil))}, makes)
	for _, network := range []string{"udp", "tcp"} {
		conn := dial(t, network, s.Addrs()[0])
		for i := range 4 {
			qtype, want := dns.TypeTXT, dns.RcodeServerFailure
			if i%2 == 1 {
				qtype, want = dns.TypeA, dns.RcodeSuccess
			}
			var m dns.Msg
			if err := m.Unpack(exchangeOn(t, conn, question(t, 1, "www.example.", qtype))); err != nil || m.Rcode != want || len(m.Question) != 1 {
				t.Errorf("%s %d: got %v, %v, want code %d", network, i, &m, err, want)
			}
		}
	}
	if made != 6 {
		t.Errorf("got %d workers, want one for each transport and one after each of 4 panics", made)
	}
	if got := closed.Load(); got != 4 {
		t.Errorf("%d workers were closed, want those 4 that panicked", got)
	}
	if n := strings.Count(log.String(), "spilled"); n != 1 || !strings.Contains(log.String(), "www.example.") || !strings.Contains(log.String(), "Resolve") {
		t.Errorf("logged %d times, want once with name and stack: %s", n, log.String())
	}
	if got := s.metrics.sum(hostabi.TransportUDP).panics + s.metrics.sum(hostabi.TransportTCP).panics; got != 4 {
		t.Errorf("got %d panics counted, want 4", got)
	}
}

// closing is a Worker that counts being closed, and fails at that too.
type closing struct {
	count *atomic.Int64
	handler
}

func (c closing) Close() {
	c.count.Add(1)
	panic("broken")
}

type makeWorker func() Worker

func (f makeWorker) NewWorker() Worker              { return f() }
func (f makeWorker) NewSlowWorker() Worker          { return f() }
func (makeWorker) Generation() uint64               { return 0 }
func (makeWorker) Shadows() bool                    { return false }
func (makeWorker) Shadowed(authority.Question) bool { return false }

func TestResponseCode(t *testing.T) {
	tests := []struct {
		outcome authority.Outcome
		rcode   rr.RCode
		errors  []resolve.ExtendedError
		want    rr.RCode
		emptied bool
		first   uint16 // code of the first extended error
	}{
		{authority.OutcomeAnswer, 0, nil, rr.RCodeNoError, false, 0},
		{authority.OutcomeNoData, 0, nil, rr.RCodeNoError, false, 0},
		{authority.OutcomeReferral, 0, nil, rr.RCodeNoError, false, 0},
		{authority.OutcomeNXDomain, 0, nil, rr.RCodeNXDomain, false, 0},
		{authority.OutcomeNXDomain, rr.RCodeNXDomain, nil, rr.RCodeNXDomain, false, 0},
		{authority.OutcomeNXDomain, rr.RCodeYXDomain, nil, rr.RCodeYXDomain, false, 0},
		{authority.OutcomeRefused, 0, nil, rr.RCodeRefused, true, 0},
		{authority.OutcomeRefused, 0, []resolve.ExtendedError{{Code: resolve.ErrorProhibited}}, rr.RCodeRefused, true, resolve.ErrorProhibited},
		{authority.OutcomeFailed, 0, []resolve.ExtendedError{{Code: resolve.ErrorNotReady}}, rr.RCodeServFail, true, resolve.ErrorNotReady},
		{authority.OutcomeInvalid, 0, nil, rr.RCodeServFail, true, 0},
	}
	for _, test := range tests {
		resp := &resolve.Response{Errors: test.errors}
		resp.Outcome, resp.RCode = test.outcome, test.rcode
		resp.Answer.Answer = []rr.Set{{Name: rr.Root}}
		got := responseCode(resp)
		first := uint16(0)
		if len(resp.Errors) > 0 {
			first = resp.Errors[0].Code
		}
		if got != test.want || first != test.first || (len(resp.Answer.Answer) == 0) != test.emptied {
			t.Errorf("%+v: got %v, error %d, %d sets", test, got, first, len(resp.Answer.Answer))
		}
	}
}

// fixed answers every question with one address and allocates nothing.
func fixed(t testing.TB) handler {
	answer := []rr.Set{set(t, "www.example. 60 IN A 127.0.0.1")}
	return func(_ authority.Question, _ resolve.Client, resp *resolve.Response) {
		resp.Outcome = authority.OutcomeAnswer
		resp.Answer.Answer = append(resp.Answer.Answer, answer...)
	}
}

func BenchmarkUDP(b *testing.B) {
	s := serve(b, Config{Workers: 1}, fixed(b))
	conn := dial(b, "udp", s.Addrs()[0])
	_ = conn.SetDeadline(time.Time{})
	msg := question(b, 1, "www.example.", dns.TypeA)
	buf := make([]byte, 512)
	b.ReportAllocs()
	for b.Loop() {
		if _, err := conn.Write(msg); err != nil {
			b.Fatal(err)
		}
		if _, err := conn.Read(buf); err != nil {
			b.Fatal(err)
		}
	}
}

// newTestResponder returns a responder without a server.
func newTestResponder(h Handler) *responder {
	s := &Server{config: Config{MaxUDPSize: defaultMaxUDPSize}, handler: h, metrics: &Metrics{}, panics: &panicLog{}, policy: mustPolicy(PolicyConfig{})}
	return s.newResponder(hostabi.TransportUDP, keepOwn(s.newCache(), nil))
}

// respond appends the response to msg to dst as a UDP worker does, nil for none.
func (r *responder) respond(dst, msg []byte, client netip.Addr, q *query) []byte {
	r.wake()
	response, done := r.quick(dst, msg, client, q)
	if !done {
		response, _ = r.slow(dst, q)
	}
	return response
}

func TestRespondAllocations(t *testing.T) {
	r := newTestResponder(fixed(t))
	msg := question(t, 1, "www.example.", dns.TypeA)
	client := netip.MustParseAddr("127.0.0.1")
	dst, q := make([]byte, 0, defaultMaxUDPSize), new(query)
	allocs := testing.AllocsPerRun(100, func() { r.respond(dst, msg, client, q) })
	if allocs != 0 {
		t.Errorf("got %v allocations, want none", allocs)
	}
}

// BenchmarkRespond is a query without its sockets.
func BenchmarkRespond(b *testing.B) {
	r := newTestResponder(fixed(b))
	msg := question(b, 1, "www.example.", dns.TypeA)
	client := netip.MustParseAddr("127.0.0.1")
	dst, q := make([]byte, 0, defaultMaxUDPSize), new(query)
	b.ReportAllocs()
	for b.Loop() {
		if r.respond(dst, msg, client, q) == nil {
			b.Fatal("no response")
		}
	}
}

func ExampleListen() {
	answer := handler(func(q authority.Question, c resolve.Client, resp *resolve.Response) {
		resp.Outcome = authority.OutcomeNXDomain
	})
	s, err := Listen(context.Background(), Config{Listen: []string{"127.0.0.1:0"}}, answer)
	if err != nil {
		fmt.Println(err)
		return
	}
	go s.Serve()
	fmt.Println(len(s.Addrs()), s.Shutdown(context.Background()))
	// Output: 1 <nil>
}
