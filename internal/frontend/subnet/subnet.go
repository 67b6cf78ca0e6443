// Package subnet reads and writes the client subnet option of EDNS (RFC 7871).
//
// An option is kept as the octets it came in: [Valid] checks them once, [Prefix]
// and [Append] take what was found valid. Whether the option is honoured is for
// the caller to decide. The package holds no state.
package subnet

import (
	"encoding/binary"
	"net/netip"
)

// Code is the number of the option (RFC 7871 section 6).
const Code = 8

const (
	fixedLen = 4 // octets of an option without an address

	// ResponseLen is the most octets that Append appends, and ScopeAt is where
	// among them the scope is.
	ResponseLen = 4 + fixedLen + 16
	ScopeAt     = 4 + 3
)

// The address families that the option knows (RFC 7871 section 6). Some clients
// name none where they hide their address altogether.
const (
	familyNone = 0
	familyIPv4 = 1
	familyIPv6 = 2
)

// Valid reports whether data, the content of an option in a query, is well
// formed (RFC 7871 section 7.1.1): a known family, no more bits than its
// addresses have, no scope, as many octets of address as the bits need, and no
// bit set beyond them. The response to any other is FORMERR.
func Valid(data []byte) bool {
	if len(data) < fixedLen || data[3] != 0 {
		return false
	}
	bits, address := int(data[2]), data[fixedLen:]
	if bits > maxBits(family(data)) || len(address) != (bits+7)/8 {
		return false
	}
	return bits%8 == 0 || address[len(address)-1]<<(bits%8) == 0
}

// maxBits returns the length of a family's addresses, -1 for one that is not
// known.
func maxBits(family uint16) int {
	switch family {
	case familyNone:
		return 0
	case familyIPv4:
		return 32
	case familyIPv6:
		return 128
	}
	return -1
}

func family(data []byte) uint16 { return binary.BigEndian.Uint16(data) }

// Prefix returns the prefix in a valid option. It is not ok where the source
// prefix length is 0: the client asks not to be looked at beyond the packet's
// source (RFC 7871 section 7.1.2).
func Prefix(data []byte) (p netip.Prefix, ok bool) {
	bits := int(data[2])
	if bits == 0 {
		return netip.Prefix{}, false
	}
	var octets [16]byte
	copy(octets[:], data[fixedLen:])
	if family(data) == familyIPv4 {
		return netip.PrefixFrom(netip.AddrFrom4([4]byte(octets[:4])), bits), true
	}
	return netip.PrefixFrom(netip.AddrFrom16(octets), bits), true
}

// Append appends the option of a response: what the query's valid option said,
// and the scope prefix length in bits (RFC 7871 section 7.2.1), which is 0 where
// the source's is.
func Append(dst, data []byte, scope uint8) []byte {
	if data[2] == 0 {
		scope = 0
	}
	dst = append(dst, 0, Code, byte(len(data)>>8), byte(len(data)))
	dst = append(dst, data[:3]...)
	dst = append(dst, scope)
	return append(dst, data[fixedLen:]...)
}

// Scope chooses the scope of a response to a valid option: that of its family.
func Scope(data []byte, scope4, scope6 uint8) uint8 {
	if family(data) == familyIPv6 {
		return scope6
	}
	return scope4
}
