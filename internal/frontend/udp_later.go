package frontend

import (
	"net/netip"
	"time"
)

const (
	// laterMost is how many questions of one worker can wait to be computed: about a
	// tenth of a second's worth, so that a guest's first swap, after which every name
	// is computed once, sheds none. Memory is taken as they come.
	laterMost = 16384

	// laterRoom is how long a message can be that waits, in octets: nearly all are
	// shorter. A longer one is answered at once.
	laterRoom = 256

	// laterTime is how long a worker computes before it looks for what has arrived
	// in the meantime.
	laterTime = 100 * time.Microsecond

	// laterShifts is how often that time is halved at most.
	laterShifts = 4
)

// postponed is one message with all that is needed to answer it, which has not
// been done because others arrived faster than answers can be computed. Where too
// many wait the oldest is shed: its client is the likeliest to have given up. So
// what is kept goes on to be given again, whatever flood of other names there is.
type postponed struct {
	peer   peer
	from   [16]byte // the client's address; not a netip.Addr, whose pointer the collector would look for in each place
	named  uint16   // the client's port, where a proxy has named it
	length int
	read   time.Duration // when it was read, since the policy started; no time.Time, for the same reason
	octets [laterRoom]byte
}

func (p *postponed) message() []byte { return p.octets[:p.length] }

func (p *postponed) client() netip.Addr { return netip.AddrFrom16(p.from).Unmap() }

func (p *postponed) set(from peer, client netip.Addr, msg []byte, read time.Duration) {
	p.peer, p.from, p.length, p.read = from, client.As16(), copy(p.octets[:], msg), read
}
