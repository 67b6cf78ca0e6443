// Package cookie makes and checks DNS cookies (RFC 7873) in the form that all
// servers behind one address can share (RFC 9018).
//
// Start with [Open], or [Random] where the server stands alone: both give a
// [Jar], which holds the secrets. [Jar.Check] judges the option of a query, and
// [Jar.Append] writes that of its response. Neither allocates or locks. What a
// query gets that has no valid cookie is for the caller to decide.
//
// A Jar is safe for concurrent use.
package cookie

import (
	"encoding/binary"
	"net/netip"
)

// Code is the number of the option (RFC 7873 section 4).
const Code = 10

// Lengths in octets.
const (
	clientLen    = 8  // of a client cookie (RFC 7873 section 4)
	leastServer  = 8  // of a server cookie (RFC 7873 section 4)
	mostServer   = 32 // likewise
	serverLen    = 16 // of a server cookie as RFC 9018 section 4 has it
	headLen      = 8  // of its version, reserved octets and time
	fullLen      = clientLen + serverLen
	ResponseLen  = 4 + fullLen // of the option that Append writes, with code and length
	version      = 1           // RFC 9018 section 4.1
	mostPast     = 3600        // seconds that a cookie is good for (RFC 9018 section 4.3)
	mostFuture   = 300         // seconds that another server's clock may be ahead
	freshSeconds = 1800        // after so many a client gets a new one
)

// Valid reports whether data, the content of an option in a query, has a length
// that is legal: a client cookie, or one and a server cookie of 8 to 32 octets.
// The response to any other is FORMERR (RFC 7873 section 5.2.2).
func Valid(data []byte) bool {
	server := len(data) - clientLen
	return server == 0 || server >= leastServer && server <= mostServer
}

// HasServer reports whether valid data has a server cookie, good or not.
func HasServer(data []byte) bool { return len(data) > clientLen }

// Verdict is what the cookie of a query says about its sender. The zero Verdict
// is that of a query without one.
type Verdict uint8

const (
	None    Verdict = iota
	Unknown         // no server cookie, or one that is not good: the address may be forged
	Aged            // a good one that is to be replaced: it is old, or made with an earlier secret
	Fresh           // a good one
)

// Proven reports whether the sender has received what was sent to its address
// before, and so is who it says.
func (v Verdict) Proven() bool { return v >= Aged }

// Check judges data, which is valid or empty, of a query from addr at unix, in
// seconds since 1970. The address is that of the packet; a mapped IPv4 address
// has been unmapped.
func (j *Jar) Check(data []byte, addr netip.Addr, unix int64) Verdict {
	switch {
	case len(data) == 0:
		return None
	case len(data) != fullLen || data[clientLen] != version:
		return Unknown
	}
	// Serial number arithmetic, so that the clock may go round (RFC 9018 section
	// 4.3).
	age := int32(uint32(unix) - binary.BigEndian.Uint32(data[clientLen+4:]))
	if age > mostPast || age < -mostFuture {
		return Unknown
	}
	hash := binary.LittleEndian.Uint64(data[clientLen+headLen:])
	secrets := *j.secrets.Load()
	for i := range secrets {
		// The comparison needs no constant time: who can see how long it takes
		// sees the responses, too, and they hold the cookie.
		if secrets[i].hash(data[:clientLen+headLen], addr) != hash {
			continue
		}
		if i > 0 || age > freshSeconds {
			return Aged
		}
		return Fresh
	}
	return Unknown
}

// Append appends the option of a response to a query with the valid option data,
// which v is the verdict on: the client cookie as sent, and the server cookie as
// sent where it is fresh, else a new one. The option takes ResponseLen octets.
func (j *Jar) Append(dst, data []byte, v Verdict, addr netip.Addr, unix int64) []byte {
	dst = append(dst, 0, Code, 0, fullLen)
	if v == Fresh {
		return append(dst, data...)
	}
	start := len(dst)
	dst = append(dst, data[:clientLen]...)
	dst = append(dst, version, 0, 0, 0)
	dst = binary.BigEndian.AppendUint32(dst, uint32(unix))
	hash := (*j.secrets.Load())[0].hash(dst[start:], addr)
	return binary.LittleEndian.AppendUint64(dst, hash)
}

// hash covers the client cookie, the head of the server cookie and the client's
// address (RFC 9018 section 4.4).
func (s *secret) hash(head []byte, addr netip.Addr) uint64 {
	var buf [clientLen + headLen + 16]byte
	n := copy(buf[:], head)
	if addr.Is4() {
		octets := addr.As4()
		n += copy(buf[n:], octets[:])
	} else {
		octets := addr.As16()
		n += copy(buf[n:], octets[:])
	}
	return s.sip(buf[:n])
}
