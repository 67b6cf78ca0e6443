package frontend

import (
	"net/netip"

	"github.com/namelet/namelet/hostabi"
	"github.com/namelet/namelet/internal/authority"
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
	transport hostabi.Transport
	maxUDP    int
	counters  *counters
	panics    *panicLog

	resp   resolve.Response
	packer packer
}

// newResponder returns a responder for one goroutine and one transport.
func (s *Server) newResponder(transport hostabi.Transport) *responder {
	return &responder{
		handler:   s.handler,
		transport: transport,
		maxUDP:    s.config.MaxUDPSize,
		counters:  s.metrics.worker(transport),
		panics:    s.panics,
	}
}

// respond appends the response to msg to dst; it returns nil where there is none.
// It uses q for what it reads. A panic further in ends in SERVFAIL for this one
// question.
func (r *responder) respond(dst, msg []byte, client netip.Addr, q *query) (response []byte) {
	response, done := r.quick(dst, msg, client, q)
	if !done {
		response = r.slow(dst, client, q)
	}
	return response
}

// quick is respond for what needs no computation. Where done is false the message
// is a question for slow, which then needs q, and msg as it is.
func (r *responder) quick(dst, msg []byte, client netip.Addr, q *query) (response []byte, done bool) {
	defer func() {
		if cause := recover(); cause != nil {
			response, done = r.recovered(dst, q, cause), true
		}
	}()
	switch v := parse(msg, r.transport, q); v {
	case accepted:
		return nil, false
	case ignoredShort, ignoredResponse:
		r.counters.ignore(v)
		return nil, true
	default:
		r.resp.Reset()
		if why := rejections[v].why; why != (resolve.ExtendedError{}) {
			r.resp.Errors = append(r.resp.Errors, why)
		}
		return r.pack(dst, q, rejections[v].rcode), true
	}
}

// slow appends the response to a question that quick has read to dst.
func (r *responder) slow(dst []byte, client netip.Addr, q *query) (response []byte) {
	defer func() {
		if cause := recover(); cause != nil {
			response = r.recovered(dst, q, cause)
		}
	}()
	r.resp.Reset()
	r.resolve(client, q)
	return r.pack(dst, q, responseCode(&r.resp))
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
func (r *responder) resolve(client netip.Addr, q *query) {
	if r.worker == nil {
		r.worker = r.handler.NewWorker()
	}
	name, _, err := rr.NameView(q.name())
	if err != nil {
		panic(err) // parse let a bad name through
	}
	question := authority.Question{Name: name, Type: q.qtype, DO: q.edns.do}
	r.worker.Resolve(question, resolve.Client{Addr: client, Transport: r.transport}, &r.resp)
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
	r.worker = nil
	r.counters.panics.add(1)
	r.panics.report(cause, question)
}

func (r *responder) pack(dst []byte, q *query, rcode rr.RCode) []byte {
	msg, truncated := r.packer.pack(dst, q, rcode, &r.resp, r.limit(q))
	r.counters.answer(rcode, truncated)
	return msg
}

// limit returns how long the response may be, in octets. A client that names
// less than 512 means 512 (RFC 6891 section 6.2.3).
func (r *responder) limit(q *query) int {
	switch {
	case r.transport != hostabi.TransportUDP:
		return maxMessage
	case !q.edns.present:
		return leastUDPSize
	}
	return min(max(int(q.edns.size), leastUDPSize), r.maxUDP)
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
		if len(resp.Errors) == 0 {
			resp.Errors = append(resp.Errors, resolve.ExtendedError{Code: resolve.ErrorNotAuthority})
		}
		return rr.RCodeRefused
	}
	// OutcomeFailed, and OutcomeInvalid of a Worker that did not answer.
	resp.Answer.Reset()
	return rr.RCodeServFail
}
