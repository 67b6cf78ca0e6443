package frontend

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/netip"
	"strconv"
	"syscall"
)

const (
	portTries   = 16      // ports tried for one that is free for both UDP and TCP
	receiveRoom = 8 << 20 // octets of queries the kernel may hold for a UDP socket
)

// endpoint is one listen address with its sockets.
type endpoint struct {
	addr netip.AddrPort
	udp  []*net.UDPConn
	tcp  *net.TCPListener
}

func (e *endpoint) close() {
	for _, c := range e.udp {
		c.Close()
	}
	if e.tcp != nil {
		e.tcp.Close()
	}
}

// bind opens the sockets of one listen address: as many for UDP as there are
// workers, one for TCP. A port that another process has, one of the same user
// and with SO_REUSEPORT included, is an error.
func bind(ctx context.Context, listen string, workers int) (*endpoint, error) {
	host, port, err := net.SplitHostPort(listen)
	if err != nil {
		return nil, fmt.Errorf("frontend: listen on %q: want HOST:PORT: %w", listen, err)
	}
	e, err := bindOnce(ctx, host, port, workers)
	for try := 1; port == "0" && errors.Is(err, syscall.EADDRINUSE) && try < portTries; try++ {
		e, err = bindOnce(ctx, host, port, workers)
	}
	if err != nil {
		return nil, fmt.Errorf("frontend: listen on %s: %w", listen, err)
	}
	return e, nil
}

func bindOnce(ctx context.Context, host, port string, workers int) (_ *endpoint, err error) {
	e := &endpoint{}
	defer func() {
		if err != nil {
			e.close()
		}
	}()
	family := addressFamily(host)
	first, err := listenUDP(ctx, family, net.JoinHostPort(host, port), nil)
	if err != nil {
		return nil, err
	}
	e.udp = append(e.udp, first)
	e.addr = first.LocalAddr().(*net.UDPAddr).AddrPort()
	e.addr = netip.AddrPortFrom(e.addr.Addr().Unmap(), e.addr.Port())

	address := net.JoinHostPort(host, strconv.Itoa(int(e.addr.Port())))
	listener, err := new(net.ListenConfig).Listen(ctx, "tcp"+family, address)
	if err != nil {
		return nil, err
	}
	e.tcp = listener.(*net.TCPListener)
	if e.udp, err = shareUDP(ctx, first, family, address, workers); err != nil {
		e.udp = append(e.udp, first)
		return nil, err
	}
	return e, nil
}

// addressFamily returns what follows "udp" and "tcp" in the network's name. It
// makes [::] mean IPv6 alone, so that it can stand beside 0.0.0.0.
func addressFamily(host string) string {
	addr, err := netip.ParseAddr(host)
	switch {
	case err != nil:
		return "" // empty, or a name that the resolver knows
	case addr.Unmap().Is4():
		return "4"
	}
	return "6"
}

// listenUDP opens one UDP socket; control, if any, runs before it is bound.
func listenUDP(ctx context.Context, family, address string, control func(fd uintptr) error) (*net.UDPConn, error) {
	config := net.ListenConfig{Control: func(_, address string, raw syscall.RawConn) error {
		if err := onSocket(raw, func(fd uintptr) error { return prepareUDP(fd, address) }); err != nil || control == nil {
			return err
		}
		return onSocket(raw, control)
	}}
	conn, err := config.ListenPacket(ctx, "udp"+family, address)
	if err != nil {
		return nil, err
	}
	udp := conn.(*net.UDPConn)
	growReceive(udp)
	return udp, nil
}

// onSocket runs f on the descriptor and returns its error.
func onSocket(raw syscall.RawConn, f func(fd uintptr) error) error {
	var inner error
	if err := raw.Control(func(fd uintptr) { inner = f(fd) }); err != nil {
		return err
	}
	return inner
}
