package resolve

import (
	"net/netip"

	"github.com/namelet/namelet/internal/authority"
	"github.com/namelet/namelet/rr"
)

// WholeShare is what a candidate's share is counted of.
const WholeShare = 10_000

// Beside is what may answer in the place of an attachment. It is immutable, as what
// it holds is; nobody but it holds its LastGood and its Candidate in a Routing.
type Beside struct {
	Of       *Attachment
	LastGood *Attachment // what was before Of: answers where Of fails and its Fallback is FallbackLastGood, or where Of is withdrawn; nil for none

	// Candidate answers the questions of a share of all pairs of a qname and a
	// network; nil for none. Where it fails and its Fallback is FallbackLastGood, Of
	// answers.
	Candidate *Attachment
	Share     uint32 // of WholeShare
	Salt      uint32 // which pairs those are; another share with the same salt takes in all of a smaller one
	Shadow    bool   // the candidate is asked what Of has answered, and nothing it says is sent; Share is 0
	Trial     *Trial // of the candidate; where there is none it cannot be withdrawn, or be a shadow. Without a candidate it is that of Of, against LastGood
}

// Tried returns who is on trial, and whom it is held against; nil for nobody.
func (b *Beside) Tried() (tried, against *Attachment) {
	switch {
	case b.Trial == nil:
		return nil, nil
	case b.Candidate != nil:
		return b.Candidate, b.Of
	case b.LastGood != nil:
		return b.Of, b.LastGood
	}
	return nil, nil
}

// same reports whether both have the same answers sent. nil is nothing beside.
func (b *Beside) same(o *Beside) bool {
	var none Beside
	if b == nil {
		b = &none
	}
	if o == nil {
		o = &none
	}
	if b.Candidate != nil || o.Candidate != nil {
		return *b == *o
	}
	return b.reserve() == o.reserve() && (b.Trial == o.Trial || !b.withdrawn() && !o.withdrawn())
}

// reserve is who answers where Of fails.
func (b *Beside) reserve() *Attachment {
	if b.Of == nil || b.Of.Fallback != FallbackLastGood {
		return nil
	}
	return b.LastGood
}

func (b *Beside) withdrawn() bool { return b.Trial != nil && b.Trial.Withdrawn() != "" }

// instead returns who answers where a fails; nil for nobody.
func (b *Beside) instead(a *Attachment) *Attachment {
	switch {
	case b == nil || a.Fallback != FallbackLastGood:
		return nil
	case a == b.Candidate:
		return b.Of
	case a == b.LastGood:
		return nil
	}
	return b.LastGood
}

// InputRelease is which of two versions answers: 1 for the candidate. It is asked
// before the guest is, so an answer is kept below it and never given for the other
// version.
const InputRelease InputKind = 0xfe

// The argument of an InputRelease is the salt with the share below it.
const shareBits = 16

func (b *Beside) input() Input {
	return Input{Kind: InputRelease, Arg: int64(b.Salt)<<shareBits | int64(b.Share)}
}

// Release gives the value of an InputRelease with an argument, for a query: its
// qname, in lower case and wire form, and where its packet came from. What a client
// subnet option says does not count, so a resolver sees one version of a name.
func Release(arg int64, qname []byte, source netip.Addr) int64 {
	if lot(qname, source, uint32(arg>>shareBits)) < uint64(arg&(1<<shareBits-1)) {
		return 1
	}
	return 0
}

// How much of a source's address counts for its version: resolvers of one site share
// their network.
const (
	networkBits4 = 24
	networkBits6 = 56
)

// lot gives a number below WholeShare to a name and a network: the same in every
// process, and as good as drawn.
func lot(qname []byte, source netip.Addr, salt uint32) uint64 {
	const prime = 1099511628211 // FNV-1a
	hash := uint64(14695981039346656037) ^ uint64(salt)
	source = source.Unmap()
	bits := networkBits6
	if source.Is4() {
		bits = networkBits4
	}
	if network, err := source.Prefix(bits); err == nil {
		address := network.Addr().As16()
		for _, c := range address {
			hash = (hash ^ uint64(c)) * prime
		}
	}
	for _, c := range qname {
		hash = (hash ^ uint64(c)) * prime
	}
	// FNV mixes its low bits badly; the end of SplitMix64 does that.
	hash = (hash ^ hash>>30) * 0xbf58476d1ce4e5b9
	hash = (hash ^ hash>>27) * 0x94d049bb133111eb
	return (hash ^ hash>>31) % WholeShare
}

// choose returns who answers the query, a or the candidate beside it, and says in
// the trace that this was asked.
func (w *Worker) choose(a *Attachment, b *Beside, resp *Response) *Attachment {
	switch {
	case b == nil:
		return a
	case b.Candidate == nil && b.LastGood != nil && b.withdrawn():
		return b.LastGood
	case b.Share == 0 || b.Candidate == nil || b.withdrawn():
		return a
	}
	in := b.input()
	var buf [rr.MaxNameLen]byte
	in.Value = Release(in.Arg, w.asked.AppendLower(buf[:0]), w.host.client.Addr)
	if !resp.Trace.has(&in) {
		resp.Trace.Inputs = append(resp.Trace.Inputs, in)
	}
	if in.Value == 1 {
		return b.Candidate
	}
	return a
}

// consult asks the guest of an attachment, or the one beside it whose turn it is, and
// where that fails who answers instead.
func (w *Worker) consult(a *Attachment, zone *authority.Zone, q authority.Question, resp *Response) (v verdict, err error) {
	beside := w.routing.attachments.beside[a]
	v.attachment = w.choose(a, beside, resp)
	w.explainer.chose(a, v.attachment, beside)
	for {
		if !w.mayWait && w.routing.readsUnheld(v.attachment) {
			return v, errWaits
		}
		v.answer, v.failure = w.ask(v.attachment, zone, q, resp)
		switch {
		case w.host.moved:
			return v, errMoved
		case v.failure == errUnloaded:
			return v, errUnloaded
		case v.failure == nil:
			w.shadow(beside, zone, q, v.answer)
			return v, nil
		}
		if w.explainer == nil {
			w.resolver.report(v.attachment, q, v.failure)
		}
		w.once = true
		instead := beside.instead(v.attachment)
		if instead == nil {
			return v, nil
		}
		resp.Errors = append(resp.Errors, ExtendedError{ErrorOther, "guest failed: " + reason(v.failure) + ", so another version answers"})
		v.attachment = instead
		w.guests-- // the answer that failed is not used
		if !w.refuelled {
			w.fuel, w.refuelled = max(w.fuel, instead.Fuel), true // what failed may have burnt all
		}
	}
}
