package authority

import "github.com/namelet/namelet/rr"

// folded maps an octet to its lower case, as RFC 4343 section 3 compares names.
var folded = func() (table [256]byte) {
	for i := range table {
		table[i] = byte(i)
		if 'A' <= i && i <= 'Z' {
			table[i] += 'a' - 'A'
		}
	}
	return table
}()

// asterisk is the label of a wildcard (RFC 4592 section 2.1.1).
const asterisk = "*"

// headOf returns the first eight octets of a label, or of the rest of one, in
// lower case as one number, with zeros after what is shorter. Heads order as
// their labels do, except that labels of one head still have to be compared.
func headOf(label string) uint64 {
	var head uint64
	n := min(len(label), 8)
	for i := 0; i < n; i++ {
		head = head<<8 | uint64(folded[label[i]])
	}
	return head << (8 * (8 - n))
}

// compareLabels orders labels as siblings stand in canonical order: as octet
// strings in lower case (RFC 4034 section 6.1).
func compareLabels(a, b string) int {
	for i := 0; i < min(len(a), len(b)); i++ {
		if x, y := folded[a[i]], folded[b[i]]; x != y {
			return int(x) - int(y)
		}
	}
	return len(a) - len(b)
}

// commonPrefix counts the octets that two labels begin with alike.
func commonPrefix(a, b string) int {
	n := 0
	for n < min(len(a), len(b)) && folded[a[n]] == folded[b[n]] {
		n++
	}
	return n
}

// labels is a name cut into its labels, for walking down a zone. It lives on the
// stack.
type labels struct {
	wire  string
	at    [rr.MaxNameLen / 2]uint8 // where the labels begin, leftmost first
	depth int                      // how many of them stand below the apex
}

// cut sets l to the labels that name has below the apex; false where name is
// not in the apex's zone.
func (l *labels) cut(name, apex rr.Name) bool {
	l.wire, l.depth = name.Wire(), 0
	end := len(l.wire) - apex.Len()
	if end < 0 || name.IsZero() || apex.IsZero() {
		return false
	}
	i := 0
	for i < end {
		l.at[l.depth] = uint8(i)
		l.depth++
		i += 1 + int(l.wire[i])
	}
	return i == end && foldEqual(l.wire[end:], apex.Wire())
}

// label returns the i-th label below the apex, counted from the apex.
func (l *labels) label(i int) string {
	at := int(l.at[l.depth-1-i])
	return l.wire[at+1 : at+1+int(l.wire[at])]
}

// name returns the name that ends after the i-th label below the apex.
func (l *labels) name(i int) rr.Name {
	return rr.RdataName(l.wire, int(l.at[l.depth-1-i]))
}

// foldEqual compares two names in wire form. Length octets are never letters.
func foldEqual(a, b string) bool {
	return a == b || compareLabels(a, b) == 0
}
