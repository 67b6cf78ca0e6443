package meter

import (
	"testing"

	"github.com/namelet/namelet/runtime/internal/wasm"
)

// exactExport names the global in which countExactly counts.
const exactExport = "exact"

// countExactly rewrites a module in the plainest way: every instruction adds its own weight to a
// global just before it runs. What the rewriter has taken must never be less than this count.
func countExactly(t testing.TB, module []byte) []byte {
	t.Helper()
	m, err := wasm.Decode(module, wasm.DefaultBounds())
	if err != nil {
		t.Fatalf("generated module: %v", err)
	}
	counter := uint32(len(m.Globals))
	code := wasm.NewCodeReader(m)
	for i := range m.Code {
		m.Code[i] = exactBody(t, m, code, i, counter)
	}
	m.Globals = append(m.Globals, hiddenGlobal(wasm.I64, wasm.OpI64Const))
	m.Exports = append(m.Exports, wasm.Export{Name: exactExport, Kind: wasm.ExternGlobal, Index: counter})
	return m.Encode()
}

func exactBody(t testing.TB, m *wasm.Module, code *wasm.CodeReader, i int, counter uint32) wasm.Body {
	code.Reset(i)
	tmp := code.NumLocals()
	e := &exactWriter{counter: counter, tmp: tmp}
	e.add(functionEntry + int64(tmp))
	var in wasm.Instr
	for {
		info, ok := code.Next(&in)
		if !ok {
			break
		}
		if in.Op != wasm.OpElse && in.Op != wasm.OpEnd {
			e.add(weight(in.Op, info))
		}
		if size, ok := sizeWeights[in.Op]; ok {
			e.addSized(size)
		}
		e.out = in.Append(e.out)
	}
	if code.Err() != nil {
		t.Fatalf("generated module: %v", code.Err())
	}
	locals := append(append([]wasm.LocalRun(nil), m.Code[i].Locals...), wasm.LocalRun{Count: 1, Type: wasm.I32})
	return wasm.Body{Locals: locals, Code: e.out}
}

type exactWriter struct {
	out          []byte
	counter, tmp uint32
}

func (e *exactWriter) emit(ins ...wasm.Instr) {
	for i := range ins {
		e.out = ins[i].Append(e.out)
	}
}

func (e *exactWriter) add(weight int64) {
	if weight == 0 {
		return
	}
	e.emit(wasm.Instr{Op: wasm.OpGlobalGet, A: e.counter},
		wasm.Instr{Op: wasm.OpI64Const, Const: uint64(weight)}, wasm.Instr{Op: wasm.OpI64Add},
		wasm.Instr{Op: wasm.OpGlobalSet, A: e.counter})
}

func (e *exactWriter) addSized(s sizeWeight) {
	e.emit(wasm.Instr{Op: wasm.OpLocalTee, A: e.tmp}, wasm.Instr{Op: wasm.OpLocalGet, A: e.tmp},
		wasm.Instr{Op: wasm.OpI64ExtendU},
		wasm.Instr{Op: wasm.OpI64Const, Const: uint64(s.shift)}, wasm.Instr{Op: wasm.OpI64ShrU},
		wasm.Instr{Op: wasm.OpI64Const, Const: uint64(s.factor)}, wasm.Instr{Op: wasm.OpI64Mul},
		wasm.Instr{Op: wasm.OpGlobalGet, A: e.counter}, wasm.Instr{Op: wasm.OpI64Add},
		wasm.Instr{Op: wasm.OpGlobalSet, A: e.counter})
}
