package authority

import "github.com/namelet/namelet/rr"

// refer is step 3.b: the NS RRset of a zone cut with its glue. The answer is not
// authoritative, unless an alias of ours led here.
func (s *Snapshot) refer(q Question, cut *node, a *Answer) {
	a.Outcome, a.RCode = OutcomeReferral, rr.RCodeNoError
	ns := cut.find(rr.TypeNS)
	a.Authority = append(a.Authority, ns.records(cut.name))
	if q.DO && s.denial != nil {
		s.secureReferral(cut, a)
	}
	// RFC 9471 section 3: in-domain glue has to fit, and so comes first.
	s.appendGlue(ns, cut, true, q.DO, a)
	a.RequiredAdditional = len(a.Additional)
	s.appendGlue(ns, cut, false, q.DO, a)
}

// secureReferral adds what tells whether the delegation is signed (RFC 4035
// section 3.1.4): the DS RRset, or the proof that there is none.
func (s *Snapshot) secureReferral(cut *node, a *Answer) {
	if ds := cut.find(rr.TypeDS); ds != nil {
		a.Authority = s.append(a.Authority, cut.name, ds, true)
		return
	}
	s.denial.noDS(s, cut, a)
}

// appendGlue adds the addresses that the zone holds for the servers of a cut:
// those in-domain, at or below the cut, or the others.
func (s *Snapshot) appendGlue(ns *set, cut *node, inDomain, do bool, a *Answer) {
	for _, data := range ns.data[:ns.count] {
		target := rr.RdataName(data, 0)
		if target.IsSubdomainOf(cut.name) == inDomain {
			s.appendAddresses(target, true, do, a)
		}
	}
}
