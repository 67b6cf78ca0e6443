// Package proxy reads the header of the PROXY protocol, version 2, which a proxy
// puts in front of a datagram or at the begin of a connection to say who its
// client is.
//
// Use [Sources.Unwrap] for datagrams and [Sources.Contains] with [Read] for
// connections. A header is worth what its sender is: anybody can write one, so it
// is read where it comes from a named source only. Version 1 and headers about
// anything but IPv4 and IPv6 are not read.
//
// Everything here is safe for concurrent use.
package proxy

import (
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"net/netip"
	"strings"
)

// signature begins every header. As a DNS message it would be an inverse query.
const signature = "\r\n\r\n\x00\r\nQUIT\n"

const (
	fixedLen = len(signature) + 4 // version and command, family, length
	maxRest  = 1024               // octets taken of what the length counts: addresses and extensions

	commandLocal = 0x20 // version 2 in the upper bits
	commandProxy = 0x21

	familyNone = 0 // the upper bits of its octet; the lower say stream or datagram
	familyIPv4 = 1
	familyIPv6 = 2

	ipv4Len = 4 + 4 + 2 + 2 // addresses of source and destination, then their ports
	ipv6Len = 16 + 16 + 2 + 2
)

// ErrHeader is what every error about a header is; it has none, or a malformed
// or an unsupported one.
var ErrHeader = errors.New("proxy: no usable header")

// HasHeader reports whether b begins like a header of version 2.
func HasHeader(b []byte) bool {
	return len(b) >= len(signature) && string(b[:len(signature)]) == signature
}

// Parse reads the header at the front of a datagram. addr is whom the proxy
// speaks for, and not valid where it speaks for itself (the LOCAL command) or
// does not say (AF_UNSPEC): the packet's own source counts then. rest shares the
// memory of msg. The error is an ErrHeader.
func Parse(msg []byte) (addr netip.AddrPort, rest []byte, err error) {
	if len(msg) < fixedLen {
		return addr, nil, fmt.Errorf("%w: %d octets", ErrHeader, len(msg))
	}
	length, err := restLength(msg[:fixedLen])
	if err != nil {
		return addr, nil, err
	}
	if len(msg) < fixedLen+length {
		return addr, nil, fmt.Errorf("%w: cut off", ErrHeader)
	}
	addr, err = source(msg[:fixedLen+length])
	if err != nil {
		return addr, nil, err
	}
	return addr, msg[fixedLen+length:], nil
}

// Read reads the header of a connection and not one octet more. It gives what
// Parse gives. The error is an ErrHeader or one of r.
func Read(r io.Reader) (addr netip.AddrPort, err error) {
	var b [fixedLen + maxRest]byte
	if _, err := io.ReadFull(r, b[:fixedLen]); err != nil {
		return addr, fmt.Errorf("proxy: read header: %w", err)
	}
	length, err := restLength(b[:fixedLen])
	if err != nil {
		return addr, err
	}
	if _, err := io.ReadFull(r, b[fixedLen:fixedLen+length]); err != nil {
		return addr, fmt.Errorf("proxy: read header: %w", err)
	}
	return source(b[:fixedLen+length])
}

// restLength checks the fixed part of a header and returns how many octets
// follow it.
func restLength(fixed []byte) (int, error) {
	if !HasHeader(fixed) {
		return 0, fmt.Errorf("%w: no signature", ErrHeader)
	}
	n := int(binary.BigEndian.Uint16(fixed[fixedLen-2:]))
	if n > maxRest {
		return 0, fmt.Errorf("%w: %d octets long, want %d at most", ErrHeader, n, maxRest)
	}
	return n, nil
}

// source returns the source address of a whole header. What stands behind the
// addresses are extensions, and passed over.
func source(header []byte) (addr netip.AddrPort, err error) {
	command, family, rest := header[fixedLen-4], header[fixedLen-3], header[fixedLen:]
	switch command {
	case commandLocal:
		return addr, nil
	case commandProxy:
	default:
		return addr, fmt.Errorf("%w: version and command %#x", ErrHeader, command)
	}
	if kind := family & 0xf; kind > 2 {
		return addr, fmt.Errorf("%w: transport %d", ErrHeader, kind)
	}
	switch family >> 4 {
	case familyNone:
		return addr, nil
	case familyIPv4:
		if len(rest) < ipv4Len {
			return addr, fmt.Errorf("%w: %d octets of IPv4 addresses", ErrHeader, len(rest))
		}
		return netip.AddrPortFrom(netip.AddrFrom4([4]byte(rest)), binary.BigEndian.Uint16(rest[8:])), nil
	case familyIPv6:
		if len(rest) < ipv6Len {
			return addr, fmt.Errorf("%w: %d octets of IPv6 addresses", ErrHeader, len(rest))
		}
		return netip.AddrPortFrom(netip.AddrFrom16([16]byte(rest)).Unmap(), binary.BigEndian.Uint16(rest[32:])), nil
	}
	return addr, fmt.Errorf("%w: address family %d", ErrHeader, family>>4)
}

// Sources are the networks whose packets and connections begin with a header.
// The zero value is none.
type Sources struct{ prefixes []netip.Prefix }

// NewSources returns the sources that the prefixes name.
func NewSources(prefixes []netip.Prefix) Sources {
	var s Sources
	for _, p := range prefixes {
		s.prefixes = append(s.prefixes, p.Masked())
	}
	return s
}

// ParseSources reads prefixes and single addresses, separated by commas. The
// empty text is none. The error names the part that is neither.
func ParseSources(text string) ([]netip.Prefix, error) {
	if strings.TrimSpace(text) == "" {
		return nil, nil
	}
	var prefixes []netip.Prefix
	for part := range strings.SplitSeq(text, ",") {
		part = strings.TrimSpace(part)
		p, err := netip.ParsePrefix(part)
		if err != nil {
			addr, err := netip.ParseAddr(part)
			if err != nil || addr.Zone() != "" {
				return nil, fmt.Errorf("%q is not ADDRESS or ADDRESS/BITS", part)
			}
			p = netip.PrefixFrom(addr, addr.BitLen())
		}
		if p.Addr().Is4In6() {
			return nil, fmt.Errorf("%q: write it as an IPv4 prefix", part)
		}
		prefixes = append(prefixes, p.Masked())
	}
	return prefixes, nil
}

// Any reports whether there are any sources.
func (s Sources) Any() bool { return len(s.prefixes) > 0 }

// Contains reports whether addr, unmapped and without a zone, is a source.
func (s Sources) Contains(addr netip.Addr) bool {
	for _, p := range s.prefixes {
		if p.Contains(addr) {
			return true
		}
	}
	return false
}

// Unwrap says what to make of a datagram that came from an address, unmapped and
// without a zone: the client, and the message that shares msg's memory. It is
// not ok where a source sent no header, where somebody else sent one, or where one
// more stands behind the first, since the client sent that: such a packet gets no
// answer.
func (s Sources) Unwrap(msg []byte, from netip.Addr) (client netip.Addr, message []byte, ok bool) {
	if !s.Contains(from) {
		return from, msg, !HasHeader(msg)
	}
	addr, rest, err := Parse(msg)
	switch {
	case err != nil || HasHeader(rest):
		return from, nil, false
	case !addr.IsValid():
		return from, rest, true
	}
	return addr.Addr(), rest, true
}
