package hostabi

// Buffers says where a guest's two buffers lie: addresses and capacities in bytes in its memory.
// The guest keeps it at the address that namelet_buffers gives.
type Buffers struct {
	InPtr, InCap   uint32
	OutPtr, OutCap uint32
}

// PutBuffers writes s over the first [BuffersSize] bytes of b.
func PutBuffers(b []byte, s Buffers) {
	put32(b, s.InPtr)
	put32(b[4:], s.InCap)
	put32(b[8:], s.OutPtr)
	put32(b[12:], s.OutCap)
}

// ParseBuffers reads the struct and checks the capacities. memory is the size in bytes of the
// guest's memory: both buffers must lie within it, and they must not overlap.
func ParseBuffers(b []byte, memory uint64) (Buffers, error) {
	if len(b) < BuffersSize {
		return Buffers{}, malformed("buffers", -1, ProblemShort)
	}
	s := Buffers{InPtr: u32(b), InCap: u32(b[4:]), OutPtr: u32(b[8:]), OutCap: u32(b[12:])}
	if s.InCap < MinBuffer || s.OutCap < MinBuffer {
		return Buffers{}, malformed("buffers", -1, ProblemSize)
	}
	inEnd := uint64(s.InPtr) + uint64(s.InCap)
	outEnd := uint64(s.OutPtr) + uint64(s.OutCap)
	apart := inEnd <= uint64(s.OutPtr) || outEnd <= uint64(s.InPtr)
	if s.InPtr == 0 || s.OutPtr == 0 || inEnd > memory || outEnd > memory || !apart {
		return Buffers{}, malformed("buffers", -1, ProblemData)
	}
	return s, nil
}
