package frontend

import (
	"encoding/binary"
	"unicode/utf8"

	"github.com/namelet/namelet/internal/resolve"
	"github.com/namelet/namelet/rr"
)

const (
	// announcedSize is the largest UDP query, in octets, that clients are asked
	// to send: one that is not fragmented on the way.
	announcedSize = defaultMaxUDPSize

	optionExtendedError = 15  // RFC 8914 section 2
	maxExtendedErrors   = 4   // sent of one response
	maxErrorText        = 120 // octets sent of one extended error's text
)

// appendOPT appends the OPT record of a response (RFC 6891 section 6.1.3): our
// own UDP size, version 0, the upper bits of the code, DO as it was sent (RFC
// 3225 section 3), and the extended errors that fit into limit octets. The
// message has room for the record without options.
func appendOPT(msg []byte, q *query, rcode rr.RCode, errors []resolve.ExtendedError, limit int) []byte {
	flags := byte(0)
	if q.edns.do {
		flags = 0x80
	}
	msg = append(msg, 0, 0, byte(rr.TypeOPT), announcedSize>>8, announcedSize&0xff,
		byte(rcode>>4), 0, flags, 0, 0, 0)
	start := len(msg)
	for _, e := range errors[:min(len(errors), maxExtendedErrors)] {
		msg = appendExtendedError(msg, e, limit)
	}
	binary.BigEndian.PutUint16(msg[start-2:], uint16(len(msg)-start))
	return msg
}

// appendExtendedError appends an extended error where it fits: without its text
// if need be, since the text may be left out (RFC 8914 section 2) and the code
// says the same to programs.
func appendExtendedError(msg []byte, e resolve.ExtendedError, limit int) []byte {
	text := cutText(e.Text, maxErrorText)
	if len(msg)+6+len(text) > limit {
		text = ""
	}
	if len(msg)+6 > limit {
		return msg
	}
	msg = binary.BigEndian.AppendUint16(msg, optionExtendedError)
	msg = binary.BigEndian.AppendUint16(msg, uint16(2+len(text)))
	msg = binary.BigEndian.AppendUint16(msg, e.Code)
	return append(msg, text...)
}

// cutText returns at most n octets of text, and no part of a character.
func cutText(text string, n int) string {
	if len(text) <= n {
		return text
	}
	for n > 0 && !utf8.RuneStart(text[n]) {
		n--
	}
	return text[:n]
}
