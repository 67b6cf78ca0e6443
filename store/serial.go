package store

import (
	"encoding/binary"
	"time"

	"github.com/namelet/namelet/rr"
)

// soaKey is the set's key of a zone's SOA.
var soaKey = setKey("", rr.TypeSOA, 0)

// serialHigher reports whether b comes after a (RFC 1982 section 3.2). Of two
// serials that are 2^31 apart neither does.
func serialHigher(a, b uint32) bool { return a != b && b-a < 1<<31 }

// nextSerial is one higher. Zero is passed over: some secondaries take it for
// no serial.
func nextSerial(serial uint32) uint32 {
	serial++
	if serial == 0 {
		return 1
	}
	return serial
}

// next is the serial that a change at a time gives a zone: what the style makes of
// the time, or where that is not higher, one more. So it never goes back, whatever
// the clock does, and passes a day of more than a hundred changes.
func (s SerialStyle) next(serial uint32, now time.Time) uint32 {
	asked := uint32(0)
	switch s {
	case SerialDate:
		if y, m, d := now.UTC().Date(); y >= 1970 && y < 4294 { // what has ten digits below 2^32
			asked = uint32(y)*1e6 + uint32(m)*1e4 + uint32(d)*1e2
		}
	case SerialUnix:
		asked = uint32(now.Unix()) // modulo 2^32, as RFC 1982 reckons
	}
	if asked != 0 && serialHigher(serial, asked) {
		return asked
	}
	return nextSerial(serial)
}

// serialOffset finds the serial in an SOA's rdata: behind two names.
func serialOffset(soa rr.Rdata) (int, bool) {
	at := 0
	for range 2 {
		n := rr.RdataName(soa, at)
		if n.IsZero() {
			return 0, false
		}
		at += n.Len()
	}
	return at, len(soa) == at+20
}

func soaSerial(soa rr.Rdata) (uint32, bool) {
	at, ok := serialOffset(soa)
	if !ok {
		return 0, false
	}
	return binary.BigEndian.Uint32([]byte(soa[at : at+4])), true
}

// withSerial returns the SOA with another serial.
func withSerial(soa rr.Rdata, serial uint32) (rr.Rdata, bool) {
	at, ok := serialOffset(soa)
	if !ok {
		return "", false
	}
	b := []byte(soa)
	binary.BigEndian.PutUint32(b[at:], serial)
	return rr.Rdata(b), true
}
