package frontend

import (
	"encoding/binary"

	"github.com/namelet/namelet/rr"
)

// optFixedLen is the length of an OPT record without options.
const optFixedLen = 11

// parsePlain reads what nearly every query is: one question, nothing in the
// answer and authority sections, and nothing or one OPT record in the additional
// section. False means only that the message is not of that kind.
func parsePlain(msg []byte, q *query) bool {
	// ANCOUNT and NSCOUNT 0, ARCOUNT 0 or 1.
	if binary.BigEndian.Uint32(msg[6:]) != 0 || msg[10] != 0 || msg[11] > 1 {
		return false
	}
	end := questionEnd(msg)
	if end == 0 {
		return false
	}
	q.setQuestion(msg[headerLen:end])
	if msg[11] == 0 {
		return end == len(msg)
	}
	n, ok := q.edns.parse(msg[end:])
	return ok && end+n == len(msg)
}

// setQuestion takes over a question that has been checked.
func (q *query) setQuestion(question []byte) {
	n := len(question)
	q.question = question[:n:n]
	q.qtype = rr.Type(binary.BigEndian.Uint16(question[n-4:]))
	q.qclass = rr.Class(binary.BigEndian.Uint16(question[n-2:]))
}

// questionEnd returns where the question section ends, and 0 where the name is
// not a plain one or is cut off. A compressed qname is not plain: the only octets
// before it are the header's.
func questionEnd(msg []byte) int {
	at := headerLen
	for at < len(msg) {
		n := int(msg[at])
		if n > rr.MaxLabelLen {
			return 0
		}
		at += 1 + n
		if at-headerLen > rr.MaxNameLen {
			return 0
		}
		if n == 0 {
			if at+4 > len(msg) {
				return 0
			}
			return at + 4
		}
	}
	return 0
}

// parse reads the OPT record at the front of b and returns its length. It is not
// ok where another record stands there, the owner is not the root (RFC 6891
// section 6.1.2), or an option is cut off.
func (e *edns) parse(b []byte) (n int, ok bool) {
	if len(b) < optFixedLen || b[0] != 0 || rr.Type(binary.BigEndian.Uint16(b[1:])) != rr.TypeOPT {
		return 0, false
	}
	n = optFixedLen + int(binary.BigEndian.Uint16(b[9:]))
	if n > len(b) || !e.options.parse(b[optFixedLen:n]) {
		return 0, false
	}
	e.present = true
	e.size = binary.BigEndian.Uint16(b[3:])
	e.version = b[6]
	e.do = b[7]&0x80 != 0
	return n, true
}
