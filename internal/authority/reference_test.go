package authority_test

import (
	"slices"

	"github.com/namelet/namelet/internal/authority"
	"github.com/namelet/namelet/rr"
)

// reference is a zone as a list of RRsets, and answers by scanning the list for
// what the words of the RFCs say. It is slow, and simple enough to be believed.
type reference struct {
	apex   rr.Name
	sets   []rr.Set
	signed bool
	hashed bool // with NSEC3
}

func (z *reference) get(name rr.Name, t rr.Type) (rr.Set, bool) {
	for _, set := range z.sets {
		if set.Type == t && set.Name.Equal(name) {
			return set, true
		}
	}
	return rr.Set{}, false
}

// exists: a name exists if it or a name below it has data.
func (z *reference) exists(name rr.Name) bool {
	return slices.ContainsFunc(z.sets, func(s rr.Set) bool { return s.Name.IsSubdomainOf(name) })
}

// redirection returns the highest zone cut at or above name or DNAME above it.
func (z *reference) redirection(name rr.Name, t rr.Type) (found rr.Set, ok bool) {
	for _, set := range z.sets {
		if !name.IsSubdomainOf(set.Name) {
			continue
		}
		atName := set.Name.Equal(name)
		cut := set.Type == rr.TypeNS && !set.Name.Equal(z.apex) && (!atName || t != rr.TypeDS)
		if !cut && (set.Type != rr.TypeDNAME || atName) {
			continue
		}
		if !ok || set.Name.Labels() < found.Name.Labels() {
			found, ok = set, true
		}
	}
	return found, ok
}

// source returns the name whose data answer for name: itself or the source of
// synthesis. The closest encloser goes with it.
func (z *reference) source(name rr.Name) (source, encloser rr.Name, ok bool) {
	if z.exists(name) {
		return name, name, true
	}
	for encloser, _ = name.Parent(); !z.exists(encloser); {
		encloser, _ = encloser.Parent()
	}
	source, _ = encloser.Child("*")
	return source, encloser, z.exists(source)
}

// last returns the NSEC that matches or covers a name.
func (z *reference) last(name rr.Name) rr.Set {
	var best rr.Set
	for _, set := range z.sets {
		if set.Type != rr.TypeNSEC || set.Name.Compare(name) > 0 {
			continue
		}
		if best.Name.IsZero() || set.Name.Compare(best.Name) > 0 {
			best = set
		}
	}
	return best
}

// response gathers what a lookup should return; sets are added once. What NSEC3
// has to prove is noted, and looked for in the answer.
type response struct {
	authority.Answer
	do    bool
	debts []debt
}

type debt struct {
	zone           *reference
	kind           debtKind
	name, encloser rr.Name
}

type debtKind uint8

const (
	oweNoName     debtKind = iota // neither the name nor a wildcard exists
	oweNoType                     // the name exists without the type
	oweNoWildType                 // the name does not exist, the wildcard has not the type
	oweCloser                     // nothing closer than the wildcard exists
)

func (r *response) add(z *reference, section *[]rr.Set, set rr.Set) {
	for _, have := range *section {
		if have.Type == set.Type && have.Name.Equal(set.Name) && have.TTL == set.TTL && slices.Equal(have.Data, set.Data) {
			return
		}
	}
	*section = append(*section, set)
}

// addSigned adds a set that stands in the zone under stored, and its signatures.
func (r *response) addSigned(z *reference, section *[]rr.Set, set rr.Set, stored rr.Name) {
	r.add(z, section, set)
	if !r.do || !z.signed {
		return
	}
	sigs := rr.Set{Name: set.Name, Type: rr.TypeRRSIG, TTL: set.TTL}
	for _, all := range z.sets {
		if all.Type == rr.TypeRRSIG && all.Name.Equal(stored) {
			for _, sig := range all.Data {
				if rr.Covered(sig) == set.Type {
					sigs.Data = append(sigs.Data, sig)
				}
			}
		}
	}
	if len(sigs.Data) > 0 {
		r.add(z, section, sigs)
	}
}

// owe notes what has to be proved. By NSEC, which ones do that is a matter of
// order alone.
func (r *response) owe(z *reference, kind debtKind, name, encloser rr.Name) {
	if !r.do || !z.signed {
		return
	}
	if z.hashed {
		r.debts = append(r.debts, debt{z, kind, name, encloser})
		return
	}
	names := []rr.Name{name}
	if kind == oweNoName || kind == oweNoWildType {
		wildcard, _ := encloser.Child("*")
		names = append(names, wildcard)
	}
	for _, name := range names {
		nsec := z.last(name)
		r.addSigned(z, &r.Authority, nsec, nsec.Name)
	}
}

// referenceLookup is the algorithm of RFC 1034 section 4.3.2 over lists.
func referenceLookup(zones []*reference, q authority.Question) *response {
	r := &response{do: q.DO}
	for {
		z := closest(zones, q.Name)
		if q.Type == rr.TypeDS && z != nil && z.apex.Equal(q.Name) && !q.Name.IsRoot() {
			parent, _ := q.Name.Parent()
			if above := closest(zones, parent); above != nil {
				z = above
			}
		}
		if z == nil {
			if r.Outcome == authority.OutcomeInvalid {
				r.Outcome, r.RCode = authority.OutcomeRefused, rr.RCodeRefused
			}
			return r
		}
		next, more := r.step(z, q)
		if !more || r.followed(next) {
			return r
		}
		q.Name = next
	}
}

func (r *response) followed(next rr.Name) bool {
	hops := 0
	for _, set := range r.Answer.Answer {
		if set.Type == rr.TypeCNAME {
			if hops++; set.Name.Equal(next) {
				return true
			}
		}
	}
	return hops > 8
}

func closest(zones []*reference, name rr.Name) (best *reference) {
	for _, z := range zones {
		if name.IsSubdomainOf(z.apex) && (best == nil || z.apex.Labels() > best.apex.Labels()) {
			best = z
		}
	}
	return best
}

func (r *response) step(z *reference, q authority.Question) (next rr.Name, more bool) {
	if found, ok := z.redirection(q.Name, q.Type); ok && found.Type == rr.TypeNS {
		r.refer(z, found)
		return next, false
	} else if ok {
		return r.redirect(z, q, found)
	}
	r.Authoritative = true
	source, encloser, ok := z.source(q.Name)
	if !ok {
		r.Outcome, r.RCode = authority.OutcomeNXDomain, rr.RCodeNXDomain
		r.negative(z)
		r.owe(z, oweNoName, q.Name, encloser)
		return next, false
	}
	wild := !source.Equal(q.Name)
	for _, t := range []rr.Type{q.Type, rr.TypeCNAME} {
		set, ok := z.get(source, t)
		if !ok {
			continue
		}
		r.Outcome, r.RCode = authority.OutcomeAnswer, rr.RCodeNoError
		set.Name = q.Name
		r.addSigned(z, &r.Answer.Answer, set, source)
		if wild {
			r.owe(z, oweCloser, q.Name, encloser)
		}
		if t != q.Type {
			return rr.RdataName(set.Data[0], 0), true
		}
		r.additional(z, set)
		return next, false
	}
	r.Outcome, r.RCode = authority.OutcomeNoData, rr.RCodeNoError
	r.negative(z)
	if wild {
		r.owe(z, oweNoWildType, q.Name, encloser)
	} else {
		r.owe(z, oweNoType, q.Name, q.Name)
	}
	return next, false
}

func (r *response) refer(z *reference, ns rr.Set) {
	r.Outcome, r.RCode = authority.OutcomeReferral, rr.RCodeNoError
	r.add(z, &r.Authority, ns)
	if ds, ok := z.get(ns.Name, rr.TypeDS); ok && r.do && z.signed {
		r.addSigned(z, &r.Authority, ds, ns.Name)
	} else {
		r.owe(z, oweNoType, ns.Name, ns.Name)
	}
	for _, inDomain := range []bool{true, false} {
		for _, data := range ns.Data {
			if target := rr.RdataName(data, 0); target.IsSubdomainOf(ns.Name) == inDomain {
				r.addresses(z, target, true)
			}
		}
		if inDomain {
			r.RequiredAdditional = len(r.Additional)
		}
	}
}

func (r *response) redirect(z *reference, q authority.Question, dname rr.Set) (rr.Name, bool) {
	r.Authoritative, r.Outcome, r.RCode = true, authority.OutcomeAnswer, rr.RCodeNoError
	r.addSigned(z, &r.Answer.Answer, dname, dname.Name)
	target, err := q.Name.ReplaceSuffix(dname.Name, rr.RdataName(dname.Data[0], 0))
	if err != nil {
		r.RCode = rr.RCodeYXDomain
		return target, false
	}
	r.add(z, &r.Answer.Answer, rr.Set{Name: q.Name, Type: rr.TypeCNAME, TTL: dname.TTL, Data: []rr.Rdata{target.Wire()}})
	return target, true
}

func (r *response) negative(z *reference) {
	soa, _ := z.get(z.apex, rr.TypeSOA)
	b := soa.Data[0][len(soa.Data[0])-4:]
	soa.TTL = min(soa.TTL, uint32(b[0])<<24|uint32(b[1])<<16|uint32(b[2])<<8|uint32(b[3]))
	r.addSigned(z, &r.Authority, soa, z.apex)
}

func (r *response) additional(z *reference, set rr.Set) {
	for _, data := range set.Data {
		switch set.Type {
		case rr.TypeNS:
			r.addresses(z, rr.RdataName(data, 0), true)
		case rr.TypeMX:
			r.addresses(z, rr.RdataName(data, 2), false)
		}
	}
}

func (r *response) addresses(z *reference, target rr.Name, glue bool) {
	if !target.IsSubdomainOf(z.apex) {
		return
	}
	source := target
	if found, ok := z.redirection(target, rr.TypeA); ok {
		if !glue || found.Type != rr.TypeNS {
			return
		}
	} else if source, _, ok = z.source(target); !ok {
		return
	}
	for _, t := range []rr.Type{rr.TypeA, rr.TypeAAAA} {
		set, ok := z.get(source, t)
		set.Name = target
		inAnswer := slices.ContainsFunc(r.Answer.Answer, func(s rr.Set) bool { return s.Type == t && s.Name.Equal(target) })
		if ok && !inAnswer {
			r.addSigned(z, &r.Additional, set, source)
		}
	}
}
