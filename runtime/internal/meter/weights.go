package meter

import "github.com/namelet/namelet/runtime/internal/wasm"

// The weights are in units of fuel. They are chosen so that no code, however hostile, takes more than
// 10 ns a unit on the machine of docs/FUEL.md; usual code takes far less.
const (
	// HostCall is what the host charges for a call of one of its functions, whatever it does. It is
	// charged by the host, which may have done nothing else yet.
	HostCall = 50
	// HostBytesPerUnit is how many bytes the host copies or reads for the guest for one unit.
	HostBytesPerUnit = 16

	functionEntry = 4 // prologue, stack check and return of a function
)

// classWeights are the weights of instructions whose cost is known when the module is rewritten.
var classWeights = [...]int64{
	wasm.ClassFree:         0,
	wasm.ClassSimple:       1,
	wasm.ClassBranch:       2,
	wasm.ClassBrTable:      4,
	wasm.ClassCall:         4,
	wasm.ClassCallIndirect: 8,
	wasm.ClassGlobal:       1,
	wasm.ClassLoad:         24,
	wasm.ClassStore:        2,
	wasm.ClassMul:          1,
	wasm.ClassDiv:          8,
	wasm.ClassFloat:        6,
	wasm.ClassFloatRound:   6,
	wasm.ClassFloatDiv:     8,
	wasm.ClassSqrt:         8,
	wasm.ClassConvert:      6,
	wasm.ClassTable:        4,
	wasm.ClassBulk:         8,
	wasm.ClassVector:       2,
	wasm.ClassVectorSlow:   6,
	wasm.ClassVectorDiv:    16,
}

// sizeWeight says what one operand, the uppermost and an unsigned 32-bit count, adds to the weight of
// an instruction: count >> shift, times factor. The product stays below 2^44.
type sizeWeight struct {
	shift  uint8
	factor uint32
}

// sizeWeights lists the instructions whose work grows with an operand. In each the uppermost operand
// is the count (core specification 2.0 sections 4.4.6 and 4.4.7).
var sizeWeights = map[wasm.Opcode]sizeWeight{
	wasm.OpMemoryGrow: {factor: 1_000}, // pages of 64 KiB: to be zeroed, and to be touched for the first time
	wasm.OpMemoryInit: {shift: 4, factor: 1},
	wasm.OpMemoryCopy: {shift: 4, factor: 1},
	wasm.OpMemoryFill: {shift: 4, factor: 1},
	wasm.OpTableGrow:  {factor: 2},
	wasm.OpTableInit:  {factor: 1},
	wasm.OpTableCopy:  {factor: 1},
	wasm.OpTableFill:  {factor: 1},
}

// fixedWeights add to the class of instructions that leave the compiled code for the engine's, or that
// read and write at two places that may both be far from the cache.
var fixedWeights = map[wasm.Opcode]int64{
	wasm.OpMemoryInit: 64,
	wasm.OpMemoryCopy: 64,
	wasm.OpMemoryFill: 32,
	wasm.OpMemoryGrow: 50,
	wasm.OpTableGrow:  50,
	wasm.OpRefFunc:    40,
}

// weight gives the weight of an instruction apart from what an operand adds.
func weight(op wasm.Opcode, info wasm.Info) int64 {
	return classWeights[info.Class] + fixedWeights[op]
}
