package hostabi

// Integers cross the boundary in little-endian order, unaligned. encoding/binary does the same, but
// pulls reflection into a guest.

func u16(b []byte) uint16 { return uint16(b[0]) | uint16(b[1])<<8 }

func u32(b []byte) uint32 {
	_ = b[3]
	return uint32(b[0]) | uint32(b[1])<<8 | uint32(b[2])<<16 | uint32(b[3])<<24
}

func put16(b []byte, v uint16) {
	_ = b[1]
	b[0], b[1] = byte(v), byte(v>>8)
}

func put32(b []byte, v uint32) {
	_ = b[3]
	b[0], b[1], b[2], b[3] = byte(v), byte(v>>8), byte(v>>16), byte(v>>24)
}

// fixedPart reads the size field at the start of b and gives it when it is at least min and within b.
func fixedPart(b []byte, min int) (int, Problem) {
	if len(b) < min {
		return 0, ProblemShort
	}
	size := u32(b)
	if size < uint32(min) || uint64(size) > uint64(len(b)) {
		return 0, ProblemSize
	}
	return int(size), 0
}

// validName says whether b is exactly one uncompressed name (RFC 1035 section 3.1).
func validName(b []byte) bool {
	if len(b) == 0 || len(b) > MaxName {
		return false
	}
	at := 0
	for at < len(b) {
		n := int(b[at])
		if n == 0 {
			return at == len(b)-1
		}
		if n > 63 {
			return false
		}
		at += 1 + n
	}
	return false
}

// labelStart says whether a label of the valid name b, the root included, starts at off.
func labelStart(b []byte, off int) bool {
	at := 0
	for at < off {
		if b[at] == 0 {
			return false
		}
		at += 1 + int(b[at])
	}
	return at == off && off < len(b)
}
