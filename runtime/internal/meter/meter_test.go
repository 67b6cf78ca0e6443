package meter

import (
	"errors"
	"math"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"github.com/tetratelabs/wazero"

	"github.com/namelet/namelet/runtime/internal/wasm"
)

// assemble turns the text format into a module.
func assemble(t testing.TB, text string) []byte {
	t.Helper()
	tool, err := exec.LookPath("wat2wasm")
	if err != nil {
		t.Fatal("wat2wasm is missing: apt-get install wabt")
	}
	dir := t.TempDir()
	in, out := filepath.Join(dir, "m.wat"), filepath.Join(dir, "m.wasm")
	if err := os.WriteFile(in, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	if output, err := exec.Command(tool, "--enable-annotations", "--debug-names", in, "-o", out).CombinedOutput(); err != nil {
		t.Fatalf("wat2wasm: %v\n%s", err, output)
	}
	b, err := os.ReadFile(out)
	if err != nil {
		t.Fatal(err)
	}
	return b
}

func rewrite(t testing.TB, text string) []byte {
	t.Helper()
	out, err := Rewrite(assemble(t, text), DefaultOptions())
	if err != nil {
		t.Fatal(err)
	}
	return out
}

// metered loads a rewritten module with this much fuel and depth.
func metered(t testing.TB, text string, fuel int64, depth int32) *guest {
	t.Helper()
	l := newLab(wazero.NewRuntimeConfigInterpreter())
	t.Cleanup(l.close)
	g := l.mustInstantiate(t, l.mustCompile(t, rewrite(t, text), "metered"))
	g.set(FuelExport, uint64(fuel))
	g.set(DepthExport, uint64(uint32(depth)))
	return g
}

func (g *guest) call(name string, args ...uint64) ([]uint64, error) {
	return g.mod.ExportedFunction(name).Call(g.l.ctx, args...)
}

func (g *guest) fuel() int64 { return int64(g.get(FuelExport)) }

// spent gives the fuel that a call takes.
func spent(t testing.TB, text string, args ...uint64) int64 {
	t.Helper()
	g := metered(t, text, plentyFuel, plentyDepth)
	g.call("f", args...) // a trap takes fuel too
	return plentyFuel - g.fuel()
}

func TestFuelOfStraightLines(t *testing.T) {
	const (
		entry = functionEntry
		param = 1 // every local is weighed at the entry
	)
	tests := []struct {
		name, body string
		want       int64
	}{
		{"empty", ``, entry + param},
		{"constants", `i32.const 1 i32.const 2 i32.add drop`, entry + param + 3},
		{"division", `local.get 0 i32.const 3 i32.div_u drop`, entry + param + 2 + classWeights[wasm.ClassDiv]},
		{"square root", `f64.const 2 f64.sqrt drop`, entry + param + 1 + classWeights[wasm.ClassSqrt]},
		{"load", `i32.const 0 i32.load drop`, entry + param + 1 + classWeights[wasm.ClassLoad]},
		{"locals", `(local i64 i64 i64 i64)`, entry + param + 4},
		{"division that traps", `i32.const 1 i32.const 0 i32.div_u drop`, entry + param + 2 + classWeights[wasm.ClassDiv]},
		{"call", `call $empty`, entry + param + classWeights[wasm.ClassCall] + entry},
	}
	for _, test := range tests {
		text := `(module (memory 1) (func $empty) (func (export "f") (param i32) ` + test.body + `))`
		if got := spent(t, text, 5); got != test.want {
			t.Errorf("%s: %d units, want %d", test.name, got, test.want)
		}
	}
}

// A loop is charged at its header for each turn, and only for what is in it itself.
func TestFuelOfLoops(t *testing.T) {
	turns := func(n uint64) int64 {
		return spent(t, `(module (func (export "f") (param i32)
			(loop $l
				(local.set 0 (i32.sub (local.get 0) (i32.const 1)))
				(br_if $l (local.get 0)))))`, n)
	}
	one, two, hundred := turns(1), turns(2), turns(100)
	turn := two - one
	if turn < 7 || turn > 12 {
		t.Errorf("a turn of 6 instructions takes %d units", turn)
	}
	if want := one + 99*turn; hundred != want {
		t.Errorf("100 turns take %d units, want %d", hundred, want)
	}
}

// Both arms of an if are not charged together if they are heavy.
func TestFuelOfArms(t *testing.T) {
	heavy := strings.Repeat(`i64.const 1 i64.const 1 i64.div_s drop `, 50)
	text := `(module (func (export "f") (param i32) (if (local.get 0) (then ` + heavy + `) (else))))`
	taken, skipped := spent(t, text, 1), spent(t, text, 0)
	if want := 50 * (2 + classWeights[wasm.ClassDiv]); taken-skipped != want {
		t.Errorf("the arm takes %d units, want %d", taken-skipped, want)
	}
}

func TestFuelBySize(t *testing.T) {
	tests := []struct {
		name, code string
		op         wasm.Opcode
		n          uint64
	}{
		{"memory.fill", `(memory.fill (i32.const 0) (i32.const 1) (local.get 0))`, wasm.OpMemoryFill, 1 << 16},
		{"memory.fill beyond", `(memory.fill (i32.const 0) (i32.const 1) (local.get 0))`, wasm.OpMemoryFill, math.MaxUint32},
		{"memory.copy", `(memory.copy (i32.const 0) (i32.const 1) (local.get 0))`, wasm.OpMemoryCopy, 32000},
		{"memory.init", `(memory.init 0 (i32.const 0) (i32.const 1) (local.get 0))`, wasm.OpMemoryInit, 32},
		{"memory.grow", `(drop (memory.grow (local.get 0)))`, wasm.OpMemoryGrow, 1},
		{"memory.grow beyond", `(drop (memory.grow (local.get 0)))`, wasm.OpMemoryGrow, math.MaxUint32},
		{"table.grow", `(drop (table.grow 0 (ref.null func) (local.get 0)))`, wasm.OpTableGrow, 100},
		{"table.grow beyond", `(drop (table.grow 0 (ref.null func) (local.get 0)))`, wasm.OpTableGrow, math.MaxUint32},
		{"table.fill", `(table.fill 0 (i32.const 0) (ref.null func) (local.get 0))`, wasm.OpTableFill, 7},
		{"table.copy", `(table.copy (i32.const 0) (i32.const 1) (local.get 0))`, wasm.OpTableCopy, 7},
		{"table.init", `(table.init 0 (i32.const 0) (i32.const 1) (local.get 0))`, wasm.OpTableInit, 2},
	}
	for _, test := range tests {
		text := `(module (memory 1) (table $t 10 funcref) (data "` + strings.Repeat("x", 64) + `")
			(func $e) (elem func $e $e $e) (func (export "f") (param i32) ` + test.code + `))`
		size := sizeWeights[test.op]
		want := int64(test.n>>size.shift) * int64(size.factor)
		if got := spent(t, text, test.n) - spent(t, text, 0); got != want {
			t.Errorf("%s of %d: %d units more than of 0, want %d", test.name, test.n, got, want)
		}
	}
}

// What has no fuel must not begin: the fill is charged before it runs.
func TestNoFuelNoWork(t *testing.T) {
	g := metered(t, `(module (memory (export "memory") 1) (func (export "f")
		(i32.store8 (i32.const 0) (i32.const 9))
		(memory.fill (i32.const 1) (i32.const 7) (i32.const 60000))))`, 200, 1000)
	if _, err := g.call("f"); err == nil {
		t.Fatal("the call returned")
	}
	got, _ := g.mod.Memory().Read(0, 2)
	if got[0] != 9 || got[1] != 0 {
		t.Errorf("memory begins with %v, want [9 0]", got)
	}
	if g.fuel() >= 0 {
		t.Errorf("fuel is %d after it ran out", g.fuel())
	}
}

func TestExhaustionIsToldApart(t *testing.T) {
	const (
		spin    = `(module (func (export "f") (loop (br 0))))`
		recurse = `(module (func $f (export "f") (call $f)))`
		trap    = `(module (func (export "f") unreachable))`
	)
	tests := []struct {
		name, text      string
		fuel            int64
		depth           int32
		noFuel, noDepth bool
	}{
		{"spinning", spin, 1000, 1000, true, false},
		{"recursing out of depth", recurse, 1 << 40, 1000, false, true},
		{"recursing out of fuel", recurse, 200, math.MaxInt32, true, false},
		{"a trap of its own", trap, 1000, 1000, false, false},
		{"nothing was filled", trap, 0, 0, true, false},
	}
	for _, test := range tests {
		g := metered(t, test.text, test.fuel, test.depth)
		if _, err := g.call("f"); err == nil {
			t.Errorf("%s: the call returned", test.name)
		}
		noFuel, noDepth := g.fuel() < 0, int32(g.get(DepthExport)) < 0
		if noFuel != test.noFuel || noDepth != test.noDepth {
			t.Errorf("%s: fuel gone %v, depth gone %v; want %v, %v", test.name, noFuel, noDepth, test.noFuel, test.noDepth)
		}
	}
}

// Every way out of a function gives its frame back.
func TestDepthIsGivenBack(t *testing.T) {
	for name, code := range map[string]string{
		"end":      `(call $g) (i32.const 1) (i64.const 2)`,
		"return":   `(call $g) (block (loop (return (i32.const 1) (i64.const 2)))) unreachable`,
		"br":       `(call $g) (block (block (br 2 (i32.const 1) (i64.const 2)))) unreachable`,
		"br_if":    `(call $g) (i32.const 1) (i64.const 2) (br_if 0 (i32.const 1))`,
		"br_table": `(call $g) (block (result i32 i64) (br_table 1 0 (i32.const 1) (i64.const 2) (i32.const 0))) (unreachable)`,
	} {
		g := metered(t, `(module (func $g) (func (export "f") (result i32 i64) `+code+`))`, 1000, 500)
		results, err := g.call("f")
		if err != nil || results[0] != 1 || results[1] != 2 {
			t.Errorf("%s: results %v, error %v", name, results, err)
		}
		if got := g.get(DepthExport); got != 500 {
			t.Errorf("%s: depth is %d, want 500", name, got)
		}
	}
}

func TestRefused(t *testing.T) {
	tests := []struct{ name, text, want string }{
		{"start", `(module (func $f) (start $f))`, "start section"},
		{"imported global", `(module (import "m" "g" (global i32)))`, "imported global m.g"},
		{"imported memory", `(module (import "m" "m" (memory 1)))`, "imported memory m.m"},
		{"imported table", `(module (import "m" "t" (table 1 funcref)))`, "imported table m.t"},
		{"name of the fuel", `(module (func (export "namelet_host_fuel")))`, "reserved"},
		{"name of a global", `(module (func (export "namelet_host_global_7")))`, "reserved"},
		{"large memory", `(module (memory 1025))`, "1025 pages of memory"},
		{"large table", `(module (table 65537 funcref))`, "65537 table entries"},
	}
	for _, test := range tests {
		_, err := Rewrite(assemble(t, test.text), DefaultOptions())
		var refused *Error
		if !errors.As(err, &refused) || !strings.Contains(err.Error(), test.want) {
			t.Errorf("%s: error %v, want one with %q", test.name, err, test.want)
		}
	}
}

// hand makes a module of one function () -> () by hand, with n globals of type i32.
func hand(globals int, init wasm.Instr, exports []wasm.Export, code ...wasm.Instr) []byte {
	m := &wasm.Module{Types: []wasm.FuncType{{}}, Functions: []uint32{0}, Exports: exports}
	for range globals {
		m.Globals = append(m.Globals, wasm.Global{
			GlobalType: wasm.GlobalType{Type: i32, Mutable: true}, Init: wasm.ConstExpr{Instr: init},
		})
	}
	a := new(asm).add(code...).ops(wasm.OpEnd)
	m.Code = []wasm.Body{{Locals: []wasm.LocalRun{{Count: 1, Type: i64}}, Code: a.out}}
	return m.Encode()
}

// Nothing in the module may name what the rewriter adds: its globals, its locals, the label of the
// block around a body, its types.
func TestHiddenThingsOutOfReach(t *testing.T) {
	zero, drop := num(0), wasm.Instr{Op: wasm.OpDrop}
	tests := []struct {
		name   string
		module []byte
		want   string
	}{
		{"fuel read", hand(2, zero, nil, gget(2), drop), "global 2 does not exist"},
		{"depth read", hand(2, zero, nil, gget(3), drop), "global 3 does not exist"},
		{"fuel written", hand(0, zero, nil, long(9), gset(0)), "global 0 does not exist"},
		{"far beyond", hand(0, zero, nil, gget(math.MaxUint32), drop), "global 4294967295 does not exist"},
		{"fuel exported", hand(1, zero, []wasm.Export{{Name: "x", Kind: wasm.ExternGlobal, Index: 1}}), "global 1 does not exist"},
		{"fuel in a constant", hand(1, gget(1), nil), "imported global 1 does not exist"},
		{"wide local", hand(0, zero, nil, get(1), drop), "local 1 does not exist"},
		{"narrow local", hand(0, zero, nil, num(0), set(2)), "local 2 does not exist"},
		{"label around the body", hand(0, zero, nil, call(0), wasm.Instr{Op: wasm.OpBr, A: 1}), "label 1 does not exist"},
		{"label around the body, if", hand(0, zero, nil, call(0), num(1), brif(1)), "label 1 does not exist"},
		{"type added", hand(0, zero, nil, call(0), wasm.Instr{Op: wasm.OpBlock, Block: wasm.BlockType{Kind: wasm.BlockFunc, Index: 1}}, wasm.Instr{Op: wasm.OpEnd}), "type 1 does not exist"},
	}
	for _, test := range tests {
		_, err := Rewrite(test.module, DefaultOptions())
		if err == nil || !strings.Contains(err.Error(), test.want) {
			t.Errorf("%s: error %v, want one with %q", test.name, err, test.want)
		}
	}
}

func TestGrowthIsBounded(t *testing.T) {
	m, err := wasm.Decode(rewrite(t, `(module (memory 1) (table 2 funcref) (table 3 5 externref) (table 1 70000 funcref))`), wasm.DefaultBounds())
	if err != nil {
		t.Fatal(err)
	}
	got := []uint32{m.Memories[0].Max, m.Tables[0].Limits.Max, m.Tables[1].Limits.Max, m.Tables[2].Limits.Max}
	for i, want := range []uint32{1024, 65536, 5, 65536} {
		if got[i] != want {
			t.Errorf("maximum %d is %d, want %d", i, got[i], want)
		}
	}
}

func TestExportsAndNames(t *testing.T) {
	m, err := wasm.Decode(rewrite(t, `(module $guest
		(global i32 (i32.const 1)) (global (mut i64) (i64.const 1)) (global (mut funcref) (ref.null func))
		(global (mut v128) (v128.const i64x2 1 1)) (global (mut f32) (f32.const 1))
		(func $first) (func $second (call $first)) (@custom "other" "bytes"))`), wasm.DefaultBounds())
	if err != nil {
		t.Fatal(err)
	}
	got := map[string]uint32{}
	for _, e := range m.Exports {
		got[e.Name] = e.Index
	}
	for name, want := range map[string]uint32{GlobalExport(1): 1, GlobalExport(4): 4, FuelExport: 5, DepthExport: 6} {
		if index, ok := got[name]; !ok || index != want {
			t.Errorf("export %s is global %d, %v; want %d", name, index, ok, want)
		}
	}
	if len(got) != 4 {
		t.Errorf("%d exports, want 4: %v", len(got), got)
	}
	names, ok := m.Names()
	if !ok || names.Module != "guest" || len(names.Functions) != 2 || names.Functions[1].Name != "second" || len(m.Customs) != 1 {
		t.Errorf("names %+v, %v; %d custom sections", names, ok, len(m.Customs))
	}
}

// A small module must not take the compiler long.
func TestEffortIsBounded(t *testing.T) {
	const locals, loops = 9000, 1000
	merging := new(asm).
		times(loops, func(a *asm, _ int) { a.add(wasm.Instr{Op: wasm.OpLoop}) }).
		times(locals, func(a *asm, i int) { a.add(get(uint32(i)), set(uint32(locals-1-i))) }).
		times(loops, func(a *asm, _ int) { a.ops(wasm.OpEnd) })
	forking := new(asm).
		times(25_000, func(a *asm, _ int) { a.add(num(1), wasm.Instr{Op: wasm.OpIf}).ops(wasm.OpEnd) })
	labels := new(asm).add(num(0), wasm.Instr{Op: wasm.OpBrTable, Labels: make([]uint32, 240_000)})
	for name, a := range map[string]*asm{"merging": merging, "forking": forking, "labels": labels} {
		m := &wasm.Module{Types: []wasm.FuncType{{}}}
		define(m, 0, []wasm.LocalRun{{Count: locals, Type: i64}}, a)
		if _, err := Rewrite(m.Encode(), DefaultOptions()); err == nil || !strings.Contains(err.Error(), "too long to compile") {
			t.Errorf("%s: error %v", name, err)
		}
	}
}

// Nor must calls and blocks with many parameters and results, each of two or three bytes.
func TestValuesAreBounded(t *testing.T) {
	many := repeat(128, i64)
	through := wasm.BlockType{Kind: wasm.BlockFunc, Index: 1}
	block, end := wasm.Instr{Op: wasm.OpBlock, Block: through}, wasm.Instr{Op: wasm.OpEnd}
	for name, test := range map[string]struct {
		times int
		code  []wasm.Instr
	}{
		"calls":          {20_000, []wasm.Instr{call(1)}},
		"indirect calls": {20_000, []wasm.Instr{num(0), {Op: wasm.OpCallIndirect, A: 1}}},
		"blocks":         {20_000, []wasm.Instr{block, end}},
		"fewer blocks":   {7_500, []wasm.Instr{block, end}}, // refused for the forks
		"branches":       {15_000, []wasm.Instr{num(0), brif(0)}},
		"returns":        {16_000, []wasm.Instr{{Op: wasm.OpReturn}}},
	} {
		m := &wasm.Module{
			Types:  []wasm.FuncType{{Results: many}, {Params: many, Results: many}},
			Tables: []wasm.Table{{Type: wasm.FuncRef, Limits: wasm.Limits{Min: 1}}},
		}
		define(m, 0, nil, new(asm).add(repeat(128, long(1))...).times(test.times, func(a *asm, _ int) { a.add(test.code...) }))
		define(m, 1, nil, new(asm).times(128, func(a *asm, i int) { a.add(get(uint32(i))) }))
		_, err := Rewrite(m.Encode(), DefaultOptions())
		var typed *Error
		if !errors.As(err, &typed) || !strings.Contains(err.Error(), "handed over") {
			t.Errorf("%s: error %v", name, err)
		}
	}
}

// A long function whose segments are all light still tests its fuel before Overrun is used up.
func TestOverrunIsBounded(t *testing.T) {
	a := new(asm)
	a.times(2000, func(a *asm, _ int) {
		a.add(gget(0), brif(0)).times(30, func(a *asm, _ int) { a.ops(wasm.OpNop).add(num(1)).ops(wasm.OpDrop) })
	})
	m := &wasm.Module{Types: []wasm.FuncType{{}}, Globals: []wasm.Global{hiddenGlobal(i32, wasm.OpI32Const)}}
	define(m, 0, nil, a)
	m.Exports = []wasm.Export{{Name: "f"}}
	out, err := Rewrite(m.Encode(), DefaultOptions())
	if err != nil {
		t.Fatal(err)
	}
	l := newLab(wazero.NewRuntimeConfigInterpreter())
	defer l.close()
	g := l.mustInstantiate(t, l.mustCompile(t, out, "metered"))
	g.set(FuelExport, 500)
	g.set(DepthExport, 1<<20)
	if _, err := g.call("f"); err == nil {
		t.Error("the call returned")
	}
	if over := -g.fuel(); over <= 0 || over > Overrun+testFrom {
		t.Errorf("used %d more than there was, want at most %d", over, Overrun)
	}
}
