package hostabi

import "github.com/namelet/namelet/rr"

// Question is what a guest is given for each query. Everything else it asks the host for.
type Question struct {
	QName     []byte  // uncompressed wire form; the host writes it in lower case
	QType     rr.Type // never ANY: such a question does not reach a guest
	ZoneOff   int     // offset in QName at which the zone's apex begins
	AttachOff int     // offset in QName at which the attachment point begins, at most ZoneOff
}

// Zone gives the zone's apex in wire form: the end of QName, not a copy.
func (q *Question) Zone() []byte { return q.QName[q.ZoneOff:] }

// Attach gives the attachment point in wire form: the end of QName, not a copy.
func (q *Question) Attach() []byte { return q.QName[q.AttachOff:] }

// AppendQuestion appends q's encoding to dst, the name in lower case. The caller vouches that the
// name is valid and that the offsets are label starts.
func AppendQuestion(dst []byte, q *Question) []byte {
	at := len(dst)
	dst = append(dst, make([]byte, QuestionSize)...)
	head := dst[at:]
	put32(head, QuestionSize)
	put16(head[4:], uint16(q.QType))
	put16(head[6:], uint16(len(q.QName)))
	put16(head[8:], uint16(q.ZoneOff))
	put16(head[10:], uint16(q.AttachOff))
	put32(head[12:], 0)
	return appendLower(dst, q.QName)
}

// appendLower copies a name in wire form in lower case. A length byte is at most 63, below 'A', so
// labels need not be told from lengths (RFC 4343 section 3).
func appendLower(dst, name []byte) []byte {
	at := len(dst)
	dst = append(dst, name...)
	for i, c := range dst[at:] {
		if c-'A' < 26 {
			dst[at+i] = c | 0x20
		}
	}
	return dst
}

// ParseQuestion reads a question into q. QName points into b. Flags that version 1 does not define
// and bytes after the name are skipped: they are how a later host says more.
//
// The error is a *MalformedError.
func ParseQuestion(b []byte, q *Question) error {
	size, problem := fixedPart(b, QuestionSize)
	if problem != 0 {
		return malformed("question", -1, problem)
	}
	nameLen := int(u16(b[6:]))
	if nameLen > len(b)-size {
		return malformed("question", -1, ProblemShort)
	}
	name := b[size : size+nameLen]
	zone, attach := int(u16(b[8:])), int(u16(b[10:]))
	if !validName(name) || attach > zone || !labelStart(name, zone) || !labelStart(name, attach) {
		return malformed("question", -1, ProblemName)
	}
	q.QName, q.QType, q.ZoneOff, q.AttachOff = name, rr.Type(u16(b[4:])), zone, attach
	return nil
}
