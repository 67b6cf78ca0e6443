package authority

import "github.com/namelet/namelet/rr"

// denial adds the proofs of absence that a signed zone owes to those who want
// DNSSEC records (RFC 4035 section 3.1.3). A zone has one kind, chosen from what
// its apex holds; another kind (hashed names, signing on demand) is another
// implementation.
type denial interface {
	// noName proves that neither the name nor a source of synthesis exists.
	noName(s *Snapshot, name rr.Name, p Place, a *Answer)
	// noType proves that a type is missing at an existing name, or at the
	// source of synthesis that stands for a missing one.
	noType(s *Snapshot, name rr.Name, p Place, a *Answer)
	// closer proves that nothing nearer to the name than the source of synthesis
	// of its answer exists.
	closer(s *Snapshot, name rr.Name, p Place, a *Answer)
	// noDS proves that a zone cut has no DS.
	noDS(s *Snapshot, cut *node, a *Answer)
}

// chooseDenial sets how the zone proves absence, from what its apex holds:
// nothing where it has no key, no signed SOA, or neither kind of chain.
func (s *Snapshot) chooseDenial() error {
	s.denial = nil
	if s.root.find(rr.TypeDNSKEY) == nil || !s.soa().signed() {
		return nil
	}
	if nsec := s.root.find(rr.TypeNSEC); nsec != nil && nsec.signed() {
		s.denial = nsecChain{}
		return nil
	}
	params := s.root.find(rr.TypeNSEC3PARAM)
	if params == nil {
		return nil
	}
	for _, data := range params.data[:params.count] {
		if chain, ok := newNSEC3Chain(data); ok && chain.match(s, s.apex, "") != nil {
			s.denial = chain
			return nil
		}
	}
	return s.refuse(s.apex, rr.TypeNSEC3PARAM, ReasonNSEC3Chain)
}

// nsecChain is denial by the NSEC records that the zone holds (RFC 4034 section
// 4).
type nsecChain struct{}

// noName is RFC 4035 section 3.1.3.2: one NSEC covers the name, one the wildcard
// at its closest encloser; often it is the same.
func (c nsecChain) noName(s *Snapshot, name rr.Name, p Place, a *Answer) {
	c.add(s, s.lastNSEC(name, ""), a)
	c.add(s, s.lastNSEC(p.encloser.name, asterisk), a)
}

// noType is RFC 4035 sections 3.1.3.1 and 3.1.3.4: the NSEC at the name, or of an
// empty non-terminal the one that covers it; for a wildcard also the proof that
// the name itself is missing.
func (c nsecChain) noType(s *Snapshot, name rr.Name, p Place, a *Answer) {
	if p.Kind == PlaceWildcard {
		c.add(s, s.lastNSEC(p.encloser.name, asterisk), a)
	}
	c.add(s, s.lastNSEC(name, ""), a)
}

// closer is RFC 4035 section 3.1.3.3.
func (c nsecChain) closer(s *Snapshot, name rr.Name, _ Place, a *Answer) {
	c.add(s, s.lastNSEC(name, ""), a)
}

// noDS is RFC 4035 section 3.1.4.
func (c nsecChain) noDS(s *Snapshot, cut *node, a *Answer) {
	c.add(s, s.lastNSEC(cut.name, ""), a)
}

func (nsecChain) add(s *Snapshot, n *node, a *Answer) {
	if nsec := n.find(rr.TypeNSEC); !holds(a.Authority, n.name, nsec) {
		a.Authority = s.append(a.Authority, n.name, nsec, true)
	}
}

// lastNSEC returns the node with the NSEC that speaks of a name in the zone, or
// of label.name where a label is given: the name's own, or else the last one
// before it in canonical order. The zone's apex must have an NSEC.
func (s *Snapshot) lastNSEC(name rr.Name, label string) *node {
	var l labels
	l.cut(name, s.apex)
	var path [rr.MaxNameLen / 2]*node // path[i] has i labels below the apex
	path[0] = s.root
	depth := l.depth
	if label != "" {
		depth++
	}
	step := func(i int) string {
		if i == l.depth {
			return label
		}
		return l.label(i)
	}
	deep := 0
	for deep < depth {
		kid := path[deep].kids.find(step(deep))
		if kid == nil {
			break
		}
		deep++
		path[deep] = kid
	}
	if deep == depth && path[deep].find(rr.TypeNSEC) != nil {
		return path[deep]
	}
	if deep == depth { // an empty non-terminal: all below it comes after it
		deep--
	}
	for ; deep >= 0; deep-- {
		next := step(deep)
		if before := path[deep].kids.lastBefore(next, (*node).lastNSEC); before != nil {
			return before
		}
		if path[deep].find(rr.TypeNSEC) != nil {
			return path[deep]
		}
	}
	return s.root
}

// lastNSEC returns the last node with an NSEC at or below n, or nil. Below zone
// cuts and DNAMEs nothing is the zone's, so nothing there is looked at.
func (n *node) lastNSEC() *node {
	if !n.hasNS() && n.find(rr.TypeDNAME) == nil {
		if last := n.kids.last((*node).lastNSEC); last != nil {
			return last
		}
	}
	if n.find(rr.TypeNSEC) != nil {
		return n
	}
	return nil
}
