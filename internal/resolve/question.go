package resolve

import (
	"net/netip"

	"github.com/namelet/namelet/hostabi"
	"github.com/namelet/namelet/internal/authority"
)

// Client is where a question came from, as far as an answer may depend on it.
type Client struct {
	Addr      netip.Addr        // the source of the packet, or of the connection
	Subnet    netip.Prefix      // of the client subnet option, where that is honoured; the zero Prefix for Addr alone
	Transport hostabi.Transport // what it came by
	Seed      uint64            // of the draws, see [Draw]; 0 lets the Worker choose one
}

// Known returns as much of the client's address as is known and counts, in zones
// that honour the client subnet.
func (c Client) Known() netip.Prefix {
	if c.Subnet.IsValid() {
		return c.Subnet
	}
	return c.Source()
}

// Source returns the whole address that the question came from.
func (c Client) Source() netip.Prefix {
	addr := c.Addr.Unmap()
	return netip.PrefixFrom(addr, addr.BitLen())
}

// ExtendedError is an extended DNS error (RFC 8914): a code of its registry and
// text for people. The zero code with an empty text means none.
type ExtendedError struct {
	Code uint16
	Text string
}

// The codes that Namelet sends (RFC 8914 section 4).
const (
	ErrorOther        uint16 = 0
	ErrorNotReady     uint16 = 14
	ErrorProhibited   uint16 = 18
	ErrorNotAuthority uint16 = 20
	ErrorNotSupported uint16 = 21
	ErrorNetwork      uint16 = 23
	ErrorInvalidData  uint16 = 24
)

// Response is an answer with what goes beside it. The caller owns it and uses
// it again.
type Response struct {
	authority.Answer
	Errors []ExtendedError // sent only to clients that use EDNS
	Waits  bool            // nothing else counts: the answer may have to wait, so ask a slow Worker
	Loads  bool            // with Waits: for the code of a guest, not for the store
	Trace  Trace
}

// Reset empties the response and keeps its memory.
func (r *Response) Reset() {
	r.Answer.Reset()
	r.Errors = r.Errors[:0]
	r.Waits, r.Loads = false, false
	r.Trace.reset()
}
