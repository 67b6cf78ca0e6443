package frontend

import (
	"encoding/binary"
	"errors"
	"log/slog"
	"net"
	"net/netip"
	"testing"
	"time"

	"github.com/miekg/dns"

	"github.com/namelet/namelet/internal/authority"
	"github.com/namelet/namelet/internal/resolve"
	"github.com/namelet/namelet/rr"
)

// A resolver takes an answer only from the address that it asked.
func TestAnswersLeaveFromTheAddressAsked(t *testing.T) {
	s := serve(t, Config{Workers: 2, Listen: []string{"0.0.0.0:0", "[::]:0", ":0", "127.0.0.1:0", "[::1]:0"}}, example(t))
	addrs := s.Addrs()
	tests := []struct {
		server int
		to     string
	}{
		{0, "127.0.0.1"}, {0, "127.0.0.2"}, {0, "127.9.8.7"},
		{1, "::1"},
		{2, "127.0.0.1"}, {2, "127.0.0.3"}, {2, "::1"},
		{3, "127.0.0.1"}, {4, "::1"},
	}
	for _, test := range tests {
		to := netip.AddrPortFrom(netip.MustParseAddr(test.to), addrs[test.server].Port())
		client := "127.0.0.1:0"
		if to.Addr().Is6() {
			client = "[::1]:0"
		}
		conn, err := net.ListenPacket("udp", client) // not connected: takes answers from anywhere
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() { conn.Close() })
		_ = conn.SetDeadline(time.Now().Add(patience))
		for id := range uint16(3) {
			if _, err := conn.WriteTo(question(t, id, "www.example.", dns.TypeA), net.UDPAddrFromAddrPort(to)); err != nil {
				t.Fatal(err)
			}
			buf := make([]byte, 512)
			n, from, err := conn.ReadFrom(buf)
			if err != nil {
				t.Fatalf("%v listening on %v: %v", to, addrs[test.server], err)
			}
			if got := from.(*net.UDPAddr).AddrPort(); got != to || binary.BigEndian.Uint16(buf) != id || n < headerLen {
				t.Errorf("asked %v, answered from %v with %x", to, got, buf[:n])
			}
		}
	}
}

// queue makes a server of one worker that has not read yet what ask sends to it.
func queue(t *testing.T, h Handler) (s *Server, conn net.Conn) {
	s, err := Listen(t.Context(), Config{
		Listen: []string{"127.0.0.1:0"}, Workers: 1, Logger: slog.New(slog.DiscardHandler),
	}, h)
	if err != nil {
		t.Fatal(err)
	}
	return s, dial(t, "udp", s.Addrs()[0])
}

// receiveAll reads the responses to the ids 0 to n-1, in any order.
func receiveAll(t *testing.T, conn net.Conn, n int) {
	t.Helper()
	seen := map[uint16]bool{}
	for len(seen) < n {
		id := binary.BigEndian.Uint16(receive(t, conn))
		if seen[id] || int(id) >= n {
			t.Fatalf("id %d is answered twice, or was not asked", id)
		}
		seen[id] = true
	}
}

// What the kernel holds at the end is answered, though it takes longer than the
// time to drain: in batches, which are not all full.
func TestShutdownAnswersWhatWasReceived(t *testing.T) {
	const queries = 3*batchSize + 5
	s, conn := queue(t, handler(func(_ authority.Question, _ resolve.Client, resp *resolve.Response) {
		time.Sleep(drainTime / 30)
		resp.Outcome = authority.OutcomeNoData
	}))
	for id := range uint16(queries) {
		send(t, conn, question(t, id, "www.example.", dns.TypeA))
	}
	served := make(chan error, 1)
	go func() { served <- s.Serve() }()
	receive(t, conn) // it serves; the first is of one batch of many
	if err := s.Shutdown(t.Context()); err != nil {
		t.Fatal(err)
	}
	if err := <-served; err != nil {
		t.Fatal(err)
	}
	for range queries - 1 {
		receive(t, conn)
	}
}

func TestBatches(t *testing.T) {
	for _, n := range []int{1, batchSize - 1, batchSize, batchSize + 1, 5 * batchSize} {
		s, conn := queue(t, example(t))
		for id := range uint16(n) {
			send(t, conn, question(t, id, "www.example.", dns.TypeA))
		}
		served := make(chan error, 1)
		go func() { served <- s.Serve() }()
		receiveAll(t, conn, n)
		for id := range uint16(n) { // and one by one
			if got := exchangeOn(t, conn, question(t, id, "example.", dns.TypeMX)); binary.BigEndian.Uint16(got) != id {
				t.Fatalf("got %x", got)
			}
		}
		if err := errors.Join(s.Shutdown(t.Context()), <-served); err != nil {
			t.Fatal(err)
		}
	}
}

// What needs no computation does not wait for what does, though it came after.
func TestQuickAnswersFirst(t *testing.T) {
	quick := make(chan struct{})
	s, conn := queue(t, handler(func(q authority.Question, _ resolve.Client, resp *resolve.Response) {
		select {
		case <-quick:
		case <-time.After(patience):
		}
		resp.Outcome, resp.RCode = authority.OutcomeAnswer, rr.RCodeNoError
	}))
	send(t, conn, question(t, 1, "slow.example.", dns.TypeA))
	send(t, conn, question(t, 2, "bad.example.", dns.TypeTSIG))
	served := make(chan error, 1)
	go func() { served <- s.Serve() }()
	if id := binary.BigEndian.Uint16(receive(t, conn)); id != 2 {
		t.Errorf("got the answer to %d first, want that to 2", id)
	}
	close(quick)
	if id := binary.BigEndian.Uint16(receive(t, conn)); id != 1 {
		t.Errorf("got the answer to %d, want that to 1", id)
	}
	if err := errors.Join(s.Shutdown(t.Context()), <-served); err != nil {
		t.Fatal(err)
	}
}
