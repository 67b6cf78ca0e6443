package rr

import (
	"errors"
	"strings"
)

// Limits of RFC 1035 section 2.3.4, in octets.
const (
	MaxNameLen  = 255 // a name in wire form, with its root label
	MaxLabelLen = 63  // one label, without its length octet
)

// Errors of parsing a name. They carry no position; callers add where the name
// came from.
var (
	ErrNameTooLong  = errors.New("name is longer than 255 octets")
	ErrLabelTooLong = errors.New("label is longer than 63 octets")
	ErrEmptyLabel   = errors.New("name has an empty label")
	ErrBadEscape    = errors.New(`name has a bad escape (want \X or \DDD)`)
	ErrEmptyName    = errors.New("name is empty (the root is written .)")
	ErrNameWire     = errors.New("name is not in uncompressed wire form")
)

// Name is an absolute domain name, held as its uncompressed wire form (RFC 1035
// section 3.1) with the letter case it came in. The zero Name is no name at
// all; the root is [Root].
//
// Two Names that differ in letter case only are the same name, but not the same
// Go value: compare with [Name.Equal], and use [Name.Key] for maps.
type Name struct {
	wire string
}

// Root is the name of the root zone.
var Root = Name{"\x00"}

// ParseName reads a name in presentation form (RFC 1035 section 5.1, with the
// escapes \X and \DDD). The name is taken as absolute whether or not it ends in
// a dot.
func ParseName(s string) (Name, error) {
	if s == "" {
		return Name{}, ErrEmptyName
	}
	if s == "." {
		return Root, nil
	}
	var buf [MaxNameLen]byte
	n, start := 1, 0 // buf[start] is the length octet of the label being read
	for i := 0; i < len(s); i++ {
		c := s[i]
		if c == '.' {
			if err := closeLabel(buf[:], start, n); err != nil {
				return Name{}, err
			}
			start = n
			if n++; n > MaxNameLen {
				return Name{}, ErrNameTooLong
			}
			continue
		}
		if c == '\\' {
			var used int
			if c, used = unescape(s[i+1:]); used == 0 {
				return Name{}, ErrBadEscape
			}
			i += used
		}
		if n >= MaxNameLen {
			return Name{}, ErrNameTooLong
		}
		buf[n] = c
		n++
	}
	if start != n-1 { // no final dot: close the last label and add the root
		if err := closeLabel(buf[:], start, n); err != nil {
			return Name{}, err
		}
		if n++; n > MaxNameLen {
			return Name{}, ErrNameTooLong
		}
	}
	buf[n-1] = 0
	return Name{string(buf[:n])}, nil
}

// closeLabel writes the length octet of the label buf[start+1:end].
func closeLabel(buf []byte, start, end int) error {
	switch n := end - start - 1; {
	case n == 0:
		return ErrEmptyLabel
	case n > MaxLabelLen:
		return ErrLabelTooLong
	default:
		buf[start] = byte(n)
		return nil
	}
}

// unescape reads what follows a backslash and returns the octet and how many
// characters it took; 0 means that the escape is bad.
func unescape(s string) (c byte, used int) {
	if s == "" {
		return 0, 0
	}
	if !isDigit(s[0]) {
		return s[0], 1
	}
	if len(s) < 3 || !isDigit(s[1]) || !isDigit(s[2]) {
		return 0, 0
	}
	v := int(s[0]-'0')*100 + int(s[1]-'0')*10 + int(s[2]-'0')
	if v > 255 {
		return 0, 0
	}
	return byte(v), 3
}

func isDigit(c byte) bool { return c >= '0' && c <= '9' }

// MustParseName is ParseName for names that are known to be good. It panics on
// an error.
func MustParseName(s string) Name {
	n, err := ParseName(s)
	if err != nil {
		panic("rr: name " + s + ": " + err.Error())
	}
	return n
}

// NameFromWire reads an uncompressed name from the front of b, which it does
// not keep, and returns how many octets it took. Compression pointers and
// extended labels are [ErrNameWire].
func NameFromWire(b []byte) (Name, int, error) {
	n, err := wireLen(b)
	if err != nil {
		return Name{}, 0, err
	}
	return Name{string(b[:n])}, n, nil
}

// NameFromWireString is NameFromWire over a string that is exactly one name. It
// keeps the string and allocates nothing.
func NameFromWireString(s string) (Name, error) {
	n, err := wireLen(s)
	if err != nil {
		return Name{}, err
	}
	if n != len(s) {
		return Name{}, ErrNameWire
	}
	return Name{s}, nil
}

// wireLen returns the length of the uncompressed name at the front of b.
func wireLen[T string | []byte](b T) (int, error) {
	for n := 0; n < len(b); {
		l := int(b[n])
		if l > MaxLabelLen {
			return 0, ErrNameWire
		}
		if n += 1 + l; n > MaxNameLen {
			return 0, ErrNameTooLong
		}
		if l == 0 {
			return n, nil
		}
	}
	return 0, ErrNameWire
}

// IsZero reports whether n is the zero Name, which is no name.
func (n Name) IsZero() bool { return n.wire == "" }

// IsRoot reports whether n is the root.
func (n Name) IsRoot() bool { return n.wire == "\x00" }

// Wire returns the uncompressed wire form in its original letter case.
func (n Name) Wire() string { return n.wire }

// Len returns the length of the wire form in octets.
func (n Name) Len() int { return len(n.wire) }

// AppendWire appends the uncompressed wire form.
func (n Name) AppendWire(dst []byte) []byte { return append(dst, n.wire...) }

// AppendLower appends the uncompressed wire form with ASCII letters lowercased:
// the canonical form of RFC 4034 section 6.2.
func (n Name) AppendLower(dst []byte) []byte {
	for i := 0; i < len(n.wire); i++ {
		dst = append(dst, lower(n.wire[i]))
	}
	return dst
}

// Lower returns the name with its ASCII letters lowercased. It allocates only
// where there are capitals. A length octet is never a letter (63 at most), so
// the whole form can be folded at once.
func (n Name) Lower() Name {
	for i := 0; i < len(n.wire); i++ {
		if c := n.wire[i]; c != lower(c) {
			return Name{string(n.AppendLower(make([]byte, 0, len(n.wire))))}
		}
	}
	return n
}

// LowerWire folds a name in uncompressed wire form where it stands, as [Name.Lower]
// does.
func LowerWire(wire []byte) {
	for i, c := range wire {
		wire[i] = lower(c)
	}
}

func lower(c byte) byte {
	if 'A' <= c && c <= 'Z' {
		return c + ('a' - 'A')
	}
	return c
}

// Equal reports whether the two are the same name, letter case aside (RFC 4343).
func (n Name) Equal(m Name) bool {
	return len(n.wire) == len(m.wire) && equalFold(n.wire, m.wire)
}

// equalFold compares two strings of one length without regard to ASCII case.
func equalFold(a, b string) bool {
	if a == b {
		return true
	}
	for i := 0; i < len(a); i++ {
		if a[i] != b[i] && lower(a[i]) != lower(b[i]) {
			return false
		}
	}
	return true
}

// Labels counts the labels, the root label not among them: 0 for the root.
func (n Name) Labels() int {
	count := 0
	for i := 0; i < len(n.wire) && n.wire[i] != 0; i += 1 + int(n.wire[i]) {
		count++
	}
	return count
}

// Label returns the leftmost label without its length octet, in its original
// letter case; empty for the root.
func (n Name) Label() string {
	if n.wire == "" {
		return ""
	}
	return n.wire[1 : 1+int(n.wire[0])]
}

// Parent returns the name without its leftmost label; false for the root and
// for the zero Name.
func (n Name) Parent() (Name, bool) {
	if len(n.wire) <= 1 {
		return Name{}, false
	}
	return Name{n.wire[1+int(n.wire[0]):]}, true
}

// Suffix returns the name that the last labels of n make: Suffix(0) is the
// root. It returns the zero Name where n has fewer labels.
func (n Name) Suffix(labels int) Name {
	drop := n.Labels() - labels
	if drop < 0 || n.wire == "" {
		return Name{}
	}
	at := 0
	for ; drop > 0; drop-- {
		at += 1 + int(n.wire[at])
	}
	return Name{n.wire[at:]}
}

// IsSubdomainOf reports whether n is the name zone or lies below it.
func (n Name) IsSubdomainOf(zone Name) bool {
	if zone.wire == "" {
		return false
	}
	at := len(n.wire) - len(zone.wire)
	if at < 0 || !equalFold(n.wire[at:], zone.wire) {
		return false
	}
	// The suffix must begin at a label of n, not inside one.
	i := 0
	for i < at {
		i += 1 + int(n.wire[i])
	}
	return i == at
}

// Child returns the name label.n. The error is ErrEmptyLabel, ErrLabelTooLong
// or ErrNameTooLong.
func (n Name) Child(label string) (Name, error) {
	switch {
	case label == "":
		return Name{}, ErrEmptyLabel
	case len(label) > MaxLabelLen:
		return Name{}, ErrLabelTooLong
	case len(n.wire)+1+len(label) > MaxNameLen:
		return Name{}, ErrNameTooLong
	}
	return Name{string(rune(len(label))) + label + n.wire}, nil
}

// IsWildcard reports whether the leftmost label is a single asterisk (RFC 4592
// section 2.1.1).
func (n Name) IsWildcard() bool { return strings.HasPrefix(n.wire, "\x01*") }

// ReplaceSuffix returns n with its suffix from replaced by to, as DNAME does
// (RFC 6672 section 2.2). n must lie below from. The error is ErrNameTooLong.
func (n Name) ReplaceSuffix(from, to Name) (Name, error) {
	keep := len(n.wire) - len(from.wire)
	if keep+len(to.wire) > MaxNameLen {
		return Name{}, ErrNameTooLong
	}
	return Name{n.wire[:keep] + to.wire}, nil
}

// String returns the presentation form with a final dot, in the original letter
// case. Dots, backslashes and the characters that zone files treat specially
// are escaped; octets outside printable ASCII are written \DDD.
func (n Name) String() string {
	return string(n.AppendText(make([]byte, 0, len(n.wire)+8)))
}

// AppendText appends what String returns.
func (n Name) AppendText(dst []byte) []byte {
	if n.wire == "" {
		return dst
	}
	if n.wire == "\x00" {
		return append(dst, '.')
	}
	for i := 0; n.wire[i] != 0; {
		end := i + 1 + int(n.wire[i])
		for i++; i < end; i++ {
			dst = appendEscaped(dst, n.wire[i])
		}
		dst = append(dst, '.')
	}
	return dst
}

func appendEscaped(dst []byte, c byte) []byte {
	switch {
	case c == '.' || c == '\\' || c == '"' || c == ';' || c == '(' || c == ')' || c == '@' || c == '$':
		return append(dst, '\\', c)
	case c <= ' ' || c > '~':
		return append(dst, '\\', '0'+c/100, '0'+c/10%10, '0'+c%10)
	}
	return append(dst, c)
}
