package frontend

import (
	"encoding/binary"

	"github.com/miekg/dns"

	"github.com/namelet/namelet/hostabi"
	"github.com/namelet/namelet/internal/resolve"
	"github.com/namelet/namelet/rr"
)

// Parts of a header (RFC 1035 section 4.1.1).
const (
	headerLen = 12

	// questionFixedLen is a question without its name: type and class.
	questionFixedLen = 4

	flagQR     = 1 << 15
	flagAA     = 1 << 10
	flagTC     = 1 << 9
	flagRD     = 1 << 8
	opcodeMask = 0xf << 11
)

// query is what a message asks. Its slices share the message's memory, so it is
// good for as long as that is.
type query struct {
	id       uint16
	flags    uint16
	question []byte // name, type and class as sent; empty where there is none to echo
	qtype    rr.Type
	qclass   rr.Class
	length   int // of the message, in octets
	edns     edns
	sender   sender        // noted after the message has been parsed
	tsig     *dns.TSIG     // nil where the message is not signed
	class    resolve.Class // of the zone that it came to, once that is known
	seed     uint64        // of the draws for the answer, see resolve.Client; not of the message
}

// edns is what the OPT record says (RFC 6891 section 6.1).
type edns struct {
	present bool
	do      bool
	version uint8
	size    uint16 // of the largest UDP response the client takes, as sent
	options ednsOptions
}

// name returns the wire form of the qname, as sent.
func (q *query) name() []byte { return q.question[:len(q.question)-4] }

// verdict is what becomes of a message.
type verdict uint8

const (
	accepted verdict = iota

	// Answered without the resolver.
	askedChaos  // about this server, in class CH
	askedCookie // nothing: the client wants a cookie

	// No response: it could make two servers talk to each other for ever, or
	// there is nobody to talk to.
	ignoredShort    // less than a header
	ignoredResponse // QR is set
	ignoredProxy    // a header of the PROXY protocol where none may be, or none where one must be

	rejectedOpcode      // not QUERY; the response has a question and OPT where it is as plain as one
	rejectedCount       // not exactly one question
	rejectedFormat      // cannot be read, or its parts contradict each other
	rejectedKey         // signed with a key that is not known here
	rejectedVersion     // EDNS above version 0
	rejectedClass       // not IN
	rejectedType        // a type that cannot be asked for
	rejectedMeta        // a question type that is not supported
	rejectedTransfer    // a zone transfer, which is not supported
	rejectedUDPTransfer // AXFR over UDP

	verdicts
)

// verdictText names the verdicts in metrics.
var verdictText = [verdicts]string{
	ignoredShort:    "short",
	ignoredResponse: "response",
	ignoredProxy:    "proxy",
}

// rejections gives the response to each verdict that is one.
var rejections = [verdicts]struct {
	rcode rr.RCode
	why   resolve.ExtendedError // sent where it says more than the code
}{
	rejectedOpcode:      {rcode: rr.RCodeNotImp},
	rejectedCount:       {rcode: rr.RCodeFormErr}, // RFC 9619 section 4
	rejectedFormat:      {rcode: rr.RCodeFormErr},
	rejectedKey:         {rcode: rr.RCodeNotAuth}, // RFC 8945 section 5.2.1
	rejectedVersion:     {rcode: rr.RCodeBadVers}, // RFC 6891 section 6.1.3
	rejectedClass:       {rcode: rr.RCodeRefused, why: resolve.ExtendedError{Code: resolve.ErrorNotAuthority, Text: "only class IN is served"}},
	rejectedType:        {rcode: rr.RCodeFormErr},
	rejectedMeta:        {rcode: rr.RCodeNotImp, why: resolve.ExtendedError{Code: resolve.ErrorNotSupported}},
	rejectedTransfer:    {rcode: rr.RCodeNotImp, why: resolve.ExtendedError{Code: resolve.ErrorNotSupported, Text: "no zone transfer"}},
	rejectedUDPTransfer: {rcode: rr.RCodeFormErr},
}

// parse reads a message into q, whose old content it forgets, and says what
// becomes of it. It allocates nothing for a query with one question and at most
// an OPT record; all else goes through the full codec.
func parse(msg []byte, transport hostabi.Transport, q *query) verdict {
	*q = query{}
	if len(msg) < headerLen {
		return ignoredShort
	}
	q.length = len(msg)
	q.id = binary.BigEndian.Uint16(msg)
	q.flags = binary.BigEndian.Uint16(msg[2:])
	switch {
	case q.flags&flagQR != 0:
		return ignoredResponse
	case q.flags&opcodeMask != 0:
		if binary.BigEndian.Uint16(msg[4:]) != 1 || !parsePlain(msg, q) {
			q.question, q.edns = nil, edns{}
		}
		return rejectedOpcode
	case binary.BigEndian.Uint16(msg[4:]) != 1:
		return q.judgeCount(msg)
	}
	if !parsePlain(msg, q) && !parseFull(msg, q) {
		return rejectedFormat
	}
	return q.judge(transport)
}

// judgeCount decides on a message that does not have one question. None is right
// where a client wants a cookie (RFC 7873 section 5.4) and nowhere else (RFC 9619
// section 4). What can be read of an OPT record counts all the same, since the
// response to a query that has one needs one, too (RFC 6891 section 7).
func (q *query) judgeCount(msg []byte) verdict {
	ok := q.parseUnasked(msg)
	signed := q.tsig != nil
	q.tsig = nil // the message is bad whoever signed it
	switch {
	case !ok:
		return rejectedCount
	case q.edns.version > 0:
		return rejectedVersion
	case q.edns.options.malformed:
		return rejectedFormat
	case signed || q.edns.options.cookie == nil || binary.BigEndian.Uint16(msg[4:]) > 0:
		return rejectedCount
	}
	return askedCookie
}

// judge decides on a message that could be read. A signature comes first, since
// nothing in a message counts before it is verified (RFC 8945 section 5.2), and
// the EDNS version second, since it may change the meaning of the rest.
func (q *query) judge(transport hostabi.Transport) verdict {
	switch {
	case q.tsig != nil:
		return rejectedKey
	case q.edns.present && q.edns.version > 0:
		return rejectedVersion
	case q.edns.options.malformed:
		return rejectedFormat
	case q.qclass == rr.ClassCH:
		return askedChaos
	case q.qclass != rr.ClassIN:
		return rejectedClass
	case !q.qtype.IsMeta() || q.qtype == rr.TypeANY:
		return accepted
	}
	switch q.qtype {
	case 0, rr.TypeOPT, rr.TypeTSIG:
		// They stand in messages or signatures and were never questions.
		return rejectedType
	case rr.TypeAXFR:
		// RFC 5936 section 4.2: not defined over UDP.
		if transport == hostabi.TransportUDP {
			return rejectedUDPTransfer
		}
		return rejectedTransfer
	case rr.TypeIXFR:
		// NOTIMP makes a secondary try AXFR next, or another primary (RFC 1995
		// section 2); REFUSED would tell it that it lacks a right.
		return rejectedTransfer
	}
	// MAILA and MAILB are obsolete, TKEY needs keys, and the unassigned among
	// 128 to 255 are for questions nobody has defined (RFC 6895 section 3.1).
	return rejectedMeta
}
