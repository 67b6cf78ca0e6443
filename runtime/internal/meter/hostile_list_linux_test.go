package meter

import (
	"encoding/binary"
	"math"

	"github.com/namelet/namelet/runtime/internal/wasm"
)

func hostiles() []hostile {
	list := append(memoryHostiles(), branchHostiles()...)
	list = append(list, callHostiles()...)
	list = append(list, bulkHostiles()...)
	list = append(list, moveHostiles()...)
	list = append(list, subnormalHostiles()...)
	list = append(list, opChains()...)
	return append(list, vectorChains()...)
}

// subnormalHostiles keep floats so small that some processors handle them in microcode.
func subnormalHostiles() []hostile {
	one64 := wasm.Instr{Op: wasm.OpF64Const, Const: math.Float64bits(1)}
	one32 := wasm.Instr{Op: wasm.OpF32Const, Const: uint64(math.Float32bits(1))}
	var ones64, ones32 wasm.Instr
	ones64.Op, ones32.Op = wasm.OpV128Const, wasm.OpV128Const
	for lane := range 2 {
		binary.LittleEndian.PutUint64(ones64.Bytes[8*lane:], math.Float64bits(1))
	}
	for lane := range 4 {
		binary.LittleEndian.PutUint32(ones32.Bytes[4*lane:], math.Float32bits(1))
	}
	var list []hostile
	add := func(name string, t wasm.ValueType, ins ...wasm.Instr) {
		list = append(list, chain("subnormal-"+name, t, 4000, func(a *asm) { a.add(ins...) }))
	}
	op := func(op wasm.Opcode) wasm.Instr { return wasm.Instr{Op: op} }
	add("f64.mul", f64, one64, op(0xa2))
	add("f64.div", f64, one64, op(0xa3))
	add("f64.add", f64, gget(3), op(0xa0))
	add("f64.max", f64, gget(3), op(0xa5))
	add("f32.mul", f32, one32, op(0x94))
	add("f32.div", f32, one32, op(0x95))
	add("f32-f64-f32", f32, op(0xbb), op(0xb6))
	add("f64.sqrt-back", f64, op(0x9f), op(wasm.OpDrop), gget(3))
	add("f64x2.mul", v28, ones64, op(0xfdf2))
	add("f64x2.div", v28, ones64, op(0xfdf3))
	add("f32x4.mul", v28, ones32, op(0xfde6))
	add("f32x4.div", v28, ones32, op(0xfde7))
	add("f64x2.sqrt", v28, op(0xfdef), op(wasm.OpDrop), gget(4))
	add("f32x4.sqrt", v28, op(0xfde3), op(wasm.OpDrop), gget(4))
	return list
}

func memoryHostiles() []hostile {
	walkPages := func(name string, pages uint32, link func(a *asm)) hostile {
		h := chain(name, i32, 4000, link)
		h.pages, h.walk = pages, true
		return h
	}
	step := func(a *asm) { a.add(load()) }
	randomStore := chain("store-random-64MB", i32, 1000, func(a *asm) {
		a.ops(wasm.OpDrop)
		noise(a)
		a.add(num(4)).ops(0x76).add(num(64<<20 - 64)).ops(0x71)
		a.add(gget(0), in(0x36, 0, 0), gget(0))
	})
	randomStore.pages, randomStore.walk = 1024, true
	randomCopy := chain("memory.copy-random-64MB", i32, 1000, func(a *asm) {
		a.ops(wasm.OpDrop)
		noise(a)
		a.add(num(4)).ops(0x76).add(num(64<<20 - 64)).ops(0x71)
		a.add(gget(0), num(3)).ops(0x76).add(num(64<<20 - 64)).ops(0x71)
		a.add(num(4), in(wasm.OpMemoryCopy, 0, 0), gget(0))
	})
	randomCopy.pages, randomCopy.walk = 1024, true
	copyWalk := walkPages("memory.copy-walk-64MB", 1024, func(a *asm) {
		a.add(gset(0), num(64<<20-64), gget(0), num(4), in(wasm.OpMemoryCopy, 0, 0), num(64<<20-64), load())
	})
	touch := chain("first-touch-of-memory", i32, 1, func(a *asm) {
		a.add(wasm.Instr{Op: wasm.OpLoop, Block: wasm.BlockType{Kind: wasm.BlockValue, Value: i32}})
		a.add(gget(0), num(1), in(0x36, 0, 0)) // store 1 at the address
		a.add(gget(0), num(4096)).ops(wasm.OpI32Add).add(gset(0), gget(0), num(64<<20-4096)).ops(0x49).add(brif(0))
		a.add(gget(0)).ops(wasm.OpEnd)
	})
	touch.pages = 1024
	straight := chain("straight-line-division-250KB", i64, 60_000, func(a *asm) { a.add(gget(1)).ops(0x7f) })
	return []hostile{
		walkPages("load-walk-1MB", 16, step),
		walkPages("load-walk-16MB", 256, step),
		walkPages("load-walk-64MB", 1024, step),
		walkPages("load-store-walk-64MB", 1024, func(a *asm) {
			a.ops(wasm.OpNop).add(wasm.Instr{Op: wasm.OpGlobalSet, A: 0}, gget(0), gget(0), in(0x36, 0, 4), gget(0), load())
		}),
		touch,
		randomStore,
		randomCopy,
		copyWalk,
		straight,
	}
}

// noise writes code that leaves an i32 that changes unpredictably, of which bit 16 and up are good.
func noise(a *asm) {
	a.add(gget(0), num(1664525)).ops(0x6c).add(num(1013904223)).ops(wasm.OpI32Add).add(gset(0), gget(0))
}

func branchHostiles() []hostile {
	define1 := func(name string, a *asm) hostile {
		return hostile{name: name, build: func(m *wasm.Module) { define(m, 0, []wasm.LocalRun{run(4, i32)}, a) }}
	}
	table := func(n int) *asm {
		return new(asm).forever(func(a *asm) {
			a.times(n, func(a *asm, _ int) { a.add(wasm.Instr{Op: wasm.OpBlock}) })
			noise(a)
			a.add(num(16)).ops(0x76)
			a.add(num(int64(n - 1))).ops(0x71)
			var labels []uint32
			for i := range n {
				labels = append(labels, uint32(i))
			}
			a.add(wasm.Instr{Op: wasm.OpBrTable, Labels: labels})
			a.times(n, func(a *asm, i int) { a.ops(wasm.OpEnd).add(gget(1)).ops(wasm.OpDrop) })
		})
	}
	return []hostile{
		define1("empty-loop", new(asm).forever(func(*asm) {})),
		define1("br_if-chain", new(asm).forever(func(a *asm) {
			a.times(1000, func(a *asm, _ int) {
				a.add(wasm.Instr{Op: wasm.OpBlock}, gget(0), brif(0)).ops(wasm.OpEnd)
			})
		})),
		define1("if-unpredictable", new(asm).forever(func(a *asm) {
			noise(a)
			a.times(16, func(a *asm, i int) {
				a.add(gget(0), num(1<<(i+14))).ops(0x71)
				a.add(wasm.Instr{Op: wasm.OpIf}, gget(1), gset(1)).ops(wasm.OpEnd)
			})
		})),
		define1("if-unpredictable-empty", new(asm).forever(func(a *asm) {
			noise(a)
			a.times(16, func(a *asm, i int) {
				a.add(gget(0), num(1<<(i+14))).ops(0x71)
				a.add(wasm.Instr{Op: wasm.OpBlock, Block: wasm.BlockType{}}).ops(wasm.OpNop, wasm.OpEnd)
				a.add(wasm.Instr{Op: wasm.OpIf}, num(int64(i)), gset(0)).ops(wasm.OpEnd)
			})
		})),
		define1("br_table-64-unpredictable", table(64)),
		define1("br_table-1024-unpredictable", table(1024)),
		define1("br_table-8192-unpredictable", table(8192)),
		define1("select-chain", new(asm).forever(func(a *asm) {
			a.add(gget(0))
			a.times(4000, func(a *asm, _ int) { a.add(gget(0), gget(0)).ops(wasm.OpSelect) })
			a.add(gset(0))
		})),
	}
}

// callIndirect calls one of n functions, a power of two, unpredictably.
func callIndirect(name string, n, shift int, body *asm) hostile {
	return hostile{name: name, table: uint32(n), build: func(m *wasm.Module) {
		var funcs []uint32
		for i := range n {
			define(m, 0, nil, body)
			funcs = append(funcs, uint32(i))
		}
		m.Elements = []wasm.Element{{Offset: wasm.ConstExpr{Instr: num(0)}, Type: wasm.FuncRef, Funcs: funcs}}
		define(m, 0, nil, new(asm).forever(func(a *asm) {
			noise(a)
			a.add(num(int64(shift))).ops(0x76).add(callIn(0))
		}))
	}}
}

func callHostiles() []hostile {
	many := repeat(128, i64)
	return []hostile{
		{name: "call-empty", build: func(m *wasm.Module) {
			define(m, 0, nil, new(asm))
			define(m, 0, nil, new(asm).forever(func(a *asm) { a.times(1000, func(a *asm, _ int) { a.add(call(0)) }) }))
		}},
		{name: "call-tree", build: func(m *wasm.Module) {
			define(m, 0, nil, new(asm))
			for i := range 20 {
				define(m, 0, nil, new(asm).add(call(uint32(i)), call(uint32(i))))
			}
			define(m, 0, nil, new(asm).forever(func(a *asm) { a.add(call(20)) }))
		}},
		callIndirect("call_indirect-1024", 1024, 22, new(asm)),
		callIndirect("call_indirect-65536", 65536, 16, new(asm)),
		callIndirect("call_indirect-65536-larger", 65536, 16, new(asm).times(8, func(a *asm, i int) { a.add(gget(1), gset(1)) })),
		{name: "recursion", build: func(m *wasm.Module) {
			define(m, 0, nil, new(asm).add(call(0)))
			m.Exports = nil
		}},
		{name: "call-128-params", types: []wasm.FuncType{{Params: many}}, build: func(m *wasm.Module) {
			define(m, 1, nil, new(asm))
			define(m, 0, nil, new(asm).forever(func(a *asm) {
				a.times(128, func(a *asm, _ int) { a.add(gget(1)) })
				a.add(call(0))
			}))
		}},
		{name: "call-128-results", types: []wasm.FuncType{{Results: many}}, build: func(m *wasm.Module) {
			define(m, 1, nil, new(asm).times(128, func(a *asm, _ int) { a.add(long(7)) }))
			define(m, 0, nil, new(asm).forever(func(a *asm) {
				a.add(call(0)).times(128, func(a *asm, _ int) { a.add(gset(1)) })
			}))
		}},
		{name: "call-128-through", types: []wasm.FuncType{{Params: many, Results: many}}, build: func(m *wasm.Module) {
			define(m, 1, nil, new(asm).times(128, func(a *asm, i int) { a.add(get(uint32(i))) }))
			define(m, 0, nil, new(asm).add(repeat(128, long(3))...).forever2(func(a *asm) {
				a.times(100, func(a *asm, _ int) { a.add(call(0)) })
			}))
		}},
		{name: "10000-locals", build: func(m *wasm.Module) {
			define(m, 0, []wasm.LocalRun{run(9990, i64)}, new(asm).add(get(5000), gset(1)))
			define(m, 0, nil, new(asm).forever(func(a *asm) { a.add(call(0)) }))
		}},
	}
}

// forever2 repeats what f writes in a loop that takes and keeps values; its type is the first after
// the empty one.
func (a *asm) forever2(f func(a *asm)) *asm {
	a.add(wasm.Instr{Op: wasm.OpLoop, Block: wasm.BlockType{Kind: wasm.BlockFunc, Index: 1}})
	f(a)
	a.add(wasm.Instr{Op: wasm.OpBr}).ops(wasm.OpEnd)
	return a.ops(wasm.OpUnreachable)
}

func bulkHostiles() []hostile {
	bulk := func(name string, pages uint32, f func(a *asm)) hostile {
		return hostile{name: name, pages: pages, table: 60_000, build: func(m *wasm.Module) {
			m.Data = []wasm.Data{{Mode: wasm.SegmentPassive, Bytes: make([]byte, 60_000)}}
			one := uint32(1)
			m.DataCount = &one
			m.Elements = []wasm.Element{{Mode: wasm.SegmentPassive, Type: wasm.FuncRef, Funcs: make([]uint32, 60_000)}}
			define(m, 0, nil, new(asm))
			define(m, 0, nil, new(asm).forever(func(a *asm) { a.times(100, func(a *asm, _ int) { f(a) }) }))
		}}
	}
	null := wasm.Instr{Op: wasm.OpRefNull, Type: wasm.FuncRef}
	sized := func(name string, op wasm.Instr, big int64) []hostile {
		var hs []hostile
		for _, n := range []struct {
			name string
			n    int64
		}{{"-0", 0}, {"-1", 1}, {"-15", 15}, {"-255", 255}, {"-big", big}} {
			hs = append(hs, bulk(name+n.name, 1024, func(a *asm) {
				switch op.Op {
				case wasm.OpMemoryGrow:
				case wasm.OpTableGrow:
					a.add(null)
				case wasm.OpTableFill:
					a.add(num(0), null)
				default:
					a.add(num(8), num(0))
				}
				a.add(num(n.n), op)
				if op.Op == wasm.OpMemoryGrow || op.Op == wasm.OpTableGrow {
					a.ops(wasm.OpDrop)
				}
			}))
		}
		return hs
	}
	list := sized("memory.fill", in(wasm.OpMemoryFill, 0, 0), 16<<20)
	list = append(list, sized("memory.copy", in(wasm.OpMemoryCopy, 0, 0), 16<<20)...)
	list = append(list, sized("memory.init", in(wasm.OpMemoryInit, 0, 0), 59_000)...)
	list = append(list, sized("memory.grow", in(wasm.OpMemoryGrow, 0, 0), 1<<29)...)
	list = append(list, sized("table.grow", in(wasm.OpTableGrow, 0, 0), 1<<29)...)
	list = append(list, sized("table.fill", in(wasm.OpTableFill, 0, 0), 59_000)...)
	list = append(list, sized("table.copy", in(wasm.OpTableCopy, 0, 0), 59_000)...)
	list = append(list, sized("table.init", in(wasm.OpTableInit, 0, 0), 59_000)...)
	grow := bulk("memory.grow-for-real", 1, func(a *asm) { a.add(num(1), in(wasm.OpMemoryGrow, 0, 0)).ops(wasm.OpDrop) })
	return append(list, grow,
		bulk("ref.func", 1, func(a *asm) { a.add(in(wasm.OpRefFunc, 0, 0)).ops(wasm.OpDrop) }),
		bulk("ref.func-table.set", 1, func(a *asm) { a.add(num(5), in(wasm.OpRefFunc, 0, 0), in(wasm.OpTableSet, 0, 0)) }),
		bulk("table.get", 1, func(a *asm) { a.add(num(5), in(wasm.OpTableGet, 0, 0)).ops(wasm.OpDrop) }),
		bulk("table.size", 1, func(a *asm) { a.add(in(wasm.OpTableSize, 0, 0), gset(0)) }),
		bulk("data.drop", 1, func(a *asm) { a.add(in(wasm.OpDataDrop, 0, 0)) }),
		bulk("elem.drop", 1, func(a *asm) { a.add(in(wasm.OpElemDrop, 0, 0)) }),
		bulk("memory.size", 1, func(a *asm) { a.add(in(wasm.OpMemorySize, 0, 0), gset(0)) }),
	)
}

// moveHostiles make the compiler insert moves between values where paths meet.
func moveHostiles() []hostile {
	many := repeat(128, i64)
	manyV := repeat(128, v28)
	shift := func(name string, t wasm.ValueType, types []wasm.ValueType) hostile {
		return hostile{name: name, types: []wasm.FuncType{{Params: types, Results: types}}, build: func(m *wasm.Module) {
			a := new(asm).times(128, func(a *asm, _ int) { a.add(gget(globalOf(t))) })
			a.forever2(func(a *asm) { a.add(gget(globalOf(t))) })
			define(m, 0, nil, a)
		}}
	}
	return []hostile{
		shift("loop-128-params-shifted", i64, many),
		shift("loop-128-vector-params-shifted", v28, manyV),
		{name: "cold-writes-1000-locals", build: func(m *wasm.Module) {
			a := new(asm).times(1000, func(a *asm, i int) { a.add(gget(1), long(int64(i))).ops(wasm.OpI64Add).add(set(uint32(i))) })
			a.forever(func(a *asm) {
				a.add(gget(0), num(7)).ops(0x46) // never
				a.add(wasm.Instr{Op: wasm.OpIf})
				a.times(1000, func(a *asm, i int) { a.add(get(uint32(i+1)%1000), set(uint32(i))) })
				a.ops(wasm.OpEnd)
			})
			define(m, 0, []wasm.LocalRun{run(1000, i64)}, a)
		}},
		{name: "nested-loops-cold-writes", build: func(m *wasm.Module) {
			a := new(asm)
			a.forever(func(a *asm) {
				a.times(200, func(a *asm, _ int) { a.add(wasm.Instr{Op: wasm.OpLoop}) })
				a.add(gget(0), num(7)).ops(0x46)
				a.add(wasm.Instr{Op: wasm.OpIf})
				a.times(500, func(a *asm, i int) { a.add(get(uint32(i+1)%500), set(uint32(i))) })
				a.ops(wasm.OpEnd)
				a.times(200, func(a *asm, i int) { a.add(gget(0), num(7)).ops(0x46).add(brif(0)).ops(wasm.OpEnd) })
			})
			define(m, 0, []wasm.LocalRun{run(500, i64)}, a)
		}},
	}
}
