package sdk

import (
	"errors"
	"strconv"
)

// ErrAddr is the error of ParseAddr.
var ErrAddr = errors.New("sdk: not an IP address")

// Addr is an IP address. The zero value is the IPv6 address ::.
type Addr struct {
	bytes [16]byte // IPv4 in the first four, the rest zero
	v4    bool
}

// AddrV4 makes an IPv4 address.
func AddrV4(b [4]byte) Addr {
	a := Addr{v4: true}
	copy(a.bytes[:], b[:])
	return a
}

// AddrV6 makes an IPv6 address.
func AddrV6(b [16]byte) Addr { return Addr{bytes: b} }

// Is4 says whether the address is an IPv4 address.
func (a Addr) Is4() bool { return a.v4 }

// V4 gives the four bytes of an IPv4 address.
func (a Addr) V4() [4]byte { return [4]byte(a.bytes[:4]) }

// V6 gives the sixteen bytes of an IPv6 address.
func (a Addr) V6() [16]byte { return a.bytes }

// ParseAddr parses an IPv4 address in dotted decimal or an IPv6 address (RFC 4291 section 2.2).
// The error is ErrAddr.
func ParseAddr(s string) (Addr, error) {
	b, ok := parseV4(s)
	if ok {
		return AddrV4(b), nil
	}
	a, ok := parseV6(s)
	if !ok {
		return Addr{}, ErrAddr
	}
	return a, nil
}

// parseV4 takes four decimal numbers without leading zeroes.
func parseV4(s string) (addr [4]byte, ok bool) {
	for i := range addr {
		n, digits := 0, 0
		for digits < len(s) && s[digits] >= '0' && s[digits] <= '9' && digits < 4 {
			n = n*10 + int(s[digits]-'0')
			digits++
		}
		if digits == 0 || n > 255 || (digits > 1 && s[0] == '0') {
			return addr, false
		}
		addr[i], s = byte(n), s[digits:]
		if i < 3 {
			if s == "" || s[0] != '.' {
				return addr, false
			}
			s = s[1:]
		}
	}
	return addr, s == ""
}

// parseV6 collects the groups before and after "::" apart, then puts the zeroes between them.
func parseV6(s string) (Addr, bool) {
	var bytes [16]byte
	at, gap := 0, -1
	if len(s) >= 2 && s[:2] == "::" {
		gap, s = 0, s[2:]
	}
	for s != "" && at < 16 {
		if v4, ok := parseV4(s); ok && at <= 12 {
			copy(bytes[at:], v4[:])
			at, s = at+4, ""
			break
		}
		group, rest, ok := parseGroup(s)
		if !ok {
			return Addr{}, false
		}
		bytes[at], bytes[at+1] = byte(group>>8), byte(group)
		at, s = at+2, rest
		switch {
		case s == "":
		case len(s) >= 2 && s[:2] == "::" && gap < 0:
			gap, s = at, s[2:]
		case s[0] == ':' && len(s) > 1 && s[1] != ':':
			s = s[1:]
		default:
			return Addr{}, false
		}
	}
	if s != "" || (gap < 0) != (at == 16) {
		return Addr{}, false
	}
	return AddrV6(spread(bytes, at, gap)), true
}

// spread moves the bytes from gap to at to the end and fills the gap with zeroes.
func spread(b [16]byte, at, gap int) [16]byte {
	if gap < 0 {
		return b
	}
	var out [16]byte
	copy(out[:], b[:gap])
	copy(out[16-(at-gap):], b[gap:at])
	return out
}

// parseGroup takes one to four hexadecimal digits.
func parseGroup(s string) (group uint16, rest string, ok bool) {
	n := 0
	for n < len(s) && n < 5 && isHex(s[n]) {
		n++
	}
	if n == 0 || n > 4 {
		return 0, s, false
	}
	v, err := strconv.ParseUint(s[:n], 16, 16)
	return uint16(v), s[n:], err == nil
}

func isHex(c byte) bool {
	return c >= '0' && c <= '9' || c|0x20 >= 'a' && c|0x20 <= 'f'
}

// AppendText appends the address in text form, IPv6 as RFC 5952 has it.
func (a Addr) AppendText(dst []byte) []byte {
	if a.v4 {
		return appendV4(dst, a.bytes[:4])
	}
	start, end := longestZeroes(a.bytes)
	for i := 0; i < 8; i++ {
		if i == start {
			dst = append(dst, ':', ':')
			i = end - 1
			continue
		}
		if i > 0 && i != end {
			dst = append(dst, ':')
		}
		dst = strconv.AppendUint(dst, uint64(a.bytes[2*i])<<8|uint64(a.bytes[2*i+1]), 16)
	}
	return dst
}

func appendV4(dst, b []byte) []byte {
	for i, v := range b {
		if i > 0 {
			dst = append(dst, '.')
		}
		dst = strconv.AppendUint(dst, uint64(v), 10)
	}
	return dst
}

// longestZeroes finds the first longest run of two or more zero groups (RFC 5952 section 4.2), or -1.
func longestZeroes(b [16]byte) (start, end int) {
	start, end = -1, -1
	for i := 0; i < 8; i++ {
		j := i
		for j < 8 && b[2*j] == 0 && b[2*j+1] == 0 {
			j++
		}
		if j-i >= 2 && j-i > end-start {
			start, end = i, j
		}
		i = max(i, j-1)
	}
	return start, end
}

// String gives the text form.
func (a Addr) String() string { return string(a.AppendText(nil)) }

// Prefix is the beginning of an address: Bits bits of Addr, the rest zero.
type Prefix struct {
	Addr Addr
	Bits int
}

// AppendText appends the prefix in text form, "192.0.2.0/24".
func (p Prefix) AppendText(dst []byte) []byte {
	dst = append(p.Addr.AppendText(dst), '/')
	return strconv.AppendUint(dst, uint64(p.Bits), 10)
}

// String gives the text form.
func (p Prefix) String() string { return string(p.AppendText(nil)) }

// Contains says whether p has all of o: o is at least as long and begins with p.
func (p Prefix) Contains(o Prefix) bool {
	if p.Addr.v4 != o.Addr.v4 || p.Bits > o.Bits {
		return false
	}
	for i := range p.Bits {
		mask := byte(0x80) >> (i % 8)
		if (p.Addr.bytes[i/8]^o.Addr.bytes[i/8])&mask != 0 {
			return false
		}
	}
	return true
}

// ParsePrefix parses "192.0.2.0/24". The error is ErrAddr, also when a bit past the prefix is set.
func ParsePrefix(s string) (Prefix, error) {
	slash := len(s) - 1
	for slash >= 0 && s[slash] != '/' {
		slash--
	}
	if slash < 0 {
		return Prefix{}, ErrAddr
	}
	addr, err := ParseAddr(s[:slash])
	bits, bad := strconv.ParseUint(s[slash+1:], 10, 8)
	if err != nil || bad != nil || int(bits) > addr.length() || !addr.zeroFrom(int(bits)) {
		return Prefix{}, ErrAddr
	}
	return Prefix{Addr: addr, Bits: int(bits)}, nil
}

// length gives the address's length in bits.
func (a Addr) length() int {
	if a.v4 {
		return 32
	}
	return 128
}

func (a Addr) zeroFrom(bit int) bool {
	for i := bit; i < a.length(); i++ {
		if a.bytes[i/8]&(0x80>>(i%8)) != 0 {
			return false
		}
	}
	return true
}
