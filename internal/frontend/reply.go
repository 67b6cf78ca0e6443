package frontend

import (
	"encoding/binary"
	"net/netip"
	"time"

	"github.com/namelet/namelet/hostabi"
)

// exchange is a query on its way from a client to a worker, and its reply on the
// way back.
type exchange struct {
	client    netip.Addr
	transport hostabi.Transport
	replies   chan<- *exchange // where the worker puts it; there is room. Nil for UDP
	socket    *socket          // of UDP
	peer      peer             // of UDP
	ends      ends
	arrived   time.Time // when it was read
	since     time.Time // when it came to the slow workers
	joined    bool      // it has waited for the same question of another
	query     []byte
	asked     query  // what query says; it shares that memory
	reply     []byte // with its length in front; empty where there is none
}

func (s *Server) newExchange(client netip.Addr, transport hostabi.Transport) *exchange {
	x, _ := s.pool.Get().(*exchange)
	if x == nil {
		x = &exchange{}
	}
	x.client, x.transport, x.ends = client, transport, ends{}
	return x
}

func (s *Server) recycle(x *exchange) {
	x.replies, x.socket = nil, nil
	x.reply = x.reply[:0]
	if cap(x.reply) > keepReplies {
		x.reply = nil
	}
	s.pool.Put(x)
}

// room returns memory for the response: after a connection's two octets for its
// length.
func (x *exchange) room() []byte {
	if x.replies == nil {
		return x.reply[:0]
	}
	return append(x.reply[:0], 0, 0)
}

// workStreams answers queries of all connections, which some responder has read
// and not answered, until there are no more.
func (s *Server) workStreams() {
	r := s.newStreamResponder()
	pulse := s.watchdog.join("worker of connections")
	for x := range s.jobs {
		pulse.begin(time.Now())
		r.answerStream(x)
		r.rest()
		pulse.end()
	}
}

// answerStream answers the query of a connection, or hands it to the slow workers.
// What has been computed since it was read is not computed once more.
func (r *streamResponder) answerStream(x *exchange) {
	r.carry(x.transport)
	r.wake()
	path := pathHit
	response, done := r.look(x.room(), &x.asked)
	if !done {
		response, done = r.responder.slow(x.room(), &x.asked)
		path = pathOf(x.asked.class)
	}
	if !done {
		r.server.whoWaits(&r.resp).push(x)
		return
	}
	if r.timed {
		r.counters.took[path].observe(time.Since(x.arrived), 1)
	}
	r.server.reply(x, response, r.counters)
}

// streamResponder is a responder for all transports that have connections.
type streamResponder struct {
	responder
	server *Server
	of     map[hostabi.Transport]*counters
}

func (s *Server) newStreamResponder() *streamResponder {
	r := &streamResponder{responder: *s.newResponder(hostabi.TransportTCP, keepShared(s.shared)), server: s}
	r.of = map[hostabi.Transport]*counters{
		hostabi.TransportTCP:   r.counters,
		hostabi.TransportTLS:   s.metrics.worker(hostabi.TransportTLS),
		hostabi.TransportHTTPS: s.metrics.worker(hostabi.TransportHTTPS),
	}
	return r
}

// carry makes what is answered next be of a transport.
func (r *streamResponder) carry(transport hostabi.Transport) {
	r.transport, r.counters = transport, r.of[transport]
}

// borrow returns a responder for queries that have arrived by now and need no
// computation; whoever has it waits for nothing before giving it back.
func (s *Server) borrow(transport hostabi.Transport) *streamResponder {
	r := <-s.quick
	r.carry(transport)
	r.wake()
	return r
}

// frame completes a reply that stands in b after two octets for its length, which
// are at octet start: it adds what belongs to a connection, and the length.
func (s *Server) frame(b []byte, start int, q *query, transport hostabi.Transport) []byte {
	b = s.appendStreamOptions(b, start+lengthLen, q, transport)
	binary.BigEndian.PutUint16(b[start:], uint16(len(b)-start-lengthLen))
	return b
}

// flush sends the replies that the reader has. It returns false where the client
// does not take any.
func (c *tcpConn) flush() bool {
	if c.quick != nil {
		if c.quick.timed {
			c.quick.observe(pathHit, c.unsent)
		}
		c.server.quick <- c.quick
		c.quick = nil
	}
	if c.unsent == 0 {
		return true
	}
	ok := c.send(c.out, c.unsent)
	c.out, c.unsent = c.out[:0], 0
	if cap(c.out) > 2*keepReplies {
		c.out = nil
	}
	return ok
}

// write sends the replies of workers, and together what is ready together. After
// a failure it only gives back what is still to come.
func (c *tcpConn) write() {
	var b []byte
	for x := range c.replies {
		var taken int
		b, taken = c.gather(b[:0], x)
		if len(b) > 0 {
			c.send(b, taken)
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

// send sends replies, each with its length in one write, so that neither goes out
// in a segment of its own (RFC 7766 section 8). A client that does not take them
// in time is cut off.
func (c *tcpConn) send(b []byte, replies int) (ok bool) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if !c.broken {
		_ = c.conn.SetWriteDeadline(time.Now().Add(c.server.config.TCP.Write))
		_, err := c.conn.Write(b)
		c.broken = err != nil
	}
	if c.broken {
		c.server.metrics.tcp.unsent[c.transport].Add(uint64(replies))
		c.raw.Close() // ends the reader too
	}
	return !c.broken
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
