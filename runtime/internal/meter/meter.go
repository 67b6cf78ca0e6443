package meter

import (
	"fmt"
	"strconv"

	"github.com/namelet/namelet/runtime/internal/wasm"
)

// ReservedPrefix begins the names of all exports that [Rewrite] adds.
const ReservedPrefix = "namelet_host_"

// Names of the exports that [Rewrite] adds. Both globals are mutable.
const (
	// FuelExport is an i64: the fuel left, in units. Negative after the fuel ran out.
	FuelExport = ReservedPrefix + "fuel"
	// DepthExport is an i32: what is left of the native stack, in slots of about 8 bytes. Negative
	// after the stack ran out. The host sets it before each call and need not read it otherwise: it
	// is back at its old value when a call returns.
	DepthExport = ReservedPrefix + "depth"
	// DataExport is a function without parameters and results that writes the active data segments, which the
	// engine does not any more. It burns no fuel, cannot trap, and is to be called once, before anything else,
	// in an instance that is not a copy of another. It is absent where the engine still does it.
	DataExport = ReservedPrefix + "data"
)

// DefaultDepth is a value for the depth global that allows some thousand nested calls of functions as
// std Go makes them, and some ten thousand small ones, and keeps the native stack of an instance within
// 32 MiB.
const DefaultDepth = 2_000_000

// GlobalExport gives the name under which the global with this index is exported, if it is mutable
// and its type is a number.
func GlobalExport(index uint32) string {
	return ReservedPrefix + "global_" + strconv.FormatUint(uint64(index), 10)
}

// Options say how far a module may grow.
type Options struct {
	// MemoryPages is the most that the memory may grow to, in pages of 64 KiB. The engine must set
	// aside address space for it, so that growing copies nothing: copying is not in the weights.
	MemoryPages uint32
	// TableEntries is the most that each table may grow to.
	TableEntries uint32
	// Bounds are those of the decoder.
	Bounds wasm.Bounds
}

// DefaultOptions fit the default limits of package inspect.
func DefaultOptions() Options {
	return Options{MemoryPages: 1024, TableEntries: 65_536, Bounds: wasm.DefaultBounds()}
}

// Error says that a module cannot be metered. Err, if not nil, is one of the decoder's errors.
type Error struct {
	What string
	Err  error
}

func (e *Error) Error() string {
	if e.Err != nil {
		return fmt.Sprintf("meter: %v", e.Err)
	}
	return "meter: " + e.What
}

// Unwrap gives the decoder's error, or nil.
func (e *Error) Unwrap() error { return e.Err }

// Rewrite gives a metered copy of the module. The error is an *Error.
//
// The copy has two more globals and, exported, every mutable global that holds a number; its memory
// and tables have a maximum; of its custom sections only names of functions are left. Nothing that the
// module can name has another index than before. Where no code names a data segment, those that are
// written when a module is instantiated become what [DataExport] writes.
func Rewrite(wasmBytes []byte, opt Options) ([]byte, error) {
	m, err := wasm.Decode(wasmBytes, opt.Bounds)
	if err != nil {
		return nil, &Error{Err: err}
	}
	if err := refuse(m); err != nil {
		return nil, err
	}
	if err := limit(m, opt); err != nil {
		return nil, err
	}
	w := newRewriter(m)
	if err := w.functions(); err != nil {
		return nil, err
	}
	if !w.namesData {
		moveData(m)
	}
	addGlobals(m)
	keepNames(m)
	return m.Encode(), nil
}
