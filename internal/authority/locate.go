package authority

import "github.com/namelet/namelet/rr"

// PlaceKind says how a name stands in a zone. The zero PlaceKind is
// PlaceOutside.
type PlaceKind uint8

// The ways of a name to stand in a zone, in the order in which they count.
const (
	PlaceOutside  PlaceKind = iota // not in the zone
	PlaceCut                       // at or below a zone cut: the data are another zone's
	PlaceDNAME                     // below the owner of a DNAME
	PlaceExact                     // the name exists, perhaps as an empty non-terminal
	PlaceWildcard                  // the name does not exist, and a source of synthesis does
	PlaceNothing                   // neither
)

// Place is where a name stands in a zone. It is a value that costs nothing to
// make and is good for the snapshot that made it only.
type Place struct {
	Kind PlaceKind

	at       *node // the zone cut, the DNAME's owner, the name, or the source of synthesis
	encloser *node // the closest encloser, where the name does not exist
}

// Exists reports whether the zone has data at or below the name, so that denying
// the name would deny them too (RFC 8020).
func (p Place) Exists() bool { return p.Kind == PlaceExact }

// Locate finds a name's place for a question of type t: one descent from the
// apex, since zone cuts and empty non-terminals are nodes. A question for DS at a
// zone cut is the parent's, so the place is the cut itself and exact (RFC 4035
// section 3.1.4.1).
func (s *Snapshot) Locate(name rr.Name, t rr.Type) Place {
	var l labels
	if !l.cut(name, s.apex) {
		return Place{}
	}
	if s.partial != nil && !s.knows(name) {
		return Place{Kind: PlaceNothing, encloser: s.root}
	}
	n := s.root
	for i := 0; i < l.depth; i++ {
		if n.find(rr.TypeDNAME) != nil {
			return Place{Kind: PlaceDNAME, at: n}
		}
		kid := n.kids.find(l.label(i))
		if kid == nil {
			return n.missing()
		}
		n = kid
		if n.hasNS() && (t != rr.TypeDS || i+1 < l.depth) {
			return Place{Kind: PlaceCut, at: n}
		}
	}
	return Place{Kind: PlaceExact, at: n}
}

// missing is the place of a name whose closest encloser is n (RFC 4592 section
// 3.3.1): the source of synthesis is the asterisk below it and no other.
func (n *node) missing() Place {
	if source := n.kids.find(asterisk); source != nil {
		return Place{Kind: PlaceWildcard, at: source, encloser: n}
	}
	return Place{Kind: PlaceNothing, encloser: n}
}
