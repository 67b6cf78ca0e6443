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

	query   query
	resp    resolve.Response
	packer  packer
	scratch []byte
}

// newResponder returns a responder for one goroutine and one transport.
func (s *Server) newResponder(transport hostabi.Transport) *responder {
	limit := s.config.MaxUDPSize
	if transport != hostabi.TransportUDP {
		limit = maxMessage
	}
	return &responder{
		handler:   s.handler,
		transport: transport,
		maxUDP:    s.config.MaxUDPSize,
		counters:  s.metrics.worker(transport),
		panics:    s.panics,
		scratch:   make([]byte, 0, limit+2*rr.MaxNameLen+64),
	}
}

// respond returns the response to msg, good until the next call, or nil where
// there is none. A panic further in ends in SERVFAIL for this one question.
func (r *responder) respond(msg []byte, client netip.Addr) (response []byte) {
	defer func() {
		if cause := recover(); cause != nil {
			response = r.recovered(cause)
		}
	}()
	v := parse(msg, r.transport, &r.query)
	if v == ignoredShort || v == ignoredResponse {
		r.counters.ignore(v)
		return nil
	}
	r.resp.Reset()
	if v != accepted {
		if why := rejections[v].why; why != (resolve.ExtendedError{}) {
			r.resp.Errors = append(r.resp.Errors, why)
		}
		return r.pack(rejections[v].rcode)
	}
	r.resolve(client)
	return r.pack(responseCode(&r.resp))
}

// rest gives the Worker time, after its answer has been sent. One that panics is
// not asked again.
func (r *responder) rest() {
	if r.worker == nil {
		return
	}
	defer func() {
		if cause := recover(); cause != nil {
			r.giveUp(cause)
		}
	}()
	r.worker.Idle()
}

// resolve asks the Worker. The name is memory of its own, so that a Worker may
// keep it; it is the one allocation of a query.
func (r *responder) resolve(client netip.Addr) {
	if r.worker == nil {
		r.worker = r.handler.NewWorker()
	}
	name, _, err := rr.NameFromWire(r.query.name())
	if err != nil {
		panic(err) // parse let a bad name through
	}
	q := authority.Question{Name: name, Type: r.query.qtype, DO: r.query.edns.do}
	r.worker.Resolve(q, resolve.Client{Addr: client, Transport: r.transport}, &r.resp)
}

// recovered answers after a panic. The Worker is given up: nobody knows what
// state it is in.
func (r *responder) recovered(cause any) []byte {
	r.giveUp(cause)
	r.resp.Reset()
	return r.pack(rr.RCodeServFail)
}

// giveUp lets go of a Worker that panicked, counts it and reports it.
func (r *responder) giveUp(cause any) {
	r.worker = nil
	r.counters.panics.inc()
	r.panics.report(cause, r.query.question)
}

func (r *responder) pack(rcode rr.RCode) []byte {
	msg, truncated := r.packer.pack(r.scratch, &r.query, rcode, &r.resp, r.limit())
	r.counters.answer(rcode, truncated)
	return msg
}

// limit returns how long the response may be, in octets. A client that names
// less than 512 means 512 (RFC 6891 section 6.2.3).
func (r *responder) limit() int {
	switch {
	case r.transport != hostabi.TransportUDP:
		return maxMessage
	case !r.query.edns.present:
		return leastUDPSize
	}
	return min(max(int(r.query.edns.size), leastUDPSize), r.maxUDP)
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
