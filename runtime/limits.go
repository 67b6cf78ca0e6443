package runtime

import "github.com/namelet/namelet/hostabi"

// Limits bound one attachment's guest. A zero field stands for its default.
type Limits struct {
	Fuel        uint64 // units a query may burn, over all hops; see docs/FUEL.md for what a unit is
	InitFuel    uint64 // units _initialize, namelet_buffers and namelet_init may burn together
	MemoryPages uint32 // pages of 64 KiB a guest's memory may have
	Lookups     int    // lookups a query, at most hostabi.MaxLookups
	AnswerBytes int    // bytes of an answer's records, uncompressed, handles counted in full
}

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

// withDefaults fills zero fields and lowers what version 1 of the ABI bounds.
func (l Limits) withDefaults() Limits {
	if l.Fuel == 0 {
		l.Fuel = DefaultFuel
	}
	if l.InitFuel == 0 {
		l.InitFuel = DefaultInitFuel
	}
	if l.MemoryPages == 0 {
		l.MemoryPages = DefaultMemoryPages
	}
	if l.Lookups <= 0 || l.Lookups > hostabi.MaxLookups {
		l.Lookups = hostabi.MaxLookups
	}
	if l.AnswerBytes <= 0 {
		l.AnswerBytes = DefaultAnswerBytes
	}
	return l
}
