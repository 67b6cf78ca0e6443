package meter

import (
	"math"

	"github.com/namelet/namelet/runtime/internal/wasm"
)

// plain is a group of instructions without immediates and of one type.
type plain struct {
	first, last wasm.Opcode
	params      []wasm.ValueType
	result      wasm.ValueType
}

func of(types ...wasm.ValueType) []wasm.ValueType { return types }

var plains = []plain{
	{0x45, 0x45, of(i32), i32}, {0x46, 0x4f, of(i32, i32), i32}, {0x50, 0x50, of(i64), i32},
	{0x51, 0x5a, of(i64, i64), i32}, {0x5b, 0x60, of(f32, f32), i32}, {0x61, 0x66, of(f64, f64), i32},
	{0x67, 0x69, of(i32), i32}, {0x6a, 0x78, of(i32, i32), i32}, {0x79, 0x7b, of(i64), i64},
	{0x7c, 0x8a, of(i64, i64), i64}, {0x8b, 0x91, of(f32), f32}, {0x92, 0x98, of(f32, f32), f32},
	{0x99, 0x9f, of(f64), f64}, {0xa0, 0xa6, of(f64, f64), f64}, {0xa7, 0xa7, of(i64), i32},
	{0xa8, 0xa9, of(f32), i32}, {0xaa, 0xab, of(f64), i32}, {0xac, 0xad, of(i32), i64},
	{0xae, 0xaf, of(f32), i64}, {0xb0, 0xb1, of(f64), i64}, {0xb2, 0xb3, of(i32), f32},
	{0xb4, 0xb5, of(i64), f32}, {0xb6, 0xb6, of(f64), f32}, {0xb7, 0xb8, of(i32), f64},
	{0xb9, 0xba, of(i64), f64}, {0xbb, 0xbb, of(f32), f64}, {0xbc, 0xbc, of(f32), i32},
	{0xbd, 0xbd, of(f64), i64}, {0xbe, 0xbe, of(i32), f32}, {0xbf, 0xbf, of(i64), f64},
	{0xc0, 0xc1, of(i32), i32}, {0xc2, 0xc4, of(i64), i64}, {0xfc00, 0xfc01, of(f32), i32},
	{0xfc02, 0xfc03, of(f64), i32}, {0xfc04, 0xfc05, of(f32), i64}, {0xfc06, 0xfc07, of(f64), i64},
	{0xfd0f, 0xfd11, of(i32), v28}, {0xfd12, 0xfd12, of(i64), v28}, {0xfd23, 0xfd2c, of(v28, v28), v28},
	{0xfd4d, 0xfd4d, of(v28), v28}, {0xfd4e, 0xfd51, of(v28, v28), v28}, {0xfd53, 0xfd53, of(v28), i32},
	{0xfd8e, 0xfd91, of(v28, v28), v28}, {0xfdae, 0xfdae, of(v28, v28), v28}, {0xfde4, 0xfde7, of(v28, v28), v28},
	{0xfdf0, 0xfdf3, of(v28, v28), v28}, {0xfda3, 0xfda4, of(v28), i32},
}

// access is a group of loads or stores of one type.
type access struct {
	first, last wasm.Opcode
	value       wasm.ValueType
}

var loads = []access{
	{0x28, 0x28, i32}, {0x29, 0x29, i64}, {0x2a, 0x2a, f32}, {0x2b, 0x2b, f64}, {0x2c, 0x2f, i32},
	{0x30, 0x35, i64}, {0xfd00, 0xfd0a, v28}, {0xfd5c, 0xfd5d, v28},
}

var stores = []access{
	{0x36, 0x36, i32}, {0x37, 0x37, i64}, {0x38, 0x38, f32}, {0x39, 0x39, f64}, {0x3a, 0x3b, i32},
	{0x3c, 0x3e, i64}, {0xfd0b, 0xfd0b, v28},
}

func (g *generator) exprs(types []wasm.ValueType, depth int) {
	for _, t := range types {
		g.expr(t, depth)
	}
}

// expr writes code that leaves one value of type t.
func (g *generator) expr(t wasm.ValueType, depth int) {
	g.budget--
	if depth <= 0 || g.budget <= 0 {
		g.constant(t)
		return
	}
	depth--
	switch g.pick(16) {
	case 0:
		g.constant(t)
	case 1, 2:
		g.local(t)
	case 3:
		g.emit(wasm.Instr{Op: wasm.OpGlobalGet, A: g.global(t)})
	case 4, 5, 6:
		g.plain(t, depth)
	case 7:
		g.load(t, depth)
	case 8:
		g.block(wasm.OpBlock, t, depth)
	case 9:
		g.block(wasm.OpLoop, t, depth)
	case 10:
		g.ifElse(t, depth)
	case 11:
		g.callFor(t, depth)
	case 12:
		g.expr(t, depth)
		g.expr(t, depth)
		g.expr(i32, depth)
		if g.chance(50) {
			g.emit(wasm.Instr{Op: 0x1c, Type: t})
		} else {
			g.op(wasm.OpSelect)
		}
	case 13:
		g.special(t, depth)
	case 14:
		g.blockWithParams(t, depth)
	case 15:
		g.expr(t, depth)
		if i, ok := g.localOf(t); ok {
			g.emit(wasm.Instr{Op: wasm.OpLocalTee, A: i})
		}
	}
}

var odd = []uint64{0, 1, 2, 7, 0xffff, 65536, 1 << 31, math.MaxUint64, 1<<63 - 1, 1 << 63, math.MaxUint32}

func (g *generator) constant(t wasm.ValueType) {
	in := wasm.Instr{Op: constOp(t)}
	switch t {
	case i32:
		in.Const = uint64(int32(g.number()))
	case i64:
		in.Const = g.number()
	case f32:
		in.Const = uint64(math.Float32bits(float32(int64(g.number()))))
	case f64:
		in.Const = math.Float64bits(float64(int64(g.number())) / 3)
	case v28:
		in.Bytes[g.pick(16)] = byte(g.pick(256))
	}
	g.emit(in)
}

func (g *generator) number() uint64 {
	if g.chance(30) {
		return odd[g.pick(len(odd))]
	}
	return uint64(g.pick(256))
}

func (g *generator) localOf(t wasm.ValueType) (uint32, bool) {
	var of []uint32
	for i, have := range g.locals {
		if have == t {
			of = append(of, uint32(i))
		}
	}
	if len(of) == 0 {
		return 0, false
	}
	return of[g.pick(len(of))], true
}

func (g *generator) local(t wasm.ValueType) {
	if i, ok := g.localOf(t); ok {
		g.emit(wasm.Instr{Op: wasm.OpLocalGet, A: i})
	} else {
		g.constant(t)
	}
}

// global gives a global of a type that a module may write: not the one that bounds the run.
func (g *generator) global(t wasm.ValueType) uint32 {
	for i, x := range g.m.Globals {
		if x.Type == t && i != boundGlobal {
			return uint32(i)
		}
	}
	panic("no global of that type")
}

func (g *generator) plain(t wasm.ValueType, depth int) {
	var of []*plain
	for i := range plains {
		if plains[i].result == t {
			of = append(of, &plains[i])
		}
	}
	p := of[g.pick(len(of))]
	g.exprs(p.params, depth)
	g.op(p.first + wasm.Opcode(g.pick(int(p.last-p.first)+1)))
}

func (g *generator) address(depth int) {
	g.expr(i32, depth)
	if !g.chance(4) {
		g.emit(wasm.Instr{Op: wasm.OpI32Const, Const: 0x7fff})
		g.op(0x71) // i32.and
	}
}

func pickAccess(g *generator, list []access, t wasm.ValueType) wasm.Opcode {
	var of []access
	for _, a := range list {
		if a.value == t {
			of = append(of, a)
		}
	}
	a := of[g.pick(len(of))]
	return a.first + wasm.Opcode(g.pick(int(a.last-a.first)+1))
}

func (g *generator) load(t wasm.ValueType, depth int) {
	g.address(depth)
	g.emit(wasm.Instr{Op: pickAccess(g, loads, t), B: uint32(g.pick(300))})
}

func (g *generator) store(depth int) {
	t := append(numbers, v28)[g.pick(5)]
	g.address(depth)
	g.expr(t, depth)
	g.emit(wasm.Instr{Op: pickAccess(g, stores, t), B: uint32(g.pick(300))})
}

// inBlock opens a block, writes its content and closes it. Branches to it take the label's types.
func (g *generator) inBlock(op wasm.Opcode, block wasm.BlockType, label []wasm.ValueType, content func()) {
	g.emit(wasm.Instr{Op: op, Block: block})
	g.labels = append(g.labels, label)
	if op == wasm.OpLoop {
		g.countTurn()
	}
	content()
	g.labels = g.labels[:len(g.labels)-1]
	g.op(wasm.OpEnd)
}

func valueBlock(t wasm.ValueType) wasm.BlockType {
	return wasm.BlockType{Kind: wasm.BlockValue, Value: t}
}

func (g *generator) block(op wasm.Opcode, t wasm.ValueType, depth int) {
	label := of(t)
	if op == wasm.OpLoop {
		label = nil
	}
	g.inBlock(op, valueBlock(t), label, func() {
		g.statements(depth)
		g.expr(t, depth)
	})
}

func (g *generator) ifElse(t wasm.ValueType, depth int) {
	g.expr(i32, depth)
	g.inBlock(wasm.OpIf, valueBlock(t), of(t), func() {
		g.statements(depth)
		g.expr(t, depth)
		g.op(wasm.OpElse)
		g.statements(depth)
		g.expr(t, depth)
	})
}

// blockWithParams writes a block or loop of a function type of which the wanted type is the first
// result, and drops the others.
func (g *generator) blockWithParams(t wasm.ValueType, depth int) {
	index, ok := g.typeWithResult(t)
	if !ok {
		g.constant(t)
		return
	}
	typ := g.types[index]
	g.exprs(typ.Params, depth)
	op, label := wasm.OpBlock, typ.Results
	if g.chance(50) {
		op, label = wasm.OpLoop, typ.Params
	}
	g.inBlock(op, wasm.BlockType{Kind: wasm.BlockFunc, Index: index}, label, func() {
		for range typ.Params {
			g.op(wasm.OpDrop)
		}
		g.statements(depth)
		g.exprs(typ.Results, depth)
	})
	g.drop(len(typ.Results) - 1)
}

func (g *generator) drop(n int) {
	for range n {
		g.op(wasm.OpDrop)
	}
}

func (g *generator) typeWithResult(t wasm.ValueType) (uint32, bool) {
	var of []uint32
	for i := range g.types {
		if r := g.types[i].Results; len(r) > 0 && r[0] == t {
			of = append(of, uint32(i))
		}
	}
	if len(of) == 0 {
		return 0, false
	}
	return of[g.pick(len(of))], true
}

// callFor calls a function, or through the table, for a value of type t.
func (g *generator) callFor(t wasm.ValueType, depth int) {
	index, ok := g.typeWithResult(t)
	if !ok {
		g.constant(t)
		return
	}
	g.exprs(g.types[index].Params, depth)
	g.call(index, depth)
	g.drop(len(g.types[index].Results) - 1)
}

// call writes a call of a function of the type, whose arguments are on the stack: directly if there
// is one, else through the table, which may trap.
func (g *generator) call(index uint32, depth int) {
	for i, typ := range g.m.Functions {
		if typ == index && g.chance(70) {
			g.emit(wasm.Instr{Op: wasm.OpCall, A: uint32(i)})
			return
		}
	}
	g.expr(i32, min(depth, 1))
	g.emit(wasm.Instr{Op: wasm.OpI32Const, Const: 7})
	g.op(0x71) // i32.and
	g.emit(wasm.Instr{Op: wasm.OpCallIndirect, A: index})
}

// special writes the instructions about memory and tables that give a value.
func (g *generator) special(t wasm.ValueType, depth int) {
	if t != i32 {
		g.plain(t, depth)
		return
	}
	table := uint32(g.pick(len(g.m.Tables)))
	switch g.pick(6) {
	case 0:
		g.op(wasm.OpMemorySize)
	case 1:
		g.small(depth)
		g.op(wasm.OpMemoryGrow)
	case 2:
		g.emit(wasm.Instr{Op: wasm.OpTableSize, A: table})
	case 3:
		g.funcRef()
		g.small(depth)
		g.emit(wasm.Instr{Op: wasm.OpTableGrow, A: table})
	case 4:
		g.small(depth)
		g.emit(wasm.Instr{Op: wasm.OpTableGet, A: table})
		g.op(wasm.OpRefIsNull)
	case 5:
		g.funcRef()
		g.op(wasm.OpRefIsNull)
	}
}

// small leaves an i32 that is mostly below four.
func (g *generator) small(depth int) {
	g.expr(i32, min(depth, 2))
	if !g.chance(5) {
		g.emit(wasm.Instr{Op: wasm.OpI32Const, Const: 3})
		g.op(0x71) // i32.and
	}
}

func (g *generator) funcRef() {
	if g.chance(50) {
		g.emit(wasm.Instr{Op: wasm.OpRefNull, Type: wasm.FuncRef})
	} else {
		g.emit(wasm.Instr{Op: wasm.OpRefFunc, A: uint32(g.pick(len(g.m.Functions)))})
	}
}
