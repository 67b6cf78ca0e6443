package meter

import (
	"slices"

	"github.com/namelet/namelet/runtime/internal/wasm"
)

// Frames of the native stack are weighed in slots of about 8 bytes. The compiler gives a slot of its
// own to each value that lives across a call and to each that it merges where paths meet, and two
// values never share one: a frame grows with the code of a function, not only with its locals. Most
// functions need far less than their weight.
const (
	frameBase       = 12  // return address, saved registers
	instrsPerSlot   = 2   // an instruction gives at most one value; not all need a slot
	freeLeaf        = 256 // a function that calls nothing and needs no more is not counted
	vectorSlotScale = 2
)

// function is what the first walk finds out about a function.
type function struct {
	typ    *wasm.FuncType
	locals uint32 // parameters included
	vector bool   // it handles vectors, which take two slots
	calls  bool   // it calls functions of the module, or unknown ones
	passed int    // the most parameters and results of a function that it calls
	instrs int    // instructions
	merged int    // values merged where paths meet
}

// frame gives the weight of the function's frame. It stays far below what an i32 holds: locals,
// parameters and instructions have bounds, and merged values have maxMoves.
func (f *function) frame() int {
	slots := frameBase + int(f.locals) + len(f.typ.Results) + f.passed + f.instrs/instrsPerSlot + f.merged
	if f.vector {
		slots *= vectorSlotScale
	}
	return slots
}

// framed says whether the frame is counted. Then the body is put in a block, so that all ways out of
// it lead past the place where the frame is given back.
func (f *function) framed() bool { return f.calls || f.frame() > freeLeaf }

// noteCall takes down a call of a function of this type; inside says that it may be one of the module.
func (f *function) noteCall(typ *wasm.FuncType, inside bool) {
	f.calls = f.calls || inside
	f.passed = max(f.passed, len(typ.Params)+len(typ.Results))
}

// handlesVectors says whether any function can meet a vector in a signature, a block or a global.
func handlesVectors(m *wasm.Module) bool {
	for i := range m.Types {
		if slices.Contains(m.Types[i].Params, wasm.V128) || slices.Contains(m.Types[i].Results, wasm.V128) {
			return true
		}
	}
	return slices.ContainsFunc(m.Globals, func(g wasm.Global) bool { return g.Type == wasm.V128 })
}

func localVectors(runs []wasm.LocalRun) bool {
	return slices.ContainsFunc(runs, func(r wasm.LocalRun) bool { return r.Type == wasm.V128 })
}
