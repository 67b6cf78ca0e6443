package frontend

import (
	"errors"
	"net"
	"net/netip"
	"os"
	"sync/atomic"
	"time"

	"github.com/namelet/namelet/hostabi"
)

const (
	// retryDelay is how long a loop waits after its socket failed for a reason
	// that may pass, such as a lack of buffers or of descriptors.
	retryDelay = 20 * time.Millisecond

	// batchSize is how many messages are received and sent in one go where the
	// system can. More hardly saves anything and lets the last one wait longer.
	batchSize = 32

	// lastBatches bounds what is still answered when the time to drain is over:
	// as many messages as the kernel's queue may hold.
	lastBatches = 384

	// patienceOfAnswers is how long answers that are ready wait for those that
	// are still being computed, so that they leave together.
	patienceOfAnswers = 100 * time.Microsecond
)

// serveUDP answers what arrives on one socket until the drain deadline, and then
// what had arrived before it. The loop owns its responder, and so its Worker:
// workers on several addresses have one for each.
func (s *Server) serveUDP(conn *net.UDPConn) {
	r := s.newResponder(hostabi.TransportUDP, keepOwn(s.newCache(), s.shared))
	b, err := newBatch(conn)
	if err != nil {
		s.complain("prepare UDP", err)
		return
	}
	socket, err := newSocket(conn)
	if err != nil {
		s.complain("prepare UDP", err)
		return
	}
	w := &udpWorker{server: s, responder: r, batch: b, socket: socket, local: addrOf(conn.LocalAddr()), later: newBacklog[postponed](laterMost)}
	s.join(w, conn)
	w.pulse = s.watchdog.join(w.name)
	defer w.pulse.end()
	for {
		n, err := w.receive()
		w.show()
		switch {
		case err == nil:
			w.answer(n)
			w.catchUp(laterTime)
			w.pulse.end()
		case errors.Is(err, os.ErrDeadlineExceeded) && w.woken():
		case errors.Is(err, os.ErrDeadlineExceeded):
			w.finish()
			return
		case errors.Is(err, net.ErrClosed):
			return
		default:
			s.complain("receive UDP", err)
			time.Sleep(retryDelay)
		}
	}
}

// udpWorker answers batches of messages.
type udpWorker struct {
	server    *Server
	responder *responder
	batch     *batch
	socket    *socket
	local     netip.AddrPort // of the socket

	messages [batchSize][]byte // of the batch, without the headers of proxies
	queries  [batchSize]query  // that they are
	hashes   [batchSize]uint32
	named    [batchSize]uint16 // ports of clients that a proxy has named, for the tap
	waiting  [batchSize]uint8  // those that no cache answered, by their place in the batch

	pulse *pulse
	conn  *net.UDPConn
	name  string               // for people
	asked atomic.Pointer[peek] // a look into the cache that somebody waits for; nil for none

	later  backlog[postponed]
	behind int // batches in a row that were full: more arrives than is answered
}

// receive waits for messages, unless there are questions left to answer: then it
// returns 0 where none has arrived.
func (w *udpWorker) receive() (n int, err error) {
	if w.later.count == 0 {
		return w.batch.receive()
	}
	if at := w.server.drainBy.Load(); at != nil && time.Now().After(*at) {
		return 0, os.ErrDeadlineExceeded
	}
	return w.batch.poll(), nil
}

// answer answers the n messages that the batch holds. What is ready leaves before
// anything is computed, so that a question that costs nothing does not wait for
// one that does.
func (w *udpWorker) answer(n int) {
	waiting := 0
	if w.behind++; n < batchSize {
		w.behind = 0
	}
	w.responder.wake()
	w.pulse.begin(w.responder.now)
	w.foresee(n)
	for i := range n {
		from, ok := w.batch.client(i)
		if !ok {
			continue // nobody can be there
		}
		client, message, ok := w.server.sources.Unwrap(w.batch.message(i), from)
		if !ok {
			w.responder.counters.ignore(ignoredProxy)
			continue
		}
		if w.server.config.Tap != nil && client != from {
			w.noteNamed(i)
		}
		q := &w.queries[i]
		w.messages[i] = message
		response, done := w.responder.quick(w.batch.room(i), message, client, q)
		switch {
		case !done:
			w.waiting[waiting] = uint8(i)
			waiting++
		default:
			w.reply(i, message, response)
		}
	}
	quick := w.batch.ready
	w.send()
	if w.responder.timed {
		w.responder.observe(pathHit, quick)
	}
	if waiting == 0 {
		return
	}
	w.compute(w.waiting[:waiting])
	w.responder.rest()
}

// compute answers those messages of a batch that no cache did. While batches are
// full, and so more is likely to have arrived, it takes less and less time for
// that, and leaves the rest for later. Where no answers are kept all messages are
// alike, and there is none to make room for.
func (w *udpWorker) compute(waiting []uint8) {
	begun := time.Now()
	since := begun
	for k, i := range waiting {
		if k > 0 && w.behind > 0 && w.responder.kept.on() && time.Since(begun) > laterTime>>min(w.behind, laterShifts) && w.postpone(int(i)) {
			continue
		}
		w.computeOne(int(i), w.messages[i])
		if k%4 == 3 && time.Since(since) > patienceOfAnswers {
			w.send()
			since = time.Now()
		}
	}
	w.send()
}

// computeOne answers the question of message i, or hands it over where the answer
// may have to wait.
func (w *udpWorker) computeOne(i int, msg []byte) {
	w.pulse.begin(time.Now())
	response, done := w.responder.slow(w.batch.room(i), &w.queries[i])
	switch {
	case !done:
		if response = w.handOver(i, w.queries[i].sender.addr, msg); response == nil {
			return
		}
	case w.responder.timed:
		w.responder.observe(pathOf(w.queries[i].class), 1)
	}
	w.reply(i, msg, response)
}

// postpone leaves a message for later, unless it is too long for that.
func (w *udpWorker) postpone(i int) bool {
	msg := w.messages[i]
	if len(msg) > laterRoom {
		return false
	}
	place, shed := w.later.push()
	if shed {
		w.responder.counters.shed.inc()
	}
	place.set(w.batch.peer(i), w.queries[i].sender.addr, msg, w.responder.now.Sub(w.responder.policy.started))
	place.named = w.named[i]
	return true
}

// catchUp answers what was left for later, as much as can be done in the time, and
// nothing while batches are full. What has been computed since is not computed
// once more.
func (w *udpWorker) catchUp(most time.Duration) {
	if w.later.count == 0 || w.behind > 0 {
		return
	}
	w.responder.wake()
	for begun := time.Now(); w.later.count > 0 && time.Since(begun) < most; {
		for i := 0; i < slots && w.later.count > 0; i++ {
			p := w.later.pop()
			w.batch.restore(i, &p.peer)
			w.named[i] = p.named
			w.responder.wake()
			w.responder.read = w.responder.policy.started.Add(p.read)
			response, done := w.responder.quick(w.batch.room(i), p.message(), p.client(), &w.queries[i])
			if done {
				w.reply(i, p.message(), response)
				if w.responder.timed {
					w.responder.observe(pathHit, 1)
				}
			} else {
				w.computeOne(i, p.message())
			}
			if time.Since(begun) >= most {
				break
			}
		}
		w.send()
	}
	w.responder.rest()
}

// foresee has the answers to n messages brought near that are likely to be kept.
func (w *udpWorker) foresee(n int) {
	if n == 1 {
		return
	}
	hashes := w.hashes[:0]
	for i := range n {
		if hash, ok := w.responder.kept.hash(w.batch.message(i)); ok {
			hashes = append(hashes, hash)
		}
	}
	w.responder.kept.foresee(hashes)
}

// send lets the answers that are ready go.
func (w *udpWorker) send() {
	unsent, err := w.batch.send()
	if unsent == 0 {
		return
	}
	w.responder.counters.unsent.add(uint64(unsent))
	if !errors.Is(err, net.ErrClosed) {
		w.server.complain("send UDP", err)
	}
}

// finish answers what the kernel had received when the time to drain was over.
func (w *udpWorker) finish() {
	for range lastBatches {
		n := w.batch.poll()
		w.answer(n)
		w.behind = 0
		w.catchUp(time.Second)
		if n == 0 && w.later.count == 0 {
			return
		}
	}
}
