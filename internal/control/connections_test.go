package control

import (
	"net"
	"net/netip"
	"testing"
)

// fakeListener gives connections from some addresses, then fails.
type fakeListener struct {
	net.Listener
	from  []string
	ended []bool
}

type fakeConn struct {
	net.Conn
	from  net.Addr
	ended *bool
}

func (c *fakeConn) RemoteAddr() net.Addr { return c.from }
func (c *fakeConn) Close() error         { *c.ended = true; return nil }

func (l *fakeListener) Accept() (net.Conn, error) {
	i := len(l.ended)
	if i == len(l.from) {
		return nil, net.ErrClosed
	}
	l.ended = append(l.ended, false)
	return &fakeConn{from: net.TCPAddrFromAddrPort(netip.MustParseAddrPort(l.from[i])), ended: &l.ended[i]}, nil
}

// One address does not take the connections of others, and all together not more than
// there are; what is closed makes room.
func TestBoundedConnections(t *testing.T) {
	l := &fakeListener{from: []string{
		"192.0.2.1:1", "192.0.2.1:2", "192.0.2.1:3", // the third is one too many
		"[2001:db8::1]:1", "[2001:db8::2]:1", "[2001:db8::3]:1", // of one /64
		"127.0.0.1:1", "127.0.0.1:2", "127.0.0.1:3", // this machine's own
		"192.0.2.2:1", // too many in all
	}}
	l.ended = make([]bool, 0, 2*len(l.from)) // its places stay where they are
	b := Bounded(l).(*boundedListener)
	b.most, b.ofOne = 7, 2
	var open []net.Conn
	for {
		c, err := b.Accept()
		if err != nil {
			break
		}
		open = append(open, c)
	}
	want := []bool{false, false, true, false, false, true, false, false, false, true}
	for i := range want {
		if l.ended[i] != want[i] {
			t.Errorf("%s: closed %v, want %v", l.from[i], l.ended[i], want[i])
		}
	}
	for _, c := range open {
		c.Close()
		c.Close() // a second time counts for nothing
	}
	if b.all != 0 || len(b.of) != 0 {
		t.Errorf("%d connections and %v are counted, and none is open", b.all, b.of)
	}
	l.from = append(l.from, "192.0.2.1:4")
	if c, err := b.Accept(); err != nil {
		t.Errorf("after they are closed: %v", err)
	} else if c.Close(); !l.ended[len(l.from)-1] {
		t.Error("closing does not close")
	}
}
