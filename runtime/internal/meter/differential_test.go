package meter

import (
	"context"
	"fmt"
	"math/rand/v2"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/tetratelabs/wazero"
	"github.com/tetratelabs/wazero/api"
)

// plenty is fuel and depth that no generated module uses up.
const (
	plentyFuel  = 1 << 60
	plentyDepth = 1 << 30
)

// outcome is what can be observed of a run.
type outcome struct {
	Results [][]uint64
	Traps   []string // of each call the first line of the error, or empty
	Memory  string
	Globals []uint64
}

// lab runs modules on one engine, which it replaces now and then so that nothing piles up.
type lab struct {
	ctx    context.Context
	config wazero.RuntimeConfig
	rt     wazero.Runtime
	used   int
}

func newLab(config wazero.RuntimeConfig) *lab {
	l := &lab{ctx: context.Background(), config: config}
	l.rt = wazero.NewRuntimeWithConfig(l.ctx, config)
	return l
}

func (l *lab) close() { l.rt.Close(l.ctx) }

func (l *lab) renew() {
	if l.used++; l.used%2000 == 0 {
		l.close()
		l.rt = wazero.NewRuntimeWithConfig(l.ctx, l.config)
	}
}

// guest is an instance with what the rewriter exports.
type guest struct {
	l   *lab
	mod api.Module
}

func (l *lab) mustCompile(t testing.TB, module []byte, what string) wazero.CompiledModule {
	t.Helper()
	compiled, err := l.rt.CompileModule(l.ctx, module)
	if err != nil {
		t.Fatalf("%s module does not compile: %v", what, err)
	}
	return compiled
}

func (l *lab) mustInstantiate(t testing.TB, compiled wazero.CompiledModule) *guest {
	t.Helper()
	mod, err := l.rt.InstantiateModule(l.ctx, compiled, wazero.NewModuleConfig().WithName("").WithStartFunctions())
	if err != nil {
		t.Fatalf("module does not instantiate: %v", err)
	}
	if write := mod.ExportedFunction(DataExport); write != nil {
		if _, err := write.Call(l.ctx); err != nil {
			t.Fatalf("data segments are not written: %v", err)
		}
	}
	return &guest{l: l, mod: mod}
}

func (g *guest) close() { g.mod.Close(g.l.ctx) }

func (g *guest) set(export string, v uint64) {
	g.mod.ExportedGlobal(export).(api.MutableGlobal).Set(v)
}

func (g *guest) get(export string) uint64 { return g.mod.ExportedGlobal(export).Get() }

// run calls every exported function, prepare before each, and takes down what is left. It goes on after
// a trap: the state it left behind must be the same too.
func (g *guest) run(seed uint64, prepare func()) outcome {
	var o outcome
	rng := rand.New(rand.NewPCG(seed, 1))
	for i := 0; ; i++ {
		f := g.mod.ExportedFunction(fmt.Sprintf("f%d", i))
		if f == nil {
			break
		}
		args, ok := arguments(f.Definition(), rng)
		if !ok {
			continue
		}
		g.set(boundExport, runBound)
		prepare()
		results, err := f.Call(g.l.ctx, args...)
		trap := ""
		if err != nil {
			trap, _, _ = strings.Cut(err.Error(), "\n")
		}
		o.Results, o.Traps = append(o.Results, results), append(o.Traps, trap)
	}
	g.observe(&o)
	return o
}

func (g *guest) observe(o *outcome) {
	mem := g.mod.Memory()
	bytes, _ := mem.Read(0, mem.Size())
	o.Memory = string(bytes)
	for i := 0; ; i++ {
		x := g.mod.ExportedGlobal(fmt.Sprintf("g%d", i))
		if x == nil {
			return
		}
		o.Globals = append(o.Globals, x.Get())
	}
}

// arguments makes arguments, unless the function takes vectors, which the API cannot pass.
func arguments(def api.FunctionDefinition, rng *rand.Rand) ([]uint64, bool) {
	var args []uint64
	for _, t := range append(def.ParamTypes(), def.ResultTypes()...) {
		if t != api.ValueTypeI32 && t != api.ValueTypeI64 && t != api.ValueTypeF32 && t != api.ValueTypeF64 {
			return nil, false
		}
	}
	for _, t := range def.ParamTypes() {
		v := rng.Uint64() >> rng.IntN(64)
		if t == api.ValueTypeI32 || t == api.ValueTypeF32 {
			v &= 1<<32 - 1
		}
		args = append(args, v)
	}
	return args, true
}

// checkSame is the heart of the differential tests: the original, the metered and the exactly counted
// module do the same; the fuel taken is the same every time and no less than the exact count; with
// less fuel the run ends early, and says so.
func (l *lab) checkSame(t testing.TB, original []byte, seed uint64) {
	t.Helper()
	l.renew()
	metered, err := Rewrite(original, DefaultOptions())
	if err != nil {
		t.Fatalf("Rewrite: %v", err)
	}
	nothing := func() {}
	compiled := l.mustCompile(t, original, "original")
	defer compiled.Close(l.ctx)
	plain := l.mustInstantiate(t, compiled)
	defer plain.close()
	want := plain.run(seed, nothing)

	counting := l.mustCompile(t, countExactly(t, original), "exactly counted")
	defer counting.Close(l.ctx)
	exact := l.mustInstantiate(t, counting)
	defer exact.close()
	if got := exact.run(seed, nothing); !cmp.Equal(want, got) {
		t.Fatalf("exactly counted run differs: %s", difference(want, got))
	}

	compiledMetered := l.mustCompile(t, metered, "metered")
	defer compiledMetered.Close(l.ctx)
	spent := l.checkMetered(t, compiledMetered, seed, want)
	if counted := int64(exact.get(exactExport)); spent < counted {
		t.Fatalf("fuel taken %d is less than what ran, %d", spent, counted)
	}
	if again := l.checkMetered(t, compiledMetered, seed, want); again != spent {
		t.Fatalf("fuel taken differs between runs: %d, then %d", spent, again)
	}
	if spent > 0 {
		l.checkExhaustion(t, compiledMetered, seed, spent)
	}
}

// checkMetered runs the metered module with plenty of everything and gives the fuel it took.
func (l *lab) checkMetered(t testing.TB, metered wazero.CompiledModule, seed uint64, want outcome) int64 {
	t.Helper()
	g := l.mustInstantiate(t, metered)
	defer g.close()
	g.set(FuelExport, plentyFuel)
	got := g.run(seed, func() { g.set(DepthExport, plentyDepth) })
	if !cmp.Equal(want, got) {
		t.Fatalf("metered run differs: %s", difference(want, got))
	}
	left, depth := int64(g.get(FuelExport)), int32(g.get(DepthExport))
	if left < 0 || depth < 0 {
		t.Fatalf("fuel left %d, depth left %d: exhausted with plenty", left, depth)
	}
	if n := len(got.Traps); n > 0 && got.Traps[n-1] == "" && depth != plentyDepth {
		t.Fatalf("depth is %d after a call returned, want %d", depth, int32(plentyDepth))
	}
	return plentyFuel - left
}

// checkExhaustion runs the metered module with part of the fuel it needs. It may not get beyond.
func (l *lab) checkExhaustion(t testing.TB, metered wazero.CompiledModule, seed uint64, spent int64) {
	t.Helper()
	g := l.mustInstantiate(t, metered)
	defer g.close()
	part := int64(seed % uint64(spent))
	g.set(FuelExport, uint64(part))
	got := g.run(seed, func() { g.set(DepthExport, plentyDepth) })
	if left := int64(g.get(FuelExport)); left >= 0 {
		t.Fatalf("with %d of %d units %d are left", part, spent, left)
	}
	last := got.Traps[len(got.Traps)-1]
	if last == "wasm error: unreachable" {
		return
	}
	if left := int64(g.get(FuelExport)); left < -Overrun {
		t.Fatalf("out of fuel by %d, trap is %q", -left, last)
	}
}

func difference(want, got outcome) string {
	same := want.Memory == got.Memory
	want.Memory, got.Memory = "", ""
	return fmt.Sprintf("memory the same: %v; want %+v, got %+v", same, want, got)
}

// stretch gives the generator more to decide than the fuzzer usually gives: data whose first byte is
// odd are followed by pseudo-random bytes that depend on all of them.
func stretch(data []byte) []byte {
	if len(data) == 0 || data[0]&1 == 0 {
		return data
	}
	rng := rand.New(rand.NewPCG(checksum(data), 2))
	more := append([]byte(nil), data[1:]...)
	for range 256 {
		v := rng.Uint64()
		more = append(more, byte(v), byte(v>>8), byte(v>>16), byte(v>>24), byte(v>>32), byte(v>>40))
	}
	return more
}

// checksum is FNV-1a: the same in every process, so that what fails can be run again.
func checksum(data []byte) uint64 {
	h := uint64(14695981039346656037)
	for _, c := range data {
		h = (h ^ uint64(c)) * 1099511628211
	}
	return h
}

// The engine's compiler must agree too. It is slow, so a sample has to do.
func TestCompilerAgrees(t *testing.T) {
	l := newLab(wazero.NewRuntimeConfigCompiler())
	defer l.close()
	for i := range 150 {
		data := []byte{1, byte(i), 'c'}
		l.checkSame(t, generateModule(stretch(data)), checksum(data))
	}
}

func FuzzDifferential(f *testing.F) {
	for i := range 64 {
		f.Add([]byte{1, byte(i), byte(i * 7)})
	}
	l := newLab(wazero.NewRuntimeConfigInterpreter())
	f.Cleanup(l.close)
	f.Fuzz(func(t *testing.T, data []byte) {
		l.checkSame(t, generateModule(stretch(data)), checksum(data))
	})
}
