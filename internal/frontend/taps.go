package frontend

import (
	"net"
	"net/netip"
	"time"

	"github.com/namelet/namelet/internal/frontend/proxy"
	"github.com/namelet/namelet/internal/frontend/tap"
)

// reply has response, nil for none, go where message i came from, and shows both to
// the tap.
func (w *udpWorker) reply(i int, msg, response []byte) {
	if w.server.config.Tap != nil {
		w.tap(i, msg, response)
	}
	if response != nil {
		w.batch.reply(i, response)
	}
}

func (w *udpWorker) tap(i int, msg, response []byte) {
	q := &w.queries[i]
	if !q.answerable() {
		return
	}
	w.server.config.Tap.Take(&tap.Exchange{
		Client: netip.AddrPortFrom(q.sender.addr, w.portOf(i, q.sender.addr)), Server: w.local, Transport: w.responder.transport,
		Query: msg, Response: response, Arrived: w.responder.read, Answered: time.Now(),
	})
}

// noteNamed notes the port of message i's client, where a proxy has named it.
func (w *udpWorker) noteNamed(i int) {
	w.named[i] = 0
	if named, _, err := proxy.Parse(w.batch.message(i)); err == nil {
		w.named[i] = named.Port()
	}
}

// portOf returns the port of message i's client.
func (w *udpWorker) portOf(i int, client netip.Addr) uint16 {
	if from, _ := w.batch.client(i); from != client {
		return w.named[i]
	}
	return w.batch.port(i)
}

// answerable reports whether a message was read that may have a response.
func (q *query) answerable() bool { return q.length > 0 && q.flags&flagQR == 0 }

// ends are the two ends of an exchange, for the tap.
type ends struct {
	port   uint16         // of the client; 0 where it is not known
	server netip.AddrPort // the zero AddrPort where it is not known
}

// tap shows the exchange to the tap, with its response, nil for none.
func (s *Server) tap(x *exchange, response []byte) {
	if !x.asked.answerable() {
		return
	}
	s.config.Tap.Take(&tap.Exchange{
		Client: netip.AddrPortFrom(x.client, x.ends.port), Server: x.ends.server, Transport: x.transport,
		Query: x.query, Response: response, Arrived: x.arrived, Answered: time.Now(),
	})
}

// endsOf returns the ends of a connection, once its client is known.
func (c *tcpConn) endsOf() ends {
	e := ends{port: c.port, server: addrOf(c.raw.LocalAddr())}
	if from := addrOf(c.raw.RemoteAddr()); from.Addr() == c.client && e.port == 0 { // no proxy names one
		e.port = from.Port()
	}
	return e
}

// addrOf returns an address of UDP or TCP in its plain form.
func addrOf(a net.Addr) netip.AddrPort {
	var ap netip.AddrPort
	switch a := a.(type) {
	case *net.UDPAddr:
		ap = a.AddrPort()
	case *net.TCPAddr:
		ap = a.AddrPort()
	}
	return netip.AddrPortFrom(ap.Addr().Unmap().WithZone(""), ap.Port())
}
