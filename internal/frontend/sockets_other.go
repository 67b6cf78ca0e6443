//go:build !linux

package frontend

import (
	"context"
	"errors"
	"net"
)

// shareUDP returns first for each of the workers: only Linux spreads clients
// over sockets that share a port, elsewhere the workers share the socket.
func shareUDP(_ context.Context, first *net.UDPConn, _, _ string, workers int) ([]*net.UDPConn, error) {
	conns := make([]*net.UDPConn, workers)
	for i := range conns {
		conns[i] = first
	}
	return conns, nil
}

// ignorePathMTU does nothing.
func ignorePathMTU(uintptr) error { return nil }

// prepareUDP does nothing: where a message was sent to is not looked at.
func prepareUDP(uintptr, string) error { return nil }

// growReceive asks for room for receiveRoom octets of queries. A shorter queue is
// the system's choice and no fault.
func growReceive(conn *net.UDPConn) { _ = conn.SetReadBuffer(receiveRoom) }

// readSocket knows nothing of a socket: only Linux tells.
func readSocket(*net.UDPConn) (socketState, error) { return socketState{}, errors.ErrUnsupported }
