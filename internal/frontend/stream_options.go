package frontend

import (
	"encoding/binary"
	"time"

	"github.com/namelet/namelet/hostabi"
	"github.com/namelet/namelet/rr"
)

// paddingBlock is what the length of a padded response is a multiple of, in
// octets (RFC 8467 section 4.1).
const paddingBlock = 468

// appendStreamOptions adds to a reply, which begins at octet begin of b and ends
// it, the options that belong to a connection and not to an answer: how long it may be silent,
// where the client asked for that (RFC 7828 section 3.3.2), and padding, where
// the client padded and the transport is encrypted (RFC 7830 section 4). HTTP has
// its own means to keep connections.
func (s *Server) appendStreamOptions(b []byte, begin int, q *query, transport hostabi.Transport) []byte {
	keepalive := q.edns.options.keepalive && transport != hostabi.TransportHTTPS
	padding := q.edns.options.padding && transport != hostabi.TransportTCP
	if !q.edns.present || !keepalive && !padding {
		return b
	}
	opt := lastOPT(b[begin:])
	if opt == 0 {
		return b
	}
	start := len(b)
	if keepalive && start+6 <= begin+maxMessage {
		b = append(b, 0, optionKeepalive, 0, 2)
		b = binary.BigEndian.AppendUint16(b, uint16(min(s.idleTime()/(100*time.Millisecond), 0xffff)))
	}
	if padding {
		b = appendPadding(b, len(b)-begin)
	}
	length := b[begin+opt+optFixedLen-2:]
	binary.BigEndian.PutUint16(length, binary.BigEndian.Uint16(length)+uint16(len(b)-start))
	return b
}

// appendPadding pads a message of n octets at the end of b, to the next block or
// as far as a message may go.
func appendPadding(b []byte, n int) []byte {
	const head = 4
	if n+head > maxMessage {
		return b
	}
	whole := min((n+head+paddingBlock-1)/paddingBlock*paddingBlock, maxMessage)
	b = append(b, 0, optionPadding)
	b = binary.BigEndian.AppendUint16(b, uint16(whole-n-head))
	return append(b, make([]byte, whole-n-head)...)
}

// lastOPT returns where the OPT record begins in a message that this package
// packed, and 0 where the last record is none: an option cannot be added then.
func lastOPT(msg []byte) int {
	at := headerLen
	if msg[5] == 1 {
		at = skipName(msg, at) + 4
	}
	last := 0
	for section := 6; section < headerLen; section += 2 {
		for range binary.BigEndian.Uint16(msg[section:]) {
			last = at
			at = skipName(msg, at)
			at += 10 + int(binary.BigEndian.Uint16(msg[at+8:]))
		}
	}
	if last == 0 || msg[last] != 0 || rr.Type(binary.BigEndian.Uint16(msg[last+1:])) != rr.TypeOPT {
		return 0
	}
	return last
}
