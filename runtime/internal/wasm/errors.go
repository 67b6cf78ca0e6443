package wasm

import "fmt"

// Feature names a proposal or a later release of WebAssembly that guests may not use.
type Feature string

// The features that are recognised in order to be refused by name.
const (
	FeatureThreads            Feature = "threads"
	FeatureMemory64           Feature = "memory64"
	FeatureMultiMemory        Feature = "multi-memory"
	FeatureExceptions         Feature = "exception handling"
	FeatureTailCall           Feature = "tail calls"
	FeatureGC                 Feature = "garbage collection"
	FeatureFunctionReferences Feature = "typed function references"
	FeatureExtendedConst      Feature = "extended constant expressions"
	FeatureRelaxedSIMD        Feature = "relaxed SIMD"
	FeatureCustomPageSizes    Feature = "custom page sizes"
	FeatureWideArithmetic     Feature = "wide arithmetic"
)

// FormatError says that the bytes are no module of release 2.0 of the specification.
type FormatError struct {
	Offset int    // byte offset in the module
	What   string // what is wrong there
}

func (e *FormatError) Error() string {
	return fmt.Sprintf("wasm: malformed module: %s at offset %#x", e.What, e.Offset)
}

// FeatureError says that the module uses a feature that guests may not use.
type FeatureError struct {
	Feature Feature
	Offset  int // byte offset in the module
}

func (e *FeatureError) Error() string {
	return fmt.Sprintf("wasm: %s is not supported: used at offset %#x", e.Feature, e.Offset)
}

// BoundError says that the module has more of something than [Bounds] allow.
type BoundError struct {
	What     string // what there is too much of, "functions" for instance
	Got, Max uint64
	Offset   int // byte offset in the module
}

func (e *BoundError) Error() string {
	return fmt.Sprintf("wasm: %d %s: at most %d are allowed", e.Got, e.What, e.Max)
}

// IndexError says that an index names nothing that exists in the module.
type IndexError struct {
	Space  string // the index space, "global" for instance
	Index  uint32
	Count  uint32 // indices below it exist
	Offset int    // byte offset in the module
}

func (e *IndexError) Error() string {
	return fmt.Sprintf("wasm: %s %d does not exist, there are %d: at offset %#x", e.Space, e.Index, e.Count, e.Offset)
}

// OpcodeError says that an instruction is unknown.
type OpcodeError struct {
	Opcode uint32 // the byte, or the number after the prefix
	Prefix byte   // 0 for a plain opcode
	Offset int    // byte offset in the module
}

func (e *OpcodeError) Error() string {
	if e.Prefix == 0 {
		return fmt.Sprintf("wasm: unknown opcode %#02x at offset %#x", e.Opcode, e.Offset)
	}
	return fmt.Sprintf("wasm: unknown opcode %#02x %d at offset %#x", e.Prefix, e.Opcode, e.Offset)
}
