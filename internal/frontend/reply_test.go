package frontend

import (
	"bytes"
	"sync/atomic"
	"testing"
	"time"

	"github.com/miekg/dns"

	"github.com/namelet/namelet/hostabi"
	"github.com/namelet/namelet/internal/authority"
	"github.com/namelet/namelet/internal/resolve"
	"github.com/namelet/namelet/rr"
)

// keepable answers as example does, by answers that may be kept, and counts the
// questions.
func keepable(t testing.TB, asked *atomic.Int64) handler {
	answer := example(t)
	return func(q authority.Question, c resolve.Client, resp *resolve.Response) {
		asked.Add(1)
		answer(q, c, resp)
		resp.Trace.Cacheable, resp.Trace.Known = true, true
	}
}

// What one connection had computed, the others are given, by whatever transport.
func TestKeptForConnections(t *testing.T) {
	var asked atomic.Int64
	s, trust := secured(t, Config{CacheBytes: 1 << 20}, keepable(t, &asked))
	query := withOptions(t, "www.example.", dns.TypeA, &dns.EDNS0_PADDING{Padding: make([]byte, 9)})
	client := httpsClient(trust, true)
	tcp, secure := dial(t, "tcp", s.Addrs()[0]), dialTLS(t, s, trust)
	for range 2 {
		plain := exchangeOn(t, tcp, query)
		for _, padded := range [][]byte{exchangeOn(t, secure, query), getMessage(t, client, s, query)} {
			if len(padded) != paddingBlock || !bytes.Equal(padded[:headerLen], plain[:headerLen]) {
				t.Errorf("got %x and %x", plain, padded)
			}
		}
	}
	if asked.Load() != 1 {
		t.Errorf("the question was computed %d times, want once", asked.Load())
	}
	got := scrape(t, s.Metrics())
	for _, transport := range []string{"tcp", "tls", "https"} {
		if n := answered(got, transport, "NOERROR"); n != 2 {
			t.Errorf("counted %v queries over %s, want 2", n, transport)
		}
	}
}

// An answer that is kept does not wait for one that is computed, and a client that
// does not read any is cut off.
func TestKeptBesideSlow(t *testing.T) {
	g := newGate()
	answer := keepable(t, new(atomic.Int64))
	s := serve(t, Config{CacheBytes: 1 << 20, TCP: TCPConfig{Workers: 2, InFlight: 2, Write: 100 * time.Millisecond}},
		handler(func(q authority.Question, c resolve.Client, resp *resolve.Response) {
			if q.Name.Equal(rr.MustParseName("slow.example")) {
				g.Resolve(q, c, resp)
				return
			}
			answer(q, c, resp)
		}))
	conn := dial(t, "tcp", s.Addrs()[0])
	exchangeOn(t, conn, question(t, 1, "www.example.", dns.TypeA))
	send(t, conn, framed(question(t, 2, "slow.example.", dns.TypeTXT), question(t, 3, "www.example.", dns.TypeA),
		question(t, 4, "slow.example.", dns.TypeTXT), question(t, 5, "www.example.", dns.TypeA)))
	for _, want := range []uint16{3, 5} {
		if got := id(t, conn); got != want {
			t.Errorf("got answer %d, want %d", got, want)
		}
	}
	close(g.open)
	if got := id(t, conn) + id(t, conn); got != 6 {
		t.Errorf("got ids that sum to %d, want 6", got)
	}
	query := framed(question(t, 1, "example.", dns.TypeTXT))
	for {
		if _, err := conn.Write(query); err != nil {
			break
		}
	}
	if s.metrics.sum(hostabi.TransportTCP).unsent == 0 {
		t.Error("no response was counted as unsent")
	}
}
