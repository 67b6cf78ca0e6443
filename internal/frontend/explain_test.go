package frontend

import (
	"errors"
	"net/netip"
	"sync"
	"testing"
	"time"

	"github.com/miekg/dns"

	"github.com/namelet/namelet/hostabi"
	"github.com/namelet/namelet/internal/authority"
	"github.com/namelet/namelet/internal/frontend/cache"
	"github.com/namelet/namelet/internal/resolve"
	"github.com/namelet/namelet/rr"
)

// keeping answers as example does, and lets answers be kept.
func keeping(t testing.TB) handler {
	answer := example(t)
	return func(q authority.Question, c resolve.Client, resp *resolve.Response) {
		answer(q, c, resp)
		resp.Trace.Cacheable = true
	}
}

// Looks into the caches of workers that are busy take nothing from their answers, nor
// from the end of the server; those of workers that wait for messages wake them.
func TestExplainBesideQueries(t *testing.T) {
	h := keeping(t)
	s := serve(t, Config{CacheBytes: 1 << 22, Workers: 2}, h)
	query := question(t, 1, "www.example.", dns.TypeA)
	explain := func() Explained {
		e, err := s.Explain(t.Context(), h, query, netip.MustParseAddr("127.0.0.1"), hostabi.TransportUDP)
		if err != nil {
			t.Error(err)
		}
		return e
	}
	for _, c := range explain().Caches {
		if !c.Told || c.Standing != cache.Absent {
			t.Errorf("before a query: cache of %s: %+v", c.Cache, c)
		}
	}
	var clients sync.WaitGroup
	for range 4 {
		clients.Go(func() {
			conn := dial(t, "udp", s.Addrs()[0])
			buf := make([]byte, 512)
			for range 200 {
				send(t, conn, query)
				if n, err := conn.Read(buf); err != nil || n < 12 || buf[3]&0xf != byte(rr.RCodeNoError) {
					t.Errorf("read %d octets: %v", n, err)
					return
				}
			}
		})
	}
	for range 50 {
		explain()
	}
	clients.Wait()
	kept := 0
	for _, c := range explain().Caches {
		if c.Told && c.Standing == cache.Kept {
			kept++
		}
	}
	if kept == 0 {
		t.Error("no cache has an answer that was given")
	}
}

// A look is no query.
func TestExplainCountsNothing(t *testing.T) {
	h := keeping(t)
	s := serve(t, Config{CacheBytes: 1 << 22, Workers: 1}, h)
	query := question(t, 1, "www.example.", dns.TypeA)
	for range 3 {
		if _, err := s.Explain(t.Context(), h, query, netip.MustParseAddr("127.0.0.1"), hostabi.TransportUDP); err != nil {
			t.Fatal(err)
		}
	}
	s.metrics.mu.Lock()
	defer s.metrics.mu.Unlock()
	for _, stats := range s.metrics.caches {
		if n := stats(); n.Hits+n.Misses+n.Puts > 0 {
			t.Errorf("cache counted %+v", n)
		}
	}
}

func TestExplainRefusesWhatIsNoQuestion(t *testing.T) {
	h := keeping(t)
	s := serve(t, Config{Workers: 1}, h)
	for name, query := range map[string][]byte{"empty": nil, "a response": {0, 0, 0x80, 0, 0, 1, 0, 0, 0, 0, 0, 0}} {
		if _, err := s.Explain(t.Context(), h, query, netip.MustParseAddr("127.0.0.1"), hostabi.TransportUDP); !errors.Is(err, ErrUnasked) {
			t.Errorf("%s: error %v, want ErrUnasked", name, err)
		}
	}
	broken := handler(func(authority.Question, resolve.Client, *resolve.Response) { panic("broken") })
	query := question(t, 1, "www.example.", dns.TypeA)
	if _, err := s.Explain(t.Context(), broken, query, netip.MustParseAddr("127.0.0.1"), hostabi.TransportUDP); err == nil {
		t.Error("a worker that panics gave an answer")
	}
}

// A server that is to end does so while looks go on.
func TestExplainAtTheEnd(t *testing.T) {
	h := keeping(t)
	s := serve(t, Config{CacheBytes: 1 << 22, Workers: 2}, h)
	query := question(t, 1, "www.example.", dns.TypeA)
	ended := make(chan struct{})
	go func() {
		defer close(ended)
		time.Sleep(5 * time.Millisecond)
		if err := s.Shutdown(t.Context()); err != nil {
			t.Error(err)
		}
	}()
	for range 20 {
		if _, err := s.Explain(t.Context(), h, query, netip.MustParseAddr("127.0.0.1"), hostabi.TransportUDP); err != nil {
			t.Error(err)
		}
		select {
		case <-ended:
			return
		default:
		}
	}
	<-ended
}
