package frontend

import (
	"fmt"
	"net"
	"net/netip"
	"os"
)

// inherit makes endpoints of sockets that whoever started the process has opened, and
// closes the files. Each address has one for TCP, and one or more for UDP, which the
// workers share where there are fewer than workers. The error names the socket.
func inherit(files []*os.File, workers int) (all []*endpoint, err error) {
	of := map[netip.AddrPort]*endpoint{}
	at := func(a net.Addr) *endpoint {
		addr := addrOf(a)
		if of[addr] == nil {
			of[addr] = &endpoint{addr: addr}
			all = append(all, of[addr])
		}
		return of[addr]
	}
	defer func() {
		for _, f := range files {
			f.Close() // what was made of it has a descriptor of its own
		}
		if err != nil {
			for _, e := range all {
				e.close()
			}
		}
	}()
	for _, f := range files {
		if err := inheritOne(f, at); err != nil {
			return nil, fmt.Errorf("frontend: inherited socket %s: %w", f.Name(), err)
		}
	}
	for _, e := range all {
		switch {
		case e.tcp == nil:
			return nil, fmt.Errorf("frontend: inherited socket of UDP on %v: there is none of TCP beside it", e.addr)
		case len(e.udp) == 0:
			return nil, fmt.Errorf("frontend: inherited socket of TCP on %v: there is none of UDP beside it", e.addr)
		}
		for given := len(e.udp); len(e.udp) < workers; {
			e.udp = append(e.udp, e.udp[len(e.udp)-given])
		}
	}
	return all, nil
}

// inheritOne gives one socket to the endpoint of its address.
func inheritOne(f *os.File, at func(net.Addr) *endpoint) error {
	packets, err := net.FilePacketConn(f)
	if err == nil {
		udp, ok := packets.(*net.UDPConn)
		if !ok {
			packets.Close()
			return fmt.Errorf("want UDP or TCP, got %s", packets.LocalAddr().Network())
		}
		e := at(udp.LocalAddr())
		e.udp = append(e.udp, udp)
		return prepareInherited(udp)
	}
	listener, err := net.FileListener(f)
	if err != nil {
		return err
	}
	tcp, ok := listener.(*net.TCPListener)
	if !ok {
		listener.Close()
		return fmt.Errorf("want UDP or TCP, got %s", listener.Addr().Network())
	}
	e := at(tcp.Addr())
	if e.tcp != nil {
		tcp.Close()
		return fmt.Errorf("a second one of TCP on %v", e.addr)
	}
	e.tcp = tcp
	return nil
}

// prepareInherited does for a socket what listenUDP and shareUDP do for their own.
func prepareInherited(udp *net.UDPConn) error {
	raw, err := udp.SyscallConn()
	if err != nil {
		return err
	}
	if err := onSocket(raw, func(fd uintptr) error { return prepareUDP(fd, udp.LocalAddr().String()) }); err != nil {
		return err
	}
	growReceive(udp)
	return onSocket(raw, ignorePathMTU)
}
