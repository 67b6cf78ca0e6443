package runtime

import (
	"fmt"
	"net/netip"
)

// EventKind says which input an event is. The zero value is invalid.
type EventKind uint8

// The inputs.
const (
	EventLookup    EventKind = iota + 1 // Arg: index in Lookups of the call
	EventClient                         // V4, V6: the bits asked for; Prefix: what was given
	EventNow                            // Arg: grain in seconds; Value: seconds since 1970
	EventBefore                         // Arg: seconds since 1970; Value: 1 or 0
	EventPick                           // Arg: n; Value: the draw. The k-th of these events is the k-th pick
	EventTransport                      // Value: a hostabi.Transport
	EventSite                           // the host's own name, constant for the process
)

var eventNames = [...]string{"invalid", "lookup", "client", "now", "before", "pick", "transport", "site"}

// String gives the name of the import.
func (k EventKind) String() string {
	if int(k) < len(eventNames) {
		return eventNames[k]
	}
	return eventNames[0]
}

// Event is one input that a guest asked for, with its grain and the value it got. The events of a
// call stand in the order in which they were asked, and each input stands once (picks and lookups
// each time). An answer depends on the question and on these alone.
type Event struct {
	Kind   EventKind
	V4, V6 uint8
	Arg    int64
	Value  int64
	Prefix netip.Prefix
}

// Describe words an input: "lookup a.example. A", "client 24/56", "now 3600", "pick 10". lookups are those of
// the call.
func (e Event) Describe(lookups []Lookup) string {
	switch e.Kind {
	case EventLookup:
		l := lookups[e.Arg]
		return fmt.Sprintf("lookup %s %s", l.Name, l.Type)
	case EventClient:
		return fmt.Sprintf("client %d/%d", e.V4, e.V6)
	case EventNow, EventBefore, EventPick:
		return fmt.Sprintf("%s %d", e.Kind, e.Arg)
	}
	return e.Kind.String()
}

// same says whether e is the input that kind and the arguments name.
func (e *Event) same(kind EventKind, v4, v6 uint8, arg int64) bool {
	return e.Kind == kind && e.V4 == v4 && e.V6 == v6 && e.Arg == arg
}
