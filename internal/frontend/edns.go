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

// extras are the options of a response's OPT record.
type extras struct {
	own    []byte // what this client is owed; room is kept for it
	errors []byte // extended errors, as appendErrors writes them: sent as far as they fit
}

// appendOPT appends the OPT record of a response (RFC 6891 section 6.1.3): our
// own UDP size, version 0, the upper bits of the code, DO as it was sent (RFC
// 3225 section 3), and the options. The message may have limit octets with it, and
// has room for the record without extended errors.
func appendOPT(msg []byte, q *query, rcode rr.RCode, x extras, limit int) []byte {
	flags := byte(0)
	if q.edns.do {
		flags = 0x80
	}
	msg = append(msg, 0, 0, byte(rr.TypeOPT), announcedSize>>8, announcedSize&0xff,
		byte(rcode>>4), 0, flags, 0, 0, 0)
	start := len(msg)
	msg = append(msg, x.own...)
	for errors := x.errors; len(errors) > 0; {
		n := 4 + int(binary.BigEndian.Uint16(errors[2:]))
		msg = appendFitting(msg, errors[:n], limit)
		errors = errors[n:]
	}
	binary.BigEndian.PutUint16(msg[start-2:], uint16(len(msg)-start))
	return msg
}

// errorFixedLen is the length of an extended error without its text.
const errorFixedLen = 6

// appendErrors appends extended errors as options.
func appendErrors(dst []byte, errors []resolve.ExtendedError) []byte {
	for _, e := range errors[:min(len(errors), maxExtendedErrors)] {
		text := cutText(e.Text, maxErrorText)
		dst = binary.BigEndian.AppendUint16(dst, optionExtendedError)
		dst = binary.BigEndian.AppendUint16(dst, uint16(2+len(text)))
		dst = binary.BigEndian.AppendUint16(dst, e.Code)
		dst = append(dst, text...)
	}
	return dst
}

// appendFitting appends an extended error where it fits: without its text if need
// be, since the text may be left out (RFC 8914 section 2) and the code says the
// same to programs.
func appendFitting(msg, option []byte, limit int) []byte {
	if len(msg)+len(option) <= limit {
		return append(msg, option...)
	}
	if len(msg)+errorFixedLen > limit {
		return msg
	}
	return append(msg, option[0], option[1], 0, 2, option[4], option[5])
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
