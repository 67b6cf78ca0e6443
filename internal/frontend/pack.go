package frontend

import (
	"encoding/binary"

	"github.com/namelet/namelet/internal/resolve"
	"github.com/namelet/namelet/rr"
)

// packer turns responses into messages. It is used again for each.
type packer struct {
	msg     []byte
	names   compressor
	learned bool // names knows the qname
	asked   int  // length of the qname in wire form, 0 where there is no question
}

// pack writes the response to q into the memory of dst, which should have room
// for limit octets and one name, and returns the message: at most limit octets,
// at least 512. truncated says that TC is set.
//
// An RRset goes in whole or not at all. Where one of the answer or the authority
// section does not fit, or one of the additional section that is required (RFC
// 9471 section 3), the message ends there and TC is set; other additional sets
// are left out silently (RFC 2181 section 9). The OPT record always fits.
func (p *packer) pack(dst []byte, q *query, rcode rr.RCode, resp *resolve.Response, limit int) (msg []byte, truncated bool) {
	p.begin(dst, q)
	room := limit
	if q.edns.present {
		room -= optFixedLen
	}
	tsig := tsigRefusal(q)
	if len(p.msg)+len(tsig) > room {
		tsig = nil
	}
	room -= len(tsig)

	var counts [3]int
	var whole bool
	required := min(resp.RequiredAdditional, len(resp.Additional))
	counts[0], whole = p.sets(resp.Answer.Answer, room)
	if whole {
		counts[1], whole = p.sets(resp.Authority, room)
	}
	if whole {
		counts[2], whole = p.sets(resp.Additional[:required], room)
	}
	if whole {
		counts[2] += p.optionalSets(resp.Additional[required:], room)
	}
	if q.edns.present {
		p.msg = appendOPT(p.msg, q, rcode, resp.Errors, limit-len(tsig))
		counts[2]++
	}
	if tsig != nil {
		p.msg = append(p.msg, tsig...)
		counts[2]++
	}
	p.finish(q, rcode, resp.Authoritative, !whole, counts)
	return p.msg, !whole
}

// begin lays down the header, which finish completes, and the question, octet
// for octet as it was sent.
func (p *packer) begin(dst []byte, q *query) {
	p.names.reset()
	p.learned = false
	p.asked = max(len(q.question)-4, 0)
	p.msg = append(dst[:0], make([]byte, headerLen)...)
	p.msg = append(p.msg, q.question...)
}

// finish completes the header. RD is copied. RA and AD stay clear; CD is cleared
// too, as an authoritative server should (RFC 4035 section 3.1.6). The opcode is
// copied, the code's upper bits are in the OPT record.
func (p *packer) finish(q *query, rcode rr.RCode, authoritative, truncated bool, counts [3]int) {
	flags := flagQR | q.flags&(opcodeMask|flagRD)
	if authoritative {
		flags |= flagAA
	}
	if truncated {
		flags |= flagTC
	}
	if rcode > 15 && !q.edns.present {
		rcode = rr.RCodeServFail // no room to say more
	}
	binary.BigEndian.PutUint16(p.msg, q.id)
	binary.BigEndian.PutUint16(p.msg[2:], flags|uint16(rcode&0xf))
	if len(q.question) > 0 {
		p.msg[5] = 1
	}
	for i, n := range counts {
		binary.BigEndian.PutUint16(p.msg[6+2*i:], uint16(n))
	}
}

// sets appends sets until one does not fit into room octets and returns how many
// records went in, and whether all did.
func (p *packer) sets(sets []rr.Set, room int) (records int, whole bool) {
	for i := range sets {
		if !p.set(&sets[i], room) {
			return records, false
		}
		records += len(sets[i].Data)
	}
	return records, true
}

// optionalSets appends the sets that fit. The signatures of one that did not are
// left out too; a set whose signatures do not fit stays (RFC 4035 section
// 3.1.1).
func (p *packer) optionalSets(sets []rr.Set, room int) (records int) {
	dropped := false
	for i := range sets {
		s := &sets[i]
		if s.Type == rr.TypeRRSIG && dropped {
			continue
		}
		fits := p.set(s, room)
		if fits {
			records += len(s.Data)
		}
		if s.Type != rr.TypeRRSIG {
			dropped = !fits
		}
	}
	return records
}

// set appends the records of one RRset, or none where they do not all fit into
// room octets.
func (p *packer) set(s *rr.Set, room int) bool {
	if s.Name.IsZero() {
		panic("frontend: an RRset has no owner name")
	}
	start, mark := len(p.msg), p.names.used
	for i, data := range s.Data {
		if i > 0 && start < pointerLimit {
			p.repeatOwner(start)
		} else {
			p.name(s.Name.Wire())
		}
		if !p.record(s, data, room) {
			p.msg = p.msg[:start]
			p.names.rollback(mark)
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
// message still fits into room octets.
func (p *packer) record(s *rr.Set, data rr.Rdata, room int) bool {
	prefix, names := compressible(s.Type)
	if names == 0 && len(p.msg)+10+len(data) > room {
		return false
	}
	t, ttl := uint16(s.Type), s.TTL
	p.msg = append(p.msg, byte(t>>8), byte(t), 0, byte(rr.ClassIN),
		byte(ttl>>24), byte(ttl>>16), byte(ttl>>8), byte(ttl), 0, 0)
	start := len(p.msg)
	p.rdata(data, prefix, names)
	binary.BigEndian.PutUint16(p.msg[start-2:], uint16(len(p.msg)-start))
	return len(p.msg) <= room
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
