package rr

import (
	"strings"
	"unsafe"
)

// NameView is [NameFromWire] without the copy: the Name shares the memory of b,
// and is good for as long as that does not change. Whoever keeps it longer keeps
// a [Name.Clone]. It is for memory that is used again for each query.
func NameView(b []byte) (Name, int, error) {
	n, err := wireLen(b)
	if err != nil {
		return Name{}, 0, err
	}
	return Name{unsafe.String(&b[0], n)}, n, nil
}

// Clone returns the same name in memory of its own.
func (n Name) Clone() Name { return Name{strings.Clone(n.wire)} }
