package frontend

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"net"
	"net/netip"
	"strconv"
	"time"

	"github.com/namelet/namelet/hostabi"
	"github.com/namelet/namelet/internal/frontend/cache"
)

// Explained is the answer to a query with what is kept of it.
type Explained struct {
	Message  []byte       // the whole response, however long
	Believed netip.Prefix // the client subnet that counts; the zero Prefix for none
	Keepable bool         // the answer may be given again
	Now      time.Time    // when kept answers were looked for
	Caches   []Looked
}

// Looked is a look into one cache.
type Looked struct {
	Cache string // for people: the socket whose answers it keeps
	Told  bool   // whoever has it said so in time; else nothing is known
	cache.Sight
}

// ErrUnasked is the error of a message that is no query for a Worker.
var ErrUnasked = errors.New("frontend: not a question that is resolved")

// Explain answers a query as if it had come from client, by a Worker that asks
// nobody's leave: it is not counted, not limited, and its answer is kept nowhere. Then
// it looks whether the caches have an answer for such a query. The error wraps
// ErrUnasked, or is that of a Worker that panicked. The Worker stays the caller's to
// close. Calls take turns.
func (s *Server) Explain(ctx context.Context, worker Worker, msg []byte, client netip.Addr, transport hostabi.Transport) (_ Explained, err error) {
	s.explaining.Lock()
	defer s.explaining.Unlock()
	r := &responder{
		handler: s.handler, worker: worker, mayWait: true, transport: transport, maxUDP: s.config.MaxUDPSize,
		counters: &counters{}, panics: s.panics, policy: s.policy, now: time.Now(),
	}
	var q query
	if v := parse(msg, transport, &q); v != accepted {
		return Explained{}, fmt.Errorf("%w: %v", ErrUnasked, rejections[v].rcode)
	}
	r.policy.meet(&q, client.Unmap().WithZone(""), r.now)
	q.seed = rand.Uint64() | 1
	defer func() {
		if cause := recover(); cause != nil {
			s.panics.report(cause, q.question)
			err = fmt.Errorf("frontend: the answer panicked: %v", cause)
		}
	}()
	r.resolve(&q)
	rcode := responseCode(&r.resp)
	b := r.packer.body(&q, rcode, &r.resp)
	e := Explained{
		Believed: q.sender.subnet,
		Keepable: r.resp.Trace.Cacheable, Now: time.Now(),
	}
	e.Message, _ = complete(nil, b, &q, rcode, extras{own: q.sender.options(), errors: r.packer.errors}, maxMessage)
	e.Caches = s.peek(ctx, &q, transport, e.Now)
	return e, nil
}

// peekTime is how long a look waits for those whose caches they are.
const peekTime = 250 * time.Millisecond

// peek is a look into the cache of a UDP worker, who alone may do it.
type peek struct {
	question cache.Question
	inputs   cache.Inputs
	seen     chan cache.Sight // has room for one
}

// peek looks into all caches.
func (s *Server) peek(ctx context.Context, q *query, transport hostabi.Transport, now time.Time) (all []Looked) {
	if s.shared == nil {
		return nil
	}
	k := kept{handler: s.handler, shared: s.shared}
	k.wake(now)
	k.ask(q)
	k.ready(q, transport)
	ctx, cancel := context.WithTimeout(ctx, peekTime)
	defer cancel()
	looks := s.askWorkers(&k)
	for _, l := range looks {
		one := Looked{Cache: l.cache}
		select {
		case one.Sight = <-l.seen:
			one.Told = true
		case <-ctx.Done():
		}
		all = append(all, one)
	}
	return append(all, Looked{Cache: "connections and slow workers", Told: true, Sight: s.shared.Peek(&k.question, &k.inputs)})
}

// look is a peek that somebody has been asked for.
type look struct {
	cache string
	seen  chan cache.Sight
}

// askWorkers asks every UDP worker to look, and wakes those that wait for messages.
func (s *Server) askWorkers(k *kept) (looks []look) {
	s.mu.Lock()
	defer s.mu.Unlock()
	for _, w := range s.udpWorkers {
		p := &peek{question: k.question, inputs: k.inputs, seen: make(chan cache.Sight, 1)}
		w.asked.Store(p)
		looks = append(looks, look{w.name, p.seen})
		if s.drainBy.Load() == nil { // else it has a deadline that is to stand
			_ = w.conn.SetReadDeadline(time.Unix(1, 0))
		}
	}
	return looks
}

// join makes a UDP worker known to those who look into its cache.
func (s *Server) join(w *udpWorker, conn *net.UDPConn) {
	s.mu.Lock()
	defer s.mu.Unlock()
	w.conn = conn
	w.name = conn.LocalAddr().String() + " over UDP, worker " + strconv.Itoa(len(s.udpWorkers)+1)
	s.udpWorkers = append(s.udpWorkers, w)
}

// show does the look that somebody asked for, if anybody did.
func (w *udpWorker) show() {
	if w.asked.Load() == nil {
		return
	}
	p := w.asked.Swap(nil) // a later look may have come in its place since
	p.seen <- w.responder.kept.own.Peek(&p.question, &p.inputs)
}

// woken takes back the deadline that woke the worker. It reports false where that is
// the one after which nothing is read any more.
func (w *udpWorker) woken() bool {
	if w.server.drainBy.Load() != nil {
		return false
	}
	w.server.mu.Lock()
	defer w.server.mu.Unlock()
	if w.server.drainBy.Load() != nil { // it has set another one since
		return true
	}
	_ = w.conn.SetReadDeadline(time.Time{})
	return true
}
