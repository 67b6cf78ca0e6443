package sdk

import (
	"unsafe"

	"github.com/namelet/namelet/hostabi"
	"github.com/namelet/namelet/rr"
)

// RRset is a set of records that a lookup found. It is valid until the query ends.
type RRset struct {
	handle int32
	q      *Query
}

// Info is what there is to know of an RRset without reading it.
type Info = hostabi.RRsetInfo

// Request is one of several lookups made in one step by LookupMany.
type Request struct {
	Name Name
	Type Type

	Status Status // set by LookupMany
	Set    RRset  // set by LookupMany; valid when Status is StatusOK
}

// Lookup finds the RRset of a name and type in the attachment's zone or in a zone granted to it. The
// RRset is valid when the status is StatusOK; every other status says why there is none.
// A CNAME is not followed: StatusCNAME says that there is one, and a lookup of TypeCNAME finds it.
func (q *Query) Lookup(name Name, t Type) (RRset, Status) {
	return q.result(hostLookup(name.Wire(), uint32(t), 0))
}

func (q *Query) result(v int32) (RRset, Status) {
	if v < 0 {
		return RRset{}, Status(v)
	}
	return RRset{handle: v, q: q}, StatusOK
}

// LookupMany makes all lookups in one step, which costs one round trip where data are not in memory.
// It is false when the query had fewer lookups left than requests; then none was made.
func (q *Query) LookupMany(requests []Request) bool {
	const size = hostabi.LookupRequestSize
	if len(requests)*size > len(q.requests) {
		return q.allFailed(requests, StatusLimit)
	}
	for i, r := range requests {
		requests[i].Name = q.pin(r.Name)
		hostabi.PutLookupRequest(q.requests[i*size:], lookupEntry(requests[i].Name.Wire(), r.Type))
	}
	status := hostLookupMany(q.requests[:len(requests)*size], len(requests), requests)
	if status < 0 {
		return q.allFailed(requests, Status(status))
	}
	for i := range requests {
		entry, _, _ := hostabi.ParseLookupRequest(q.requests[i*size:])
		requests[i].Set, requests[i].Status = q.result(entry.Result)
	}
	return true
}

func (q *Query) allFailed(requests []Request, s Status) bool {
	for i := range requests {
		requests[i].Set, requests[i].Status = RRset{}, s
	}
	return false
}

// pin copies a name to memory that does not move, since its address goes into a request.
func (q *Query) pin(n Name) Name {
	b := q.names.take(n.Len())
	copy(b, n.Wire())
	name, _ := rr.NameFromWireString(view(b)) // the zero Name stays that, and is invalid to the host
	return name
}

func lookupEntry(wire string, t Type) hostabi.LookupRequest {
	// Natively an address does not fit the field, and the names go beside it.
	ptr := uint32(uintptr(unsafe.Pointer(unsafe.StringData(wire))))
	return hostabi.LookupRequest{NamePtr: ptr, NameLen: uint32(len(wire)), Type: uint32(t)}
}

// Info describes the RRset: type, TTL, number of records, and whether a wildcard made it.
func (s RRset) Info() Info {
	if s.q == nil {
		return Info{}
	}
	b := s.q.rdata.take(hostabi.RRsetInfoSize)
	s.q.value(hostRRsetInfo(s.handle, b))
	info, err := hostabi.ParseRRsetInfo(b)
	if s.q.failure != hostabi.StatusOK || err != nil {
		return Info{}
	}
	return info
}

// All calls yield with the rdata of every record: for rdata := range set.All. An rdata is in
// uncompressed wire form and valid until the query ends.
func (s RRset) All(yield func(rdata string) bool) {
	rest := s.read()
	for {
		rdata, after, ok := hostabi.NextRdata(rest)
		if !ok || !yield(view(rdata)) {
			return
		}
		rest = after
	}
}

// First gives the rdata of the first record, and false for an RRset that is not valid. Which
// record is first is the zone's order and does not change by itself.
func (s RRset) First() (rdata string, ok bool) {
	b, _, ok := hostabi.NextRdata(s.read())
	return view(b), ok
}

// read gives the whole RRset as rrset_read writes it.
func (s RRset) read() []byte {
	if s.q == nil {
		return nil
	}
	free := s.q.rdata.free
	n := int(s.q.value(hostRRsetRead(s.handle, free)))
	if n <= len(free) {
		return s.q.rdata.take(n)
	}
	b := s.q.rdata.take(n)
	s.q.value(hostRRsetRead(s.handle, b))
	return b
}

// Text joins the strings of a TXT record's rdata (RFC 1035 section 3.3.14). With one string, the usual
// case, it allocates nothing.
func Text(rdata string) string {
	text := ""
	for len(rdata) > 0 && int(rdata[0]) < len(rdata) {
		end := 1 + int(rdata[0])
		text += rdata[1:end] // adding to the empty string is no copy
		rdata = rdata[end:]
	}
	return text
}

// Field finds key=value among words parted by spaces, the usual form of settings in a TXT record, and
// gives the value.
func Field(text, key string) (value string, ok bool) {
	for len(text) > 0 {
		end := 0
		for end < len(text) && text[end] != ' ' {
			end++
		}
		word := text[:end]
		if len(word) > len(key) && word[len(key)] == '=' && word[:len(key)] == key {
			return word[len(key)+1:], true
		}
		text = text[min(end+1, len(text)):]
	}
	return "", false
}
