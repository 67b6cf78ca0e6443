package frontend

import (
	"encoding/binary"

	"github.com/miekg/dns"

	"github.com/namelet/namelet/rr"
)

// parseFull reads any message with one question, record by record through the
// full codec. False means FORMERR; q then holds what could be read before the
// fault, so that the response can echo it.
//
// Queries have no answer section, and an authority section in IXFR only, where
// it holds the client's SOA (RFC 1995 section 3). In the additional section
// records other than OPT and TSIG are read and ignored. That includes SIG(0):
// a server that has no keys treats the query as if it were not signed (RFC 2931
// section 3.3 asks for a check only where the server wants one).
func parseFull(msg []byte, q *query) bool {
	q.question, q.edns = nil, edns{}
	_, at, err := dns.UnpackDomainName(msg, headerLen)
	if err != nil || questionEnd(msg) != at+4 {
		return false
	}
	q.setQuestion(msg[headerLen : at+4])
	at += 4
	if binary.BigEndian.Uint16(msg[6:]) != 0 {
		return false
	}
	authority := int(binary.BigEndian.Uint16(msg[8:]))
	if authority > 0 && q.qtype != rr.TypeIXFR {
		return false
	}
	for ; authority > 0; authority-- {
		var record dns.RR
		if record, at = unpackRecord(msg, at); record == nil || rr.Type(record.Header().Rrtype).IsMeta() {
			return false
		}
	}
	at = q.parseAdditional(msg, at)
	return at == len(msg)
}

// parseUnasked reads a message without a question that can be answered, having none
// or several, for what its additional section says. It is not ok where the message is
// malformed or has other sections; q then holds what could be read before the fault.
func (q *query) parseUnasked(msg []byte) (ok bool) {
	at := headerLen
	for left := binary.BigEndian.Uint16(msg[4:]); left > 0; left-- {
		_, end, err := dns.UnpackDomainName(msg, at)
		if err != nil || end+4 > len(msg) {
			return false
		}
		at = end + 4
	}
	return binary.BigEndian.Uint32(msg[6:]) == 0 && q.parseAdditional(msg, at) == len(msg)
}

// parseAdditional reads the additional section that begins at octet at and
// returns where it ends; 0 on a fault.
func (q *query) parseAdditional(msg []byte, at int) int {
	for left := binary.BigEndian.Uint16(msg[10:]); left > 0; left-- {
		if recordType(msg, at) == rr.TypeOPT {
			n, ok := 0, false
			if !q.edns.present { // RFC 6891 section 6.1.1: one OPT at most
				n, ok = q.edns.parse(msg[at:])
			}
			if !ok {
				return 0
			}
			at += n
			continue
		}
		var record dns.RR
		if record, at = unpackRecord(msg, at); record == nil {
			return 0
		}
		if record.Header().Rrtype != dns.TypeTSIG {
			continue
		}
		tsig, ok := record.(*dns.TSIG)
		if !ok || left != 1 { // RFC 8945 section 5.1: TSIG is the last record
			return 0
		}
		q.tsig = tsig
	}
	return at
}

// recordType returns the type of the record at octet at, 0 where there is none.
func recordType(msg []byte, at int) rr.Type {
	_, at, err := dns.UnpackDomainName(msg, at)
	if err != nil || at+2 > len(msg) {
		return 0
	}
	return rr.Type(binary.BigEndian.Uint16(msg[at:]))
}

// unpackRecord reads the record at octet at and returns where it ends; nil where
// there is none or it is malformed. At the very end of a message the codec
// returns an empty record and no error, hence the look at the offset.
func unpackRecord(msg []byte, at int) (dns.RR, int) {
	record, end, err := dns.UnpackRR(msg, at)
	if err != nil || end <= at {
		return nil, 0
	}
	return record, end
}
