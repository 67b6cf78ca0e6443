package resolve

import (
	"math/bits"

	"github.com/namelet/namelet/internal/authority"
	"github.com/namelet/namelet/rr"
	"github.com/namelet/namelet/runtime"
)

// Trace says what a response depends on beside the question, so that it can be
// given again: under the same routing, where every input has the value that it
// had, and for as long as no dependency has changed.
type Trace struct {
	Cacheable bool    // the response may be given again at all
	Routing   uint64  // the generation that it was made under; see Resolver.Generation
	Inputs    []Input // what the query's guests asked, in order, each once but picks
	Deps      []Dep   // what of the zones' data was used; good until the Response is used again
	Known     bool    // the zone's own data hold the name and type: no guest or wildcard made it up
	Zone      rr.Name // apex of the first zone on the way; the zero Name where none is served
	ScopeV4   uint8   // the most bits of an IPv4 client that were asked for
	ScopeV6   uint8   // the same for IPv6
	Asked     string  // label of the first guest that was to answer, whether it did or not; empty where none was
	Guest     *Reused // of the first guest on the way, which decided the answer; nil where none did
	Class     Class   // of the first zone on the way, or of a later one that a guest is to answer for
}

// Class is what kind of zone a question comes to.
type Class uint8

// The classes, from the one that gives way to the one that stands.
const (
	ClassNone   Class = iota // no zone that is served
	ClassStatic              // one that is answered from its records
	ClassLookup              // one whose records are read from the store when they are asked for
	ClassGuest               // where a guest is attached that covers the question, its fallback included
	Classes
)

var classText = [Classes]string{"none", "static", "lookup", "guest"}

// String names the class, as in metrics.
func (c Class) String() string { return classText[c] }

// Input is one input that a guest asked for, with its grain and its value. It is
// never a lookup: those are in the Deps. The k-th pick among Inputs is the k-th
// of the query.
type Input = runtime.Event

// InputKind says which input an Input is.
type InputKind = runtime.EventKind

// The kinds of inputs.
const (
	InputClient    = runtime.EventClient
	InputNow       = runtime.EventNow
	InputBefore    = runtime.EventBefore
	InputPick      = runtime.EventPick
	InputTransport = runtime.EventTransport
	InputSite      = runtime.EventSite

	// InputSource is InputClient where the client is who sent the question, whatever
	// client subnet it came with.
	InputSource InputKind = 0xff
)

// Dep is what an answer depends on in one zone.
type Dep = authority.Dep

func (t *Trace) reset() {
	clear(t.Inputs)
	*t = Trace{Inputs: t.Inputs[:0]}
}

// add appends what one guest asked for. direct says that the client was the sender
// of the question.
func (t *Trace) add(events []runtime.Event, direct bool) {
	for i := range events {
		e := events[i]
		switch {
		case e.Kind == runtime.EventLookup:
			continue
		case e.Kind == InputClient && direct:
			e.Kind = InputSource
		case e.Kind == InputClient:
			t.ScopeV4, t.ScopeV6 = max(t.ScopeV4, e.V4), max(t.ScopeV6, e.V6)
		}
		if e.Kind == InputPick || !t.has(&e) {
			t.Inputs = append(t.Inputs, e)
		}
	}
}

// has reports whether an earlier guest of the query asked for the same. Its value
// was the same, too.
func (t *Trace) has(e *Input) bool {
	for i := range t.Inputs {
		if in := &t.Inputs[i]; in.Kind == e.Kind && in.V4 == e.V4 && in.V6 == e.V6 && in.Arg == e.Arg {
			return true
		}
	}
	return false
}

// Draw gives the k-th pick of a query, from 0 to n-1, from the query's seed. So
// whoever looks for a kept answer draws as the guest would.
func Draw(seed uint64, k, n int) int {
	// SplitMix64 at its (k+1)-th step.
	z := seed + uint64(k+1)*0x9e3779b97f4a7c15
	z = (z ^ z>>30) * 0xbf58476d1ce4e5b9
	z = (z ^ z>>27) * 0x94d049bb133111eb
	hi, _ := bits.Mul64(z^z>>31, uint64(n))
	return int(hi)
}
