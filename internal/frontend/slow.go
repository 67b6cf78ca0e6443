package frontend

import (
	"net/netip"
	"sync"
	"time"

	"github.com/namelet/namelet/hostabi"
	"github.com/namelet/namelet/internal/resolve"
	"github.com/namelet/namelet/rr"
)

const (
	// slowPatience is how old a question may get before nobody waits for the answer
	// any more: most resolvers ask somebody else by then.
	slowPatience = 3 * time.Second

	// joinedMost is the part of the queue that those take who wait for the answer to
	// one question, at most.
	joinedMost = 8
)

// slowPool answers what may have to wait, for all transports: a bounded set of
// workers, and a bounded queue before them, which sheds the oldest. So nobody else
// ever waits, and neither does a question that has its answer at hand.
//
// Of identical questions one is computed. The others wait, without a worker, and
// then look for an answer as it is kept for their own inputs; only where there is
// none are they computed, too.
type slowPool struct {
	server *Server

	mu      sync.Mutex
	arrived sync.Cond
	queue   backlog[*exchange]
	ready   []*exchange // whose question has been computed for another
	flights flights
	idle    int // workers that wait for a question
	running int // workers there are
	closed  bool
	workers sync.WaitGroup
	refuser *streamResponder // for what is shed; mu is held
}

func (s *Server) newSlowPool() *slowPool {
	p := &slowPool{server: s, queue: newBacklog[*exchange](s.config.Slow.Queue), flights: newFlights()}
	p.arrived.L = &p.mu
	p.refuser = s.newSlowResponder()
	return p
}

// whoWaits returns who answers what a Worker did not. What waits for the code of a
// guest has slow workers of its own: however much of that there is, zones that are not
// held are answered as before.
func (s *Server) whoWaits(resp *resolve.Response) *slowPool {
	if resp.Loads {
		return s.loading
	}
	return s.slow
}

// newSlowResponder returns a responder for all transports whose Worker may wait.
func (s *Server) newSlowResponder() *streamResponder {
	r := s.newStreamResponder()
	r.of[hostabi.TransportUDP] = s.metrics.worker(hostabi.TransportUDP)
	r.mayWait = true
	return r
}

// push takes a question over. The reply goes where the exchange says.
func (p *slowPool) push(x *exchange) {
	x.since, x.joined = time.Now(), false
	p.mu.Lock()
	defer p.mu.Unlock()
	place, full := p.queue.push()
	if full {
		p.shed(*place)
	}
	*place = x
	switch {
	case p.idle > 0:
		p.arrived.Signal()
	case p.running < p.server.config.Slow.Workers:
		p.running++
		p.workers.Go(p.work)
	}
}

// take waits for a question, and returns nil when the pool is closed and none is
// left.
func (p *slowPool) take() *exchange {
	p.mu.Lock()
	defer p.mu.Unlock()
	for {
		x := p.next()
		switch {
		case x != nil && time.Since(x.since) < slowPatience:
			return x
		case x != nil:
			p.shed(x)
		case p.closed:
			return nil
		default:
			p.idle++
			p.arrived.Wait()
			p.idle--
		}
	}
}

// next takes out who comes next, if anybody waits. The lock is held.
func (p *slowPool) next() *exchange {
	if n := len(p.ready); n > 0 {
		x := p.ready[n-1]
		p.ready = p.ready[:n-1]
		return x
	}
	if p.queue.count > 0 {
		return *p.queue.pop()
	}
	return nil
}

// work answers questions until the pool is closed.
func (p *slowPool) work() {
	r := p.server.newSlowResponder()
	pulse := p.server.watchdog.join("slow worker")
	for x := p.take(); x != nil; x = p.take() {
		r.carry(x.transport)
		r.wake()
		pulse.begin(r.now)
		r.waited = r.now.Sub(x.since)
		response, done := r.quick(x.room(), x.query, x.client, &x.asked)
		switch {
		case done:
			p.server.metrics.slow.shared.Add(1)
		case x.joined:
			response = r.compute(x)
		default:
			key := r.kept.key(&x.asked)
			if !p.join(key, x) {
				pulse.end()
				continue
			}
			response = r.compute(x)
			p.land(key)
		}
		r.counters.took[pathSlow].observe(time.Since(x.arrived), 1)
		p.server.reply(x, response, r.counters)
		r.rest()
		pulse.end()
	}
}

// compute answers what nobody has.
func (r *streamResponder) compute(x *exchange) []byte {
	response, _ := r.responder.slow(x.room(), &x.asked)
	r.server.metrics.slow.computed.Add(1)
	return response
}

// join reports whether the question is to be computed now. Otherwise somebody else
// does, and the exchange waits for that.
func (p *slowPool) join(key string, x *exchange) (alone bool) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.flights.begin(key) {
		return true
	}
	if oldest := p.flights.join(key, x, len(p.queue.items)/joinedMost); oldest != nil {
		p.shed(oldest)
	}
	return false
}

// land lets those go on who waited for a question to be computed.
func (p *slowPool) land(key string) {
	p.mu.Lock()
	defer p.mu.Unlock()
	waiting := p.flights.end(key)
	for _, x := range waiting {
		x.joined = true
	}
	p.ready = append(p.ready, waiting...)
	for range min(len(waiting), p.idle) {
		p.arrived.Signal()
	}
}

// shed gives a question up. A client that can be told is: over a connection nothing
// is lost on the way, and it would wait for nothing. The lock is held.
func (p *slowPool) shed(x *exchange) {
	r := p.refuser
	r.carry(x.transport)
	r.counters.shed.inc()
	if x.replies == nil {
		p.server.recycle(x)
		return
	}
	r.wake()
	r.resp.Reset()
	r.resp.Errors = append(r.resp.Errors, resolve.ExtendedError{Code: resolve.ErrorNotReady, Text: "too many questions wait"})
	p.server.reply(x, r.pack(x.room(), &x.asked, rr.RCodeServFail), r.counters)
}

// waiting counts the questions that wait for a worker or for another's answer.
func (p *slowPool) waiting() int {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.queue.count + len(p.ready) + p.flights.joined
}

// close ends the workers when all that was pushed is answered.
func (p *slowPool) close() {
	p.mu.Lock()
	p.closed = true
	p.arrived.Broadcast()
	p.mu.Unlock()
	p.workers.Wait()
}

// reply sends the response to an exchange, nil for none, the way that it came, and
// lets the exchange go.
func (s *Server) reply(x *exchange, response []byte, c *counters) {
	if x.replies != nil {
		if response != nil {
			x.reply = s.frame(response, 0, &x.asked, x.transport)
		}
		if s.config.Tap != nil {
			s.tap(x, x.reply[min(lengthLen, len(x.reply)):])
		}
		x.replies <- x
		return
	}
	if s.config.Tap != nil {
		s.tap(x, response)
	}
	if response != nil {
		if err := x.socket.send(&x.peer, response); err != nil {
			c.unsent.inc()
			s.complain("send UDP", err)
		}
		x.reply = response
	}
	s.recycle(x)
}

// handOver leaves the question of message i to the slow workers, unless they have
// answered it for somebody else.
func (w *udpWorker) handOver(i int, client netip.Addr, msg []byte) (response []byte) {
	if response, ok := w.responder.adopt(w.batch.room(i), &w.queries[i]); ok {
		return response
	}
	x := w.server.newExchange(client, hostabi.TransportUDP)
	x.query = append(x.query[:0], msg...)
	x.socket, x.peer = w.socket, w.batch.peer(i)
	x.ends, x.arrived = ends{port: w.portOf(i, client), server: w.local}, w.responder.read
	w.server.whoWaits(&w.responder.resp).push(x)
	return nil
}
