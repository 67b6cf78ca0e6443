package frontend

import (
	"bufio"
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"net"
	"net/netip"
	"time"

	"github.com/namelet/namelet/hostabi"
	"github.com/namelet/namelet/internal/frontend/proxy"
)

// listener takes connections of one transport on one address.
type listener struct {
	tcp       *net.TCPListener
	transport hostabi.Transport
}

func (l *listener) addr() netip.AddrPort {
	a := l.tcp.Addr().(*net.TCPAddr).AddrPort()
	return netip.AddrPortFrom(a.Addr().Unmap(), a.Port())
}

// listenStreams opens the listeners of TLS and HTTPS. TCP has those of the
// endpoints.
func (s *Server) listenStreams(ctx context.Context) error {
	for _, of := range []struct {
		transport hostabi.Transport
		addresses []string
	}{{hostabi.TransportTLS, s.config.TLS.Listen}, {hostabi.TransportHTTPS, s.config.TLS.HTTPSListen}} {
		for _, address := range of.addresses {
			host, _, err := net.SplitHostPort(address)
			if err != nil {
				return fmt.Errorf("frontend: listen on %q: want HOST:PORT: %w", address, err)
			}
			l, err := new(net.ListenConfig).Listen(ctx, "tcp"+addressFamily(host), address)
			if err != nil {
				return fmt.Errorf("frontend: listen on %s: %w", address, err)
			}
			s.listeners = append(s.listeners, &listener{l.(*net.TCPListener), of.transport})
		}
	}
	return nil
}

// TLSAddrs returns the addresses listened on for DNS over TLS, as Addrs does.
func (s *Server) TLSAddrs() []netip.AddrPort { return s.streamAddrs(hostabi.TransportTLS) }

// HTTPSAddrs returns the addresses listened on for DNS over HTTPS, as Addrs does.
func (s *Server) HTTPSAddrs() []netip.AddrPort { return s.streamAddrs(hostabi.TransportHTTPS) }

func (s *Server) streamAddrs(transport hostabi.Transport) []netip.AddrPort {
	var addrs []netip.AddrPort
	for _, l := range s.listeners {
		if l.transport == transport {
			addrs = append(addrs, l.addr())
		}
	}
	return addrs
}

// accept takes connections until the listener is closed.
func (s *Server) accept(l *listener) {
	for {
		conn, err := l.tcp.AcceptTCP()
		if err != nil {
			if errors.Is(err, net.ErrClosed) {
				return
			}
			s.complain("accept TCP", err)
			time.Sleep(retryDelay)
			continue
		}
		s.admit(conn, l.transport)
	}
}

// admit starts to serve a connection, or closes it where there are too many. One
// of a proxy counts as its client's, which is not known yet.
func (s *Server) admit(conn *net.TCPConn, transport hostabi.Transport) {
	client := conn.RemoteAddr().(*net.TCPAddr).AddrPort().Addr().Unmap().WithZone("")
	c := &tcpConn{
		server: s, transport: transport, raw: conn, conn: conn,
		client: client, counted: client, proxied: s.sources.Contains(client),
	}
	if c.proxied {
		c.counted = netip.Addr{}
	}
	if !s.count(s.limiter.admit(c.counted)) {
		conn.Close()
		return
	}
	s.metrics.tcp.accepted.Add(1)
	s.metrics.tcp.open.Add(1)
	s.mu.Lock()
	s.conns[c] = struct{}{}
	s.mu.Unlock()
	s.sockets.Go(c.serve)
}

// count counts a connection that is refused, and reports whether it is not.
func (s *Server) count(a admission) bool {
	switch a {
	case full:
		s.metrics.tcp.full.Add(1)
	case crowded:
		s.metrics.tcp.crowded.Add(1)
	}
	return a == admitted
}

// leave gives the connection's place back, and closes it where that is still to be
// done: who sees that can count on the place.
func (c *tcpConn) leave() {
	s := c.server
	s.mu.Lock()
	delete(s.conns, c)
	s.mu.Unlock()
	s.limiter.release(c.counted)
	s.metrics.tcp.open.Add(-1)
	c.raw.Close()
}

// greet does what comes before the first query: the header of a proxy, then TLS.
// All of it has to be done in the message time. It returns false where the
// connection is to be closed.
func (c *tcpConn) greet() bool {
	if !c.proxied && c.transport == hostabi.TransportTCP {
		return true
	}
	s := c.server
	_ = c.raw.SetWriteDeadline(time.Now().Add(s.config.TCP.Message))
	c.setReadDeadline(s.config.TCP.Message)
	if c.proxied && !c.introduce() {
		return false
	}
	if c.transport == hostabi.TransportTCP {
		return true
	}
	var conn *tls.Conn
	if c.transport == hostabi.TransportHTTPS {
		c.closed = make(chan struct{})
		conn = tls.Server(&clientConn{TCPConn: c.raw, client: c.client, closed: c.closed}, s.tls.doh)
	} else {
		c.ahead = &aheadConn{TCPConn: c.raw, r: bufio.NewReaderSize(c.raw, aheadBuffer)}
		conn = tls.Server(c.ahead, s.tls.dot)
	}
	if err := conn.Handshake(); err != nil {
		s.metrics.tcp.handshakes.Add(1)
		return false
	}
	c.conn = conn
	return true
}

// introduce reads the header of a proxy.
func (c *tcpConn) introduce() bool {
	s := c.server
	addr, err := proxy.Read(c.raw)
	if err != nil {
		s.metrics.tcp.headers.Add(1)
		return false
	}
	if !addr.IsValid() {
		return true // the proxy asks itself, to see whether we live
	}
	if !s.count(s.limiter.attribute(addr.Addr())) {
		return false
	}
	c.client, c.counted, c.port = addr.Addr(), addr.Addr(), addr.Port()
	return true
}

// leastIdle is how long a connection may be silent when nearly all places are
// taken.
const leastIdle = time.Second

// idleTime returns how long a connection may be silent between queries: less and
// less once half of all places are taken, so that those who ask get the places
// of those who do not (RFC 7766 section 6.2.3).
func (s *Server) idleTime() time.Duration {
	idle, total := s.config.TCP.Idle, int64(s.config.TCP.Connections)
	left := total - s.metrics.tcp.open.Load()
	if 2*left >= total {
		return idle
	}
	return max(idle*time.Duration(2*left)/time.Duration(total), min(idle, leastIdle))
}
