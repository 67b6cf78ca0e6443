package authority

import "github.com/namelet/namelet/rr"

// MayFollow reports whether the answer goes on with next, to which its last alias
// leads: next is a name, fewer than [MaxHops] aliases have been followed, and it
// is not one of theirs. Where it is false for one of the latter reasons, the
// answer stands as it is: the aliases gathered so far.
func (a *Answer) MayFollow(next rr.Name) bool {
	if next.IsZero() {
		return false
	}
	hops := 0
	for i := range a.Answer {
		if a.Answer[i].Type != rr.TypeCNAME {
			continue
		}
		if hops++; a.Answer[i].Name.Equal(next) {
			return false
		}
	}
	return hops <= MaxHops
}

// redirect is the DNAME part of step 3.c (RFC 6672 section 3.2): the DNAME, the
// CNAME it makes of qname, and the name to go on with.
func (s *Snapshot) redirect(q Question, owner *node, a *Answer) (next rr.Name) {
	a.settle(OutcomeAnswer, rr.RCodeNoError)
	dname := owner.find(rr.TypeDNAME)
	if !holds(a.Answer, owner.name, dname) {
		a.Answer = s.append(a.Answer, owner.name, dname, q.DO)
	}
	cname, ok := s.redirected(q.Name, owner)
	if !ok { // RFC 6672 section 2.2: the DNAME alone, and the code
		a.RCode = rr.RCodeYXDomain
		return rr.Name{}
	}
	a.Answer = append(a.Answer, cname)
	return rr.RdataName(cname.Data[0], 0)
}

// redirected returns the CNAME that the DNAME of owner makes of a name below it,
// with the DNAME's TTL (RFC 6672 section 3.1); false where the target would be
// too long for a name.
func (s *Snapshot) redirected(name rr.Name, owner *node) (rr.Set, bool) {
	dname := owner.find(rr.TypeDNAME)
	target, err := name.ReplaceSuffix(owner.name, rr.RdataName(dname.data[0], 0))
	if err != nil {
		return rr.Set{}, false
	}
	return rr.Set{Name: name, Type: rr.TypeCNAME, TTL: dname.ttl, Data: []rr.Rdata{target.Wire()}}, true
}

// holds reports whether the section has the stored set under this owner name
// already. That they share memory is quick to see, and tells sets apart that only
// look alike.
func holds(section []rr.Set, owner rr.Name, st *set) bool {
	for i := range section {
		if data := section[i].Data; len(data) > 0 && &data[0] == &st.data[0] && section[i].Name.Equal(owner) {
			return true
		}
	}
	return false
}
