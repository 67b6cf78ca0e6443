package rr

import "strings"

// Rdata is the rdata of one record in uncompressed wire form. It is a string so
// that it cannot be changed by those who share it.
type Rdata = string

// Set is an RRset of class IN: the records of one owner name and type. Those
// who receive a Set share its Data and must not change the slice.
type Set struct {
	Name Name
	Type Type
	TTL  uint32 // seconds; RFC 2181 section 8: at most 2^31-1
	Data []Rdata
}

// MaxTTL is the greatest TTL, in seconds (RFC 2181 section 8).
const MaxTTL = 1<<31 - 1

// Covered returns the type that an RRSIG's rdata covers (RFC 4034 section
// 3.1.1); 0 where the rdata is too short to say.
func Covered(rrsig Rdata) Type {
	if len(rrsig) < 2 {
		return 0
	}
	return Type(rrsig[0])<<8 | Type(rrsig[1])
}

// Equal reports whether the two have one owner, type, TTL and the same rdata in
// the same order.
func (s Set) Equal(o Set) bool {
	if !s.Name.Equal(o.Name) || s.Type != o.Type || s.TTL != o.TTL || len(s.Data) != len(o.Data) {
		return false
	}
	for i := range s.Data {
		if s.Data[i] != o.Data[i] {
			return false
		}
	}
	return true
}

// RdataName reads the name that begins at octet at of the rdata, as in NS, MX
// or SRV. It allocates nothing; the Name shares the rdata's memory. The zero
// Name means that there is none.
func RdataName(data Rdata, at int) Name {
	if at > len(data) {
		return Name{}
	}
	n, err := wireLen(data[at:])
	if err != nil {
		return Name{}
	}
	return Name{data[at : at+n]}
}

// TargetOffset returns where the target name stands in the rdata of types whose
// target gets additional data or is followed, and false for all others.
func TargetOffset(t Type) (int, bool) {
	switch t {
	case TypeNS, TypeCNAME, TypePTR, TypeDNAME, TypeMB, TypeMD, TypeMF:
		return 0, true
	case TypeMX, TypeAFSDB, TypeRT, TypeKX, TypeSVCB, TypeHTTPS:
		return 2, true
	case TypeSRV:
		return 6, true
	}
	return 0, false
}

// String names the set for messages to people: owner, type and count.
func (s Set) String() string {
	var b strings.Builder
	b.WriteString(s.Name.String())
	b.WriteByte(' ')
	b.WriteString(s.Type.String())
	return b.String()
}
