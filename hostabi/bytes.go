package hostabi

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
