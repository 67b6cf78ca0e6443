package hostabi

import "github.com/namelet/namelet/rr"

// LookupRequest is one entry of the array that lookup_many takes. The guest writes all but Result,
// the host writes Result: a handle, or a negative status.
type LookupRequest struct {
	NamePtr uint32
	NameLen uint32
	Type    uint32
	Flags   uint32
	Result  int32
}

// PutLookupRequest writes r over the first [LookupRequestSize] bytes of b.
func PutLookupRequest(b []byte, r LookupRequest) {
	put32(b, LookupRequestSize)
	put32(b[4:], r.NamePtr)
	put32(b[8:], r.NameLen)
	put32(b[12:], r.Type)
	put32(b[16:], r.Flags)
	put32(b[20:], uint32(r.Result))
}

// ParseLookupRequest reads the entry at the start of b and gives its size in bytes, after which the
// next entry begins. The error is a *MalformedError.
func ParseLookupRequest(b []byte) (LookupRequest, int, error) {
	size, problem := fixedPart(b, LookupRequestSize)
	if problem != 0 {
		return LookupRequest{}, 0, malformed("lookup request", -1, problem)
	}
	return LookupRequest{
		NamePtr: u32(b[4:]), NameLen: u32(b[8:]), Type: u32(b[12:]), Flags: u32(b[16:]), Result: int32(u32(b[20:])),
	}, size, nil
}

// PutLookupResult writes the result alone into the entry at the start of b.
func PutLookupResult(b []byte, result int32) { put32(b[20:], uint32(result)) }

// RRsetInfo describes a handle.
type RRsetInfo struct {
	Type     rr.Type
	Wildcard bool   // the RRset was synthesised from a wildcard (RFC 4592)
	TTL      uint32 // seconds
	Count    uint32 // records
	RdataLen uint32 // bytes that rrset_read gives
}

// infoFlagWildcard is the bit of rrset_info's flags that says Wildcard.
const infoFlagWildcard = 1

// PutRRsetInfo writes s over the first [RRsetInfoSize] bytes of b.
func PutRRsetInfo(b []byte, s RRsetInfo) {
	put32(b, RRsetInfoSize)
	put16(b[4:], uint16(s.Type))
	put16(b[6:], 0)
	if s.Wildcard {
		put16(b[6:], infoFlagWildcard)
	}
	put32(b[8:], s.TTL)
	put32(b[12:], s.Count)
	put32(b[16:], s.RdataLen)
	put32(b[20:], 0)
}

// ParseRRsetInfo reads the struct. Flags it does not know are skipped. The error is a *MalformedError.
func ParseRRsetInfo(b []byte) (RRsetInfo, error) {
	if _, problem := fixedPart(b, RRsetInfoSize); problem != 0 {
		return RRsetInfo{}, malformed("rrset info", -1, problem)
	}
	return RRsetInfo{
		Type:     rr.Type(u16(b[4:])),
		Wildcard: u16(b[6:])&infoFlagWildcard != 0,
		TTL:      u32(b[8:]),
		Count:    u32(b[12:]),
		RdataLen: u32(b[16:]),
	}, nil
}

// AppendRdata appends one record as rrset_read gives it: the length in two bytes, then the rdata.
// rdata is at most 65535 bytes.
func AppendRdata[T ~string | ~[]byte](dst []byte, rdata T) []byte {
	dst = append(dst, byte(len(rdata)), byte(len(rdata)>>8))
	return append(dst, rdata...)
}

// NextRdata splits the first record off what rrset_read gave. It is false at the end and when the
// bytes end early; rest is empty only in the first case.
func NextRdata(b []byte) (rdata, rest []byte, ok bool) {
	if len(b) < 2 || int(u16(b)) > len(b)-2 {
		return nil, b, false
	}
	end := 2 + int(u16(b))
	return b[2:end:end], b[end:], true
}
