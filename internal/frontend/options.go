package frontend

import (
	"encoding/binary"

	"github.com/namelet/namelet/internal/frontend/cookie"
	"github.com/namelet/namelet/internal/frontend/subnet"
)

// Options of EDNS that are read here.
const (
	optionNSID      = 3  // RFC 5001 section 2.3
	optionKeepalive = 11 // RFC 7828 section 3.1
	optionPadding   = 12 // RFC 7830 section 3
)

// ednsOptions are the options of an OPT record that count. The slices share the
// message's memory.
type ednsOptions struct {
	nsid      bool
	keepalive bool
	padding   bool
	malformed bool   // one of those below contradicts its specification
	cookie    []byte // well formed, or nil where there is none
	subnet    []byte // well formed, or nil where there is none
}

// parse reads the rdata of an OPT record. It is not ok where an option is cut
// off. Options that are not known are ignored (RFC 6891 section 6.1.2). Of an
// option that is there twice the first counts (RFC 7873 section 5.2).
func (o *ednsOptions) parse(b []byte) (ok bool) {
	for len(b) > 0 {
		if len(b) < 4 {
			return false
		}
		n := 4 + int(binary.BigEndian.Uint16(b[2:]))
		if n > len(b) {
			return false
		}
		o.option(binary.BigEndian.Uint16(b), b[4:n:n])
		b = b[n:]
	}
	return true
}

func (o *ednsOptions) option(code uint16, data []byte) {
	switch code {
	case optionNSID:
		o.nsid = true
	case optionKeepalive:
		o.keepalive = true
	case optionPadding:
		o.padding = true
	case cookie.Code:
		if !cookie.Valid(data) {
			o.malformed = true
		} else if o.cookie == nil {
			o.cookie = data
		}
	case subnet.Code:
		if !subnet.Valid(data) {
			o.malformed = true
		} else if o.subnet == nil {
			o.subnet = data
		}
	}
}
