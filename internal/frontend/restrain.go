package frontend

import (
	"github.com/namelet/namelet/hostabi"
	"github.com/namelet/namelet/internal/authority"
	"github.com/namelet/namelet/internal/frontend/cookie"
	"github.com/namelet/namelet/internal/frontend/rrl"
	"github.com/namelet/namelet/internal/resolve"
	"github.com/namelet/namelet/rr"
)

// restraint is what became of a response beyond the limit.
type restraint uint8

const (
	dropped     restraint = iota // nothing went out
	shortened                    // a truncated one, or a bare error
	cookieAsked                  // BADCOOKIE
	restraints
)

var restraintText = [restraints]string{
	dropped:     "dropped",
	shortened:   "truncated",
	cookieAsked: "badcookie",
}

// restrain decides whether the response to q may go out, which is of account a.
// Where it may not, instead is what goes out, nil for nothing.
//
// Whoever has a good cookie, or has opened a connection, is who it says, and is
// not limited. To all others what goes out beyond the limit is no more than came
// in: a truncated response is not longer than its query, since it repeats the
// header, the question and an OPT record without options. BADCOOKIE (RFC 7873
// section 5.2.3) has a server cookie in it, and takes the place of a truncated
// response where the queries that were dropped before make up for that.
func (r *responder) restrain(dst []byte, q *query, rcode rr.RCode, a rrl.Account) (instead []byte, restrained bool) {
	p := r.policy
	if p.limiter == nil || r.transport != hostabi.TransportUDP || q.sender.cookie.Proven() {
		return nil, false
	}
	switch p.limiter.Take(q.sender.addr, a, r.now.Sub(p.started)) {
	case rrl.Send:
		return nil, false
	case rrl.Drop:
		r.counters.restrained[dropped].inc()
		return nil, true
	}
	q.tsig = nil
	if q.sender.cookie == cookie.Unknown && bareLen(q)+cookie.ResponseLen <= p.Rate.Slip*q.length {
		r.counters.restrained[cookieAsked].inc()
		q.sender.length = cookie.ResponseLen
		return r.bare(dst, q, rr.RCodeBadCookie, 0), true
	}
	r.counters.restrained[shortened].inc()
	q.sender.length = 0
	if a == rrl.About(rrl.Error, rr.Name{}) {
		return r.bare(dst, q, rcode, 0), true
	}
	return r.bare(dst, q, rr.RCodeNoError, flagTC), true
}

// bareLen returns the length of a bare response without options.
func bareLen(q *query) int {
	n := headerLen + len(q.question)
	if q.edns.present {
		n += optFixedLen
	}
	return n
}

// bare appends a response that has no records but OPT.
func (r *responder) bare(dst []byte, q *query, rcode rr.RCode, flags uint16) []byte {
	r.packer.begin(q)
	r.packer.finish(rcode, false, flags == flagTC, [3]int{})
	msg, truncated := complete(dst, body{r.packer.msg, 0}, q, rcode, extras{own: q.sender.options()}, r.limit(q))
	r.counters.answer(q, rcode, truncated)
	return msg
}

// accountOf says what a response is counted with: an answer that the zone holds
// with its own name's, all that has no end of names with its zone's.
func accountOf(q *query, resp *resolve.Response) rrl.Account {
	switch resp.Outcome {
	case authority.OutcomeAnswer:
		if !resp.Trace.Known {
			return rrl.About(rrl.Synthesised, resp.Trace.Zone)
		}
		name, _, err := rr.NameView(q.name())
		if err != nil {
			panic(err) // parse let a bad name through
		}
		return rrl.About(rrl.Answer, name)
	case authority.OutcomeNoData:
		return rrl.About(rrl.NoData, resp.Trace.Zone)
	case authority.OutcomeNXDomain:
		return rrl.About(rrl.NXDomain, resp.Trace.Zone)
	case authority.OutcomeReferral:
		return rrl.About(rrl.Referral, resp.Trace.Zone)
	}
	return rrl.About(rrl.Error, rr.Name{})
}
