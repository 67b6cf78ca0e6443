package authority

import "github.com/namelet/namelet/rr"

// AppendAdditional is step 6 for the sets of the answer section from the given
// index on: the addresses of the names they point at, and for SVCB and HTTPS the
// chain of RFC 9460 section 4.1. Only this zone's data are added; what another
// zone holds is that zone's to give, and resolvers would not believe it here.
func (s *Snapshot) AppendAdditional(q Question, from int, a *Answer) {
	for i := from; i < len(a.Answer); i++ {
		s.additionalFor(q, a.Answer[i], MaxHops, a)
	}
}

func (s *Snapshot) additionalFor(q Question, in rr.Set, hops int, a *Answer) {
	switch in.Type {
	case rr.TypeNS: // RFC 1035 section 3.3.11; addresses below a cut serve as well
		s.appendTargets(in.Data, 0, true, q.DO, a)
	case rr.TypeMX, rr.TypeAFSDB, rr.TypeRT, rr.TypeKX: // RFC 1035 section 3.3.9, RFC 1183, RFC 2230
		s.appendTargets(in.Data, 2, false, q.DO, a)
	case rr.TypeSRV: // RFC 2782
		s.appendTargets(in.Data, 6, false, q.DO, a)
	case rr.TypeSVCB, rr.TypeHTTPS:
		for _, data := range in.Data {
			s.appendService(q, in, data, hops, a)
		}
	}
}

func (s *Snapshot) appendTargets(data []rr.Rdata, offset int, glue, do bool, a *Answer) {
	for _, d := range data {
		s.appendAddresses(rr.RdataName(d, offset), glue, do, a)
	}
}

// appendService adds what belongs to one SVCB or HTTPS record: in ServiceMode the
// target's addresses, where "." is the owner itself; in AliasMode (priority 0)
// also the target's records of the same type and what belongs to those, where "."
// says that there is no service (RFC 9460 sections 2.4.2, 2.5 and 4.1).
func (s *Snapshot) appendService(q Question, in rr.Set, data rr.Rdata, hops int, a *Answer) {
	target := rr.RdataName(data, 2)
	alias := len(data) > 1 && data[0] == 0 && data[1] == 0
	if !alias {
		if target.IsRoot() {
			target = in.Name
		}
		s.appendAddresses(target, false, q.DO, a)
		return
	}
	if target.IsRoot() || hops == 0 {
		return
	}
	s.appendAddresses(target, false, q.DO, a)
	n, owner := s.addressee(target, false, a)
	if owner.IsZero() {
		return
	}
	a.Deps.set(s, owner, in.Type)
	if more := n.find(in.Type); more != nil && !holds(a.Answer, target, more) && !holds(a.Additional, target, more) {
		a.Additional = s.append(a.Additional, target, more, q.DO)
		s.additionalFor(q, more.records(target), hops-1, a)
	}
}

// appendAddresses adds the A and AAAA RRsets of a name, unless the answer has
// them already.
func (s *Snapshot) appendAddresses(target rr.Name, glue, do bool, a *Answer) {
	n, owner := s.addressee(target, glue, a)
	if owner.IsZero() {
		return
	}
	for _, t := range [2]rr.Type{rr.TypeA, rr.TypeAAAA} {
		a.Deps.set(s, owner, t)
		st := n.find(t)
		if st != nil && !holds(a.Answer, target, st) && !holds(a.Additional, target, st) {
			a.Additional = s.append(a.Additional, target, st, do)
		}
	}
}

// addressee returns the node that holds a name's addresses in this zone, and the
// name that it holds them under; the zero Name where the zone has none to give.
// Names at and below cuts count where glue is wanted: there the node is nil where
// no glue is. It notes that the answer depends on all that but the addresses.
func (s *Snapshot) addressee(target rr.Name, glue bool, a *Answer) (n *node, owner rr.Name) {
	p := s.Locate(target, rr.TypeA)
	s.dependOnPlace(&a.Deps, target, p)
	switch p.Kind {
	case PlaceExact:
		return p.at, target
	case PlaceWildcard:
		return p.at, p.at.name
	case PlaceCut:
		if glue {
			return s.find(target), target
		}
	}
	return nil, rr.Name{}
}
