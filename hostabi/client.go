package hostabi

// Client is the client's address as far as a guest asked for it: a prefix, the bits past it zero.
type Client struct {
	Family Family
	Addr   [16]byte // network order; IPv4 in the first four bytes, the rest zero
}

// PutClient writes c over the first [ClientSize] bytes of b.
func PutClient(b []byte, c Client) {
	put32(b, ClientSize)
	put32(b[4:], uint32(c.Family))
	copy(b[8:ClientSize], c.Addr[:])
}

// ParseClient reads the struct. The error is a *MalformedError.
func ParseClient(b []byte) (Client, error) {
	if _, problem := fixedPart(b, ClientSize); problem != 0 {
		return Client{}, malformed("client", -1, problem)
	}
	c := Client{Family: Family(u32(b[4:]))}
	if c.Family != FamilyIPv4 && c.Family != FamilyIPv6 {
		return Client{}, malformed("client", -1, ProblemData)
	}
	copy(c.Addr[:], b[8:ClientSize])
	return c, nil
}

// ClientRoom reads the size that a guest wrote before its call of client: the bytes it has room for,
// at least [ClientSize], or false. b is that one field, four bytes.
func ClientRoom(b []byte) (uint32, bool) {
	size := u32(b)
	return size, size >= ClientSize
}
