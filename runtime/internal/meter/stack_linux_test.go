package meter

import (
	goruntime "runtime"
	"testing"

	"github.com/namelet/namelet/runtime/internal/wasm"
	"github.com/tetratelabs/wazero"
)

// BenchmarkStack recurses until the depth is used up, in functions with frames as large as can be for
// their weight, and reports the bytes of native stack that the engine keeps afterwards per unit of
// depth. The engine doubles its stack when it is full, so the figure lies between the true one and
// twice that and a little more.
func BenchmarkStack(b *testing.B) {
	for _, h := range stackHostiles() {
		b.Run(h.name, func(b *testing.B) {
			l := newLab(wazero.NewRuntimeConfigCompiler())
			defer l.close()
			metered, err := Rewrite(h.module(), DefaultOptions())
			if err != nil {
				b.Fatal(err)
			}
			compiled := l.mustCompile(b, metered, h.name)
			for range b.N {
				g := l.mustInstantiate(b, compiled)
				f := g.mod.ExportedFunction("f")
				g.set(FuelExport, plentyFuel)
				g.set(DepthExport, DefaultDepth)
				before := heap()
				_, err := f.Call(l.ctx)
				after := heap()
				if err == nil || int32(g.get(DepthExport)) >= 0 {
					b.Fatalf("error %v, depth left %d: the stack did not run out", err, int32(g.get(DepthExport)))
				}
				b.ReportMetric(float64(after-before)/DefaultDepth, "bytes/unit")
				b.ReportMetric(float64(after-before)/(1<<20), "MiB")
				goruntime.KeepAlive(f)
				g.close()
			}
			b.ReportMetric(0, "ns/op")
		})
	}
}

func heap() int64 {
	goruntime.GC()
	goruntime.GC()
	var ms goruntime.MemStats
	goruntime.ReadMemStats(&ms)
	return int64(ms.HeapAlloc)
}

func loadOp(t wasm.ValueType) wasm.Opcode {
	if t == v28 {
		return 0xfd00
	}
	return 0x29
}

// stackHostiles are functions that call themselves forever.
func stackHostiles() []hostile {
	self := func(name string, locals []wasm.LocalRun, types []wasm.FuncType, write func(a *asm)) hostile {
		return hostile{name: name, pages: 8, types: types, build: func(m *wasm.Module) {
			a := new(asm)
			write(a)
			typ := uint32(len(types))
			define(m, typ, locals, a)
			if typ != 0 {
				enter := new(asm).times(len(types[0].Params), func(a *asm, i int) {
					a.add(wasm.Instr{Op: constOp(types[0].Params[i])})
				})
				enter.add(call(0)).times(len(types[0].Results), func(a *asm, _ int) { a.ops(wasm.OpDrop) })
				define(m, 0, nil, enter)
			}
		}}
	}
	params := func(t wasm.ValueType) []wasm.FuncType { return []wasm.FuncType{{Params: repeat(128, t)}} }
	pass := func(a *asm) { a.times(128, func(a *asm, i int) { a.add(get(uint32(i))) }).add(call(0)) }
	operands := func(n int, t wasm.ValueType) func(a *asm) {
		return func(a *asm) {
			a.times(n, func(a *asm, i int) { a.add(num(int64(i)*16), in(loadOp(t), 0, 0)) })
			a.add(call(0))
			a.times(n, func(a *asm, i int) { a.add(gset(globalOf(t))) })
		}
	}
	phis := func(a *asm) {
		const locals, loops = 100, 100
		a.times(loops, func(a *asm, _ int) { a.add(wasm.Instr{Op: wasm.OpLoop}) })
		a.times(locals, func(a *asm, i int) { a.add(get(uint32(i+1) % locals)).add(set(uint32(i))) })
		a.add(call(0))
		a.times(loops, func(a *asm, i int) { a.add(gget(0), brif(0)).ops(wasm.OpEnd) })
		a.times(locals, func(a *asm, i int) { a.add(get(uint32(i)), gset(1)) })
	}
	return []hostile{
		self("least", nil, nil, func(a *asm) { a.add(call(0)) }),
		self("128-params", nil, params(i64), pass),
		self("128-vector-params", nil, params(v28), pass),
		self("128-results", nil, []wasm.FuncType{{Results: repeat(128, i64)}}, func(a *asm) { a.add(call(0)) }),
		self("128-vector-results", nil, []wasm.FuncType{{Results: repeat(128, v28)}}, func(a *asm) { a.add(call(0)) }),
		self("100-operands", nil, nil, operands(100, i64)),
		self("1000-operands", nil, nil, operands(1000, i64)),
		self("10000-operands", nil, nil, operands(10000, i64)),
		self("1000-vector-operands", nil, nil, operands(1000, v28)),
		self("locals-in-nested-loops", []wasm.LocalRun{run(100, i64)}, nil, phis),
		self("vector-locals-in-loops", []wasm.LocalRun{run(100, v28)}, nil, func(a *asm) {
			a.times(100, func(a *asm, i int) { a.add(num(int64(i)*16), in(0xfd00, 0, 0), set(uint32(i))) })
			a.add(call(0))
			a.times(100, func(a *asm, i int) { a.add(get(uint32(i)), gset(4)) })
		}),
	}
}
