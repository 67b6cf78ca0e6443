package meter

import (
	"slices"

	"github.com/namelet/namelet/runtime/internal/wasm"
)

// Indices of the hidden globals, counted from the number of the module's own.
const (
	hiddenFuel = iota
	hiddenDepth
)

// rewriter rewrites the functions of a module.
type rewriter struct {
	m          *wasm.Module
	code       *wasm.CodeReader
	globals    uint32            // the module's own; the hidden ones come behind
	imported   uint32            // functions; calls of them need no native stack
	signatures []*wasm.FuncType  // of all functions
	vectors    bool              // any function may handle vectors
	namesData  bool              // code takes bytes from a data segment, or drops one
	results    map[string]uint32 // types that were added for blocks, by result types
	segs       segments
	effort     effort
	absorbed   []int64
	in         wasm.Instr
	f          function
	out        []byte
}

func newRewriter(m *wasm.Module) *rewriter {
	w := &rewriter{
		m: m, code: wasm.NewCodeReader(m), globals: m.NumGlobals(), vectors: handlesVectors(m),
		results: map[string]uint32{}, segs: segments{types: m.Types},
	}
	for i := range m.Imports { // nothing but functions, see refuse
		w.signatures = append(w.signatures, &m.Types[m.Imports[i].Func])
	}
	w.imported = uint32(len(w.signatures))
	for _, typ := range m.Functions {
		w.signatures = append(w.signatures, &m.Types[typ])
	}
	return w
}

func (w *rewriter) functions() error {
	for i := range w.m.Code {
		if err := w.measure(i); err != nil {
			return err
		}
		if err := w.write(i); err != nil {
			return err
		}
	}
	return nil
}

// measure walks a function and finds its segments and its frame.
func (w *rewriter) measure(i int) error {
	w.code.Reset(i)
	typ := &w.m.Types[w.m.Functions[i]]
	w.f = function{typ: typ, locals: w.code.NumLocals(), vector: w.vectors || localVectors(w.m.Code[i].Locals)}
	w.segs.reset(typ, w.f.locals)
	for {
		info, ok := w.code.Next(&w.in)
		if !ok {
			break
		}
		w.note()
		w.segs.add(&w.in, weight(w.in.Op, info))
	}
	if err := w.code.Err(); err != nil {
		return &Error{Err: err}
	}
	if err := w.effort.add(&w.segs); err != nil {
		return err
	}
	w.f.merged = w.segs.merged
	w.absorbed = w.segs.fold(w.absorbed)
	w.segs.chooseChecks()
	return nil
}

func (w *rewriter) note() {
	w.f.instrs++
	switch w.in.Op {
	case wasm.OpCall:
		w.noteCall(w.signatures[w.in.A], w.in.A >= w.imported)
	case wasm.OpCallIndirect:
		w.noteCall(&w.m.Types[w.in.A], true)
	case wasm.OpMemoryInit, wasm.OpDataDrop:
		w.namesData = true
	}
	w.f.vector = w.f.vector || w.in.Op.IsVector()
}

func (w *rewriter) noteCall(typ *wasm.FuncType, inside bool) {
	w.f.noteCall(typ, inside)
	w.segs.values += len(typ.Params) + len(typ.Results)
}

// write writes a function anew from the weights that measure found. The index spaces are still those
// of the original module.
func (w *rewriter) write(i int) error {
	body := &w.m.Code[i]
	w.out = make([]byte, 0, 2*len(body.Code)+64)
	w.enter()
	if w.f.framed() {
		w.op(wasm.OpBlock)
		w.out = w.resultType().Append(w.out)
	}
	w.code.Reset(i)
	segment := 0
	for {
		if _, ok := w.code.Next(&w.in); !ok {
			break
		}
		w.instruction()
		if beginsSegment(w.in.Op) && !w.code.Done() {
			segment++
			w.charge(&w.segs.list[segment])
		}
	}
	if err := w.code.Err(); err != nil {
		return &Error{Err: err}
	}
	if w.f.framed() {
		w.leaveFrame()
		w.op(wasm.OpEnd)
	}
	body.Code = w.out
	body.Locals = append(slices.Clone(body.Locals),
		wasm.LocalRun{Count: 1, Type: wasm.I64}, wasm.LocalRun{Count: 1, Type: wasm.I32})
	return nil
}

// instruction writes the instruction that was just read, and before it what must be charged by an
// operand. A return from a framed function becomes a branch out of the block around the body, whose
// label is that of the function in the original.
func (w *rewriter) instruction() {
	if size, ok := sizeWeights[w.in.Op]; ok {
		w.chargeSize(size)
	}
	if w.in.Op == wasm.OpReturn && w.f.framed() {
		w.opIndex(wasm.OpBr, w.code.Depth())
		return
	}
	w.out = w.in.Append(w.out)
}
