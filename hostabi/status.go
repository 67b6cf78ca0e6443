package hostabi

// Status is the result of an import or of namelet_answer: zero or more is a success whose meaning
// is the function's, a negative number is one of the codes below.
type Status int32

// Status codes (SPEC.md, "Status codes"). They are outcomes of a call, not faults: a guest that
// gets one goes on.
const (
	StatusOK          Status = 0
	StatusNoData      Status = -1 // the name exists, without an RRset of the type
	StatusNXDomain    Status = -2 // the name does not exist
	StatusDelegated   Status = -3 // the name is at or below a zone cut of a zone that was searched
	StatusCNAME       Status = -4 // the name has a CNAME and the type asked for is another
	StatusDenied      Status = -5 // not granted to this attachment, or not at this time
	StatusUnavailable Status = -6 // the zone's data cannot be had now
	StatusInvalid     Status = -7 // an argument is out of its range or malformed
	StatusLimit       Status = -8 // the query has used up its share of this function
	StatusNoHandle    Status = -9 // no such handle in this query
)

var statusNames = [...]string{
	"ok", "nodata", "nxdomain", "delegated", "cname", "denied", "unavailable", "invalid", "limit", "no such handle",
}

// String gives the code's name; every success is "ok".
func (s Status) String() string {
	switch {
	case s >= 0:
		return statusNames[0]
	case s >= StatusNoHandle:
		return statusNames[-s]
	}
	return "unknown status"
}

// Disposition says what an answer is. The zero value is invalid on purpose: memory that was never
// written is not an answer.
type Disposition uint8

// The dispositions.
const (
	DispositionAnswer   Disposition = 1 // the records that follow
	DispositionNoData   Disposition = 2 // the name exists, without data of this type
	DispositionNXDomain Disposition = 3 // the name does not exist
	DispositionRefuse   Disposition = 4 // RCODE REFUSED
	DispositionStatic   Disposition = 5 // what the zone's own data say
)

// String gives the disposition's name.
func (d Disposition) String() string {
	switch d {
	case DispositionAnswer:
		return "answer"
	case DispositionNoData:
		return "nodata"
	case DispositionNXDomain:
		return "nxdomain"
	case DispositionRefuse:
		return "refuse"
	case DispositionStatic:
		return "static"
	}
	return "invalid"
}

// Kind says how the data of an answer record are written.
type Kind uint8

// The kinds of record data.
const (
	KindRdata  Kind = 0 // uncompressed wire rdata
	KindText   Kind = 1 // rdata in presentation form, parsed by the host
	KindHandle Kind = 2 // a handle of this query, 4 bytes little-endian: the whole RRset
)

// String gives the kind's name.
func (k Kind) String() string {
	switch k {
	case KindRdata:
		return "rdata"
	case KindText:
		return "text"
	case KindHandle:
		return "handle"
	}
	return "invalid"
}
