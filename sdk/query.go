package sdk

import (
	"github.com/namelet/namelet/hostabi"
	"github.com/namelet/namelet/rr"
)

// Query is one question, and the way to everything else that an answer may depend on.
//
// An input that the host does not give, because an argument is out of its range or the query has used
// up its share, ends the query as failed: the handler gets the zero value and its answer is
// replaced by the attachment's fallback.
type Query struct {
	question hostabi.Question
	name     Name
	failure  hostabi.Status
	names    arena // names built for this query
	rdata    arena // rdata read in this query
	client   [hostabi.ClientSize]byte
	site     [hostabi.MaxSite]byte
	requests [hostabi.MaxLookups * hostabi.LookupRequestSize]byte
}

func (q *Query) reset(b []byte) bool {
	if hostabi.ParseQuestion(b, &q.question) != nil {
		return false
	}
	name, err := rr.NameFromWireString(view(q.question.QName))
	q.name, q.failure = name, hostabi.StatusOK
	q.names.reset(nameArena[:])
	q.rdata.reset(rdataArena[:])
	return err == nil
}

// fail ends the query as failed; the first reason stays.
func (q *Query) fail(s hostabi.Status) {
	if q.failure == hostabi.StatusOK {
		q.failure = s
	}
}

// value passes a success on and turns a status into a failure and zero.
func (q *Query) value(v int32) int32 {
	if v < 0 {
		q.fail(hostabi.Status(v))
		return 0
	}
	return v
}

// Name gives the qname, in lower case.
func (q *Query) Name() Name { return q.name }

// Type gives the qtype.
func (q *Query) Type() Type { return q.question.QType }

// Zone gives the apex of the zone that the name is in.
func (q *Query) Zone() Name { return q.suffix(q.question.Zone()) }

// Attach gives the name at which the guest is attached: the zone's apex or a name in the zone.
func (q *Query) Attach() Name { return q.suffix(q.question.Attach()) }

func (q *Query) suffix(wire []byte) Name {
	name, _ := rr.NameFromWireString(view(wire)) // ParseQuestion has checked it
	return name
}

// Sub gives the qname's label directly below the attachment point, and whether the qname is exactly
// one label below it: for b.a.example attached at example it gives "a" and false.
func (q *Query) Sub() (label string, only bool) {
	at, end := 0, q.question.AttachOff
	if end == 0 {
		return "", false
	}
	for {
		next := at + 1 + int(q.question.QName[at])
		if next >= end {
			return view(q.question.QName[at+1 : next]), at == 0
		}
		at = next
	}
}

// Join gives the name label.suffix without allocating. It is the zero Name, which no lookup finds,
// when label is empty or longer than 63 bytes, or the whole is longer than 255.
func (q *Query) Join(label string, suffix Name) Name {
	n := 1 + len(label) + suffix.Len()
	if label == "" || len(label) > 63 || n > hostabi.MaxName || suffix.IsZero() {
		return Name{}
	}
	b := q.names.take(n)
	b[0] = byte(len(label))
	copy(b[1:], label)
	copy(b[1+len(label):], suffix.Wire())
	name, _ := rr.NameFromWireString(view(b)) // its parts are checked above
	return name
}

// Client gives the prefix that the client's address begins with, at most v4Bits (0 to 32) of an IPv4
// address or v6Bits (0 to 128) of an IPv6 address. Ask for few bits: clients that share them share the
// answer.
func (q *Query) Client(v4Bits, v6Bits int) Prefix {
	bits := q.value(hostClient(v4Bits, v6Bits, &q.client))
	c, err := hostabi.ParseClient(q.client[:])
	if q.failure != hostabi.StatusOK || err != nil {
		return Prefix{}
	}
	return Prefix{Addr: Addr{bytes: c.Addr, v4: c.Family == hostabi.FamilyIPv4}, Bits: int(bits)}
}

// Now gives the time in seconds since 1970-01-01 UTC, rounded down to a multiple of grain seconds,
// which is at least 1. Within a query time stands still.
func (q *Query) Now(grain int) int64 {
	t := hostNow(grain)
	if t < 0 {
		q.fail(hostabi.Status(t))
		return 0
	}
	return t
}

// Before says whether the time is before a moment, in seconds since 1970-01-01 UTC. An answer that needs
// no more of the time than that is kept until the moment comes.
func (q *Query) Before(unix int64) bool { return q.value(hostBefore(unix)) == 1 }

// Pick draws a number from 0 to n-1; n is 1 to 65,536. Each call is a draw of its own, at most 64 a query.
func (q *Query) Pick(n int) int { return int(q.value(hostPick(n))) }

// Transport says how the question came.
func (q *Query) Transport() Transport { return Transport(q.value(hostTransport())) }

// Site gives the name of the place where the host runs, at most hostabi.MaxSite bytes. A host that has a
// longer one gives none, and the query fails.
func (q *Query) Site() string {
	n := int(q.value(hostSite(q.site[:])))
	if n > len(q.site) { // by the rule "buffer, limit" nothing was written
		q.fail(hostabi.StatusLimit)
		return ""
	}
	return view(q.site[:n])
}
