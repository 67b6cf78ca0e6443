package meter

import "github.com/namelet/namelet/runtime/internal/wasm"

// The sequences that the rewriter inserts. Each leaves the operand stack as it was, touches only the
// hidden globals and the two hidden locals behind the function's own, and so can stand anywhere.

func (w *rewriter) op(op wasm.Opcode) { w.out = append(w.out, byte(op)) }

func (w *rewriter) opIndex(op wasm.Opcode, index uint32) {
	w.out = wasm.AppendUint(append(w.out, byte(op)), uint64(index))
}

func (w *rewriter) opConst(op wasm.Opcode, v int64) {
	w.out = wasm.AppendInt(append(w.out, byte(op)), v)
}

func (w *rewriter) fuel() uint32  { return w.globals + hiddenFuel }
func (w *rewriter) depth() uint32 { return w.globals + hiddenDepth }

// wide and narrow are the hidden locals, an i64 and an i32.
func (w *rewriter) wide() uint32   { return w.f.locals }
func (w *rewriter) narrow() uint32 { return w.f.locals + 1 }

// charge takes the weight of a segment from the fuel, and looks whether it was there if the segment
// is checked.
func (w *rewriter) charge(seg *segment) {
	if seg.weight == 0 {
		return
	}
	w.subtractFuel(seg.weight)
	if seg.checked {
		w.trapIfNegative()
	}
}

// subtractFuel leaves the fuel that is left in the wide local, too.
func (w *rewriter) subtractFuel(weight int64) {
	w.opIndex(wasm.OpGlobalGet, w.fuel())
	w.opConst(wasm.OpI64Const, weight)
	w.storeFuel()
}

// chargeSize takes fuel by the count on top of the operand stack, which stays there. The count has 32
// bits and the arithmetic 64, so nothing can overflow.
func (w *rewriter) chargeSize(size sizeWeight) {
	w.opIndex(wasm.OpLocalTee, w.narrow())
	w.opIndex(wasm.OpGlobalGet, w.fuel())
	w.opIndex(wasm.OpLocalGet, w.narrow())
	w.op(wasm.OpI64ExtendU)
	if size.shift > 0 {
		w.opConst(wasm.OpI64Const, int64(size.shift))
		w.op(wasm.OpI64ShrU)
	}
	if size.factor > 1 {
		w.opConst(wasm.OpI64Const, int64(size.factor))
		w.op(wasm.OpI64Mul)
	}
	w.storeFuel()
	w.trapIfNegative()
}

// storeFuel expects the fuel and a weight on the stack. It stores the difference before anything
// judges it, so that the host finds it negative after the trap.
func (w *rewriter) storeFuel() {
	w.op(wasm.OpI64Sub)
	w.opIndex(wasm.OpLocalTee, w.wide())
	w.opIndex(wasm.OpGlobalSet, w.fuel())
}

// trapIfNegative ends the run if the wide local is negative.
func (w *rewriter) trapIfNegative() {
	w.opIndex(wasm.OpLocalGet, w.wide())
	w.judge()
}

// judge traps if the i64 on the stack is negative.
func (w *rewriter) judge() {
	w.opConst(wasm.OpI64Const, 0)
	w.op(wasm.OpI64LtS)
	w.op(wasm.OpIf)
	w.out = wasm.BlockType{}.Append(w.out)
	w.op(wasm.OpUnreachable)
	w.op(wasm.OpEnd)
}

// enter begins a function: it takes the weight of the first segment from the fuel and, if the frame is
// counted, the frame from the stack. One test judges both: the disjunction is negative if one is.
func (w *rewriter) enter() {
	first := &w.segs.list[0]
	if !w.f.framed() {
		w.charge(first)
		return
	}
	w.opIndex(wasm.OpGlobalGet, w.depth())
	w.opConst(wasm.OpI32Const, int64(w.f.frame()))
	w.op(wasm.OpI32Sub)
	w.opIndex(wasm.OpLocalTee, w.narrow())
	w.opIndex(wasm.OpGlobalSet, w.depth())
	w.subtractFuel(first.weight)
	w.opIndex(wasm.OpLocalGet, w.wide())
	w.opIndex(wasm.OpLocalGet, w.narrow())
	w.op(wasm.OpI64ExtendS)
	w.op(wasm.OpI64Or)
	w.judge()
}

// leaveFrame gives the frame back.
func (w *rewriter) leaveFrame() {
	w.opIndex(wasm.OpGlobalGet, w.depth())
	w.opConst(wasm.OpI32Const, int64(w.f.frame()))
	w.op(wasm.OpI32Add)
	w.opIndex(wasm.OpGlobalSet, w.depth())
}

// resultType gives a block type with the function's results. For more than one result it takes a
// function type, which is appended to the module's types once.
func (w *rewriter) resultType() wasm.BlockType {
	results := w.f.typ.Results
	switch len(results) {
	case 0:
		return wasm.BlockType{}
	case 1:
		return wasm.BlockType{Kind: wasm.BlockValue, Value: results[0]}
	}
	key := make([]byte, len(results))
	for i, t := range results {
		key[i] = byte(t)
	}
	index, ok := w.results[string(key)]
	if !ok {
		index = uint32(len(w.m.Types))
		w.m.Types = append(w.m.Types, wasm.FuncType{Results: results})
		w.results[string(key)] = index
	}
	return wasm.BlockType{Kind: wasm.BlockFunc, Index: index}
}
