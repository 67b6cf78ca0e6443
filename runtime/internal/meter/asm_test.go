package meter

import (
	"slices"

	"github.com/namelet/namelet/runtime/internal/wasm"
)

// asm collects instructions.
type asm struct{ out []byte }

func (a *asm) add(ins ...wasm.Instr) *asm {
	for i := range ins {
		a.out = ins[i].Append(a.out)
	}
	return a
}

func (a *asm) ops(ops ...wasm.Opcode) *asm {
	for _, op := range ops {
		a.add(wasm.Instr{Op: op})
	}
	return a
}

func (a *asm) times(n int, f func(a *asm, i int)) *asm {
	for i := range n {
		f(a, i)
	}
	return a
}

// forever repeats what f writes until fuel runs out.
func (a *asm) forever(f func(a *asm)) *asm {
	a.add(wasm.Instr{Op: wasm.OpLoop})
	f(a)
	return a.add(wasm.Instr{Op: wasm.OpBr}).ops(wasm.OpEnd)
}

func get(i uint32) wasm.Instr    { return wasm.Instr{Op: wasm.OpLocalGet, A: i} }
func set(i uint32) wasm.Instr    { return wasm.Instr{Op: wasm.OpLocalSet, A: i} }
func gget(i uint32) wasm.Instr   { return wasm.Instr{Op: wasm.OpGlobalGet, A: i} }
func gset(i uint32) wasm.Instr   { return wasm.Instr{Op: wasm.OpGlobalSet, A: i} }
func num(v int64) wasm.Instr     { return wasm.Instr{Op: wasm.OpI32Const, Const: uint64(v)} }
func long(v int64) wasm.Instr    { return wasm.Instr{Op: wasm.OpI64Const, Const: uint64(v)} }
func brif(l uint32) wasm.Instr   { return wasm.Instr{Op: wasm.OpBrIf, A: l} }
func call(f uint32) wasm.Instr   { return wasm.Instr{Op: wasm.OpCall, A: f} }
func load() wasm.Instr           { return wasm.Instr{Op: 0x28} }
func callIn(t uint32) wasm.Instr { return wasm.Instr{Op: wasm.OpCallIndirect, A: t} }

// define adds a function.
func define(m *wasm.Module, typ uint32, locals []wasm.LocalRun, a *asm) {
	m.Functions = append(m.Functions, typ)
	m.Code = append(m.Code, wasm.Body{Locals: locals, Code: append(slices.Clone(a.out), byte(wasm.OpEnd))})
}

func run(n uint32, t wasm.ValueType) wasm.LocalRun { return wasm.LocalRun{Count: n, Type: t} }

func in(op wasm.Opcode, a, b uint32) wasm.Instr { return wasm.Instr{Op: op, A: a, B: b} }

func repeat[T any](n int, v T) []T {
	list := make([]T, n)
	for i := range list {
		list[i] = v
	}
	return list
}
