package runtime

import (
	"cmp"

	"github.com/namelet/namelet/hostabi"
)

// Limits bound one attachment's guest. A zero field stands for its default.
type Limits struct {
	Fuel        uint64 // units a query may burn, over all hops; see docs/FUEL.md for what a unit is
	InitFuel    uint64 // units _initialize, namelet_buffers and namelet_init may burn together
	MemoryPages uint32 // pages of 64 KiB a guest's memory may have
	Lookups     int    // lookups a query, at most hostabi.MaxLookups
	AnswerBytes int    // bytes of an answer's records, uncompressed, handles counted in full
}

// memoryBytes is the most memory that a guest may have.
func (l Limits) memoryBytes() uint64 { return uint64(l.MemoryPages) * pageSize }

// Defaults of Limits. docs/FUEL.md has the measurements behind them: an answer by the Go SDK burns 10
// to 25 thousand units, one that goes through fmt and JSON in Go 1.3 million, the start of a Go guest 2
// to 3 million and 40 to 60 pages. A unit lasts at most 10 ns and usually a fifth of one, so the default
// budget keeps the worst module found (4.3 ns a unit) below 20 ms a query.
const (
	DefaultFuel        = 3_000_000
	DefaultInitFuel    = 50_000_000
	DefaultMemoryPages = 256 // 16 MiB
	DefaultAnswerBytes = 65535
)

// DefaultIdleFuel is a budget for a call of namelet_idle, off the path of queries: enough for the
// collector of a Go guest at the default memory limit.
const DefaultIdleFuel = 50_000_000

var defaultLimits = Limits{
	Fuel: DefaultFuel, InitFuel: DefaultInitFuel, MemoryPages: DefaultMemoryPages, Lookups: hostabi.MaxLookups, AnswerBytes: DefaultAnswerBytes,
}

// MostLimits are what an engine allows at most where its configuration does not say. A query may take 0.3 s
// of the worst module then, and a start 5 s.
var MostLimits = Limits{
	Fuel: 30_000_000, InitFuel: 500_000_000, MemoryPages: 1024, Lookups: hostabi.MaxLookups, AnswerBytes: DefaultAnswerBytes,
}

// or fills zero fields from o.
func (l Limits) or(o Limits) Limits {
	return Limits{
		Fuel:        cmp.Or(l.Fuel, o.Fuel),
		InitFuel:    cmp.Or(l.InitFuel, o.InitFuel),
		MemoryPages: cmp.Or(l.MemoryPages, o.MemoryPages),
		Lookups:     cmp.Or(max(l.Lookups, 0), o.Lookups),
		AnswerBytes: cmp.Or(max(l.AnswerBytes, 0), o.AnswerBytes),
	}
}

// within lowers what is above most.
func (l Limits) within(most Limits) Limits {
	return Limits{
		Fuel:        min(l.Fuel, most.Fuel),
		InitFuel:    min(l.InitFuel, most.InitFuel),
		MemoryPages: min(l.MemoryPages, most.MemoryPages),
		Lookups:     min(l.Lookups, most.Lookups, hostabi.MaxLookups),
		AnswerBytes: min(l.AnswerBytes, most.AnswerBytes),
	}
}
