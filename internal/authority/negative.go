package authority

import "github.com/namelet/namelet/rr"

// denyName ends an answer with NXDOMAIN: no data at the name, below it, or at a
// source of synthesis. After aliases the code is that of the last name (RFC 6604
// section 3).
func (s *Snapshot) denyName(q Question, p Place, a *Answer) {
	a.settle(OutcomeNXDomain, rr.RCodeNXDomain)
	s.AppendNegative(q, 0, a)
	if q.DO && s.denial != nil {
		s.denial.noName(s, q.Name, p, a)
	}
}

// denyType ends an answer with NODATA (RFC 2308 section 2.2): the name exists, or
// a source of synthesis stands for it, without the type.
func (s *Snapshot) denyType(q Question, p Place, a *Answer) {
	a.settle(OutcomeNoData, rr.RCodeNoError)
	s.AppendNegative(q, 0, a)
	if q.DO && s.denial != nil {
		s.denial.noType(s, q.Name, p, a)
	}
}

// AppendNegative adds the zone's SOA to the authority section under the TTL of
// negative answers, with its signatures where they are wanted (RFC 2308 section
// 3). A ttl (in seconds) other than 0 takes the place of the zone's own.
func (s *Snapshot) AppendNegative(q Question, ttl uint32, a *Answer) {
	if ttl == 0 {
		ttl = s.NegativeTTL()
	}
	a.Deps.set(s, s.apex, rr.TypeSOA)
	from := len(a.Authority)
	a.Authority = s.append(a.Authority, s.apex, s.soa(), q.DO)
	for i := from; i < len(a.Authority); i++ {
		a.Authority[i].TTL = ttl
	}
}
