package frontend

import (
	"net/netip"
	"time"
)

const (
	// laterMost is how many questions of one worker can wait to be computed.
	laterMost = 256

	// laterRoom is how long a message can be that waits, in octets: nearly all are
	// shorter. A longer one is answered at once.
	laterRoom = 512

	// laterTime is how long a worker computes before it looks for what has arrived
	// in the meantime.
	laterTime = 100 * time.Microsecond

	// laterShifts is how often that time is halved at most.
	laterShifts = 4
)

// later holds questions that have not been answered because others arrived faster
// than answers can be computed. Where too many wait the oldest is shed: its client
// is the likeliest to have given up. So what is kept goes on to be given again,
// whatever flood of other names there is.
type later struct {
	waiting [laterMost]postponed
	first   int
	count   int
}

// postponed is one message with all that is needed to answer it.
type postponed struct {
	peer   peer
	client netip.Addr
	length int
	octets [laterRoom]byte
}

func (p *postponed) message() []byte { return p.octets[:p.length] }

// push adds a message, and reports whether one had to be shed for it.
func (l *later) push(from peer, client netip.Addr, msg []byte) (shed bool) {
	if shed = l.count == laterMost; shed {
		l.pop()
	}
	p := &l.waiting[(l.first+l.count)%laterMost]
	p.peer, p.client, p.length = from, client, copy(p.octets[:], msg)
	l.count++
	return shed
}

// pop returns the oldest message, good until the next push.
func (l *later) pop() *postponed {
	p := &l.waiting[l.first]
	l.first = (l.first + 1) % laterMost
	l.count--
	return p
}
