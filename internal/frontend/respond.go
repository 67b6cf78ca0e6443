package frontend

import (
	"math/rand/v2"
	"net/netip"
	"time"

	"github.com/namelet/namelet/hostabi"
	"github.com/namelet/namelet/internal/authority"
	"github.com/namelet/namelet/internal/frontend/cache"
	"github.com/namelet/namelet/internal/frontend/cookie"
	"github.com/namelet/namelet/internal/frontend/rrl"
	"github.com/namelet/namelet/internal/resolve"
	"github.com/namelet/namelet/rr"
)

// maxMessage is the longest message that TCP can carry (RFC 1035 section
// 4.2.2).
const maxMessage = 65535

// responder turns one message into another. It is the scratch of one goroutine.
type responder struct {
	handler   Handler
	worker    Worker // nil until the first question, and after a panic
	mayWait   bool   // the Worker is a slow one
	transport hostabi.Transport
	maxUDP    int
	counters  *counters
	panics    *panicLog
	policy    *policy
	now       time.Time // see wake
	read      time.Time // when what is answered was read: now, or before where it has waited
	wakes     uint64
	timed     bool // how long answers take that have woken the responder is measured

	tardy  *tardyLog     // nil for none
	waited time.Duration // before the question came to be computed

	resp   resolve.Response
	packer packer
	kept   kept
}

// newResponder returns a responder for one goroutine and one transport, which
// keeps answers where it says.
func (s *Server) newResponder(transport hostabi.Transport, kept kept) *responder {
	kept.handler, kept.random = s.handler, rand.NewPCG(rand.Uint64(), rand.Uint64())
	return &responder{
		kept:      kept,
		handler:   s.handler,
		transport: transport,
		maxUDP:    s.config.MaxUDPSize,
		counters:  s.metrics.worker(transport),
		panics:    s.panics,
		policy:    s.policy,
		tardy:     s.tardy,
		now:       time.Now(),
	}
}

// wake takes note of what all messages have in common that have arrived by now.
func (r *responder) wake() {
	r.now = time.Now()
	r.read = r.now
	r.timed = r.wakes%timedEvery == 0
	r.wakes++
	r.kept.wake(r.now)
}

// quick appends the response to msg to dst, nil where there is none. It reads msg
// into q and computes nothing: where done is false the message is a question for
// slow, which then needs q, and msg as it is. The responder has woken since msg
// arrived. A panic further in ends in SERVFAIL for this one question.
func (r *responder) quick(dst, msg []byte, client netip.Addr, q *query) (response []byte, done bool) {
	defer func() {
		if cause := recover(); cause != nil {
			response, done = r.recovered(dst, q, cause), true
		}
	}()
	v := parse(msg, r.transport, q)
	if v == ignoredShort || v == ignoredResponse {
		r.counters.ignore(v)
		return nil, true
	}
	r.policy.meet(q, client, r.now)
	if (v == accepted || v == askedChaos) && r.policy.asksHealth(q) {
		return r.tellHealth(dst, q), true
	}
	if v == accepted {
		return r.look(dst, q)
	}
	r.resp.Reset()
	return r.answer(dst, q, v), true
}

// answer appends the response to a message that needs no resolver.
func (r *responder) answer(dst []byte, q *query, v verdict) []byte {
	rcode := rejections[v].rcode
	switch v {
	case askedCookie:
		// RFC 7873 section 5.4: the code says whether the server cookie that was
		// sent is a good one.
		if !q.sender.cookie.Proven() && cookie.HasServer(q.edns.options.cookie) {
			rcode = rr.RCodeBadCookie
		}
	case askedChaos:
		if text := r.policy.chaosText(q); text != "" {
			return r.tell(dst, q, text)
		}
		return r.answer(dst, q, rejectedClass)
	}
	if why := rejections[v].why; why != (resolve.ExtendedError{}) {
		r.resp.Errors = append(r.resp.Errors, why)
	}
	return r.pack(dst, q, rcode)
}

// tell appends the response to a question about this server.
func (r *responder) tell(dst []byte, q *query, text string) []byte {
	return r.complete(dst, q, r.packer.ownBody(q, text), rr.RCodeNoError, nil, rrl.About(rrl.Error, rr.Name{}))
}

// slow appends the response to a question that quick has read to dst. Where done is
// false the answer may have to wait, and is for the slow workers to give.
func (r *responder) slow(dst []byte, q *query) (response []byte, done bool) {
	defer func() {
		if cause := recover(); cause != nil {
			response, done = r.recovered(dst, q, cause), true
		}
	}()
	r.resp.Reset()
	var began time.Time
	if r.tardy != nil {
		began = time.Now()
	}
	r.resolve(q)
	if r.resp.Waits && !r.mayWait {
		return nil, false
	}
	q.class = r.resp.Trace.Class
	rcode := responseCode(&r.resp)
	if r.tardy != nil {
		r.tardy.note(r, q, rcode, began)
	}
	b, account := r.packer.body(q, rcode, &r.resp), accountOf(q, &r.resp)
	r.kept.put(q, &r.resp.Trace, b, cache.Leaf{
		Options: r.packer.errors,
		Meta:    cache.Meta{RCode: uint16(rcode), Class: uint8(q.class), Bucket: uint64(account)},
	})
	return r.complete(dst, q, b, rcode, r.packer.errors, account), true
}

// adopt appends the answer to a question that quick has read to dst, where the
// slow workers have one that is kept, and keeps it here, too.
func (r *responder) adopt(dst []byte, q *query) (response []byte, ok bool) {
	leaf, ok := r.kept.adopt(q, r.transport)
	if !ok {
		return nil, false
	}
	return r.again(dst, q, &leaf), true
}

// look appends the answer to a question that has been read to dst, where one is
// kept.
func (r *responder) look(dst []byte, q *query) (response []byte, ok bool) {
	leaf, ok := r.kept.get(q, r.transport)
	if !ok {
		return nil, false
	}
	return r.again(dst, q, &leaf), true
}

// again appends an answer that was kept to dst, as the response to q.
func (r *responder) again(dst []byte, q *query, leaf *cache.Leaf) []byte {
	q.setScope(leaf.ScopeV4, leaf.ScopeV6)
	q.class = resolve.Class(leaf.Meta.Class)
	b := body{leaf.Msg, int(leaf.Meta.Required)}
	return r.complete(dst, q, b, rr.RCode(leaf.Meta.RCode), leaf.Options, rrl.Account(leaf.Meta.Bucket))
}

// rest gives the Worker time, after its answer has been sent. One that panics is
// not asked again.
func (r *responder) rest() {
	if r.worker == nil {
		return
	}
	defer func() {
		if cause := recover(); cause != nil {
			r.giveUp(cause, nil)
		}
	}()
	r.worker.Idle()
}

// resolve asks the Worker. The name lies in the message, see [Worker].
func (r *responder) resolve(q *query) {
	switch {
	case r.worker != nil:
	case r.mayWait:
		r.worker = r.handler.NewSlowWorker()
	default:
		r.worker = r.handler.NewWorker()
	}
	name, _, err := rr.NameView(q.name())
	if err != nil {
		panic(err) // parse let a bad name through
	}
	question := authority.Question{Name: name, Type: q.qtype, DO: q.edns.do}
	r.worker.Resolve(question, q.client(r), &r.resp)
	q.setScope(r.resp.Trace.ScopeV4, r.resp.Trace.ScopeV6)
}

// recovered answers after a panic. The Worker is given up: nobody knows what
// state it is in.
func (r *responder) recovered(dst []byte, q *query, cause any) []byte {
	r.giveUp(cause, q.question)
	r.resp.Reset()
	return r.pack(dst, q, rr.RCodeServFail)
}

// giveUp lets go of a Worker that panicked, counts it and reports it.
func (r *responder) giveUp(cause any, question []byte) {
	r.counters.panics.add(1)
	r.panics.report(cause, question)
	broken := r.worker
	r.worker = nil
	if broken == nil {
		return
	}
	defer func() { _ = recover() }() // it is broken, and that has been reported
	broken.Close()
}

// pack appends the response in r.resp, or what goes out in place of it.
func (r *responder) pack(dst []byte, q *query, rcode rr.RCode) []byte {
	return r.complete(dst, q, r.packer.body(q, rcode, &r.resp), rcode, r.packer.errors, accountOf(q, &r.resp))
}

// complete appends the response that a body makes, or what goes out in place of
// it. The errors are options.
func (r *responder) complete(dst []byte, q *query, b body, rcode rr.RCode, errors []byte, account rrl.Account) []byte {
	if instead, restrained := r.restrain(dst, q, rcode, account); restrained {
		return instead
	}
	msg, truncated := complete(dst, b, q, rcode, extras{own: q.sender.options(), errors: errors}, r.limit(q))
	r.counters.answer(q, rcode, truncated)
	return msg
}

// limit returns how long the response may be, in octets. A client that names
// less than 512 means 512 (RFC 6891 section 6.2.3).
func (r *responder) limit(q *query) int {
	switch {
	case r.transport != hostabi.TransportUDP:
		return maxMessage
	case !q.edns.present:
		return LeastUDPSize
	}
	return min(max(int(q.edns.size), LeastUDPSize), r.maxUDP)
}

// responseCode maps what the resolver found to a response code, and takes out of
// the response what may not stand beside that code. A code that the answer
// brings stands (YXDOMAIN of a DNAME, RFC 6672 section 2.2, is one).
func responseCode(resp *resolve.Response) rr.RCode {
	switch resp.Outcome {
	case authority.OutcomeAnswer, authority.OutcomeNoData, authority.OutcomeReferral:
		return resp.RCode
	case authority.OutcomeNXDomain:
		if resp.RCode != rr.RCodeNoError {
			return resp.RCode
		}
		return rr.RCodeNXDomain
	case authority.OutcomeRefused:
		resp.Answer.Reset()
		return rr.RCodeRefused
	}
	// OutcomeFailed, and OutcomeInvalid of a Worker that did not answer.
	resp.Answer.Reset()
	return rr.RCodeServFail
}
