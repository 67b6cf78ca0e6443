package authority

import "github.com/namelet/namelet/rr"

// ReadStatus says what one zone's data hold for a name and type. The zero
// ReadStatus is ReadOutside.
type ReadStatus uint8

// What a read finds.
const (
	ReadOutside   ReadStatus = iota // the name is not in the zone
	ReadFound                       // the RRset
	ReadNoData                      // the name exists, the type does not
	ReadNXDomain                    // the name does not exist
	ReadDelegated                   // the name is at or below a zone cut
	ReadCNAME                       // the name is an alias: ask for type CNAME to see it
)

// Read looks up one RRset in one zone's static data and follows nothing. The
// set's owner is the name; wildcard tells that a source of synthesis stood for
// it. What the result depends on is added to deps, which may be nil. Read
// allocates nothing, unless type CNAME is asked below a DNAME.
func (s *Snapshot) Read(name rr.Name, t rr.Type, deps *Deps) (status ReadStatus, found rr.Set, wildcard bool) {
	p := s.Locate(name, t)
	s.DependOn(deps, name, t, p)
	switch p.Kind {
	case PlaceCut:
		return ReadDelegated, rr.Set{}, false
	case PlaceDNAME:
		return s.readAlias(name, t, p.at)
	case PlaceExact, PlaceWildcard:
		status, found = p.at.read(name, t)
		return status, found, p.Kind == PlaceWildcard
	case PlaceNothing:
		return ReadNXDomain, rr.Set{}, false
	}
	return ReadOutside, rr.Set{}, false
}

func (n *node) read(owner rr.Name, t rr.Type) (ReadStatus, rr.Set) {
	switch found := n.choose(t); {
	case found == nil:
		return ReadNoData, rr.Set{}
	case t == rr.TypeRRSIG:
		return ReadFound, rr.Set{Name: owner, Type: t, TTL: found.ttl, Data: found.rrsigs()}
	case found.typ == rr.TypeCNAME && t != rr.TypeCNAME:
		return ReadCNAME, rr.Set{}
	default:
		return ReadFound, found.records(owner)
	}
}

// readAlias reads a name below a DNAME: an alias by the CNAME that the DNAME
// makes. One whose target would be too long is no name at all.
func (s *Snapshot) readAlias(name rr.Name, t rr.Type, owner *node) (ReadStatus, rr.Set, bool) {
	if t != rr.TypeCNAME {
		return ReadCNAME, rr.Set{}, false
	}
	cname, ok := s.redirected(name, owner)
	if !ok {
		return ReadNXDomain, rr.Set{}, false
	}
	return ReadFound, cname, false
}
