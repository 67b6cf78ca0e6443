package frontend

import (
	"encoding/binary"

	"github.com/namelet/namelet/rr"
)

// complete makes a body the response to q, whose question it answers, and
// appends it to dst: at most limit octets, which are at least 512. truncated says
// that TC is set.
//
// The id, the opcode, RD and the question are those of q, octet for octet. RA and
// AD stay clear; CD is cleared too, as an authoritative server should (RFC 4035
// section 3.1.6). The OPT record always fits, with the options of x that the
// client is owed.
func complete(dst []byte, b body, q *query, rcode rr.RCode, x extras, limit int) (msg []byte, truncated bool) {
	room := limit
	if q.edns.present {
		room -= optFixedLen + len(x.own)
	}
	tsig := tsigRefusal(q)
	if headerLen+len(q.question)+len(tsig) > room {
		tsig = nil
	}
	e := fit(b, headerLen+len(q.question), room-len(tsig))
	if q.edns.present {
		e.counts[2]++
	}
	if tsig != nil {
		e.counts[2]++
	}
	start := len(dst)
	dst = appendHeader(dst, q, binary.BigEndian.Uint16(b.msg[2:]), rcode, e)
	dst = append(dst, q.question...)
	dst = append(dst, b.msg[headerLen+len(q.question):e.end]...)
	if q.edns.present {
		dst = appendOPT(dst, q, rcode, x, start+limit-len(tsig))
	}
	dst = append(dst, tsig...)
	return dst, dst[start+2]&(flagTC>>8) != 0
}

// appendHeader appends the header of the response to q; flags are those of its
// body. The upper bits of the code are for the OPT record to say.
func appendHeader(dst []byte, q *query, flags uint16, rcode rr.RCode, e extent) []byte {
	flags |= q.flags & (opcodeMask | flagRD)
	if !e.whole {
		flags |= flagTC
	}
	if rcode > 15 && !q.edns.present {
		flags = flags&^0xf | uint16(rr.RCodeServFail) // no room to say more
	}
	questions := byte(0)
	if len(q.question) > 0 {
		questions = 1
	}
	return append(dst, byte(q.id>>8), byte(q.id), byte(flags>>8), byte(flags), 0, questions,
		byte(e.counts[0]>>8), byte(e.counts[0]),
		byte(e.counts[1]>>8), byte(e.counts[1]),
		byte(e.counts[2]>>8), byte(e.counts[2]))
}

// extent is how much of a body is sent.
type extent struct {
	end    int       // in octets of the body
	counts [3]uint16 // records of the answer, authority and additional section
	whole  bool      // nothing is missing that TC would have to tell
}

// fit returns how much of a body goes into room octets. The records begin at octet
// at.
//
// An RRset goes in whole or not at all, and the message ends where the first does
// not fit. Where that is one of the answer or the authority section, or one of the
// additional section that is required (RFC 9471 section 3), it is truncated; other
// additional sets are left out silently (RFC 2181 section 9). What comes after it is
// left out too: its names may point into what is not there.
func fit(b body, at, room int) extent {
	e := extent{end: len(b.msg), whole: true}
	for i := range e.counts {
		e.counts[i] = binary.BigEndian.Uint16(b.msg[6+2*i:])
	}
	if len(b.msg) <= room {
		return e
	}
	for i, n := range e.counts {
		for taken := 0; taken < int(n); {
			records, end := skipSet(b.msg, at, int(n)-taken)
			if end > room {
				e.end, e.counts[i] = at, uint16(taken)
				clear(e.counts[i+1:])
				e.whole = i == 2 && taken >= b.required
				return e
			}
			at, taken = end, taken+records
		}
	}
	return e
}

// skipSet returns how many records the RRset has that begins at octet at, of the
// left ones of its section, and where it ends.
func skipSet(msg []byte, at, left int) (records, end int) {
	owner := at
	at = skipName(msg, at)
	kind := binary.BigEndian.Uint16(msg[at:])
	for {
		at += 10 + int(binary.BigEndian.Uint16(msg[at+8:]))
		if records++; records == left || !repeatsOwner(msg, owner, at) {
			return records, at
		}
		next := skipName(msg, at)
		if binary.BigEndian.Uint16(msg[next:]) != kind {
			return records, at
		}
		at = next
	}
}

// repeatsOwner reports whether the name at octet at is what the packer writes to
// repeat the one at octet owner.
func repeatsOwner(msg []byte, owner, at int) bool {
	switch c := msg[owner]; {
	case c == 0:
		return msg[at] == 0
	case c >= 0xc0:
		return msg[at] == c && msg[at+1] == msg[owner+1]
	}
	return msg[at] == byte(owner>>8)|0xc0 && msg[at+1] == byte(owner)
}

// skipName returns where the name at octet at ends, in a message that this
// package packed.
func skipName(msg []byte, at int) int {
	for {
		switch n := int(msg[at]); {
		case n == 0:
			return at + 1
		case n >= 0xc0:
			return at + 2
		default:
			at += 1 + n
		}
	}
}
