package inspect

import "github.com/namelet/namelet/runtime/internal/wasm"

// Limits bound what a guest module may be. The zero value allows nothing; start from [DefaultLimits].
type Limits struct {
	ModuleBytes  int         // the whole module
	MemoryPages  uint32      // initial size of the memory, in pages of 64 KiB
	TableEntries uint32      // initial size of each table
	Bounds       wasm.Bounds // counts of everything else
}

// DefaultLimits are the limits of an upload if nothing else is configured. A memory may begin with 64
// MiB; how far it may grow is said when the module is rewritten.
func DefaultLimits() Limits {
	return Limits{
		ModuleBytes:  8 << 20,
		MemoryPages:  1024,
		TableEntries: 65_536,
		Bounds:       wasm.DefaultBounds(),
	}
}
