package runtime

import (
	"context"
	"fmt"

	"github.com/tetratelabs/wazero/api"

	"github.com/namelet/namelet/hostabi"
)

// Instance is one running guest. It answers one question at a time, on one goroutine at a time, and
// keeps its memory from one to the next until a call fails: then the state is put back to the
// generation's picture before the next call.
type Instance struct {
	gen   *Generation
	guest *guest // nil when the last one could not be kept and no other was made yet
	last  *call  // the host's side of the last call, which outlives its guest
	stale bool
	ended bool
	fuel  uint64
}

// NewInstance makes an instance from the generation's picture. The caller closes it. The error is
// ErrNotLoaded where the module's code was unloaded: it is not loaded here.
func (gen *Generation) NewInstance(ctx context.Context) (*Instance, error) {
	code := &gen.module.code
	if err := code.use(); err != nil {
		return nil, err
	}
	g, err := gen.clone(ctx)
	if err != nil {
		code.leave()
		return nil, err
	}
	return &Instance{gen: gen, guest: g, last: g.call}, nil
}

// Answer asks the guest q and reads what it says into out. fuel is what is left of the query's
// budget, usually the generation's Limits.Fuel less what earlier hops burnt; out.Fuel and FuelUsed
// say what this call burnt, which can be slightly more than fuel. q.QName must be a name, its offsets must be right: the host makes it.
//
// The error is a *Fault. After one the instance is stale: the next call replaces its state first,
// which costs time.
func (i *Instance) Answer(q *hostabi.Question, fuel uint64, h Host, out *Answer) error {
	out.reset()
	i.fuel = 0
	if err := i.Replace(context.Background()); err != nil {
		return err
	}
	g := i.guest
	g.call.begin(h, h)
	err := i.answer(q, fuel, out)
	g.call.end()
	out.Fuel = i.fuel
	if err != nil {
		i.discard()
	}
	return err
}

func (i *Instance) answer(q *hostabi.Question, fuel uint64, out *Answer) error {
	g := i.guest
	in := g.mem.bytes[g.buffers.InPtr:][:g.inCap()]
	question := hostabi.AppendQuestion(in[:0], q)
	g.stack[0] = uint64(len(question))
	used, err := g.invoke(g.answer, fuel)
	i.fuel = used
	if err != nil {
		return err
	}
	n := api.DecodeI32(g.stack[0])
	if n < 0 {
		return g.failed(n, used, "namelet_answer gave a negative status")
	}
	if int(n) > g.outCap() {
		return g.sayFuel(&Fault{Kind: FaultMalformed, Message: wantAtMost("the answer's length", int(n), g.outCap())}, used)
	}
	err = out.Read(g.mem.bytes[g.buffers.OutPtr:][:n], AnswerRules{
		Question: q,
		Lookups:  g.call.lookups[:g.call.asked],
		Bytes:    i.gen.limits.AnswerBytes,
		Text:     i.gen.module.engine.config.Text,
	})
	return g.sayFuel(err, used)
}

// sayFuel completes a fault that was found after the guest had returned.
func (g *guest) sayFuel(err error, used uint64) error {
	if f, ok := err.(*Fault); ok {
		f.Fuel, f.Output = used, string(g.call.output.tail)
	}
	return err
}

// Idle lets the guest do maintenance; it does nothing where the guest has no namelet_idle. fuel
// bounds it. The error is a *Fault, and the instance is then stale.
func (i *Instance) Idle(reason hostabi.IdleReason, fuel uint64, sink Sink) error {
	i.fuel = 0
	if err := i.Replace(context.Background()); err != nil {
		return err
	}
	g := i.guest
	if g.idle == nil {
		return nil
	}
	g.call.begin(nil, sink)
	g.stack[0] = api.EncodeI32(int32(reason))
	used, err := g.invoke(g.idle, fuel)
	g.call.end()
	i.fuel = used
	if err != nil {
		i.discard()
	}
	return err
}

// discard marks the state as unusable, and gives memory that cannot be used again back at once.
func (i *Instance) discard() {
	i.stale = true
	if !i.restorable() {
		_ = i.guest.module.Close(context.Background()) // nothing of it is used again
		i.guest = nil
	}
}

// restorable says whether the picture fits into the guest as it is. A memory that grew cannot shrink,
// and its size shows to the guest.
func (i *Instance) restorable() bool {
	p := i.gen.picture
	return p != nil && p.memory.size == len(i.guest.mem.bytes)
}

// Reset makes the next call begin from the generation's picture, as if the instance were new.
func (i *Instance) Reset() {
	if !i.stale {
		i.discard()
	}
}

// Replace puts the state of a stale instance back to the generation's picture; it does nothing when
// the instance is not stale. On an error the instance stays stale.
func (i *Instance) Replace(ctx context.Context) error {
	if !i.stale {
		return nil
	}
	if i.guest == nil {
		g, err := i.gen.clone(ctx)
		if err != nil {
			return err
		}
		i.guest, i.last = g, g.call
	} else {
		if err := i.guest.restore(i.gen.picture); err != nil {
			return fmt.Errorf("runtime: going back to a picture: %w", err)
		}
		i.guest.bind()
	}
	i.stale = false
	return nil
}

// FuelUsed is what the last call burnt: slightly more than it was given, at times.
func (i *Instance) FuelUsed() uint64 { return i.fuel }

// Trace gives the inputs that the last call asked for, in order, also when it failed. The slice is
// the instance's and is good until its next call.
func (i *Instance) Trace() []Event { return i.last.events }

// Lookups gives the lookups of the last call; an EventLookup's Arg is an index of it. The slice is the
// instance's and is good until its next call.
func (i *Instance) Lookups() []Lookup { return i.last.lookups[:i.last.asked] }

// MemoryBytes is how much memory the guest has now; 0 between a failure and the replacement.
func (i *Instance) MemoryBytes() int {
	if i.guest == nil {
		return 0
	}
	return len(i.guest.mem.bytes)
}

// BesideBytes is an estimate of what the host holds for the guest beside its memory: the engine's structures, tables among
// them.
func (i *Instance) BesideBytes() int { return int(i.gen.module.beside) }

// Close frees the instance, which must not be used again.
func (i *Instance) Close(ctx context.Context) (err error) {
	if i.ended {
		return nil
	}
	switch {
	case i.guest == nil:
	case !i.stale && i.restorable(): // one that grew would fit hardly anybody, and take others' room
		err = i.gen.module.vacate(ctx, i.guest)
	default:
		err = i.guest.module.Close(ctx)
	}
	i.guest, i.last, i.stale, i.ended = nil, nil, true, true
	i.gen.module.code.leave()
	return err
}
