package frontend

import (
	"net/netip"
	"time"

	"github.com/namelet/namelet/internal/frontend/cookie"
	"github.com/namelet/namelet/internal/frontend/subnet"
	"github.com/namelet/namelet/internal/resolve"
)

// maxOwed is how many octets the options can have that a response owes its client.
const maxOwed = cookie.ResponseLen + subnet.ResponseLen + 4 + MaxNSID

// sender is who sent a query, and the options that the response owes it.
type sender struct {
	addr    netip.Addr
	cookie  cookie.Verdict
	subnet  netip.Prefix // of the client subnet option, where that counts and names one
	scopeAt uint8        // where in owed the scope of that option is; 0 for nowhere
	length  uint8        // of owed
	owed    [maxOwed]byte
}

// options returns the options that the response owes its client.
func (s *sender) options() []byte { return s.owed[:s.length] }

// client returns the sender as far as an answer may depend on it.
func (q *query) client(r *responder) resolve.Client {
	s := &q.sender
	return resolve.Client{Addr: s.addr, Subnet: s.subnet, Transport: r.transport, Seed: q.seed}
}

// meet notes who sent a query that has been parsed, at the time now. Options of
// an EDNS version that is not known have no meaning.
func (p *policy) meet(q *query, addr netip.Addr, now time.Time) {
	s, o := &q.sender, &q.edns.options
	s.addr = addr
	if o.cookie == nil && o.subnet == nil && !o.nsid || q.edns.version > 0 {
		return
	}
	b := s.owed[:0]
	if o.cookie != nil {
		unix := now.Unix()
		s.cookie = p.Cookies.Check(o.cookie, addr, unix)
		b = p.Cookies.Append(b, o.cookie, s.cookie, addr, unix)
	}
	if o.subnet != nil && p.believes(addr) {
		if prefix, ok := subnet.Prefix(o.subnet); ok {
			s.subnet = prefix
			s.scopeAt = uint8(len(b) + subnet.ScopeAt)
		}
		b = subnet.Append(b, o.subnet, 0)
	}
	if o.nsid {
		b = append(b, p.nsid...)
	}
	s.length = uint8(len(b))
}

// setScope says how many bits of an address of either family the response depends
// on (RFC 7871 section 7.2.1).
func (q *query) setScope(bits4, bits6 uint8) {
	if at := q.sender.scopeAt; at > 0 {
		q.sender.owed[at] = subnet.Scope(q.edns.options.subnet, bits4, bits6)
	}
}
