package rr

import "strconv"

// Class is a class of RFC 1035 section 3.2.4. Namelet serves IN; the others
// appear in questions.
type Class uint16

// The classes that have a use (IANA "DNS CLASSes").
const (
	ClassIN   Class = 1
	ClassCH   Class = 3
	ClassHS   Class = 4
	ClassNONE Class = 254
	ClassANY  Class = 255
)

// String returns the mnemonic, or CLASS123 (RFC 3597 section 5).
func (c Class) String() string {
	switch c {
	case ClassIN:
		return "IN"
	case ClassCH:
		return "CH"
	case ClassHS:
		return "HS"
	case ClassNONE:
		return "NONE"
	case ClassANY:
		return "ANY"
	}
	return "CLASS" + strconv.Itoa(int(c))
}

// RCode is a response code, extended by EDNS to 12 bits (RFC 6891 section
// 6.1.3).
type RCode uint16

// The response codes that an authoritative server for queries sends (RFC 1035
// section 4.1.1, RFC 6891 section 9, RFC 7873 section 8).
const (
	RCodeNoError   RCode = 0
	RCodeFormErr   RCode = 1
	RCodeServFail  RCode = 2
	RCodeNXDomain  RCode = 3
	RCodeNotImp    RCode = 4
	RCodeRefused   RCode = 5
	RCodeYXDomain  RCode = 6
	RCodeNotAuth   RCode = 9
	RCodeNotZone   RCode = 10
	RCodeBadVers   RCode = 16
	RCodeBadCookie RCode = 23
)

// String returns the mnemonic, or RCODE12.
func (r RCode) String() string {
	switch r {
	case RCodeNoError:
		return "NOERROR"
	case RCodeFormErr:
		return "FORMERR"
	case RCodeServFail:
		return "SERVFAIL"
	case RCodeNXDomain:
		return "NXDOMAIN"
	case RCodeNotImp:
		return "NOTIMP"
	case RCodeRefused:
		return "REFUSED"
	case RCodeYXDomain:
		return "YXDOMAIN"
	case RCodeNotAuth:
		return "NOTAUTH"
	case RCodeNotZone:
		return "NOTZONE"
	case RCodeBadVers:
		return "BADVERS"
	case RCodeBadCookie:
		return "BADCOOKIE"
	}
	return "RCODE" + strconv.Itoa(int(r))
}
