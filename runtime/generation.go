package runtime

import (
	"context"
	"fmt"

	"github.com/namelet/namelet/hostabi"
)

// GenerationConfig is what a module is prepared with.
type GenerationConfig struct {
	Values map[string]string // the configuration that namelet_init gets
	Limits Limits            // zero fields stand for defaults
	Sink   Sink              // takes what the guest logs while it starts; nil drops it
}

// Generation is a module with its configuration and limits, initialised once. Instances are copies of
// the picture that was taken then, so they start without running the guest's start-up code.
type Generation struct {
	module   *Module
	limits   Limits
	config   []byte
	sink     Sink
	picture  *picture // nil where the module's state cannot be copied: each instance is started anew
	initFuel uint64
}

// Prepare starts the guest once, with its configuration, and keeps the result. It loads the module's code
// where that is not loaded. The error is a *Fault
// where the guest failed, and hostabi.ErrConfig where the values cannot be given to a guest.
func (m *Module) Prepare(ctx context.Context, config GenerationConfig) (*Generation, error) {
	limits := config.Limits.or(defaultLimits).within(m.engine.config.Most)
	values, err := hostabi.AppendConfig(nil, config.Values)
	if err != nil {
		return nil, fmt.Errorf("runtime: configuration: %w", err)
	}
	if m.report.MemoryMin > limits.MemoryPages {
		return nil, &Fault{Kind: FaultInit, Message: wantAtMost("the memory the module begins with, in pages,", int(m.report.MemoryMin), int(limits.MemoryPages))}
	}
	gen := &Generation{module: m, limits: limits, config: values, sink: config.Sink}
	if gen.sink == nil {
		gen.sink = discard{}
	}
	if err := m.Hold(ctx); err != nil {
		return nil, err
	}
	defer m.Release()
	g, used, err := gen.start(ctx, gen.sink)
	if err != nil {
		return nil, err
	}
	gen.initFuel = used
	if m.report.Snapshot() {
		gen.picture = g.picture(m)
	}
	return gen, g.module.Close(ctx)
}

// start makes a guest the long way: instantiate, write its data and initialise.
func (gen *Generation) start(ctx context.Context, sink Sink) (*guest, uint64, error) {
	g, err := gen.module.instantiate(ctx, gen.limits)
	if err != nil {
		return nil, 0, err
	}
	if err := g.writeData(ctx); err != nil {
		_ = g.module.Close(ctx)
		return nil, 0, err
	}
	g.call.begin(nil, sink)
	used, err := g.initialise(gen.config)
	g.call.end()
	if err != nil {
		_ = g.module.Close(ctx) // the guest's failure is the one to report
		return nil, used, err
	}
	return g, used, nil
}

// clone makes a guest from the picture, or the long way where there is none. Its log then goes
// nowhere: what a guest says while it starts was said by the first.
func (gen *Generation) clone(ctx context.Context) (*guest, error) {
	if gen.picture == nil {
		g, _, err := gen.start(ctx, discard{})
		return g, err
	}
	g, err := gen.module.guest(ctx, gen.limits, gen.picture.memory.size)
	if err != nil {
		return nil, err
	}
	grow := (gen.picture.memory.size - len(g.mem.bytes)) / pageSize
	if _, ok := g.module.Memory().Grow(uint32(grow)); !ok {
		_ = g.module.Close(ctx)
		return nil, &Fault{Kind: FaultInit, Message: "memory of the size the picture has cannot be had"}
	}
	if err := g.adopt(gen.picture); err != nil {
		_ = g.module.Close(ctx)
		return nil, fmt.Errorf("runtime: copy of a picture: %w", err)
	}
	return g, nil
}

// Limits gives the limits in force, defaults filled in.
func (gen *Generation) Limits() Limits { return gen.limits }

// InitFuel is how much fuel the start burnt.
func (gen *Generation) InitFuel() uint64 { return gen.initFuel }

// Module gives the module that the generation runs.
func (gen *Generation) Module() *Module { return gen.module }

// Copied says whether instances are copies of a picture. Otherwise each is started anew, which costs
// the start's fuel and time (Report.Snapshot says why).
func (gen *Generation) Copied() bool { return gen.picture != nil }

// PictureBytes is the memory that the picture shows, and that each instance sees at least. Instances
// share it, where the system allows, apart from what they have written to; generations of one module share
// what is the same in both (Engine.PictureBytes says what all take).
func (gen *Generation) PictureBytes() int {
	if gen.picture == nil {
		return 0
	}
	return gen.picture.memory.size
}
