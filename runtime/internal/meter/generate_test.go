package meter

import (
	"github.com/namelet/namelet/runtime/internal/wasm"
)

// The generator makes a valid module of any bytes. It takes its decisions from them one by one; when
// they are used up it takes the first choice everywhere, which ends it. The modules have everything
// that the rewriter treats in a way of its own: framed and leaf functions, several results, returns
// and branches out of every depth, loops, bulk instructions, mutable tables.
//
// Every loop turn and every call takes one from a global; at zero the module traps. So original and
// metered runs both end.

const (
	i32 = wasm.I32
	i64 = wasm.I64
	f32 = wasm.F32
	f64 = wasm.F64
	v28 = wasm.V128
)

const (
	runBound    = 300 // loop turns and calls together, of one call from outside
	boundGlobal = 0   // index of the global that counts them
	boundExport = "g0"
	codeBudget  = 220 // expressions and statements of one function
)

type generator struct {
	data   []byte
	m      *wasm.Module
	types  []wasm.FuncType
	out    []byte
	locals []wasm.ValueType
	labels [][]wasm.ValueType // what a branch to the label takes, innermost last
	budget int
	expect []wasm.ValueType // the function's results
}

// pick takes a decision among n.
func (g *generator) pick(n int) int {
	if len(g.data) == 0 {
		return 0
	}
	c := int(g.data[0])
	g.data = g.data[1:]
	if n > 256 && len(g.data) > 0 {
		c = c<<8 | int(g.data[0])
		g.data = g.data[1:]
	}
	return c % n
}

func (g *generator) chance(percent int) bool { return g.pick(100) >= 100-percent }

var (
	numbers   = []wasm.ValueType{i32, i64, f32, f64}
	funcTypes = []wasm.FuncType{
		{},
		{Params: []wasm.ValueType{i32}, Results: []wasm.ValueType{i32}},
		{Params: []wasm.ValueType{i64, i32}, Results: []wasm.ValueType{i64}},
		{Results: []wasm.ValueType{f64}},
		{Params: []wasm.ValueType{f32}, Results: []wasm.ValueType{f32}},
		{Params: []wasm.ValueType{i32}, Results: []wasm.ValueType{i32, i64}},
		{Params: []wasm.ValueType{f64, i64}, Results: []wasm.ValueType{f64, i32, f32}},
		{Params: []wasm.ValueType{i64}},
		{Params: []wasm.ValueType{v28}, Results: []wasm.ValueType{v28}},
	}
)

// generateModule makes a module of data. Its functions are exported as f0, f1...
func generateModule(data []byte) []byte {
	g := &generator{data: data, types: funcTypes}
	m := &wasm.Module{Types: append([]wasm.FuncType(nil), funcTypes...)}
	g.m = m
	m.Memories = []wasm.Limits{{Min: 1, Max: uint32(1 + g.pick(3)), HasMax: true}}
	m.Tables = []wasm.Table{{Type: wasm.FuncRef, Limits: wasm.Limits{Min: 8, Max: uint32(8 + g.pick(5)), HasMax: true}}}
	if g.chance(30) {
		m.Tables = append(m.Tables, wasm.Table{Type: wasm.FuncRef, Limits: wasm.Limits{Min: 3, Max: 90, HasMax: true}})
	}
	g.globals()
	for range 1 + g.pick(5) {
		m.Functions = append(m.Functions, uint32(g.pick(len(funcTypes))))
	}
	g.segmentsAndExports()
	for i := range m.Functions {
		m.Code = append(m.Code, g.function(i))
	}
	return m.Encode()
}

func (g *generator) globals() {
	types := []wasm.ValueType{i32, i64, f32, f64, i32, v28}
	for i, t := range types {
		init := wasm.Instr{Op: constOp(t)}
		if i == boundGlobal {
			init.Const = runBound
		}
		g.m.Globals = append(g.m.Globals, wasm.Global{
			GlobalType: wasm.GlobalType{Type: t, Mutable: true}, Init: wasm.ConstExpr{Instr: init},
		})
	}
}

func (g *generator) segmentsAndExports() {
	m := g.m
	n := len(m.Functions)
	var funcs []uint32
	for i := range m.Functions {
		m.Exports = append(m.Exports, wasm.Export{Name: "f" + string(rune('0'+i)), Kind: wasm.ExternFunc, Index: uint32(i)})
		funcs = append(funcs, uint32((i+1)%n))
	}
	m.Exports = append(m.Exports, wasm.Export{Name: "memory", Kind: wasm.ExternMemory})
	for i := range m.Globals {
		m.Exports = append(m.Exports, wasm.Export{Name: "g" + string(rune('0'+i)), Kind: wasm.ExternGlobal, Index: uint32(i)})
	}
	zero := wasm.ConstExpr{Instr: wasm.Instr{Op: wasm.OpI32Const}}
	m.Elements = []wasm.Element{
		{Mode: wasm.SegmentActive, Offset: zero, Type: wasm.FuncRef, Funcs: funcs},
		{Mode: wasm.SegmentPassive, Type: wasm.FuncRef, Funcs: funcs},
	}
	m.Data = []wasm.Data{
		{Mode: wasm.SegmentActive, Offset: zero, Bytes: []byte("the quick brown fox jumps over the lazy dog")},
		{Mode: wasm.SegmentPassive, Bytes: []byte{1, 2, 3, 250, 251, 252, 0, 255, 128, 127, 9, 8}},
	}
	for range g.pick(6) {
		m.Data = append(m.Data, g.activeData())
	}
	two := uint32(len(m.Data))
	m.DataCount = &two
}

// activeData makes a data segment that is in the first page, often over another, and may be empty.
func (g *generator) activeData() wasm.Data {
	content := make([]byte, g.pick(70))
	for i := range content {
		content[i] = byte(g.pick(256))
	}
	offset := g.pick(200)
	if g.chance(30) {
		offset = 65536 - len(content) - g.pick(100)
	}
	return wasm.Data{Mode: wasm.SegmentActive, Offset: wasm.ConstExpr{Instr: num(int64(offset))}, Bytes: content}
}

// function makes the body of function i. It begins by counting the call.
func (g *generator) function(i int) wasm.Body {
	typ := g.types[g.m.Functions[i]]
	g.out = nil
	g.budget = codeBudget
	g.expect = typ.Results
	g.labels = [][]wasm.ValueType{typ.Results}
	g.locals = append([]wasm.ValueType(nil), typ.Params...)
	var runs []wasm.LocalRun
	for range g.pick(4) {
		run := wasm.LocalRun{Count: uint32(1 + g.pick(3)), Type: append(numbers, v28)[g.pick(5)]}
		if g.chance(3) {
			run.Count = 300 // a frame large enough to be counted in a leaf
		}
		runs = append(runs, run)
		for range run.Count {
			g.locals = append(g.locals, run.Type)
		}
	}
	g.countTurn()
	g.statements(6)
	g.exprs(typ.Results, 4)
	g.op(wasm.OpEnd)
	return wasm.Body{Locals: runs, Code: g.out}
}

// countTurn takes one from the bound, or traps if it is zero.
func (g *generator) countTurn() {
	g.emit(wasm.Instr{Op: wasm.OpGlobalGet, A: boundGlobal})
	g.op(wasm.OpI32Eqz)
	g.emit(wasm.Instr{Op: wasm.OpIf})
	g.op(wasm.OpUnreachable)
	g.op(wasm.OpEnd)
	g.emit(wasm.Instr{Op: wasm.OpGlobalGet, A: boundGlobal})
	g.emit(wasm.Instr{Op: wasm.OpI32Const, Const: 1})
	g.op(wasm.OpI32Sub)
	g.emit(wasm.Instr{Op: wasm.OpGlobalSet, A: boundGlobal})
}

func (g *generator) emit(in wasm.Instr) { g.out = in.Append(g.out) }

func (g *generator) op(op wasm.Opcode) { g.emit(wasm.Instr{Op: op}) }

func constOp(t wasm.ValueType) wasm.Opcode {
	switch t {
	case i64:
		return wasm.OpI64Const
	case f32:
		return wasm.OpF32Const
	case f64:
		return wasm.OpF64Const
	case v28:
		return wasm.OpV128Const
	}
	return wasm.OpI32Const
}
