package frontend

import (
	"bufio"
	"encoding/binary"
	"errors"
	"io"
	"net"
	"net/netip"
	"os"
	"sync"
	"time"

	"github.com/namelet/namelet/hostabi"
	"github.com/namelet/namelet/internal/frontend/proxy"
)

const (
	lengthLen   = 2    // octets in front of each message (RFC 1035 section 4.2.2)
	readBuffer  = 1024 // octets read ahead of a connection: a burst of pipelined queries
	writeBuffer = 8192 // octets of replies gathered before they are sent
	keepReplies = 8192 // a longer reply's memory is not kept for the next
)

// exchange is a query on its way from a client to a worker, and its reply on the
// way back.
type exchange struct {
	client    netip.Addr
	transport hostabi.Transport
	replies   chan<- *exchange // where the worker puts it; there is room
	query     []byte
	reply     []byte // with its length in front; empty where there is none
}

// tcpConn is one client connection, with TLS or without. One goroutine reads
// queries from it, one writes replies to it, and the server's workers stand in
// between, so that a client that is slow to read holds up no worker and no other
// client, and replies leave in the order they are ready (RFC 7766 section
// 6.2.1.1).
type tcpConn struct {
	server    *Server
	transport hostabi.Transport
	raw       *net.TCPConn
	conn      net.Conn       // raw, or the TLS connection over it
	client    netip.Addr     // who asks: the other end, or whom a proxy names
	counted   netip.Addr     // whose connection it counts as; not valid for a proxy's own
	proxied   bool           // it begins with a header of the PROXY protocol
	closed    chan struct{}  // closed by the HTTP server, for HTTPS alone
	left      bool           // handed over to the HTTP server; guarded by server.mu
	slots     chan struct{}  // holds one for each query that is not answered yet
	replies   chan *exchange // has room for as many: workers never wait for it
	pending   sync.WaitGroup // counts the same queries
}

// serve runs the connection until the client has closed its side, has been
// silent for too long or has broken the framing, or the server drains; and then
// until what was asked before is answered.
func (c *tcpConn) serve() {
	defer c.leave()
	if !c.greet() {
		return
	}
	if c.transport == hostabi.TransportHTTPS {
		c.serveHTTPS()
		return
	}
	written := make(chan struct{})
	go func() {
		defer close(written)
		c.write()
	}()
	c.read()
	c.pending.Wait()
	close(c.replies)
	<-written
	c.conn.Close()
}

// read hands the connection's queries to the workers, as many at a time as may
// be in flight.
func (c *tcpConn) read() {
	s := c.server
	r := bufio.NewReaderSize(c.conn, readBuffer)
	for {
		c.slots <- struct{}{}
		x := s.newExchange(c.client, c.transport, c.replies)
		if err := c.readQuery(r, x); err != nil {
			s.recycle(x)
			<-c.slots
			return
		}
		c.pending.Add(1)
		s.jobs <- x
	}
}

// errFraming is the error of a length that no query has: what follows it cannot
// be made sense of.
var errFraming = errors.New("frontend: message length out of range")

// errProxied is the error of a header of the PROXY protocol from somebody who is
// no named proxy.
var errProxied = errors.New("frontend: unexpected PROXY header")

// signatureLength is the length that the begin of a PROXY header would be.
const signatureLength = '\r'<<8 | '\n'

// readQuery reads the next message. The connection may be silent before it, but
// once begun, all of it has to arrive in the message time.
func (c *tcpConn) readQuery(r *bufio.Reader, x *exchange) error {
	if err := c.await(r); err != nil {
		return err
	}
	if !buffered(r) {
		c.setReadDeadline(c.server.config.TCP.Message)
	}
	var prefix [lengthLen]byte
	if _, err := io.ReadFull(r, prefix[:]); err != nil {
		return err
	}
	n := int(binary.BigEndian.Uint16(prefix[:]))
	if n < headerLen || n > maxQuery {
		return errFraming
	}
	if n == signatureLength && headed(r) {
		return errProxied
	}
	if cap(x.query) < n {
		x.query = make([]byte, n)
	}
	x.query = x.query[:n]
	_, err := io.ReadFull(r, x.query)
	return err
}

// headed reports whether what follows the two octets that were read makes a
// header of the PROXY protocol of them, and no message.
func headed(r *bufio.Reader) bool {
	const rest = 10
	b, err := r.Peek(rest)
	return err == nil && proxy.HasHeader(append([]byte("\r\n"), b...))
}

// await waits for the first octet of the next message. A connection with queries
// in flight is not idle (RFC 7766 section 6.2.3).
func (c *tcpConn) await(r *bufio.Reader) error {
	for r.Buffered() == 0 {
		c.setReadDeadline(c.server.idleTime())
		_, err := r.Peek(1)
		switch {
		case err == nil:
			return nil
		case errors.Is(err, os.ErrDeadlineExceeded) && len(c.slots) > 1 && c.server.drainBy.Load() == nil:
			continue
		default:
			return err
		}
	}
	return nil
}

// buffered reports whether the whole next message has been read ahead.
func buffered(r *bufio.Reader) bool {
	if r.Buffered() < lengthLen {
		return false
	}
	prefix, err := r.Peek(lengthLen)
	return err == nil && r.Buffered() >= lengthLen+int(binary.BigEndian.Uint16(prefix))
}

// setReadDeadline lets reads wait for d, but not beyond the end of a drain. The
// order matters: drain stores its time before it sets deadlines, so one of the
// two always sees the other.
func (c *tcpConn) setReadDeadline(d time.Duration) {
	_ = c.raw.SetReadDeadline(time.Now().Add(d))
	if at := c.server.drainBy.Load(); at != nil {
		_ = c.raw.SetReadDeadline(*at)
	}
}

// write sends replies, each with its length in one write, so that neither goes
// out in a segment of its own (RFC 7766 section 8), and together what is ready
// together. After a failure it only gives back what is still to come.
func (c *tcpConn) write() {
	s := c.server
	var b []byte
	broken := false
	for x := range c.replies {
		var taken int
		b, taken = c.gather(b[:0], x)
		switch {
		case len(b) == 0:
		case broken:
			s.metrics.tcp.unsent.Add(uint64(taken))
		default:
			_ = c.conn.SetWriteDeadline(time.Now().Add(s.config.TCP.Write))
			if _, err := c.conn.Write(b); err != nil {
				broken = true
				s.metrics.tcp.unsent.Add(uint64(taken))
				c.raw.Close() // ends the reader too
			}
		}
		if cap(b) > keepReplies {
			b = nil
		}
		for range taken {
			<-c.slots
			c.pending.Done()
		}
	}
}

// gather appends the reply of x and those that are ready too to b, and returns
// how many it took.
func (c *tcpConn) gather(b []byte, x *exchange) (_ []byte, taken int) {
	for x != nil {
		b = append(b, x.reply...)
		c.server.recycle(x)
		taken++
		x = nil
		if len(b) < writeBuffer {
			select {
			case x = <-c.replies: // nil once it is closed
			default:
			}
		}
	}
	return b, taken
}

// workStreams answers queries of all connections until there are no more.
func (s *Server) workStreams() {
	r := s.newResponder(hostabi.TransportTCP, keepShared(s.shared))
	counters := map[hostabi.Transport]*counters{
		hostabi.TransportTCP:   r.counters,
		hostabi.TransportTLS:   s.metrics.worker(hostabi.TransportTLS),
		hostabi.TransportHTTPS: s.metrics.worker(hostabi.TransportHTTPS),
	}
	q := new(query)
	for x := range s.jobs {
		r.transport, r.counters = x.transport, counters[x.transport]
		if reply := r.respond(append(x.reply[:0], 0, 0), x.query, x.client, q); reply != nil {
			reply = s.appendStreamOptions(reply, q, x.transport)
			binary.BigEndian.PutUint16(reply, uint16(len(reply)-lengthLen))
			x.reply = reply
		}
		x.replies <- x
		r.rest()
	}
}

func (s *Server) newExchange(client netip.Addr, transport hostabi.Transport, replies chan<- *exchange) *exchange {
	x, _ := s.pool.Get().(*exchange)
	if x == nil {
		x = &exchange{}
	}
	x.client, x.transport, x.replies = client, transport, replies
	return x
}

func (s *Server) recycle(x *exchange) {
	x.replies = nil
	x.reply = x.reply[:0]
	if cap(x.reply) > keepReplies {
		x.reply = nil
	}
	s.pool.Put(x)
}
