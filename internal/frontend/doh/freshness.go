package doh

import (
	"encoding/binary"

	"github.com/namelet/namelet/rr"
)

// freshness returns how many seconds a response may be kept: the least TTL of the
// answer section, or of a negative answer the time that its SOA gives (RFC 8484
// section 5.1, RFC 2308 section 5). It is 0 for what nobody should keep: errors,
// referrals, and what cannot be read.
//
// The response is for one client only, whatever its TTL: what a guest answers may
// depend on who asks. Hence Cache-Control is private.
func freshness(msg []byte) (seconds uint32) {
	const headerLen = 12
	if len(msg) < headerLen {
		return 0
	}
	switch rcode := rr.RCode(msg[3] & 0xf); rcode {
	case rr.RCodeNoError, rr.RCodeNXDomain:
	default:
		return 0
	}
	r := reader{msg: msg, at: headerLen}
	for range binary.BigEndian.Uint16(msg[4:]) {
		r.name()
		r.skip(4)
	}
	least := ^uint32(0)
	answers := binary.BigEndian.Uint16(msg[6:])
	for range answers {
		least = min(least, r.record().ttl)
	}
	if answers == 0 {
		least = r.negative(binary.BigEndian.Uint16(msg[8:]))
	}
	if r.failed {
		return 0
	}
	return least
}

// negative returns how long the records of an authority section let a negative
// answer live, 0 without an SOA.
func (r *reader) negative(records uint16) uint32 {
	for range records {
		x := r.record()
		if r.failed {
			return 0
		}
		if x.kind != rr.TypeSOA {
			continue
		}
		if len(x.data) < 4 {
			return 0
		}
		return min(x.ttl, binary.BigEndian.Uint32(x.data[len(x.data)-4:])) // MINIMUM comes last
	}
	return 0
}

// reader reads a message from front to back. After a failure it stands still.
type reader struct {
	msg    []byte
	at     int
	failed bool
}

// record is as much of a record as matters here. The data are the message's.
type record struct {
	kind rr.Type
	ttl  uint32
	data []byte
}

func (r *reader) skip(n int) []byte {
	if r.failed || len(r.msg)-r.at < n {
		r.failed = true
		return nil
	}
	b := r.msg[r.at : r.at+n]
	r.at += n
	return b
}

// name passes over a name, compressed or not.
func (r *reader) name() {
	for {
		b := r.skip(1)
		switch {
		case b == nil || b[0] == 0:
			return
		case b[0] >= 0xc0:
			r.skip(1)
			return
		case b[0] > rr.MaxLabelLen:
			r.failed = true
			return
		}
		r.skip(int(b[0]))
	}
}

func (r *reader) record() record {
	r.name()
	b := r.skip(10)
	if b == nil {
		return record{}
	}
	data := r.skip(int(binary.BigEndian.Uint16(b[8:])))
	return record{rr.Type(binary.BigEndian.Uint16(b)), binary.BigEndian.Uint32(b[4:]), data}
}
