//go:build !linux

package frontend

import (
	"net"
	"net/netip"
)

// batch receives and sends one message at a time, by package net: what every
// system can.
type batch struct {
	conn     *net.UDPConn
	in       []byte // a longer message arrives cut, and is not taken for a whole one
	length   int
	from     netip.AddrPort
	out      []byte
	response []byte // nil where there is none
	ready    int    // 1 where there is one
}

func newBatch(conn *net.UDPConn) (*batch, error) {
	return &batch{conn: conn, in: make([]byte, maxQuery+1), out: make([]byte, 0, GreatestUDPSize)}, nil
}

// receive waits for a message and returns 1. It is good until the next call.
func (b *batch) receive() (n int, err error) {
	b.length, b.from, err = b.conn.ReadFromUDPAddrPort(b.in)
	if err != nil {
		return 0, err
	}
	return 1, nil
}

// poll returns 0: without waiting nothing is received.
func (b *batch) poll() (n int) { return 0 }

func (b *batch) message(int) []byte { return b.in[:b.length] }

// client returns the address that the message came from. It is not ok where
// nobody can be answered there.
func (b *batch) client(int) (addr netip.Addr, ok bool) {
	return b.from.Addr().Unmap().WithZone(""), b.from.Port() != 0
}

// port returns the port that the message came from.
func (b *batch) port(int) uint16 { return b.from.Port() }

// room returns memory for the response.
func (b *batch) room(int) []byte { return b.out }

// slots is how many messages a batch has room for.
const slots = 1

// peer is where a message came from.
type peer struct{ from netip.AddrPort }

// peer returns that of the message.
func (b *batch) peer(int) peer { return peer{b.from} }

// restore makes p the peer of the message, so that room and reply can be used as
// if it had just been received. The message received last is gone then.
func (b *batch) restore(_ int, p *peer) { b.from = p.from }

// socket sends single responses, from any goroutine.
type socket struct{ conn *net.UDPConn }

func newSocket(conn *net.UDPConn) (*socket, error) { return &socket{conn}, nil }

// send sends a response to where a message came from.
func (s *socket) send(to *peer, response []byte) error {
	_, err := s.conn.WriteToUDPAddrPort(response, to.from)
	return err
}

// reply makes response go with the next send.
func (b *batch) reply(_ int, response []byte) { b.response, b.ready = response, 1 }

// send sends the response that is ready. It returns how many could not be sent,
// and why.
func (b *batch) send() (unsent int, err error) {
	if b.response == nil {
		return 0, nil
	}
	_, err = b.conn.WriteToUDPAddrPort(b.response, b.from)
	b.response, b.ready = nil, 0
	if err != nil {
		return 1, err
	}
	return 0, nil
}
