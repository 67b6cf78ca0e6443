package wasm

// Bounds are the most of each thing that [Decode] and [CodeReader] accept. A zero field allows none;
// start from [DefaultBounds].
type Bounds struct {
	Types      uint32
	Imports    uint32
	Functions  uint32 // imported ones included
	Tables     uint32
	Globals    uint32
	Exports    uint32
	Elements   uint32 // element segments
	ElemItems  uint32 // entries of all element segments together
	Data       uint32 // data segments
	Params     uint32 // of one function type
	Results    uint32 // of one function type
	Locals     uint32 // of one function, parameters included
	BodyBytes  uint32 // of one function: its local declarations and its code
	Nesting    uint32 // blocks open at once in one function
	NameLength uint32 // bytes of an import's or export's name
}

// DefaultBounds are far beyond what compilers make of a guest: what std Go makes of a program that
// imports fmt, regexp and encoding/json has 2,400 functions, 42,000 data segments, a body of 51 KB
// and blocks nested 550 deep.
func DefaultBounds() Bounds {
	return Bounds{
		Types:      10_000,
		Imports:    1_000,
		Functions:  100_000,
		Tables:     16,
		Globals:    1_000,
		Exports:    10_000,
		Elements:   10_000,
		ElemItems:  200_000,
		Data:       200_000,
		Params:     128,
		Results:    128,
		Locals:     10_000,
		BodyBytes:  256 << 10,
		Nesting:    10_000,
		NameLength: 1_024,
	}
}
