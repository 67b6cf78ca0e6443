package rr

import (
	"bytes"
	"strings"
)

// Key is the canonical key of a name: its labels from the root down,
// lowercased, each ended by the octet 0. Inside a label the octet 0 is written
// 01 01 and the octet 1 is written 01 02.
//
// Keys compare as strings in the canonical order of RFC 4034 section 6.1, two
// names have one key exactly when they are the same name, and the key of a name
// begins with the keys of all its ancestors. The root's key is empty.
type Key string

// Key returns the canonical key of n, which must not be the zero Name.
func (n Name) Key() Key {
	var buf [2 * MaxNameLen]byte
	return Key(n.AppendKey(buf[:0]))
}

// AppendKey appends the canonical key of n.
func (n Name) AppendKey(dst []byte) []byte {
	var starts [MaxNameLen / 2]uint8
	count := 0
	for i := 0; i < len(n.wire) && n.wire[i] != 0; i += 1 + int(n.wire[i]) {
		starts[count] = uint8(i)
		count++
	}
	for count > 0 {
		count--
		at := int(starts[count])
		dst = appendKeyLabel(dst, n.wire[at+1:at+1+int(n.wire[at])])
	}
	return dst
}

func appendKeyLabel(dst []byte, label string) []byte {
	for i := 0; i < len(label); i++ {
		if c := label[i]; c <= 1 {
			dst = append(dst, 1, c+1)
		} else {
			dst = append(dst, lower(c))
		}
	}
	return append(dst, 0)
}

// rootEnd is above every key: a label has 63 octets at most, then comes a 0.
var rootEnd = Key(strings.Repeat("\xff", MaxLabelLen+1))

// Contains reports whether the name of key other is the name of k or lies
// below it.
func (k Key) Contains(other Key) bool { return strings.HasPrefix(string(other), string(k)) }

// End returns the least key that is greater than every key k contains: the
// subtree of k is the range from k up to, but without, End. The subtree of the
// root has no end; it is given as a string above every key.
func (k Key) End() Key {
	if k == "" {
		return rootEnd
	}
	return k[:len(k)-1] + "\x01\x00"
}

// Name returns the name of the key, in lower case. The error is that of a key
// that no name has.
func (k Key) Name() (Name, error) {
	var buf [MaxNameLen]byte
	at := MaxNameLen - 1 // labels are laid down from the end: root first
	for i := 0; i < len(k); {
		var label [MaxLabelLen]byte
		n := 0
		for ; ; i++ {
			if i == len(k) {
				return Name{}, ErrNameWire
			}
			c := k[i]
			if c == 0 {
				i++
				break
			}
			if c == 1 {
				if i++; i == len(k) || k[i] < 1 || k[i] > 2 {
					return Name{}, ErrNameWire
				}
				c = k[i] - 1
			}
			if n == MaxLabelLen {
				return Name{}, ErrLabelTooLong
			}
			label[n] = c
			n++
		}
		if n == 0 {
			return Name{}, ErrEmptyLabel
		}
		if at -= 1 + n; at < 0 {
			return Name{}, ErrNameTooLong
		}
		buf[at] = byte(n)
		copy(buf[at+1:], label[:n])
	}
	return Name{string(buf[at:])}, nil
}

// Compare orders names canonically (RFC 4034 section 6.1): negative where n
// sorts before m, 0 where they are the same name.
func (n Name) Compare(m Name) int {
	var a, b [2 * MaxNameLen]byte
	return bytes.Compare(n.AppendKey(a[:0]), m.AppendKey(b[:0]))
}
