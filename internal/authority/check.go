package authority

import (
	"fmt"

	"github.com/namelet/namelet/rr"
)

// Reason says what is wrong with a zone's data. The zero Reason is invalid.
type Reason uint8

// Why [Build] and [Snapshot.Apply] refuse.
const (
	ReasonInvalid Reason = iota
	ReasonOutOfZone
	ReasonNoSOA
	ReasonManySOA
	ReasonSOAInside
	ReasonNoNS
	ReasonCNAMENotAlone
	ReasonNotSingle
	ReasonDNAMEAtCut
	ReasonWildcardCut
	ReasonNSEC3Chain
	ReasonNSEC3Owner
	ReasonMetaType
	ReasonTTL
	ReasonEmptySet
	ReasonTooMany
	ReasonRdata
)

var reasonTexts = [...]string{
	ReasonInvalid:       "invalid reason",
	ReasonOutOfZone:     "is outside the zone",
	ReasonNoSOA:         "is missing at the apex (RFC 1035 section 5.2)",
	ReasonManySOA:       "has more than one record (RFC 1035 section 5.2)",
	ReasonSOAInside:     "stands below the apex (RFC 1035 section 5.2)",
	ReasonNoNS:          "is missing at the apex (RFC 1034 section 4.2.1)",
	ReasonCNAMENotAlone: "stands beside other types at its name (RFC 1034 section 3.6.2)",
	ReasonNotSingle:     "has more than one record (RFC 2181 section 10.1, RFC 6672 section 2.3)",
	ReasonDNAMEAtCut:    "stands beside NS below the apex (RFC 6672 section 2.3)",
	ReasonWildcardCut:   "has a wildcard as its owner, which has no defined meaning (RFC 4592 sections 4.2 and 4.4)",
	ReasonNSEC3Chain:    "has no chain that can be served: it needs NSEC3 by SHA-1, 150 iterations at most (RFC 9276), and one for the apex",
	ReasonNSEC3Owner:    "does not stand one label below the apex (RFC 5155 section 3)",
	ReasonMetaType:      "is a type for questions and messages only (RFC 6895 section 3.1)",
	ReasonTTL:           "has a TTL above 2147483647 seconds (RFC 2181 section 8)",
	ReasonEmptySet:      "has no record",
	ReasonTooMany:       "has more than 65535 records",
	ReasonRdata:         "has rdata that is malformed for the type",
}

// String returns what is wrong, as the end of a sentence about an RRset.
func (r Reason) String() string {
	if int(r) < len(reasonTexts) {
		return reasonTexts[r]
	}
	return reasonTexts[ReasonInvalid]
}

// Error is what Build and Apply return: the RRset that cannot stand in the zone,
// and why.
type Error struct {
	Apex   rr.Name
	Name   rr.Name
	Type   rr.Type
	Reason Reason
}

// Error names the zone, the owner name and the type.
func (e *Error) Error() string {
	return fmt.Sprintf("authority: zone %v: %v %v: %v", e.Apex, e.Name, e.Type, e.Reason)
}

func (s *Snapshot) refuse(name rr.Name, t rr.Type, why Reason) error {
	return &Error{Apex: s.apex, Name: name, Type: t, Reason: why}
}

// checkSet looks at one RRset by itself.
func (s *Snapshot) checkSet(in rr.Set) error {
	why := ReasonInvalid
	switch {
	case in.Type.IsMeta():
		why = ReasonMetaType
	case in.Type == rr.TypeNSEC3 && in.Name.Labels() != s.apex.Labels()+1:
		why = ReasonNSEC3Owner
	case in.TTL > rr.MaxTTL:
		why = ReasonTTL
	case len(in.Data) == 0:
		why = ReasonEmptySet
	case len(in.Data) > maxRecords:
		why = ReasonTooMany
	}
	for _, data := range in.Data {
		if rr.CheckRdata(in.Type, data) != nil {
			why = ReasonRdata
			break
		}
	}
	if why == ReasonInvalid {
		return nil
	}
	return s.refuse(in.Name, in.Type, why)
}

// checkNode looks at the sets of one name together.
func (s *Snapshot) checkNode(n *node) error {
	apex := n.name.Len() == s.apex.Len()
	for i := range n.sets {
		if why := wrongAt(n, &n.sets[i], apex); why != ReasonInvalid {
			return s.refuse(n.name, n.sets[i].typ, why)
		}
	}
	return nil
}

func wrongAt(n *node, st *set, apex bool) Reason {
	switch st.typ {
	case rr.TypeSOA:
		switch {
		case !apex:
			return ReasonSOAInside
		case st.count > 1:
			return ReasonManySOA
		}
	case rr.TypeCNAME:
		switch {
		case st.count > 1:
			return ReasonNotSingle
		case !n.allowsCNAME():
			return ReasonCNAMENotAlone
		}
	case rr.TypeDNAME:
		switch {
		case st.count > 1:
			return ReasonNotSingle
		case !apex && n.hasNS():
			return ReasonDNAMEAtCut
		case n.name.IsWildcard():
			return ReasonWildcardCut
		}
	case rr.TypeNS:
		if !apex && n.name.IsWildcard() {
			return ReasonWildcardCut
		}
	}
	return ReasonInvalid
}

// allowsCNAME reports whether nothing but what RFC 4035 section 2.5 and RFC 2181
// section 10.1 permit stands beside a CNAME.
func (n *node) allowsCNAME() bool {
	for i := range n.sets {
		switch n.sets[i].typ {
		case rr.TypeCNAME, rr.TypeRRSIG, rr.TypeNSEC, rr.TypeKEY, rr.TypeSIG, rr.TypeNXT:
		default:
			return false
		}
	}
	return true
}

// checkApex looks for what every zone has, and whether it is signed.
func (s *Snapshot) checkApex() error {
	if s.root.find(rr.TypeSOA) == nil {
		return s.refuse(s.apex, rr.TypeSOA, ReasonNoSOA)
	}
	if s.root.find(rr.TypeNS) == nil {
		return s.refuse(s.apex, rr.TypeNS, ReasonNoNS)
	}
	return s.chooseDenial()
}
