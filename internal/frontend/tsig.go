package frontend

import (
	"encoding/binary"

	"github.com/namelet/namelet/rr"
)

// tsigBadKey is the TSIG error of a key that the server does not know (RFC 8945
// section 3).
const tsigBadKey = 17

// tsigRefusal returns the record that goes at the end of the response to a
// signed query: unsigned itself, and saying that the key is not known (RFC 8945
// section 5.2.1). Namelet has no keys yet, so that is every key. It is nil for
// an unsigned query.
func tsigRefusal(q *query) []byte {
	if q.tsig == nil {
		return nil
	}
	key, err := rr.ParseName(q.tsig.Hdr.Name)
	if err != nil {
		return nil
	}
	algorithm, err := rr.ParseName(q.tsig.Algorithm)
	if err != nil {
		return nil
	}
	b := key.AppendWire(nil)
	b = binary.BigEndian.AppendUint16(b, uint16(rr.TypeTSIG))
	b = binary.BigEndian.AppendUint16(b, uint16(rr.ClassANY))
	b = binary.BigEndian.AppendUint32(b, 0) // TTL
	b = binary.BigEndian.AppendUint16(b, uint16(algorithm.Len()+16))
	b = algorithm.AppendWire(b)
	b = binary.BigEndian.AppendUint16(b, uint16(q.tsig.TimeSigned>>32))
	b = binary.BigEndian.AppendUint32(b, uint32(q.tsig.TimeSigned))
	b = binary.BigEndian.AppendUint16(b, q.tsig.Fudge)
	b = binary.BigEndian.AppendUint16(b, 0) // no MAC
	b = binary.BigEndian.AppendUint16(b, q.id)
	b = binary.BigEndian.AppendUint16(b, tsigBadKey)
	return binary.BigEndian.AppendUint16(b, 0) // no other data
}
