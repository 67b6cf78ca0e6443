package runtime

import (
	"context"
	"time"
	"unsafe"

	"github.com/tetratelabs/wazero/api"

	"github.com/namelet/namelet/hostabi"
	"github.com/namelet/namelet/rr"
)

// call is the host's side of a call into an instance: what the guest may ask, and what it has asked.
// Each instance has one and uses it for all its calls. It is the context that the engine hands to
// host functions, so that a function finds its instance without a search and without an allocation.
type call struct {
	mem    *linearMemory
	fuel   api.MutableGlobal
	wasi   wasiState
	output outputLog
	limits Limits

	host  Host // nil when there is no query
	sink  Sink // never nil
	fault *Fault

	lookups     [hostabi.MaxLookups]Lookup // entries that reached the host; the index is the handle
	asked       int                        // how many of them
	lookupsUsed int                        // as counted against the limit: bad entries of lookup_many count
	picks       int
	inputs      int
	logLines    int
	events      []Event
	names       []byte // the names in lookups; never grows, since lookups alias it
}

// callKey is the key under which a call finds itself in a context.
type callKey struct{}

func newCall(mem *linearMemory, limits Limits) *call {
	return &call{
		mem:    mem,
		limits: limits,
		sink:   discard{},
		events: make([]Event, 0, hostabi.MaxLookups+hostabi.MaxPicks+hostabi.MaxInputs),
		names:  make([]byte, 0, hostabi.MaxLookups*hostabi.MaxName),
	}
}

// begin forgets the last call. host is nil where there is no query.
func (c *call) begin(host Host, sink Sink) {
	clear(c.lookups[:c.asked])
	c.asked, c.lookupsUsed, c.picks, c.inputs, c.logLines = 0, 0, 0, 0, 0
	c.events, c.names = c.events[:0], c.names[:0]
	c.host, c.sink, c.fault = host, sink, nil
	c.mem.refused = false
	c.output.reset()
}

// end lets go of the host, which belongs to the caller.
func (c *call) end() {
	c.output.flush(c)
	c.host, c.sink = nil, discard{}
}

// callOf finds the call that a host function was made in.
func callOf(ctx context.Context) *call {
	if c, ok := ctx.(*call); ok {
		return c
	}
	return ctx.Value(callKey{}).(*call)
}

// Deadline implements context.Context: there is none, fuel bounds a call.
func (c *call) Deadline() (time.Time, bool) { return time.Time{}, false }

// Done implements context.Context.
func (c *call) Done() <-chan struct{} { return nil }

// Err implements context.Context.
func (c *call) Err() error { return nil }

// Value implements context.Context: the call finds itself, and the engine finds no options.
func (c *call) Value(key any) any {
	if _, ok := key.(callKey); ok {
		return c
	}
	return nil
}

// hostTrap is what a host function panics with to end the guest's call; the reason stands in fault.
type hostTrap struct{}

func (hostTrap) Error() string { return "the host ended the call" }

// trap ends the guest's call. It does not return.
func (c *call) trap(kind FaultKind, message string) {
	c.fault = &Fault{Kind: kind, Message: message}
	panic(hostTrap{})
}

// charge burns fuel for work of the host, before it is done.
func (c *call) charge(units uint64) {
	left := int64(c.fuel.Get()) - int64(units)
	c.fuel.Set(uint64(left))
	if left < 0 {
		c.trap(FaultFuel, "fuel ran out in a host function")
	}
}

// view gives n bytes of the guest's memory at ptr. A range that leaves the memory ends the call.
func (c *call) view(ptr, n uint32) []byte {
	end := uint64(ptr) + uint64(n)
	if end > uint64(len(c.mem.bytes)) {
		c.trap(FaultABI, "a pointer given to the host leads outside memory")
	}
	return c.mem.bytes[ptr:end:end]
}

// keepName copies the name of a lookup, in lower case, to where it lasts until the next call. It is
// the zero Name where wire is no name. The caller has checked that wire has at most MaxName bytes
// and that fewer than MaxLookups names are kept, so that names has room.
func (c *call) keepName(wire []byte) rr.Name {
	at := len(c.names)
	c.names = append(c.names, wire...)
	kept := c.names[at:]
	rr.LowerWire(kept)
	// The bytes are not written again before begin, and the Name's life ends there (Host.Lookup).
	name, err := rr.NameFromWireString(unsafe.String(unsafe.SliceData(kept), len(kept)))
	if err != nil {
		c.names = c.names[:at]
		return rr.Name{}
	}
	return name
}

// record notes an input once. It is false when the query has asked for too many.
func (c *call) record(e Event) bool {
	c.charge(fuelInput + uint64(len(c.events))/eventsPerUnit)
	for i := range c.events {
		if c.events[i].same(e.Kind, e.V4, e.V6, e.Arg) {
			return true
		}
	}
	if c.inputs == hostabi.MaxInputs {
		return false
	}
	c.inputs++
	c.events = append(c.events, e)
	return true
}
