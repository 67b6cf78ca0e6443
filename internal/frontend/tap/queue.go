package tap

import (
	"math/rand/v2"
	"net/netip"
	"sync"
	"sync/atomic"
	"time"

	"github.com/namelet/namelet/hostabi"
)

// Exchange is a query with its response. What its slices hold is good until Take
// returns.
type Exchange struct {
	Client    netip.AddrPort // who asked, whom a proxy may have named; port 0 where it is not known
	Server    netip.AddrPort // that was asked; the zero AddrPort where it is not known
	Transport hostabi.Transport
	Query     []byte // the message as it came, without the header of a proxy
	Response  []byte // the message as it goes out; empty where none does
	Arrived   time.Time
	Answered  time.Time
}

// Tap is told of exchanges.
type Tap interface {
	// Take copies what it wants of x, and does not wait.
	Take(x *Exchange)
}

// All is a Tap of several.
type All []Tap

// Take implements Tap.
func (all All) Take(x *Exchange) {
	for _, t := range all {
		t.Take(x)
	}
}

const (
	queueMost  = 8192     // exchanges that wait
	queueBytes = 16 << 20 // octets of their messages
	keepBytes  = 4096     // more memory than that is not kept for the next exchange
)

// Queue holds copies of exchanges for who empties it: a bounded number of them and of
// their octets.
type Queue struct {
	wants func(query []byte) bool
	full  chan *record
	bytes atomic.Int64
	pool  sync.Pool

	taken, dropped atomic.Uint64
}

// record is an exchange with memory of its own.
type record struct {
	Exchange
	memory []byte
}

// newQueue makes a queue that takes the exchanges whose query is wanted.
func newQueue(wants func(query []byte) bool) *Queue {
	return &Queue{wants: wants, full: make(chan *record, queueMost)}
}

// drawn decides by chance whether an exchange is in a sample of one of so many; of 0
// none is.
func drawn(sample uint32) bool {
	return sample == 1 || sample > 1 && rand.Uint32N(sample) == 0
}

// Take implements Tap.
func (q *Queue) Take(x *Exchange) {
	if !q.wants(x.Query) {
		return
	}
	if len(q.full) == cap(q.full) { // spare the copy
		q.dropped.Add(1)
		return
	}
	size := int64(len(x.Query) + len(x.Response))
	if q.bytes.Add(size) > queueBytes {
		q.bytes.Add(-size)
		q.dropped.Add(1)
		return
	}
	r, _ := q.pool.Get().(*record)
	if r == nil {
		r = new(record)
	}
	r.Exchange = *x
	r.memory = append(append(r.memory[:0], x.Query...), x.Response...)
	r.Query, r.Response = r.memory[:len(x.Query)], r.memory[len(x.Query):]
	select {
	case q.full <- r:
		q.taken.Add(1)
	default:
		q.dropped.Add(1)
		q.done(r)
	}
}

// done gives a record back that was taken out.
func (q *Queue) done(r *record) {
	q.bytes.Add(-int64(len(r.memory)))
	if cap(r.memory) > keepBytes {
		r.memory = nil
	}
	q.pool.Put(r)
}

// Stats is what became of the exchanges that were wanted.
type Stats struct {
	Taken     uint64 // put into the queue
	Dropped   uint64 // for which there was no room in it
	Lost      uint64 // taken, and lost with a connection or a file
	Waiting   int    // taken, and not there yet
	Connected bool   // to where they go; of a Dnstap
}

func (q *Queue) stats() Stats {
	return Stats{Taken: q.taken.Load(), Dropped: q.dropped.Load(), Waiting: len(q.full)}
}
