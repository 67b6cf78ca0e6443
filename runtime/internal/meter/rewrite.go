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
	m        *wasm.Module
	code     *wasm.CodeReader
	globals  uint32            // the module's own; the hidden ones come behind
	imported uint32            // functions; calls of them need no native stack
	results  map[string]uint32 // types that were added for blocks, by result types
	segs     segments
	absorbed []int64
	in       wasm.Instr
	f        function
	out      []byte
}

// function is what the first walk finds out about a function.
type function struct {
	typ    *wasm.FuncType
	locals uint32 // parameters included
	vector bool   // it uses vectors, whose slots are twice as large
	calls  bool   // it calls functions of the module, or unknown ones
	instrs uint32 // instructions
}

func newRewriter(m *wasm.Module) *rewriter {
	return &rewriter{
		m: m, code: wasm.NewCodeReader(m), globals: m.NumGlobals(),
		imported: m.NumImported(wasm.ExternFunc), results: map[string]uint32{},
	}
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
	w.f = function{typ: typ, locals: w.code.NumLocals()}
	w.segs.reset(functionEntry + int64(w.f.locals) + int64(len(typ.Results)))
	for {
		info, ok := w.code.Next(&w.in)
		if !ok {
			break
		}
		w.note()
		w.segs.add(w.in.Op, weight(w.in.Op, info))
	}
	if err := w.code.Err(); err != nil {
		return &Error{Err: err}
	}
	w.absorbed = w.segs.fold(w.absorbed)
	return nil
}

func (w *rewriter) note() {
	op := w.in.Op
	w.f.instrs++
	w.f.calls = w.f.calls || op == wasm.OpCallIndirect || (op == wasm.OpCall && w.in.A >= w.imported)
	w.f.vector = w.f.vector || op.IsVector()
}

// write writes a function anew from the weights that measure found. The index spaces are still those
// of the original module.
func (w *rewriter) write(i int) error {
	body := &w.m.Code[i]
	w.out = make([]byte, 0, 2*len(body.Code)+64)
	if w.f.framed() {
		w.enterFrame()
	}
	w.charge(w.segs.list[0].weight)
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
			w.charge(w.segs.list[segment].weight)
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
