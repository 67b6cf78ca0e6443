package control

import (
	"net"
	"net/netip"
	"sync"
)

// Bounds of the connections to an endpoint. Each has a file descriptor, which the
// server's queries and its store need, too.
const (
	maxConnections        = 2048
	maxNetworkConnections = 256 // from one address (/64 of IPv6), but for this machine's own
)

// Bounded bounds the connections of a listener, in all and from one address. One too
// many is closed at once, so that it does not keep others waiting.
func Bounded(l net.Listener) net.Listener {
	return &boundedListener{Listener: l, most: maxConnections, ofOne: maxNetworkConnections, of: map[string]int{}}
}

type boundedListener struct {
	net.Listener
	most, ofOne int

	mu  sync.Mutex
	all int
	of  map[string]int // by network, of those that are bounded
}

// Accept implements net.Listener.
func (b *boundedListener) Accept() (net.Conn, error) {
	for {
		c, err := b.Listener.Accept()
		if err != nil {
			return nil, err
		}
		from := boundedNetwork(c.RemoteAddr())
		if b.enter(from) {
			return &boundedConn{Conn: c, leave: sync.OnceFunc(func() { b.leave(from) })}, nil
		}
		c.Close()
	}
}

func (b *boundedListener) enter(from string) bool {
	b.mu.Lock()
	defer b.mu.Unlock()
	if b.all >= b.most || from != "" && b.of[from] >= b.ofOne {
		return false
	}
	b.all++
	if from != "" {
		b.of[from]++
	}
	return true
}

func (b *boundedListener) leave(from string) {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.all--
	if from == "" {
		return
	}
	if b.of[from]--; b.of[from] == 0 {
		delete(b.of, from)
	}
}

type boundedConn struct {
	net.Conn
	leave func()
}

// Close implements net.Conn.
func (c *boundedConn) Close() error {
	defer c.leave()
	return c.Conn.Close()
}

// CloseWrite lets an HTTP server end a response before it has read the whole of a
// request, and the client still read it.
func (c *boundedConn) CloseWrite() error {
	if w, ok := c.Conn.(interface{ CloseWrite() error }); ok {
		return w.CloseWrite()
	}
	return nil
}

// boundedNetwork is where a connection comes from; empty for this machine.
func boundedNetwork(a net.Addr) string {
	tcp, ok := a.(*net.TCPAddr)
	if !ok || tcp.IP.IsLoopback() {
		return ""
	}
	return networkOf(tcp.AddrPort().Addr())
}

// networkOf is an address of IPv4, or what one site has of IPv6.
func networkOf(addr netip.Addr) string {
	addr = addr.Unmap().WithZone("")
	bits := 64
	if addr.Is4() {
		bits = 32
	}
	prefix, err := addr.Prefix(bits)
	if err != nil {
		return addr.String()
	}
	return prefix.String()
}
