package frontend

import (
	"github.com/namelet/namelet/internal/frontend/rrl"
	"github.com/namelet/namelet/internal/resolve"
	"github.com/namelet/namelet/rr"
)

// readyText is what the TXT record of the health name says.
const readyText = "ready"

// SetReady makes the health name say whether queries should be sent here: NOERROR
// where they should, which it says from the beginning, else SERVFAIL with why. While
// a worker is stuck it says SERVFAIL, too. All other names are answered as before.
func (s *Server) SetReady(ready bool, why string) {
	if ready {
		s.policy.unready.Store(nil)
		return
	}
	s.policy.unready.Store(&why)
}

// whyUnready says why no queries should be sent here; empty where they should.
func (p *policy) whyUnready() string {
	if why := p.unready.Load(); why != nil {
		return *why
	}
	if p.stuck.Load() {
		return "a worker is stuck"
	}
	return ""
}

// asksHealth reports whether a question that was accepted, or is in class CH, is for
// the health name.
func (p *policy) asksHealth(q *query) bool {
	return len(q.question) == p.healthLen && p.hasHealth(q)
}

// hasHealth compares names. It stands apart so that the question after the length
// costs no call.
func (p *policy) hasHealth(q *query) bool {
	var name lowered
	return string(name.set(q.name())) == p.healthName
}

// tellHealth appends the response to a question for the health name. It is made anew
// each time and has a TTL of 0, so that nobody hears of what was. It counts with no
// other responses, of which a flood might use up what the asker may have.
func (r *responder) tellHealth(dst []byte, q *query) []byte {
	r.resp.Reset()
	account := rrl.About(rrl.NoData, r.policy.HealthName)
	if why := r.policy.whyUnready(); why != "" {
		r.resp.Errors = append(r.resp.Errors, resolve.ExtendedError{Code: resolve.ErrorNotReady, Text: why})
		b := r.packer.body(q, rr.RCodeServFail, &r.resp)
		return r.complete(dst, q, b, rr.RCodeServFail, r.packer.errors, account)
	}
	text := ""
	if q.qtype == rr.TypeTXT || q.qtype == rr.TypeANY {
		text = readyText
	}
	return r.complete(dst, q, r.packer.ownBody(q, text), rr.RCodeNoError, nil, account)
}
