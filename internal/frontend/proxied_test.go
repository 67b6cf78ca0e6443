package frontend

import (
	"context"
	"crypto/tls"
	"net"
	"net/http"
	"net/netip"
	"testing"
	"time"

	"github.com/miekg/dns"

	"github.com/namelet/namelet/hostabi"
)

// proxyHeader is a header for the client 198.51.100.7, of datagrams or streams.
func proxyHeader(kind byte) []byte {
	return append([]byte("\r\n\r\n\x00\r\nQUIT\n\x21"), 0x10|kind, 0, 12, 198, 51, 100, 7, 192, 0, 2, 1, 0x30, 0x39, 0, 53)
}

const (
	streamKind   = 1
	datagramKind = 2
)

// loopback names this machine as a proxy.
var loopback = []netip.Prefix{netip.MustParsePrefix("127.0.0.0/8")}

// silent checks that no message comes.
func silent(t *testing.T, conn net.Conn) {
	t.Helper()
	if err := conn.SetReadDeadline(time.Now().Add(100 * time.Millisecond)); err != nil {
		t.Fatal(err)
	}
	b := make([]byte, 512)
	if n, err := conn.Read(b); err == nil {
		t.Errorf("got %x", b[:n])
	}
}

// The client that a named proxy speaks for is the client, by every transport.
func TestProxied(t *testing.T) {
	r := make(reporter, 1)
	var k taken
	s, trust := secured(t, Config{ProxyFrom: loopback, Workers: 1, Tap: &k}, r)
	query := question(t, 1, "a.", dns.TypeA)
	client := func(want string) {
		t.Helper()
		if got := (<-r).Addr; got != netip.MustParseAddr(want) {
			t.Errorf("the client is %v, want %s", got, want)
		}
	}
	local := []byte("\r\n\r\n\x00\r\nQUIT\n\x20\x00\x00\x00")
	t.Run("UDP", func(t *testing.T) {
		conn := dial(t, "udp", s.Addrs()[0])
		exchangeOn(t, conn, append(proxyHeader(datagramKind), query...))
		client("198.51.100.7")
		exchangeOn(t, conn, append(local, query...))
		client("127.0.0.1")
		send(t, conn, query)
		silent(t, conn)
	})
	t.Run("TCP", func(t *testing.T) {
		conn := dial(t, "tcp", s.Addrs()[0])
		send(t, conn, proxyHeader(streamKind))
		for range 2 {
			exchangeOn(t, conn, query)
			client("198.51.100.7")
		}
		conn = dial(t, "tcp", s.Addrs()[0])
		send(t, conn, local)
		exchangeOn(t, conn, query)
		client("127.0.0.1")
	})
	t.Run("TLS", func(t *testing.T) {
		under := dial(t, "tcp", s.TLSAddrs()[0])
		send(t, under, proxyHeader(streamKind))
		exchangeOn(t, tls.Client(under, trust), query)
		client("198.51.100.7")
	})
	t.Run("HTTPS", func(t *testing.T) {
		c := httpsClient(trust, true)
		c.Transport.(*http.Transport).DialContext = func(context.Context, string, string) (net.Conn, error) {
			conn := dial(t, "tcp", s.HTTPSAddrs()[0])
			send(t, conn, proxyHeader(streamKind))
			return conn, nil
		}
		get(t, c, dohURL(s, "name=a"), 200)
		client("198.51.100.7")
		c.CloseIdleConnections()
	})
	t.Run("no header", func(t *testing.T) {
		conn := dial(t, "tcp", s.Addrs()[0])
		send(t, conn, framed(query))
		closed(t, conn)
	})
	for _, x := range k.wait(t, 7) { // of three queries over TCP one is the proxy's own, as is one of two over UDP
		named := x.Client == netip.MustParseAddrPort("198.51.100.7:12345") || x.Client == netip.MustParseAddrPort("198.51.100.7:0") && x.Transport == hostabi.TransportHTTPS
		if !named && (x.Client.Addr() != netip.MustParseAddr("127.0.0.1") || x.Client.Port() == 0) {
			t.Errorf("the tap was shown the client %v over %v", x.Client, x.Transport)
		}
	}
	if got := scrape(t, s.Metrics()); got["responder_messages_ignored_total reason=proxy transport=udp"] != 1 || got["responder_tcp_connections_failed_total step=proxy"] != 1 {
		t.Errorf("counted %v", got)
	}
}

// Who is no named proxy gets no answer to a header, not even that it is no query.
func TestUnexpectedHeader(t *testing.T) {
	s, trust := secured(t, Config{Workers: 1, ProxyFrom: []netip.Prefix{netip.MustParsePrefix("192.0.2.0/24")}}, example(t))
	query := question(t, 1, "www.example.", dns.TypeA)
	udp := dial(t, "udp", s.Addrs()[0])
	send(t, udp, append(proxyHeader(datagramKind), query...))
	silent(t, udp)
	tcp := dial(t, "tcp", s.Addrs()[0])
	send(t, tcp, append(proxyHeader(streamKind), framed(query)...))
	closed(t, tcp)
	tcp = dialTLS(t, s, trust)
	send(t, tcp, append(proxyHeader(streamKind), framed(query)...))
	closed(t, tcp)
	// A message of just that length is one.
	long := make([]byte, signatureLength)
	copy(long, query)
	exchangeOn(t, dial(t, "tcp", s.Addrs()[0]), long)
}

// The connections of a proxy count to its clients, and all of them to the sum.
func TestProxiedConnectionLimits(t *testing.T) {
	s := serve(t, Config{ProxyFrom: loopback, TCP: TCPConfig{ClientConnections: 2, Connections: 5, Message: time.Second}}, example(t))
	connect := func(last byte) net.Conn {
		conn := dial(t, "tcp", s.Addrs()[0])
		header := proxyHeader(streamKind)
		header[18] = last // of 198.51.x, so of the prefix too
		send(t, conn, append(header, framed(question(t, 1, "www.example.", dns.TypeA))...))
		return conn
	}
	for _, last := range []byte{1, 2, 1, 2} {
		receive(t, connect(last))
	}
	closed(t, connect(1))
	if got := scrape(t, s.Metrics())["responder_tcp_connections_refused_total limit=client"]; got != 1 {
		t.Errorf("counted %v refused of a client, want 1", got)
	}
	receive(t, connect(3))
	closed(t, connect(4))
	if got := scrape(t, s.Metrics())["responder_tcp_connections_refused_total limit=total"]; got != 1 {
		t.Errorf("counted %v refused in all, want 1", got)
	}
}

// A header that does not arrive in time ends the connection.
func TestSlowHeader(t *testing.T) {
	s := serve(t, Config{ProxyFrom: loopback, TCP: TCPConfig{Message: 60 * time.Millisecond}}, example(t))
	conn := dial(t, "tcp", s.Addrs()[0])
	send(t, conn, proxyHeader(streamKind)[:20])
	closed(t, conn)
}
