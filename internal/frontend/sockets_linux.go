package frontend

import (
	"context"
	"fmt"
	"net"
	"net/netip"
	"os"
	"unsafe"

	"golang.org/x/sys/unix"
)

// shareUDP returns workers sockets that share one address: first, and others
// between which the kernel spreads the clients. On an error the others are
// closed and first is left open.
//
// The first socket is bound alone, without SO_REUSEPORT, which is how a port in
// use is noticed; only then does it let others in. There is no moment in between
// in which another process could take the port.
func shareUDP(ctx context.Context, first *net.UDPConn, family, address string, workers int) ([]*net.UDPConn, error) {
	raw, err := first.SyscallConn()
	if err != nil {
		return nil, err
	}
	if err := onSocket(raw, ignorePathMTU); err != nil {
		return nil, err
	}
	conns := []*net.UDPConn{first}
	if workers == 1 {
		return conns, nil
	}
	if err := onSocket(raw, reusePort); err != nil {
		return nil, err
	}
	for len(conns) < workers {
		conn, err := listenUDP(ctx, family, address, func(fd uintptr) error {
			if err := reusePort(fd); err != nil {
				return err
			}
			return ignorePathMTU(fd)
		})
		if err != nil {
			for _, c := range conns[1:] {
				c.Close()
			}
			return nil, err
		}
		conns = append(conns, conn)
	}
	return conns, nil
}

func reusePort(fd uintptr) error {
	if err := unix.SetsockoptInt(int(fd), unix.SOL_SOCKET, unix.SO_REUSEPORT, 1); err != nil {
		return fmt.Errorf("share the port: %w", os.NewSyscallError("setsockopt", err))
	}
	return nil
}

// ignorePathMTU keeps forged ICMP messages from making the kernel fragment
// responses, which would open them to fragment replacement (RFC 9715 section
// 3.1). An IPv6 socket may carry IPv4 too; what a socket does not know is no
// fault, but one of the two it has to know.
func ignorePathMTU(fd uintptr) error {
	err4 := unix.SetsockoptInt(int(fd), unix.IPPROTO_IP, unix.IP_MTU_DISCOVER, unix.IP_PMTUDISC_OMIT)
	err6 := unix.SetsockoptInt(int(fd), unix.IPPROTO_IPV6, unix.IPV6_MTU_DISCOVER, unix.IPV6_PMTUDISC_OMIT)
	if err4 != nil && err6 != nil {
		return fmt.Errorf("ignore path MTU: %w", os.NewSyscallError("setsockopt", err4))
	}
	return nil
}

// prepareUDP sets what has to be set before the first message arrives on a socket
// that is to be bound to address: of one for all addresses the kernel tells where
// a message was sent to. An IPv6 socket tells that of IPv4 messages in the same
// way.
func prepareUDP(fd uintptr, address string) error {
	host, _, err := net.SplitHostPort(address)
	if err != nil {
		return err
	}
	if addr, err := netip.ParseAddr(host); host != "" && (err != nil || !addr.IsUnspecified()) {
		return nil
	}
	family, err := unix.GetsockoptInt(int(fd), unix.SOL_SOCKET, unix.SO_DOMAIN)
	if err != nil {
		return os.NewSyscallError("getsockopt", err)
	}
	if family == unix.AF_INET {
		err = unix.SetsockoptInt(int(fd), unix.IPPROTO_IP, unix.IP_PKTINFO, 1)
	} else {
		err = unix.SetsockoptInt(int(fd), unix.IPPROTO_IPV6, unix.IPV6_RECVPKTINFO, 1)
	}
	return os.NewSyscallError("setsockopt", err)
}

// growReceive lets the kernel hold receiveRoom octets of queries, which is more
// than it usually grants: what arrives while the process is held up for some
// milliseconds is to wait and not to be lost. A shorter queue is no fault.
func growReceive(conn *net.UDPConn) {
	raw, err := conn.SyscallConn()
	if err == nil {
		err = onSocket(raw, func(fd uintptr) error {
			return unix.SetsockoptInt(int(fd), unix.SOL_SOCKET, unix.SO_RCVBUFFORCE, receiveRoom)
		})
	}
	if err != nil { // it takes CAP_NET_ADMIN
		_ = conn.SetReadBuffer(receiveRoom)
	}
}

// readSocket asks the kernel about a UDP socket (SO_MEMINFO, Linux 4.12).
func readSocket(conn *net.UDPConn) (s socketState, err error) {
	raw, err := conn.SyscallConn()
	if err != nil {
		return s, err
	}
	var info [unix.SK_MEMINFO_VARS]uint32
	err = onSocket(raw, func(fd uintptr) error {
		size := uint32(unsafe.Sizeof(info))
		_, _, errno := unix.Syscall6(unix.SYS_GETSOCKOPT, fd, unix.SOL_SOCKET, unix.SO_MEMINFO,
			uintptr(unsafe.Pointer(&info)), uintptr(unsafe.Pointer(&size)), 0)
		switch {
		case errno != 0:
			return os.NewSyscallError("getsockopt", errno)
		case size < uint32(unsafe.Sizeof(info)):
			return fmt.Errorf("frontend: the kernel tells %d octets of a socket's memory, want %d", size, unsafe.Sizeof(info))
		}
		return nil
	})
	return socketState{
		drops:   uint64(info[unix.SK_MEMINFO_DROPS]),
		receive: uint64(info[unix.SK_MEMINFO_RMEM_ALLOC]),
		size:    uint64(info[unix.SK_MEMINFO_RCVBUF]),
	}, err
}
