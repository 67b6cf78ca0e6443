package meter

import (
	"fmt"
	goruntime "runtime"
	"slices"
	"testing"

	"github.com/namelet/namelet/runtime/internal/wasm"
	"github.com/tetratelabs/wazero"
)

// BenchmarkHostile runs modules made to take as long as they can for their fuel, and reports
// nanoseconds a unit of fuel. The figures of docs/FUEL.md come from it. It measures; the judgement is
// the reader's.
func BenchmarkHostile(b *testing.B) {
	for _, h := range hostiles() {
		b.Run(h.name, func(b *testing.B) { h.bench(b) })
	}
}

// benchFuel is the fuel of one call: large enough that the call itself does not count.
const benchFuel = 2_000_000

func (h *hostile) bench(b *testing.B) {
	l := newLab(wazero.NewRuntimeConfigCompiler().WithMemoryCapacityFromMax(true))
	defer l.close()
	metered, err := Rewrite(h.module(), DefaultOptions())
	if err != nil {
		b.Fatal(err)
	}
	goruntime.LockOSThread()
	defer goruntime.UnlockOSThread()
	start := threadTime()
	compiled := l.mustCompile(b, metered, h.name)
	b.ReportMetric(float64((threadTime() - start).Milliseconds()), "compile-ms")
	var figures []float64
	for range b.N {
		g := l.mustInstantiate(b, compiled)
		h.prepare(g)
		for range 2 {
			g.set(FuelExport, benchFuel)
			g.set(DepthExport, DefaultDepth)
			f := g.mod.ExportedFunction("f")
			t0 := threadTime()
			_, err := f.Call(l.ctx)
			took := threadTime() - t0
			units := benchFuel - int64(g.get(FuelExport))
			if units <= 0 {
				b.Fatalf("%d units taken, error %v", units, err)
			}
			figures = append(figures, float64(took.Nanoseconds())/float64(units))
		}
		g.close()
	}
	slices.Sort(figures)
	b.ReportMetric(figures[len(figures)/2], "ns/unit") // the median
	b.ReportMetric(0, "ns/op")
}

// prepare fills the memory with a walk through it in an order that no prefetcher guesses: at each
// multiple of 64 the address of the next.
func (h *hostile) prepare(g *guest) {
	if !h.walk {
		return
	}
	mem := g.mod.Memory()
	lines := mem.Size() / 64
	at := uint32(0)
	for range lines {
		next := (at*1664525 + 1013904223) % lines
		mem.WriteUint32Le(at*64, next*64)
		at = next
	}
}

// hostile is one hostile module: functions written by code, of which the last is exported as f.
type hostile struct {
	name  string
	pages uint32
	walk  bool
	types []wasm.FuncType
	table uint32
	build func(m *wasm.Module)
}

func (h *hostile) module() []byte {
	m := &wasm.Module{
		Types:    append([]wasm.FuncType{{}}, h.types...),
		Memories: []wasm.Limits{{Min: max(h.pages, 1)}},
		Tables:   []wasm.Table{{Type: wasm.FuncRef, Limits: wasm.Limits{Min: h.table}}},
	}
	for _, t := range []wasm.ValueType{i32, i64, f32, f64, v28} {
		m.Globals = append(m.Globals, wasm.Global{
			GlobalType: wasm.GlobalType{Type: t, Mutable: true},
			Init:       wasm.ConstExpr{Instr: wasm.Instr{Op: constOp(t), Const: 12345}},
		})
	}
	zero := uint32(0)
	m.DataCount = &zero
	h.build(m)
	m.Exports = []wasm.Export{{Name: "f", Index: uint32(len(m.Functions) - 1)}}
	return m.Encode()
}

// globalOf is the index of the global of the type in a hostile module.
func globalOf(t wasm.ValueType) uint32 {
	return map[wasm.ValueType]uint32{i32: 0, i64: 1, f32: 2, f64: 3, v28: 4}[t]
}

// chain makes a module of one function: an operand, n times what link writes, which takes one value of
// the type and leaves one, and the result kept; all in a loop.
func chain(name string, t wasm.ValueType, n int, link func(a *asm)) hostile {
	return hostile{name: name, build: func(m *wasm.Module) {
		a := new(asm).forever(func(a *asm) {
			a.add(gget(globalOf(t)))
			a.times(n, func(a *asm, _ int) { link(a) })
			a.add(gset(globalOf(t)))
		})
		define(m, 0, nil, a)
	}}
}

// opChains makes a chain of every instruction without immediates: unary ones as they are, binary ones
// with a constant or the global as the second operand, and a conversion back if the type changes.
func opChains() []hostile {
	var hs []hostile
	for _, p := range plains {
		for op := p.first; op <= p.last; op++ {
			hs = append(hs, opChain(p, op))
		}
	}
	return hs
}

// backs convert a type into another cheaply.
var backs = map[[2]wasm.ValueType][]wasm.Opcode{
	{i32, i64}: {0xad}, {i64, i32}: {0xa7}, {i32, f32}: {0xbe}, {i32, f64}: {0xad, 0xbf},
	{f32, i32}: {0xbc}, {f32, i64}: {0xbc, 0xad}, {f32, f64}: {0xbc, 0xad, 0xbf},
	{f64, i64}: {0xbd}, {f64, i32}: {0xbd, 0xa7}, {f64, f32}: {0xbd, 0xa7, 0xbe}, {i64, f64}: {0xbf}, {i64, f32}: {0xa7, 0xbe},
	{v28, i32}: {}, {i32, v28}: {0xfd11}, {v28, i64}: {}, {i64, v28}: {0xfd12},
}

func opChain(p plain, op wasm.Opcode) hostile {
	t := p.params[0]
	return chain(fmt.Sprintf("op-%#x-%s", uint16(op), t), t, 4000, func(a *asm) {
		if len(p.params) == 2 {
			a.add(gget(globalOf(t)))
		}
		a.ops(op)
		if p.result == v28 && t != v28 {
			a.add(wasm.Instr{Op: 0xfd1b})
			if t == i64 {
				a.ops(0xad)
			}
			return
		}
		a.ops(backs[[2]wasm.ValueType{p.result, t}]...)
	})
}

// vectorChains makes a chain of every vector instruction that opChains does not have, in the first of
// a few shapes that the engine takes for valid.
func vectorChains() []hostile {
	l := newLab(wazero.NewRuntimeConfigInterpreter())
	defer l.close()
	var hs []hostile
	for op := wasm.Opcode(0xfd0d); op <= 0xfdff; op++ {
		imm := op.Info().Imm
		if op.Info().Class == wasm.ClassNone || imm == wasm.ImmMemArg || imm == wasm.ImmMemArgLane || op == wasm.OpV128Const {
			continue
		}
		for _, shape := range vectorShapes(op) {
			h := chain(fmt.Sprintf("vector-%#x", uint16(op)), v28, 4000, shape)
			if c, err := l.rt.CompileModule(l.ctx, h.module()); err == nil {
				c.Close(l.ctx)
				hs = append(hs, h)
				break
			}
		}
	}
	return hs
}

func vectorShapes(op wasm.Opcode) []func(a *asm) {
	v, x := gget(globalOf(v28)), gget(globalOf(i32))
	this := wasm.Instr{Op: op}
	shape := func(ins ...wasm.Instr) func(a *asm) { return func(a *asm) { a.add(ins...) } }
	splat, drop := wasm.Instr{Op: 0xfd11}, wasm.Instr{Op: wasm.OpDrop}
	shapes := []func(a *asm){shape(this), shape(v, this), shape(x, this), shape(v, v, this), shape(this, splat)}
	for _, t := range numbers {
		y := gget(globalOf(t))
		shapes = append(shapes, shape(y, this), shape(drop, y, this), shape(this, gset(globalOf(t)), v))
	}
	return append(shapes, shape(this, drop, v))
}
