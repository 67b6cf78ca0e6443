package runtime

import (
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"math"
	"strings"

	"github.com/tetratelabs/wazero"
	"github.com/tetratelabs/wazero/api"

	"github.com/namelet/namelet/hostabi"
	"github.com/namelet/namelet/runtime/internal/meter"
)

// guest is one instantiated module with the host's side of it.
type guest struct {
	call    *call
	mem     *linearMemory
	module  api.Module
	answer  api.Function
	idle    api.Function // nil where the guest has none
	depth   api.MutableGlobal
	globals []api.MutableGlobal // the guest's own, by which a picture is taken
	buffers hostabi.Buffers
	stack   [1]uint64 // argument and result of every export
}

// What a guest takes beside its memory, in bytes.
const (
	besideLeast   = 64 << 10 // the engine's structures and the call
	besideEntry   = 8        // for each entry of a table
	besideElement = 56       // for each entry of an element segment: the engine's function and a reference to it
	besideSegment = 24       // for each data segment that the engine knows
)

// besideMemory is what a guest of a module takes beside its memory; segments says that the engine has its data segments.
func besideMemory(r *Report, segments bool) int64 {
	bytes := besideLeast + besideElement*int64(r.ElementEntries)
	if segments {
		bytes += besideSegment * int64(r.DataSegments)
	}
	for _, t := range r.Tables {
		bytes += besideEntry * int64(t.Min)
	}
	return bytes
}

// instantiate makes a guest whose globals are as the module declares them, and its memory too once writeData
// was called. The caller uses the module's code.
func (m *Module) instantiate(ctx context.Context, limits Limits) (*guest, error) {
	g := &guest{mem: &linearMemory{limit: limits.memoryBytes()}}
	g.call = newCall(g.mem, limits)
	module, err := m.instance(g.mem.with(ctx))
	if err != nil {
		g.mem.Free()
		return nil, &Fault{Kind: FaultInit, Message: "instantiation: " + firstLine(err), Err: err}
	}
	g.module = module
	g.call.fuel = module.ExportedGlobal(meter.FuelExport).(api.MutableGlobal)
	g.depth = module.ExportedGlobal(meter.DepthExport).(api.MutableGlobal)
	for _, name := range m.globals {
		g.globals = append(g.globals, module.ExportedGlobal(name).(api.MutableGlobal))
	}
	g.bind()
	return g, nil
}

// guest gives a guest that has no more memory than size, in whatever state it is: one that is vacant, or a new one. The
// caller uses the module's code.
func (m *Module) guest(ctx context.Context, limits Limits, size int) (*guest, error) {
	g := m.engine.vacancies.take(m, limits.memoryBytes(), size)
	if g == nil {
		return m.instantiate(ctx, limits)
	}
	g.call.limits = limits
	g.bind()
	return g, nil
}

// instance has the engine make an instance. The engine panics where it gets no memory.
func (m *Module) instance(ctx context.Context) (module api.Module, err error) {
	defer func() {
		if r := recover(); r != nil {
			err = fmt.Errorf("no memory: %v", r)
		}
	}()
	return m.engine.engine.InstantiateModule(ctx, m.code.compiled, instanceConfig)
}

// instanceConfig gives instances no name, and calls nothing of theirs. The source of random numbers is never
// read, since our own WASI has another, but the engine's default would be seeded anew for each instance.
var instanceConfig = wazero.NewModuleConfig().WithName("").WithStartFunctions().WithRandSource(rand.Reader)

// bind looks up the functions anew. Each carries a native stack, which grows and never shrinks, so
// after a fault the old ones are dropped.
func (g *guest) bind() {
	g.answer = g.module.ExportedFunction(hostabi.ExportAnswer)
	g.idle = g.module.ExportedFunction(hostabi.ExportIdle)
}

// writeData writes the module's data segments, where the engine did not do so.
func (g *guest) writeData(ctx context.Context) error {
	write := g.module.ExportedFunction(meter.DataExport)
	if write == nil {
		return nil
	}
	if err := write.CallWithStack(ctx, nil); err != nil {
		return &Fault{Kind: FaultInit, Message: "data segments: " + firstLine(err), Err: err}
	}
	return nil
}

// initialise takes a new guest through SPEC.md section 6 step 1 and says how much fuel that burnt.
func (g *guest) initialise(config []byte) (uint64, error) {
	budget := g.call.limits.InitFuel
	used := uint64(0)
	run := func(export string, arg uint64) (int32, error) {
		f := g.module.ExportedFunction(export)
		if f == nil {
			return 0, nil
		}
		g.stack[0] = arg
		burnt, err := g.invoke(f, budget-min(budget, used))
		used += burnt
		return api.DecodeI32(g.stack[0]), err
	}
	if _, err := run(hostabi.ExportInitialize, 0); err != nil {
		return used, err
	}
	address, err := run(hostabi.ExportBuffers, 0)
	if err != nil {
		return used, err
	}
	if err := g.findBuffers(uint32(address)); err != nil {
		return used, err
	}
	if err := g.giveConfig(config); err != nil {
		return used, err
	}
	result, err := run(hostabi.ExportInit, uint64(len(config)))
	if err == nil && result < 0 {
		err = g.failed(result, used, "namelet_init refused the configuration")
	}
	return used, err
}

// findBuffers reads and checks the struct that namelet_buffers gave the address of.
func (g *guest) findBuffers(address uint32) error {
	memory := g.mem.bytes
	if uint64(address)+hostabi.BuffersSize > uint64(len(memory)) {
		return &Fault{Kind: FaultABI, Message: "namelet_buffers gave an address outside memory"}
	}
	buffers, err := hostabi.ParseBuffers(memory[address:], uint64(len(memory)))
	if err != nil {
		return &Fault{Kind: FaultABI, Message: err.Error(), Err: err}
	}
	g.buffers = buffers
	return nil
}

func (g *guest) giveConfig(config []byte) error {
	if g.module.ExportedFunction(hostabi.ExportInit) == nil {
		if len(config) > hostabi.ConfigSize {
			return &Fault{Kind: FaultInit, Message: "the guest takes no configuration: it does not export " + hostabi.ExportInit}
		}
		return nil
	}
	if limit := g.inCap(); len(config) > limit {
		return &Fault{Kind: FaultInit, Message: wantAtMost("the configuration's length", len(config), limit)}
	}
	copy(g.mem.bytes[g.buffers.InPtr:], config)
	return nil
}

// inCap and outCap are how much of each buffer the host uses, in bytes.
func (g *guest) inCap() int  { return int(min(g.buffers.InCap, hostabi.MaxBuffer)) }
func (g *guest) outCap() int { return int(min(g.buffers.OutCap, hostabi.MaxBuffer)) }

// invoke calls f, whose argument and result are in stack[0], on a budget of fuel. It says how much
// was burnt; the error is a *Fault. The caller has begun the call. Fuel is not tested at every step, so
// that a call can burn up to meter.Overrun more than its budget, even one that comes to its end: what it
// burnt is charged all the same.
func (g *guest) invoke(f api.Function, budget uint64) (uint64, error) {
	budget = min(budget, math.MaxInt64)
	g.call.fuel.Set(budget)
	g.depth.Set(meter.DefaultDepth)
	err := f.CallWithStack(g.call, g.stack[:])
	left := int64(g.call.fuel.Get())
	used := budget - uint64(max(left, -meter.Overrun))
	if err != nil {
		return used, g.fault(err, used)
	}
	return used, nil
}

// fault words an error of the engine.
func (g *guest) fault(err error, used uint64) *Fault {
	message, stack := splitTrace(err.Error())
	f := g.call.fault
	if f == nil {
		f = &Fault{Kind: g.trapKind(err, message), Message: message, Err: err}
		switch f.Kind {
		case FaultFuel:
			f.Message = "fuel ran out"
		case FaultStack:
			f.Message = "calls nested too deeply"
		case FaultMemory:
			f.Message = "the memory limit was met, then: " + message
		}
	}
	g.call.output.flush(g.call)
	f.Stack, f.Fuel, f.Output = stack, used, string(g.call.output.tail)
	return f
}

// trapKind tells the metering's own traps from those of the guest's code.
func (g *guest) trapKind(err error, message string) FaultKind {
	var goError interface{ RuntimeError() }
	switch {
	case errors.As(err, &goError):
		return FaultHost
	case int64(g.call.fuel.Get()) < 0:
		return FaultFuel
	case int32(g.depth.Get()) < 0 || strings.Contains(message, "stack overflow"):
		return FaultStack
	case g.mem.refused:
		return FaultMemory
	}
	return FaultTrap
}

// failed is the fault of an export that returned a negative status.
func (g *guest) failed(result int32, used uint64, message string) *Fault {
	return &Fault{
		Kind:    FaultGuest,
		Message: message + ": " + hostabi.Status(result).String(),
		Status:  result,
		Fuel:    used,
		Output:  string(g.call.output.tail),
	}
}

func firstLine(err error) string {
	line, _, _ := strings.Cut(err.Error(), "\n")
	return line
}
