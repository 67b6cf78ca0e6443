package frontend

import (
	"encoding/binary"

	"github.com/namelet/namelet/internal/resolve"
	"github.com/namelet/namelet/rr"
)

// packer turns responses into messages. It is used again for each.
type packer struct {
	msg     []byte // the body of the last response
	errors  []byte // its extended errors, as options
	names   compressor
	learned bool // names knows the qname
	asked   int  // length of the qname in wire form, 0 where there is no question
}

// body is a response without what differs between two who ask the same: a header
// with nothing but QR, AA, TC and the lower bits of the code, the question, and
// the sections in whole but for the OPT record and a signature.
type body struct {
	msg      []byte
	required int // records at the front of the additional section that have to fit
}

// body packs the response to q, and its extended errors into p.errors. Both are
// good until the next call. An RRset goes in whole or not at all.
func (p *packer) body(q *query, rcode rr.RCode, resp *resolve.Response) body {
	p.begin(q)
	var counts [3]int
	var whole bool
	var required int
	first := min(resp.RequiredAdditional, len(resp.Additional))
	counts[0], whole = p.sets(resp.Answer.Answer)
	if whole {
		counts[1], whole = p.sets(resp.Authority)
	}
	if whole {
		counts[2], whole = p.sets(resp.Additional[:first])
		required = counts[2]
	}
	if whole {
		more, _ := p.sets(resp.Additional[first:])
		counts[2] += more
	}
	p.finish(rcode, resp.Authoritative, !whole, counts)
	p.errors = appendErrors(p.errors[:0], resp.Errors)
	return body{p.msg, required}
}

// begin lays down the header, which finish completes, and the question, octet
// for octet as it was sent.
func (p *packer) begin(q *query) {
	p.names.reset()
	p.learned = false
	p.asked = max(len(q.question)-4, 0)
	p.msg = append(p.msg[:0], "\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00"...)
	p.msg = append(p.msg, q.question...)
	if len(q.question) > 0 {
		p.msg[5] = 1
	}
}

// finish completes the header of a body.
func (p *packer) finish(rcode rr.RCode, authoritative, truncated bool, counts [3]int) {
	flags := flagQR | uint16(rcode&0xf)
	if authoritative {
		flags |= flagAA
	}
	if truncated {
		flags |= flagTC
	}
	binary.BigEndian.PutUint16(p.msg[2:], flags)
	for i, n := range counts {
		binary.BigEndian.PutUint16(p.msg[6+2*i:], uint16(n))
	}
}

// sets appends sets until one makes the message longer than any may be, and
// returns how many records went in, and whether all did.
func (p *packer) sets(sets []rr.Set) (records int, whole bool) {
	for i := range sets {
		if !p.set(&sets[i]) {
			return records, false
		}
		records += len(sets[i].Data)
	}
	return records, true
}

// set appends the records of one RRset, or none where they do not all fit; no
// set comes after one that did not.
func (p *packer) set(s *rr.Set) bool {
	if s.Name.IsZero() {
		panic("frontend: an RRset has no owner name")
	}
	start := len(p.msg)
	for i, data := range s.Data {
		if i > 0 && start < pointerLimit {
			p.repeatOwner(start)
		} else {
			p.name(s.Name.Wire())
		}
		if !p.record(s, data) {
			p.msg = p.msg[:start]
			return false
		}
	}
	return true
}

// repeatOwner writes the owner name that stands at octet at once more: the same
// pointer or the same root, or a pointer to it.
func (p *packer) repeatOwner(at int) {
	switch c := p.msg[at]; {
	case c == 0:
		p.msg = append(p.msg, 0)
	case c >= 0xc0:
		p.msg = append(p.msg, c, p.msg[at+1])
	default:
		p.msg = append(p.msg, byte(at>>8)|0xc0, byte(at))
	}
}

// name appends a compressed name. The qname, which is the owner of most answers,
// is the pointer to octet 12 and needs no search.
func (p *packer) name(wire string) {
	switch {
	case len(wire) == 1:
		p.msg = append(p.msg, 0)
		return
	case len(wire) == p.asked && sameName(p.msg, headerLen, wire):
		p.msg = append(p.msg, 0xc0, headerLen)
		return
	}
	if !p.learned && p.asked > 0 {
		p.names.learn(p.msg[headerLen:headerLen+p.asked], headerLen)
	}
	p.learned = true
	p.msg = p.names.appendName(p.msg, wire)
}

// record appends all of a record but its owner name, and says whether the
// message is still one.
func (p *packer) record(s *rr.Set, data rr.Rdata) bool {
	prefix, names := compressible(s.Type)
	if names == 0 && len(p.msg)+10+len(data) > maxMessage {
		return false
	}
	t, ttl := uint16(s.Type), s.TTL
	p.msg = append(p.msg, byte(t>>8), byte(t), 0, byte(rr.ClassIN),
		byte(ttl>>24), byte(ttl>>16), byte(ttl>>8), byte(ttl), 0, 0)
	start := len(p.msg)
	p.rdata(data, prefix, names)
	binary.BigEndian.PutUint16(p.msg[start-2:], uint16(len(p.msg)-start))
	return len(p.msg) <= maxMessage
}

// rdata appends rdata that has names after prefix octets, compressing them. Rdata
// that has no name where one should be goes out as it is.
func (p *packer) rdata(data rr.Rdata, prefix, names int) {
	at := min(prefix, len(data))
	p.msg = append(p.msg, data[:at]...)
	for ; names > 0; names-- {
		name := rr.RdataName(data, at)
		if name.IsZero() {
			break
		}
		p.name(name.Wire())
		at += name.Len()
	}
	p.msg = append(p.msg, data[at:]...)
}

// compressible says where names stand in rdata that may be compressed: those of
// the types that RFC 1035 defines, and of no later one (RFC 3597 section 4).
func compressible(t rr.Type) (prefix, names int) {
	switch t {
	case rr.TypeNS, rr.TypeCNAME, rr.TypePTR, rr.TypeMB, rr.TypeMD, rr.TypeMF, rr.TypeMG, rr.TypeMR:
		return 0, 1
	case rr.TypeSOA, rr.TypeMINFO:
		return 0, 2
	case rr.TypeMX:
		return 2, 1
	}
	return 0, 0
}
