package runtime

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"weak"

	"github.com/tetratelabs/wazero"

	"github.com/namelet/namelet/runtime/internal/inspect"
	"github.com/namelet/namelet/runtime/internal/meter"
)

// Report says what a module is: sizes, exports, imports, tables, and what of it cannot be copied.
type Report = inspect.Report

// Refusal is the error for a module that cannot be a guest. It names the export, import, feature or
// limit at fault.
type Refusal = inspect.Refusal

// Inspect says what the module is, and whether it can be a guest, but for what only the compiler finds
// out. The error is a *Refusal.
func Inspect(wasm []byte) (*Report, error) {
	report, _, err := inspected(wasm, meter.DefaultOptions())
	return report, err
}

// Inspect is Inspect within what the engine allows.
func (e *Engine) Inspect(wasm []byte) (*Report, error) {
	options := meter.DefaultOptions()
	options.MemoryPages = e.config.Most.MemoryPages
	report, _, err := inspected(wasm, options)
	return report, err
}

// inspected gives the module's report, and the module with fuel in it.
func inspected(wasm []byte, options meter.Options) (*Report, []byte, error) {
	report, err := inspect.Module(wasm, inspect.DefaultLimits())
	if err != nil {
		return nil, nil, err
	}
	metered, err := meter.Rewrite(wasm, options)
	if err != nil {
		return nil, nil, refusal(err)
	}
	return report, metered, nil
}

// Module is a guest's code, compiled. It has no state; generations are made from it. Its machine code can be
// unloaded while no instance uses it.
type Module struct {
	engine  *Engine
	report  *Report
	globals []string // exports of the mutable globals, by which a picture is taken
	beside  int64    // bytes that a guest takes beside its memory
	code    code

	mu    sync.Mutex
	bases map[int]weak.Pointer[frozenMemory] // pictures by their size, that others of the size may share
}

// Compile inspects, meters and compiles the module. It takes a while (seconds for a large one that is
// not in the cache) and holds up nobody but its caller: others go before it. The error is
// a *Refusal where the module cannot be a guest; such an error never says that the host is at fault.
func (e *Engine) Compile(ctx context.Context, wasm []byte) (*Module, error) {
	options := meter.DefaultOptions()
	options.MemoryPages = e.config.Most.MemoryPages
	var (
		report   *Report
		metered  []byte
		compiled wazero.CompiledModule
		kept     bool
		err      error
	)
	aside(func() {
		if report, metered, err = inspected(wasm, options); err != nil {
			return
		}
		switch compiled, kept, err = e.compileKept(ctx, metered); {
		case folderFault(err):
			err = fmt.Errorf("runtime: compilation cache: %w", err)
		case err != nil:
			err = refusal(err)
		}
	})
	if err != nil {
		return nil, err
	}
	m := &Module{engine: e, report: report, bases: map[int]weak.Pointer[frozenMemory]{}}
	m.beside = besideMemory(report, compiled.ExportedFunctions()[meter.DataExport] == nil)
	m.code.engine, m.code.compiled, m.code.size = e, compiled, codeLeast+int64(codePerByte*float64(len(metered)))
	if e.modules != nil && kept {
		// Where there is no place for the module its code stays.
		m.code.kept, _ = e.modules.put(metered)
	}
	for _, index := range report.MutableGlobals {
		m.globals = append(m.globals, meter.GlobalExport(index))
	}
	return m, nil
}

// compile hands the rewritten module to the engine, which checks its types. A panic there would be a
// defect of the engine that an upload has found: it is the upload that must fail.
func (e *Engine) compile(ctx context.Context, metered []byte) (code wazero.CompiledModule, err error) {
	defer func() {
		if r := recover(); r != nil {
			err = fmt.Errorf("the compiler gave up: %v", r)
		}
	}()
	return e.engine.CompileModule(ctx, metered)
}

// refusal words what the meter or the engine found wrong, unless it is a refusal already.
func refusal(err error) error {
	var already *Refusal
	if errors.As(err, &already) {
		return already
	}
	return &Refusal{Kind: inspect.KindMalformed, Reason: firstLine(err), Err: err}
}

// Report says what the module is. It is shared and not to be changed.
func (m *Module) Report() *Report { return m.report }

// base gives the picture that others of its size may share; nil where none is in use.
func (m *Module) base(size int) *frozenMemory {
	m.mu.Lock()
	defer m.mu.Unlock()
	return m.bases[size].Value()
}

// setBase has others share a picture for as long as it is used.
func (m *Module) setBase(f *frozenMemory) {
	m.mu.Lock()
	defer m.mu.Unlock()
	for size, old := range m.bases {
		if old.Value() == nil {
			delete(m.bases, size)
		}
	}
	m.bases[f.size] = weak.Make(f)
}

// Close frees the machine code. No generation of the module may be used after it.
func (m *Module) Close(ctx context.Context) error {
	defer m.engine.vacancies.drop(ctx, m)
	return m.code.close(ctx)
}
