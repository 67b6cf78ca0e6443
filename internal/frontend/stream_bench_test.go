package frontend

import (
	"crypto/tls"
	"io"
	"net"
	"sync/atomic"
	"testing"

	"github.com/miekg/dns"
)

// burst asks for a kept answer many times at once, with memory of its own.
type burst struct {
	conn    net.Conn
	queries []byte
	replies []byte
}

// newBurst prepares n queries on a connection, whose answer is kept already.
func newBurst(t testing.TB, conn net.Conn, n int) *burst {
	query := question(t, 1, "www.example.", dns.TypeA)
	reply := exchangeOn(t, conn, query)
	b := &burst{conn: conn, replies: make([]byte, n*(lengthLen+len(reply)))}
	for range n {
		b.queries = append(b.queries, framed(query)...)
	}
	return b
}

func (b *burst) run(t testing.TB) {
	if _, err := b.conn.Write(b.queries); err != nil {
		t.Fatal(err)
	}
	if _, err := io.ReadFull(b.conn, b.replies); err != nil {
		t.Fatal(err)
	}
}

// A kept answer over TCP costs no memory.
func TestStreamAllocations(t *testing.T) {
	s := serve(t, Config{CacheBytes: 1 << 20}, keepable(t, new(atomic.Int64)))
	b := newBurst(t, dial(t, "tcp", s.Addrs()[0]), 10)
	if n := testing.AllocsPerRun(200, func() { b.run(t) }); n >= 1 {
		t.Errorf("got %v allocations for 10 queries, want none", n)
	}
}

// BenchmarkStream measures client and server together, a query at a time.
func BenchmarkStream(b *testing.B) {
	s, trust := secured(b, Config{CacheBytes: 1 << 20}, keepable(b, new(atomic.Int64)))
	for _, transport := range []struct {
		name string
		dial func() net.Conn
	}{
		{"TCP", func() net.Conn { return dial(b, "tcp", s.Addrs()[0]) }},
		{"TLS", func() net.Conn { return tls.Client(dial(b, "tcp", s.TLSAddrs()[0]), trust) }},
	} {
		for name, n := range map[string]int{"alone": 1, "pipelined": 100} {
			b.Run(transport.name+"/"+name, func(b *testing.B) {
				burst := newBurst(b, transport.dial(), n)
				b.ReportAllocs()
				b.ResetTimer()
				for range (b.N + n - 1) / n {
					burst.run(b)
				}
			})
		}
	}
}
