package authority

import "github.com/namelet/namelet/rr"

// Question is what is asked of a zone.
type Question struct {
	Name rr.Name // as the client sent it, letter case included
	Type rr.Type
	DO   bool // DNSSEC records are wanted (RFC 3225)
}

// Outcome says how a lookup ended. The zero Outcome is invalid.
type Outcome uint8

// The ends of the algorithm of RFC 1034 section 4.3.2.
const (
	OutcomeInvalid  Outcome = iota
	OutcomeAnswer           // the RRset, or aliases that end in one or lead away; RCode is YXDOMAIN where a DNAME's name would be too long (RFC 6672 section 2.2)
	OutcomeNoData           // the name exists, the type does not (RFC 2308 section 2.2)
	OutcomeNXDomain         // the name does not exist (RFC 2308 section 2.1)
	OutcomeReferral         // a zone cut at or above the name
	OutcomeRefused          // outside the served zones
	OutcomeFailed           // the zone is served, but no answer could be had
)

// Answer is a response without its header and question: what the frontend
// packs. The caller owns it and uses it again; Reset keeps its memory. The Sets
// in it share their rdata with the snapshot they came from.
//
// A set's Name is the owner name to send: sets at the name that was asked carry
// it in the letter case of the question, those made from a wildcard too. RRSIGs
// are Sets of their own, after the set they cover.
type Answer struct {
	Outcome       Outcome
	RCode         rr.RCode
	Authoritative bool

	Answer     []rr.Set
	Authority  []rr.Set
	Additional []rr.Set

	// RequiredAdditional counts the first sets of Additional that have to fit:
	// the glue of a referral that is in-domain. Where they do not, TC is set
	// (RFC 9471 section 3).
	RequiredAdditional int

	// Deps is what the answer depends on, whatever became of its sections.
	Deps Deps
}

// Reset empties the answer and keeps its memory.
func (a *Answer) Reset() {
	a.Withdraw()
	a.Deps = a.Deps[:0]
}

// Withdraw takes back all that the answer says. What led to it stays in Deps.
func (a *Answer) Withdraw() {
	clear(a.Answer)
	clear(a.Authority)
	clear(a.Additional)
	*a = Answer{Answer: a.Answer[:0], Authority: a.Authority[:0], Additional: a.Additional[:0], Deps: a.Deps}
}
