package runtime

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"

	"github.com/namelet/namelet/hostabi"
	"github.com/namelet/namelet/rr"
)

// A guest that answers with the status -100-n for the n-th call since its start, and keeps n in
// memory, in a global and in the host's random numbers: all the kinds of state that there are.
const countingGuest = `(module
	(import "wasi_snapshot_preview1" "random_get" (func $random (param i32 i32) (result i32)))
	(memory (export "memory") 1)
	(global $calls (mut i32) (i32.const 0))
	(data (i32.const 16) "\00\10\00\00\00\04\00\00\00\20\00\00\00\04\00\00")
	(func (export "namelet_abi_1"))
	(func (export "namelet_buffers") (result i32) (i32.const 16))
	(func (export "namelet_init") (param i32) (result i32)
		(global.set $calls (i32.const 50))
		(i32.store (i32.const 64) (i32.const 50))
		(drop (call $random (i32.const 80) (i32.const 4)))
		(i32.const 0))
	(func $answer (export "namelet_answer") (param i32) (result i32)
		(global.set $calls (i32.add (global.get $calls) (i32.const 1)))
		(i32.store (i32.const 64) (i32.add (i32.load (i32.const 64)) (i32.const 1)))
		(drop (call $random (i32.const 80) (i32.const 4)))
		(if (i32.ne (global.get $calls) (i32.load (i32.const 64))) (then (unreachable)))
		(i32.or (i32.const 0x80000000) (i32.xor (i32.load (i32.const 80)) (global.get $calls)))))`

// After a fault, every kind of state is that of the picture: the guest fails in the same way.
func TestReplacementRestoresState(t *testing.T) {
	for _, interpreter := range []bool{false, true} {
		e := newEngine(t, Config{Interpreter: interpreter})
		i := newInstance(t, prepare(t, compile(t, e, watText(t, countingGuest)), GenerationConfig{}))
		first := failure(t, i, question("www.example.org", rr.TypeA))
		for range 3 {
			if again := failure(t, i, question("www.example.org", rr.TypeA)); again.Status != first.Status || again.Fuel != first.Fuel {
				t.Errorf("status %d for %d units, the first time %d for %d", again.Status, again.Fuel, first.Status, first.Fuel)
			}
		}
	}
}

// failure asks on the default budget and wants a fault.
func failure(t *testing.T, i *Instance, q *hostabi.Question) *Fault {
	t.Helper()
	var a Answer
	var fault *Fault
	if err := i.Answer(q, DefaultFuel, newHost(), &a); !errors.As(err, &fault) {
		t.Fatalf("got %v, want a fault", err)
	}
	return fault
}

// statefulGuest answers 192.0.2.n where n counts the calls; what decides how it is started anew is
// put in by %s.
const statefulGuest = `(module
	%s
	(memory (export "memory") 1)
	(data (i32.const 16) "\00\10\00\00\00\04\00\00\00\20\00\00\00\04\00\00")
	(data (i32.const 0x2000)
		"\10\00\00\00" "\01" "\00" "\01\00" "\00\00\00\00" "\00\00\00\00"
		"\10\00\00\00" "\01\00" "\00" "\00" "\00\00\00\00" "\00\00" "\04\00" "\c0\00\02\00")
	(func (export "namelet_abi_1"))
	(func (export "namelet_buffers") (result i32) (i32.const 16))
	(func (export "namelet_answer") (param i32) (result i32)
		(i32.store8 (i32.const 0x2023) (i32.add (i32.load8_u (i32.const 0x2023)) (i32.const 1)))
		%s
		(i32.const 36)))`

// What cannot be copied is started anew, and says so.
func TestStartedAnew(t *testing.T) {
	for _, row := range []struct {
		name, declare, code string
		copied              bool
	}{
		{"plain", "", "", true},
		{"a passive segment", `(data $p "x")`, `(data.drop $p)`, false},
		{"a dropped segment", `(data $d (i32.const 0x3000) "xy")`, `
			(if (i32.eq (i32.load8_u (i32.const 0x2023)) (i32.const 1)) (then (memory.init $d (i32.const 0x3000) (i32.const 0) (i32.const 2))))
			(data.drop $d)`, false},
		{"a mutable table", `(table $t 1 funcref)`, `(drop (table.grow $t (ref.null func) (i32.const 1)))`, false},
		{"a mutable reference", `(global $r (mut funcref) (ref.null func))`, `(global.set $r (ref.null func))`, false},
		{"a mutable vector", `(global $v (mut v128) (v128.const i64x2 0 0))`, `(global.set $v (v128.const i64x2 1 2))`, false},
		{"grown memory", "", `(drop (memory.grow (i32.const 1)))`, true},
	} {
		t.Run(row.name, func(t *testing.T) {
			gen := prepare(t, compile(t, newEngine(t, Config{}), watText(t, fmt.Sprintf(statefulGuest, row.declare, row.code))), GenerationConfig{})
			if gen.Copied() != row.copied {
				t.Errorf("copied: %v, want %v", gen.Copied(), row.copied)
			}
			i := newInstance(t, gen)
			for range 3 {
				for n := byte(1); n <= 2; n++ {
					if got := lastByte(t, i); got != n {
						t.Errorf("call %d after a reset was call %d of the guest", n, got)
					}
				}
				i.Reset()
			}
		})
	}
}

func lastByte(t testing.TB, i *Instance) byte {
	t.Helper()
	var a Answer
	if err := i.Answer(question("www.example.org", rr.TypeA), DefaultFuel, newHost(), &a); err != nil {
		t.Fatal(err)
	}
	return a.Sets[0].Data[0][3]
}

// A guest that takes a configuration and answers with its length as a status.
const configGuest = `(module
	(memory (export "memory") 1)
	(data (i32.const 16) "\00\10\00\00\00\04\00\00\00\20\00\00\00\04\00\00")
	(func (export "namelet_abi_1"))
	(func (export "namelet_buffers") (result i32) (i32.const 16))
	(func (export "namelet_init") (param i32) (result i32)
		(i32.store (i32.const 64) (local.get 0))
		(if (result i32) (i32.eq (i32.load8_u (i32.const 0x1010)) (i32.const 0x78)) (then (i32.const -7)) (else (i32.const 0))))
	(func (export "namelet_answer") (param i32) (result i32) (i32.sub (i32.const 0) (i32.load (i32.const 64)))))`

func TestConfiguration(t *testing.T) {
	m := compile(t, newEngine(t, Config{}), watText(t, configGuest))
	i := newInstance(t, prepare(t, m, GenerationConfig{Values: map[string]string{"k": "value"}}))
	if f := failure(t, i, question("www.example.org", rr.TypeA)); f.Kind != FaultGuest || f.Status != -(8+8+6) {
		t.Errorf("got %v with status %d, want the configuration's 22 bytes", f, f.Status)
	}
	for name, values := range map[string]map[string]string{
		"guest error": {"x": ""},                        // the guest refuses this key
		"init":        {"k": strings.Repeat("v", 1024)}, // more than the buffer
	} {
		_, err := m.Prepare(context.Background(), GenerationConfig{Values: values})
		var fault *Fault
		if !errors.As(err, &fault) || fault.Kind.String() != name {
			t.Errorf("got %v, want %s", err, name)
		}
	}
	if _, err := m.Prepare(context.Background(), GenerationConfig{Values: map[string]string{"": ""}}); !errors.Is(err, hostabi.ErrConfig) {
		t.Errorf("an empty key: %v", err)
	}
}

func TestConfigurationUnwanted(t *testing.T) {
	m := compile(t, newEngine(t, Config{}), wat(t, "testdata/fixed.wat"))
	prepare(t, m, GenerationConfig{})
	_, err := m.Prepare(context.Background(), GenerationConfig{Values: map[string]string{"k": "v"}})
	var fault *Fault
	if !errors.As(err, &fault) || fault.Kind != FaultInit {
		t.Errorf("got %v, want a fault at the start", err)
	}
}

// The page limit of a generation binds below the engine's.
func TestMemoryLimit(t *testing.T) {
	grow := watText(t, `(module
		(memory (export "memory") 3)
		(data (i32.const 16) "\00\10\00\00\00\04\00\00\00\20\00\00\00\04\00\00")
		(func (export "namelet_abi_1"))
		(func (export "namelet_buffers") (result i32) (i32.const 16))
		(func (export "namelet_answer") (param i32) (result i32)
			(loop $more (br_if $more (i32.ne (memory.grow (i32.const 1)) (i32.const -1))))
			(i32.sub (i32.const 0) (memory.size))))`)
	m := compile(t, newEngine(t, Config{Most: Limits{MemoryPages: 40}}), grow)
	for limit, want := range map[uint32]int32{3: 3, 10: 10, 40: 40, 100: 40} {
		i := newInstance(t, prepare(t, m, GenerationConfig{Limits: Limits{MemoryPages: limit}}))
		for range 2 {
			if f := failure(t, i, question("www.example.org", rr.TypeA)); f.Status != -want {
				t.Errorf("limit %d: the guest grew to %d pages, want %d", limit, -f.Status, want)
			}
		}
	}
	_, err := m.Prepare(context.Background(), GenerationConfig{Limits: Limits{MemoryPages: 2}})
	var fault *Fault
	if !errors.As(err, &fault) || fault.Kind != FaultInit {
		t.Errorf("a memory larger than the limit to begin with: %v", err)
	}
}

// What is left of a query's budget binds, down to the last unit.
func TestFuelBudget(t *testing.T) {
	i := instanceOf(t, wat(t, "testdata/fixed.wat"))
	q, h := question("www.example.org", rr.TypeA), newHost()
	var a Answer
	if err := i.Answer(q, DefaultFuel, h, &a); err != nil {
		t.Fatal(err)
	}
	need := a.Fuel
	if err := i.Answer(q, need, h, &a); err != nil || a.Fuel != need {
		t.Errorf("on just enough: %d units, %v", a.Fuel, err)
	}
	var fault *Fault
	if err := i.Answer(q, need-1, h, &a); !errors.As(err, &fault) || fault.Kind != FaultFuel || fault.Fuel != need || a.Fuel != fault.Fuel {
		t.Errorf("on a unit too little: %v, the answer says %d units", err, a.Fuel)
	}
	if err := i.Answer(q, 0, h, &a); !errors.As(err, &fault) || fault.Kind != FaultFuel {
		t.Errorf("on nothing: %v", err)
	}
}

// A host that panics is not the guest's failure, and does not take the process down.
func TestHostPanics(t *testing.T) {
	module := watText(t, `(module
		(import "namelet_v1" "transport" (func $transport (result i32)))
		(memory (export "memory") 1)
		(data (i32.const 16) "\00\10\00\00\00\04\00\00\00\20\00\00\00\04\00\00")
		(func (export "namelet_abi_1"))
		(func (export "namelet_buffers") (result i32) (i32.const 16))
		(func (export "namelet_answer") (param i32) (result i32) (call $transport)))`)
	i := instanceOf(t, module)
	var a Answer
	var fault *Fault
	err := i.Answer(question("www.example.org", rr.TypeA), DefaultFuel, (*fakeHost)(nil), &a)
	if !errors.As(err, &fault) || fault.Kind != FaultHost {
		t.Errorf("got %v, want a fault of the host", err)
	}
}

// A guest that allocates in namelet_idle may; one that does not exist is not called.
func TestIdle(t *testing.T) {
	i := newInstance(t, appsGeneration(t))
	if err := i.Idle(hostabi.IdleQuiet, DefaultIdleFuel, newHost()); err != nil || i.FuelUsed() == 0 {
		t.Errorf("%d units, %v", i.FuelUsed(), err)
	}
	var fault *Fault
	if err := i.Idle(hostabi.IdleQuiet, 1, newHost()); !errors.As(err, &fault) || fault.Kind != FaultFuel || !i.stale {
		t.Errorf("on one unit: %v", err)
	}
	without := instanceOf(t, wat(t, "testdata/fixed.wat"))
	if err := without.Idle(hostabi.IdleMemory, 1, newHost()); err != nil || without.FuelUsed() != 0 {
		t.Errorf("without the export: %d units, %v", without.FuelUsed(), err)
	}
}

// Machine code comes from the cache directory the second time.
func TestCompilationCache(t *testing.T) {
	dir := t.TempDir()
	module := wat(t, "testdata/fixed.wat")
	for range 2 {
		m := compile(t, newEngine(t, Config{CacheDir: dir}), module)
		if got := lastByte(t, newInstance(t, prepare(t, m, GenerationConfig{}))); got != 1 {
			t.Errorf("the answer ends in %d, want 1", got)
		}
	}
	files := 0
	if err := filepath.WalkDir(dir, func(_ string, entry os.DirEntry, err error) error {
		if err == nil && !entry.IsDir() {
			files++
		}
		return err
	}); err != nil || files == 0 {
		t.Errorf("%d files in the cache, %v", files, err)
	}
}

// One generation serves many goroutines, each with an instance of its own.
func TestManyWorkers(t *testing.T) {
	gen := prepare(t, compile(t, newEngine(t, Config{}), watText(t, fmt.Sprintf(statefulGuest, "", ""))), GenerationConfig{})
	var group sync.WaitGroup
	for range 8 {
		group.Go(func() {
			for range 20 {
				i, err := gen.NewInstance(context.Background())
				if err != nil {
					t.Error(err)
					return
				}
				var a Answer
				for n := byte(1); n < 10; n++ {
					err := i.Answer(question("www.example.org", rr.TypeA), DefaultFuel, newHost(), &a)
					if err != nil || a.Sets[0].Data[0][3] != n {
						t.Errorf("call %d: %v, %v", n, a.Sets, err)
					}
				}
				if err := i.Close(context.Background()); err != nil {
					t.Error(err)
				}
			}
		})
	}
	group.Wait()
}

// The report is of what was uploaded, not of what it became.
func TestReport(t *testing.T) {
	module := wat(t, "testdata/fixed.wat")
	if got := compile(t, newEngine(t, Config{}), module).Report().Size; got != len(module) {
		t.Errorf("the report says %d bytes, want %d", got, len(module))
	}
}

// A module, whatever it is, is refused or compiled; the process goes on.
func FuzzCompile(f *testing.F) {
	e := newEngine(f, Config{Interpreter: true, Most: Limits{MemoryPages: 16}})
	f.Add(wat(f, "testdata/fixed.wat"))
	for _, name := range []string{"recursion", "table_grow", "lookup_loop", "indirect", "sqrt", "init_exit"} {
		f.Add(wat(f, "../guests/hostile/"+name+".wat"))
	}
	f.Fuzz(func(t *testing.T, module []byte) {
		ctx := context.Background()
		m, err := e.Compile(ctx, module)
		var refusal *Refusal
		if err != nil {
			if !errors.As(err, &refusal) {
				t.Fatalf("error %v, want a refusal", err)
			}
			return
		}
		defer func() { _ = m.Close(ctx) }()
		runFuzzed(t, m)
	})
}

// runFuzzed starts what compiled, and asks it.
func runFuzzed(t *testing.T, m *Module) {
	ctx := context.Background()
	var fault *Fault
	gen, err := m.Prepare(ctx, GenerationConfig{Limits: Limits{InitFuel: 10_000, MemoryPages: 16}})
	if err != nil {
		if !errors.As(err, &fault) {
			t.Fatalf("start: %v", err)
		}
		return
	}
	i, err := gen.NewInstance(ctx)
	if err != nil {
		if !errors.As(err, &fault) {
			t.Fatalf("copy: %v", err)
		}
		return
	}
	var a Answer
	for range 2 {
		err := i.Answer(question("www.example.org", rr.TypeA), 10_000, newHost(), &a)
		if err != nil && (!errors.As(err, &fault) || fault.Kind == FaultHost) {
			t.Fatalf("answer: %v", err)
		}
	}
	if err := i.Close(ctx); err != nil {
		t.Fatal(err)
	}
}
