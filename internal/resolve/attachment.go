package resolve

import (
	"context"
	"errors"
	"fmt"
	"iter"
	"maps"
	"sync/atomic"

	"github.com/namelet/namelet/hostabi"
	"github.com/namelet/namelet/internal/authority"
	"github.com/namelet/namelet/internal/throttle"
	"github.com/namelet/namelet/rr"
	"github.com/namelet/namelet/runtime"
)

// Guest makes instances of one generation of a guest: a version with its
// configuration and limits. It is safe for concurrent use.
type Guest interface {
	NewInstance(ctx context.Context) (Instance, error)
}

// Instance answers one question at a time; it belongs to one goroutine.
//
// Answer fills a, which has what the call burnt also where it failed; fuel is
// what it may burn at most. The error is a *runtime.Fault, after which the
// instance is as good as new, as it is after Reset. Idle is a time for maintenance, with a budget of its
// own; MemoryBytes is what the guest holds, BesideBytes what the host holds for it. Trace and Lookups are what the last
// call asked for, good until the next. *runtime.Instance is one.
type Instance interface {
	Answer(q *hostabi.Question, fuel uint64, h runtime.Host, a *runtime.Answer) error
	Idle(reason hostabi.IdleReason, fuel uint64, sink runtime.Sink) error
	Reset()
	MemoryBytes() int
	BesideBytes() int
	Trace() []runtime.Event
	Lookups() []runtime.Lookup
	Close(ctx context.Context) error
}

// Scope says which names below a zone apex an attachment covers.
type Scope uint8

const (
	ScopeSubtree Scope = iota // the attachment point and every name below it
	ScopeName                 // the attachment point alone
)

// String names the scope as the store does.
func (s Scope) String() string {
	if s == ScopeName {
		return "name"
	}
	return "subtree"
}

// Fallback says what is answered where a guest fails.
type Fallback uint8

const (
	FallbackStatic   Fallback = iota // what the zone's own data say
	FallbackServFail                 // SERVFAIL
	FallbackLastGood                 // what the Beside's LastGood says; as FallbackStatic where that fails too or there is none
)

// Attachment lets a guest decide the answers of a zone, a subtree or a name.
// Attachments are immutable once they are part of a Routing; Workers keep
// instances by the Attachment's address, so a changed one is a new one.
type Attachment struct {
	Zone     rr.Name   // apex of the zone it belongs to
	At       rr.Name   // attachment point: the apex or a name below it
	Scope    Scope     // what below At it covers
	Guest    Guest     // who answers
	Code     *Code     // that its instances need; nil where it is always there
	Label    string    // the guest's name and version, for logs and metrics
	Grants   []rr.Name // apexes of the zones it may read beside its own
	Fuel     uint64    // units a query, over all of a query's hops
	Memory   int       // bytes that an instance may have
	Fallback Fallback

	// FuelPerSecond is how many units all its queries in this process may burn in
	// a second; 0 for no such limit.
	FuelPerSecond uint64

	// Concurrency is how many calls of the guest this process makes at the same
	// time; 0 for no limit but the number of Workers.
	Concurrency int

	Stats   Stats   // what its guest did
	Metrics Metrics // what its guest counts

	discarded atomic.Bool // no Worker needs an instance any more

	purity  purity
	reserve reserve
	budget  budget
	breaker breaker

	// What its instances take; see memory.
	instances atomic.Int64
	bytes     atomic.Int64
	weight    atomic.Int64  // of the last one that was made; 0 where none was
	evicted   atomic.Uint64 // to make room

	running  atomic.Int64 // calls, where Concurrency bounds them
	failures throttle.Throttle

	lines             noteGate // to the log
	notes, faultNotes noteGate // to the journal

	reused atomic.Pointer[Reused]
}

// Routing is what a query is resolved against: the zones and the attachments,
// pinned together by one load of a pointer. It is immutable.
type Routing struct {
	zones       *authority.Zones
	attachments *coverage // shared by all that WithZones derives
	generation  uint64    // set by SetRouting, before anybody else sees the Routing
}

// coverage finds an attachment by zone apex and attachment point.
type coverage struct {
	zones  map[rr.Key]*points
	beside map[*Attachment]*Beside

	shadows bool                 // any is beside an attachment
	rests   map[*Attachment]bool // what is beside one, and answers only where that is withdrawn
}

func newCoverage() *coverage {
	return &coverage{zones: map[rr.Key]*points{}, beside: map[*Attachment]*Beside{}, rests: map[*Attachment]bool{}}
}

// points are the attachments of one zone, by attachment point.
type points struct {
	at   map[rr.Key]*point
	apex *point // where it is the only one
}

type point struct {
	name    *Attachment
	subtree *Attachment
}

// ErrAttachment is the error of an attachment that contradicts its zone or
// another attachment.
var ErrAttachment = errors.New("resolve: bad attachment")

// NewRouting makes a Routing. Attachments that cannot stand are left out, each
// with an error that wraps ErrAttachment and names it: its point lies outside its
// zone, the zone is not there or is signed, or another has its point and scope. What
// is beside an attachment goes with it.
func NewRouting(zones *authority.Zones, attachments []*Attachment, beside ...Beside) (*Routing, []error) {
	r := &Routing{zones: zones, attachments: newCoverage()}
	var errs []error
	for _, a := range attachments {
		if err := r.add(a); err != nil {
			errs = append(errs, err)
		}
	}
	for i := range beside {
		if b := &beside[i]; r.attachments.has(b.Of) {
			r.attachments.beside[b.Of] = b
			if b.LastGood != nil && b.reserve() == nil {
				r.attachments.rests[b.LastGood] = true
			}
			r.attachments.shadows = r.attachments.shadows || b.shadow()
		}
	}
	return r, errs
}

func (r *Routing) add(a *Attachment) error {
	zone := r.zones.Get(a.Zone)
	switch {
	case zone == nil:
		return fmt.Errorf("%w: %v at %v: zone %v is not served", ErrAttachment, a.Label, a.At, a.Zone)
	case zone.Snapshot != nil && zone.Snapshot.Signed():
		return fmt.Errorf("%w: %v at %v: zone %v is signed, and a guest's answers would have no signatures", ErrAttachment, a.Label, a.At, a.Zone)
	case !a.At.IsSubdomainOf(a.Zone):
		return fmt.Errorf("%w: %v: %v lies outside zone %v", ErrAttachment, a.Label, a.At, a.Zone)
	}
	all := r.attachments.zones
	of := all[a.Zone.Key()]
	if of == nil {
		of = &points{at: map[rr.Key]*point{}}
		all[a.Zone.Key()] = of
	}
	p := of.at[a.At.Key()]
	if p == nil {
		p = &point{}
		of.at[a.At.Key()] = p
	}
	if of.apex = of.at[a.Zone.Key()]; len(of.at) > 1 {
		of.apex = nil
	}
	slot := &p.subtree
	if a.Scope == ScopeName {
		slot = &p.name
	}
	if *slot != nil {
		return fmt.Errorf("%w: %v and %v are both attached at %v", ErrAttachment, (*slot).Label, a.Label, a.At)
	}
	*slot = a
	return nil
}

// Attachments yields the attachments in no order, and what is beside them.
func (r *Routing) Attachments() iter.Seq[*Attachment] {
	return func(yield func(*Attachment) bool) {
		for _, of := range r.attachments.zones {
			for _, p := range of.at {
				if !r.yield(p.name, yield) || !r.yield(p.subtree, yield) {
					return
				}
			}
		}
	}
}

// yield yields an attachment, unless it is nil, and what is beside it.
func (r *Routing) yield(a *Attachment, yield func(*Attachment) bool) bool {
	if a == nil {
		return true
	}
	if !yield(a) {
		return false
	}
	b := r.attachments.beside[a]
	return b == nil || (b.LastGood == nil || yield(b.LastGood)) && (b.Candidate == nil || yield(b.Candidate))
}

// sameAttachments reports whether the two share their attachments, as those do
// that [Routing.WithZones] derives.
func (r *Routing) sameAttachments(o *Routing) bool { return r.attachments == o.attachments }

// equal reports whether the two have the same attachments, and what is beside them has
// the same answers sent.
func (c *coverage) equal(o *coverage) bool {
	return c.besideAs(o) && o.besideAs(c) && maps.EqualFunc(c.zones, o.zones, func(p, q *points) bool {
		return maps.EqualFunc(p.at, q.at, func(a, b *point) bool { return *a == *b })
	})
}

func (c *coverage) besideAs(o *coverage) bool {
	for of, b := range c.beside {
		if !b.same(o.beside[of]) {
			return false
		}
	}
	return true
}

// has reports whether an attachment is one of them, or beside one.
func (c *coverage) has(a *Attachment) bool {
	if of := c.zones[a.Zone.Key()]; of != nil {
		if p := of.at[a.At.Key()]; p != nil && (p.name == a || p.subtree == a) {
			return true
		}
	}
	for _, b := range c.beside {
		if b.LastGood == a || b.Candidate == a {
			return true
		}
	}
	return false
}

// WithZones returns the same attachments over other zones: what a change of
// records leads to.
func (r *Routing) WithZones(zones *authority.Zones) *Routing {
	return &Routing{zones: zones, attachments: r.attachments}
}

// Zones returns the zones that the routing serves.
func (r *Routing) Zones() *authority.Zones { return r.zones }

// find returns the most specific attachment that covers name in the zone with
// the given apex: one to the name itself, else the closest subtree.
func (r *Routing) find(apex, name rr.Name) *Attachment {
	all := r.attachments.zones
	if len(all) == 0 {
		return nil
	}
	var buf [2 * rr.MaxNameLen]byte
	of := all[rr.Key(apex.AppendKey(buf[:0]))]
	if of == nil {
		return nil
	}
	if p := of.apex; p != nil {
		if p.name != nil && name.Len() == apex.Len() {
			return p.name
		}
		return p.subtree
	}
	key := name.AppendKey(buf[:0])
	if p := of.at[rr.Key(key)]; p != nil && p.name != nil {
		return p.name
	}
	for {
		if p := of.at[rr.Key(key)]; p != nil && p.subtree != nil {
			return p.subtree
		}
		if len(key) == 0 {
			return nil
		}
		key = parentKey(key)
	}
}

// parentKey cuts the last label off a canonical key. A label ends in the octet
// 0, which stands nowhere else in a key.
func parentKey(key []byte) []byte {
	for i := len(key) - 2; i >= 0; i-- {
		if key[i] == 0 {
			return key[:i+1]
		}
	}
	return key[:0]
}
