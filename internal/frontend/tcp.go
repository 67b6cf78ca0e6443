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
)

const (
	lengthLen   = 2    // octets in front of each message (RFC 1035 section 4.2.2)
	readBuffer  = 1024 // octets read ahead of a connection: a burst of pipelined queries
	keepReplies = 4096 // a longer reply's memory is not kept for the next
)

// exchange is a query on its way from a connection to a worker, and its reply on
// the way back.
type exchange struct {
	conn  *tcpConn
	query []byte
	reply []byte // with its length in front; empty where there is none
}

// tcpConn is one client connection. One goroutine reads queries from it, one
// writes replies to it, and the server's TCP workers stand in between, so that a
// client that is slow to read holds up no worker and no other client, and
// replies leave in the order they are ready (RFC 7766 section 6.2.1.1).
type tcpConn struct {
	server  *Server
	conn    *net.TCPConn
	client  netip.Addr
	slots   chan struct{}  // holds one for each query that is not answered yet
	replies chan *exchange // has room for as many: workers never wait for it
	pending sync.WaitGroup // counts the same queries
}

// accept takes connections until the listener is closed.
func (s *Server) accept(listener *net.TCPListener) {
	for {
		conn, err := listener.AcceptTCP()
		if err != nil {
			if errors.Is(err, net.ErrClosed) {
				return
			}
			s.complain("accept TCP", err)
			time.Sleep(retryDelay)
			continue
		}
		s.admit(conn)
	}
}

// admit starts to serve a connection, or closes it where there are too many.
func (s *Server) admit(conn *net.TCPConn) {
	client := conn.RemoteAddr().(*net.TCPAddr).AddrPort().Addr().Unmap().WithZone("")
	switch s.limiter.admit(client) {
	case full:
		s.metrics.tcp.full.Add(1)
		conn.Close()
		return
	case crowded:
		s.metrics.tcp.crowded.Add(1)
		conn.Close()
		return
	}
	s.metrics.tcp.accepted.Add(1)
	s.metrics.tcp.open.Add(1)
	c := &tcpConn{
		server:  s,
		conn:    conn,
		client:  client,
		slots:   make(chan struct{}, s.config.TCP.InFlight),
		replies: make(chan *exchange, s.config.TCP.InFlight),
	}
	s.mu.Lock()
	s.conns[c] = struct{}{}
	s.mu.Unlock()
	s.sockets.Go(c.serve)
}

// serve runs the connection until the client has closed its side, has been
// silent for too long or has broken the framing, or the server drains; and then
// until what was asked before is answered.
func (c *tcpConn) serve() {
	s := c.server
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

	s.mu.Lock()
	delete(s.conns, c)
	s.mu.Unlock()
	s.limiter.release(c.client)
	s.metrics.tcp.open.Add(-1)
}

// read hands the connection's queries to the workers, as many at a time as may
// be in flight.
func (c *tcpConn) read() {
	s := c.server
	r := bufio.NewReaderSize(c.conn, readBuffer)
	for {
		c.slots <- struct{}{}
		x := s.newExchange(c)
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
	if cap(x.query) < n {
		x.query = make([]byte, n)
	}
	x.query = x.query[:n]
	_, err := io.ReadFull(r, x.query)
	return err
}

// await waits for the first octet of the next message. A connection with queries
// in flight is not idle (RFC 7766 section 6.2.3).
func (c *tcpConn) await(r *bufio.Reader) error {
	for r.Buffered() == 0 {
		c.setReadDeadline(c.server.config.TCP.Idle)
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
	_ = c.conn.SetReadDeadline(time.Now().Add(d))
	if at := c.server.drainBy.Load(); at != nil {
		_ = c.conn.SetReadDeadline(*at)
	}
}

// write sends replies, each with its length in one write, so that neither goes
// out in a segment of its own (RFC 7766 section 8). After a failure it only gives
// back what is still to come.
func (c *tcpConn) write() {
	s := c.server
	broken := false
	for x := range c.replies {
		if len(x.reply) > 0 && !broken {
			_ = c.conn.SetWriteDeadline(time.Now().Add(s.config.TCP.Write))
			if _, err := c.conn.Write(x.reply); err != nil {
				broken = true
				c.conn.Close() // ends the reader too
			}
		}
		if len(x.reply) > 0 && broken {
			s.metrics.tcp.unsent.Add(1)
		}
		s.recycle(x)
		<-c.slots
		c.pending.Done()
	}
}

// workTCP answers queries of all connections until there are no more.
func (s *Server) workTCP() {
	r := s.newResponder(hostabi.TransportTCP)
	q := new(query)
	for x := range s.jobs {
		if reply := r.respond(append(x.reply[:0], 0, 0), x.query, x.conn.client, q); reply != nil {
			binary.BigEndian.PutUint16(reply, uint16(len(reply)-lengthLen))
			x.reply = reply
		}
		x.conn.replies <- x
		r.rest()
	}
}

func (s *Server) newExchange(c *tcpConn) *exchange {
	x, _ := s.pool.Get().(*exchange)
	if x == nil {
		x = &exchange{}
	}
	x.conn = c
	return x
}

func (s *Server) recycle(x *exchange) {
	x.conn = nil
	x.reply = x.reply[:0]
	if cap(x.reply) > keepReplies {
		x.reply = nil
	}
	s.pool.Put(x)
}
