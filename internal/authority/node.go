package authority

import "github.com/namelet/namelet/rr"

// node is a name of a zone: an owner name, or an empty non-terminal, which has
// children and no sets (RFC 4592 section 2.2.2). Nodes are never changed.
type node struct {
	name rr.Name // in the letter case it first came in
	sets []set   // by type; RRSIGs stand with the sets they cover
	kids *page
}

// set is an RRset at a node together with the signatures that cover it.
//
// Signatures have the TTL of their set (RFC 4034 section 3), so none is kept for
// them. A set of type RRSIG holds those whose set is not there, under TTL 0.
type set struct {
	typ   rr.Type
	count uint16 // how many of data are the set's; RRSIGs covering it follow
	ttl   uint32
	data  []rr.Rdata
}

// maxRecords bounds the records of an RRset; no message holds that many.
const maxRecords = 1<<16 - 1

func (n *node) label() string { return n.name.Label() }

// find returns the set of a type, or nil; a nil node has none.
func (n *node) find(t rr.Type) *set {
	if n == nil {
		return nil
	}
	for i := range n.sets {
		if n.sets[i].typ == t {
			return &n.sets[i]
		}
	}
	return nil
}

// hasNS reports whether the name has NS records: a zone cut, unless it is the
// apex.
func (n *node) hasNS() bool {
	for i := range n.sets {
		if t := n.sets[i].typ; t >= rr.TypeNS {
			return t == rr.TypeNS
		}
	}
	return false
}

// records returns the RRset under an owner name.
func (s *set) records(owner rr.Name) rr.Set {
	return rr.Set{Name: owner, Type: s.typ, TTL: s.ttl, Data: s.data[:s.count:s.count]}
}

// signatures returns the RRSIGs that cover the set, with no Data where there are
// none.
func (s *set) signatures(owner rr.Name) rr.Set {
	return rr.Set{Name: owner, Type: rr.TypeRRSIG, TTL: s.ttl, Data: s.data[s.count:]}
}

func (s *set) signed() bool { return len(s.data) > int(s.count) }
