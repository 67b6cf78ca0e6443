package authority

import "github.com/namelet/namelet/rr"

// MaxHops bounds the aliases that one question follows.
const MaxHops = 8

// Lookup answers q from static data alone, after emptying a. It is the algorithm
// of RFC 1034 section 4.3.2; its step 1 (recursion) does not exist here, and its
// step 5 (a cache) neither. With memory in a from earlier questions it allocates
// nothing, unless a DNAME makes a name.
func (z *Zones) Lookup(q Question, a *Answer) {
	a.Reset()
	z.Continue(q, a)
}

// Continue is Lookup from the middle of a chain of aliases: it appends to what a
// holds already.
func (z *Zones) Continue(q Question, a *Answer) {
	for {
		zone := z.Route(q.Name, q.Type)
		if zone == nil {
			a.leave()
			return
		}
		if zone.Snapshot == nil {
			a.fail()
			return
		}
		next := zone.Snapshot.Step(q, zone.Snapshot.Locate(q.Name, q.Type), a)
		if !a.MayFollow(next) {
			return
		}
		q.Name = next
	}
}

// Route is step 2: the served zone that is the closest ancestor of a name, nil
// where there is none. A question for DS at an apex goes to the zone above, where
// the DS is, if that is served (RFC 4035 section 3.1.4.1).
func (z *Zones) Route(name rr.Name, t rr.Type) *Zone {
	zone := z.Find(name)
	if t != rr.TypeDS || zone == nil || name.Len() != zone.Apex.Len() {
		return zone
	}
	if above, ok := name.Parent(); ok {
		if parent := z.Find(above); parent != nil {
			return parent
		}
	}
	return zone
}

// Step is steps 3, 4 and 6 for one name in one zone, whose place there is p: it
// appends to a, and returns the name that an alias leads to. The name is zero
// where the answer is complete; whether to follow it is asked of
// [Answer.MayFollow].
func (s *Snapshot) Step(q Question, p Place, a *Answer) (next rr.Name) {
	s.DependOn(&a.Deps, q.Name, q.Type, p)
	switch p.Kind {
	case PlaceCut: // 3.b
		s.refer(q, p.at, a)
	case PlaceDNAME: // 3.c, as RFC 6672 section 3.2 has it
		return s.redirect(q, p.at, a)
	case PlaceExact: // 3.a
		return s.match(q, p, a)
	case PlaceWildcard: // 3.c
		return s.match(q, p, a)
	case PlaceNothing: // 3.c
		s.denyName(q, p, a)
	default:
		a.leave()
	}
	return rr.Name{}
}

// match is step 3.a, and 3.c where a wildcard stands for the name: the whole of
// qname has a node. Sets are sent under the name that was asked.
func (s *Snapshot) match(q Question, p Place, a *Answer) (next rr.Name) {
	found := p.at.choose(q.Type)
	if found == nil {
		s.denyType(q, p, a)
		return rr.Name{}
	}
	a.settle(OutcomeAnswer, rr.RCodeNoError)
	from := len(a.Answer)
	if q.Type == rr.TypeRRSIG {
		a.Answer = append(a.Answer, rr.Set{Name: q.Name, Type: rr.TypeRRSIG, TTL: found.ttl, Data: found.rrsigs()})
	} else {
		a.Answer = s.append(a.Answer, q.Name, found, q.DO)
	}
	if q.DO && s.denial != nil && p.Kind == PlaceWildcard {
		s.denial.closer(s, q.Name, p, a)
	}
	if found.typ == rr.TypeCNAME && q.Type != rr.TypeCNAME && q.Type != rr.TypeANY && q.Type != rr.TypeRRSIG {
		return rr.RdataName(found.data[0], 0)
	}
	s.AppendAdditional(q, from, a)
	return rr.Name{}
}

// choose returns the set that answers a question of type t, a CNAME where that
// stands in for it, or nil.
//
// Of type ANY one RRset is sent, the one of the least type (RFC 8482 section
// 4.1). A question for RRSIG gets the signatures of one RRset in the same way,
// since all of them are as good a means of amplification.
func (n *node) choose(t rr.Type) *set {
	var alias *set
	for i := range n.sets {
		switch st := &n.sets[i]; {
		case t == rr.TypeRRSIG:
			if st.signed() || st.typ == rr.TypeRRSIG {
				return st
			}
		case st.typ == t || t == rr.TypeANY:
			return st
		case st.typ == rr.TypeCNAME:
			alias = st
		}
	}
	if t == rr.TypeRRSIG {
		return nil
	}
	return alias
}

// append adds a set under its final owner name, and its signatures after it
// where they are wanted and the zone is signed (RFC 4035 section 3.1.1).
func (s *Snapshot) append(section []rr.Set, owner rr.Name, st *set, do bool) []rr.Set {
	section = append(section, st.records(owner))
	if do && s.denial != nil && st.signed() {
		section = append(section, st.signatures(owner))
	}
	return section
}

// settle sets how the answer ends as far as it has come. It is authoritative:
// the AA bit speaks of the first owner name, and a referral is the one end that
// leaves it alone (RFC 1035 section 4.1.1).
func (a *Answer) settle(o Outcome, code rr.RCode) {
	a.Outcome, a.RCode, a.Authoritative = o, code, true
}

// leave ends an answer at a name outside the served zones: refused if that is the
// name asked, else what the aliases have gathered.
func (a *Answer) leave() {
	if a.Outcome == OutcomeInvalid {
		a.Outcome, a.RCode = OutcomeRefused, rr.RCodeRefused
	}
}

// fail ends an answer in a zone that has no data to answer from.
func (a *Answer) fail() {
	a.Withdraw()
	a.Outcome, a.RCode = OutcomeFailed, rr.RCodeServFail
}
