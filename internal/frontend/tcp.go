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
	readBuffer  = 4096 // octets read ahead of a connection: a burst of pipelined queries
	writeBuffer = 8192 // octets of replies gathered before they are sent
	keepReplies = 8192 // a longer reply's memory is not kept for the next
)

// tcpConn is one client connection, with TLS or without.
//
// One goroutine reads queries. What needs no computation it answers itself, all
// that has arrived at once in one write. The rest goes to the server's workers,
// and back through a second goroutine, so that a client that is slow to read holds
// up no worker and no other client, and replies leave in the order they are ready
// (RFC 7766 section 6.2.1.1). The two share the writing side.
type tcpConn struct {
	server    *Server
	transport hostabi.Transport
	raw       *net.TCPConn
	conn      net.Conn      // raw, or the TLS connection over it
	client    netip.Addr    // who asks: the other end, or whom a proxy names
	port      uint16        // of whom a proxy names, else 0
	counted   netip.Addr    // whose connection it counts as; not valid for a proxy's own
	proxied   bool          // it begins with a header of the PROXY protocol
	closed    chan struct{} // closed by the HTTP server, for HTTPS alone
	left      bool          // handed over to the HTTP server; guarded by server.mu

	ahead   *aheadConn // below TLS, else nil
	ends    ends
	quick   *streamResponder // borrowed while a burst of queries is answered, else nil
	out     []byte           // replies that the reader has to send
	unsent  int              // how many these are
	slots   chan struct{}    // holds one for each query that a worker has
	replies chan *exchange   // has room for as many: workers never wait for it
	pending sync.WaitGroup   // counts the same queries
	writing sync.WaitGroup   // the second goroutine, once there is one

	mu     sync.Mutex
	broken bool // the client did not take a reply; nothing is sent any more
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
	c.read()
	c.pending.Wait()
	if c.replies != nil {
		close(c.replies)
	}
	c.writing.Wait()
	c.conn.Close()
}

// read answers the connection's queries, or hands them to the workers, as many at
// a time as may be in flight.
func (c *tcpConn) read() {
	s := c.server
	r := bufio.NewReaderSize(c.conn, readBuffer)
	c.ends = c.endsOf()
	x := s.newExchange(c.client, c.transport)
	for {
		if !c.more(r) && !c.flush() {
			break
		}
		if c.readQuery(r, x) != nil {
			break
		}
		if c.answer(x) {
			continue
		}
		c.dispatch(x)
		x = s.newExchange(c.client, c.transport)
	}
	c.flush()
	s.recycle(x)
}

// answer answers a query that needs no computation, with those that are sent
// next. It returns false where it does.
func (c *tcpConn) answer(x *exchange) bool {
	s := c.server
	if c.quick == nil {
		c.quick = s.borrow(c.transport)
	}
	start := len(c.out)
	reply, done := c.quick.quick(append(c.out, 0, 0), x.query, c.client, &x.asked)
	x.ends, x.arrived = c.ends, c.quick.read
	if !done {
		return false
	}
	if reply != nil {
		c.out = s.frame(reply, start, &x.asked, c.transport)
		c.unsent++
	}
	if s.config.Tap != nil {
		s.tap(x, c.out[min(start+lengthLen, len(c.out)):])
	}
	if len(c.out) >= writeBuffer {
		c.flush() // a failure shows when the next query is read
	}
	return true
}

// dispatch hands a query to the workers. What it may have to wait for does not
// hold up the replies that are ready.
func (c *tcpConn) dispatch(x *exchange) {
	if c.slots == nil {
		n := c.server.config.TCP.InFlight
		c.slots, c.replies = make(chan struct{}, n), make(chan *exchange, n)
		c.writing.Go(c.write)
	}
	x.replies = c.replies
	c.flush()
	c.slots <- struct{}{}
	c.pending.Add(1)
	c.server.jobs <- x
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
	prefix, err := r.Peek(lengthLen)
	if err != nil {
		return err
	}
	n := int(binary.BigEndian.Uint16(prefix))
	_, _ = r.Discard(lengthLen) // they are there
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
	_, err = io.ReadFull(r, x.query)
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
		case errors.Is(err, os.ErrDeadlineExceeded) && len(c.slots) > 0 && c.server.drainBy.Load() == nil:
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

// more reports whether the whole next message has arrived, as far as that can be
// told without a system call.
func (c *tcpConn) more(r *bufio.Reader) bool {
	if buffered(r) || c.ahead == nil {
		return buffered(r)
	}
	c.ahead.still = true
	defer func() { c.ahead.still = false }()
	prefix, err := r.Peek(lengthLen)
	if err != nil {
		return false
	}
	_, err = r.Peek(lengthLen + int(binary.BigEndian.Uint16(prefix)))
	return err == nil
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
