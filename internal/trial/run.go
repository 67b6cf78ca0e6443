package trial

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/namelet/namelet/hostabi"
	"github.com/namelet/namelet/runtime"
)

// Run tries a module and tells of the phases. What is wrong with it stands in the report; the error is of something else: ctx has
// ended, or the host is at fault.
func Run(ctx context.Context, engine *runtime.Engine, wasm []byte, scenarios []Scenario, tell func(Phase)) (*Report, error) {
	r := &Report{Size: len(wasm), Imports: []string{}, Inputs: []string{}}
	tell(PhaseInspecting)
	if _, err := engine.Inspect(wasm); err != nil {
		return r, r.blame(ctx, "", err)
	}
	tell(PhaseCompiling)
	begun := time.Now()
	module, err := engine.Compile(ctx, wasm)
	if err != nil {
		return r, r.blame(ctx, "", err)
	}
	r.CompileSeconds = time.Since(begun).Seconds()
	r.describe(module.Report())
	tell(PhaseAsking)
	err = r.standard(ctx, module, engine.Most())
	for _, s := range scenarios {
		if err != nil {
			break
		}
		r.Scenarios++
		err = r.scenario(ctx, module, s, engine.Most())
	}
	r.finish()
	r.beyondDefaults()
	return r, errors.Join(err, module.Close(context.WithoutCancel(ctx)))
}

// Start starts a module with a configuration, as a server does that it is attached in, and asks it nothing.
func Start(ctx context.Context, engine *runtime.Engine, wasm []byte, config runtime.GenerationConfig) (*Report, error) {
	r := &Report{Size: len(wasm), Imports: []string{}, Inputs: []string{}}
	module, err := engine.Compile(ctx, wasm)
	if err != nil {
		return r, r.blame(ctx, "", err)
	}
	r.describe(module.Report())
	generation, err := prepare(ctx, module, config)
	if err != nil {
		err = r.blame(ctx, "", err)
	} else {
		r.Configured, r.InitFuel = true, generation.InitFuel()
	}
	return r, errors.Join(err, module.Close(context.WithoutCancel(ctx)))
}

// beyondDefaults remarks on what an attachment has to be given more of than it gets where nothing is said.
func (r *Report) beyondDefaults() {
	for _, need := range []struct {
		flag      string
		got, most uint64
	}{
		{"--init-fuel", r.InitFuel, runtime.DefaultInitFuel},
		{"--fuel", r.FuelMost, runtime.DefaultFuel},
		{"--memory", uint64(r.Memory >> 16), runtime.DefaultMemoryPages},
	} {
		if need.got > need.most {
			r.remark(Finding{Problem: fmt.Sprintf("it takes %d, more than the default of %d: attach it with %s", need.got, need.most, need.flag)})
		}
	}
}

// describe takes over what the inspection found.
func (r *Report) describe(m *runtime.Report) {
	r.Functions, r.Copied = m.Functions, m.Snapshot()
	r.Inputs = append(r.Inputs, m.Inputs...)
	for _, i := range m.Imports {
		r.Imports = append(r.Imports, i.Module+"."+i.Name)
	}
}

// blame makes a failure of an error that is the module's own, and gives back any other.
func (r *Report) blame(ctx context.Context, scenario string, err error) error {
	if ctx.Err() != nil {
		return ctx.Err()
	}
	var refusal *runtime.Refusal
	var fault *runtime.Fault
	switch {
	case errors.As(err, &refusal):
		r.fail(Finding{Scenario: scenario, Problem: strings.TrimPrefix(refusal.Error(), "inspect: ")})
	case errors.As(err, &fault):
		r.fail(Finding{Scenario: scenario, Problem: "it does not start: " + wordFault(fault)})
	case errors.Is(err, hostabi.ErrConfig):
		r.fail(Finding{Scenario: scenario, Problem: err.Error()})
	default:
		return err
	}
	return nil
}

// wordFault says what a guest did wrong, and where.
func wordFault(f *runtime.Fault) string {
	text := f.Kind.String() + ": " + f.Message
	if len(f.Stack) > 0 {
		text += " in " + f.Stack[0]
	}
	if f.Output != "" {
		text += fmt.Sprintf(" (it wrote %q)", oneLine(f.Output, 60))
	}
	return text
}

// standard asks what every guest is asked. A guest may refuse to start without its configuration.
func (r *Report) standard(ctx context.Context, module *runtime.Module, most runtime.Limits) error {
	s := standard(most)
	p, err := s.parse()
	if err != nil {
		return fmt.Errorf("trial: the standard questions: %w", err)
	}
	generation, err := prepare(ctx, module, s.config(most))
	var fault *runtime.Fault
	if errors.As(err, &fault) && fault.Kind == runtime.FaultGuest {
		r.remark(Finding{Problem: "it does not start without a configuration: " + fault.Message})
		return nil
	}
	if err != nil {
		return r.blame(ctx, "", err)
	}
	r.Configured, r.InitFuel = true, generation.InitFuel()
	answered, spent := 0, 0
	err = r.askAll(ctx, p, s, generation, func(a asked, got reply) error {
		switch f := got.fault; {
		case f == nil:
			answered++
		case breach(f.Kind):
			r.fail(Finding{Question: a.Ask, Problem: "it breaks the ABI: " + wordFault(f)})
		default:
			if f.Kind == runtime.FaultGuest {
				answered++ // it says that it cannot, as the ABI provides
			}
			r.remark(Finding{Question: a.Ask, Problem: "it fails: " + wordFault(f)})
			if f.Kind == runtime.FaultFuel {
				spent++
			}
		}
		if spent == maxSpent {
			return errSpent
		}
		return nil
	})
	if errors.Is(err, errSpent) {
		err = nil
		r.remark(Finding{Problem: fmt.Sprintf("%d questions took more fuel than this server allows: no more were asked", maxSpent)})
	}
	if err == nil && answered == 0 && !r.Failed() {
		r.fail(Finding{Problem: "it fails at every question that a guest is asked; the first: " + r.Remarks[0].String()})
	}
	return err
}

// maxSpent is how many questions may burn all there is until no more are asked: where the server allows the usual most,
// each can take a third of a second.
const maxSpent = 4

var errSpent = errors.New("trial: too much fuel")

// breach reports whether a failure shows that the guest was built for another ABI or none. A rejected answer
// does not: the guest may never be asked that where it is attached.
func breach(kind runtime.FaultKind) bool {
	switch kind {
	case runtime.FaultABI, runtime.FaultMalformed, runtime.FaultHost:
		return true
	}
	return false
}

// scenario asks what the guest's author wants answered.
func (r *Report) scenario(ctx context.Context, module *runtime.Module, s Scenario, most runtime.Limits) error {
	p, err := s.parse()
	if err != nil {
		r.fail(Finding{Scenario: s.Name, Problem: err.Error()})
		return nil
	}
	generation, err := prepare(ctx, module, s.config(most))
	if err != nil {
		return r.blame(ctx, s.Name, err)
	}
	r.InitFuel = max(r.InitFuel, generation.InitFuel())
	return r.askAll(ctx, p, s, generation, func(a asked, got reply) error {
		if want := normal(a.Want); !slices.Equal(want, got.lines) {
			problem := "got " + listed(got.lines) + "; want " + listed(want)
			if got.fault != nil {
				problem += "; the guest failed: " + wordFault(got.fault)
			}
			r.fail(Finding{s.Name, a.Ask, problem})
		}
		if a.Reads != nil && !slices.Equal(*a.Reads, got.reads) {
			r.fail(Finding{s.Name, a.Ask, "reads " + listed(got.reads) + "; want " + listed(*a.Reads)})
		}
		return nil
	})
}

// askAll asks each case three times: a fresh instance, whose reply is checked, and twice one that answers
// all of them, which must say the same, since a server keeps answers by the inputs they were made from. An error
// of check ends it.
func (r *Report) askAll(ctx context.Context, p *places, s Scenario, generation *runtime.Generation, check func(asked, reply) error) error {
	warm, err := generation.NewInstance(ctx)
	if err != nil {
		return r.blame(ctx, s.Name, err)
	}
	defer warm.Close(context.WithoutCancel(ctx))
	for _, a := range p.asked {
		fresh, err := r.askFresh(ctx, p, s, a, generation)
		if err != nil {
			return r.blame(ctx, s.Name, err)
		}
		if err := check(a, fresh); err != nil {
			return err
		}
		if fresh.fault != nil && fresh.fault.Kind == runtime.FaultFuel {
			continue // again it would take as long
		}
		for range 2 {
			again, err := r.ask(ctx, p, s, a, warm)
			if err != nil {
				return r.blame(ctx, s.Name, err)
			}
			if !slices.Equal(fresh.lines, again.lines) || !slices.Equal(fresh.reads, again.reads) {
				r.remark(Finding{s.Name, a.Ask, "an instance that answered before says " + listed(again.lines) + ", a fresh one " + listed(fresh.lines)})
			}
		}
	}
	var fault *runtime.Fault
	if err := warm.Idle(hostabi.IdleMemory, runtime.DefaultIdleFuel, silent{}); errors.As(err, &fault) {
		r.remark(Finding{Scenario: s.Name, Problem: "it fails when it is given time between questions: " + wordFault(fault)})
	}
	r.Memory = max(r.Memory, warm.MemoryBytes())
	return nil
}

func (r *Report) askFresh(ctx context.Context, p *places, s Scenario, a asked, generation *runtime.Generation) (reply, error) {
	instance, err := generation.NewInstance(ctx)
	if err != nil {
		return reply{}, err
	}
	got, err := r.ask(ctx, p, s, a, instance)
	return got, errors.Join(err, instance.Close(context.WithoutCancel(ctx)))
}

// ask asks once and counts what it took.
func (r *Report) ask(ctx context.Context, p *places, s Scenario, a asked, instance *runtime.Instance) (reply, error) {
	if err := ctx.Err(); err != nil {
		return reply{}, err
	}
	got, err := p.ask(ctx, s, a, instance)
	if got.guest {
		r.burnt(got.fuel)
	}
	r.Memory = max(r.Memory, instance.MemoryBytes())
	return got, err
}

// silent drops what a guest says.
type silent struct{}

func (silent) Log(hostabi.LogLevel, []byte) {}
func (silent) MetricAdd([]byte, int64)      {}
