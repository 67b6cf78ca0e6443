package resolve

import (
	"context"
	"slices"
	"strings"
	"time"

	"github.com/namelet/namelet/hostabi"
	"github.com/namelet/namelet/internal/authority"
	"github.com/namelet/namelet/rr"
	"github.com/namelet/namelet/runtime"
)

// Explanation says how an answer came about.
type Explanation struct {
	Steps []Step // the names on the way: the qname, and what aliases lead to
}

// Step is one name on the way to an answer.
type Step struct {
	Name   rr.Name
	Type   rr.Type
	Zone   rr.Name             // apex of the zone that answers; the zero Name where none is served here
	Unheld bool                // its data are read from where they are kept
	Place  authority.PlaceKind // of the name in the zone's own data

	Attachment *Attachment // that covers the name; nil for none
	Passed     Passed      // why its guest is not asked
	Choice     *Choice     // between it and a candidate; nil where there is none
	Calls      []Call      // none where the zone's own data answer
}

// Passed says why the guest of an attachment that covers a name is not asked.
type Passed uint8

const (
	PassedNot   Passed = iota // it is asked
	PassedZone                // the zone's own data settle it: its apex, a zone cut, a DNAME
	PassedAny                 // type ANY is never a guest's
	PassedWaits               // the zone's data are not at hand
)

// Choice is the choice between what is active and a candidate beside it.
type Choice struct {
	Candidate *Attachment
	Share     uint32 // of WholeShare
	Shadow    bool   // it is asked, too, and nothing it says is sent
	Withdrawn string // why it was taken back in this process; empty where it was not
	Chosen    bool   // the candidate answers
}

// Call is one call of a guest.
type Call struct {
	Attachment *Attachment
	Inputs     []runtime.Event  // what it asked for, in order, lookups among them
	Lookups    []runtime.Lookup // what those came to, by the Arg of their Input
	Direct     bool             // the client is who sent the question, whatever client subnet it came with
	Said       []Line           // what it logged
	Fuel, Most uint64           // units burnt, and what it might burn
	Memory     int              // bytes that the instance had in the end
	Started    time.Duration    // to make the instance
	Took       time.Duration
	Answer     runtime.Answer // in memory of its own; where Failure is nil
	Failure    error          // a *runtime.Fault, or why its code cannot be loaded

	// Instead of calling the guest a Worker would answer from the fallback, since its
	// circuit breaker is not closed, or since it has burnt its fuel a second.
	Breaker   BreakerState
	Exhausted bool
	Impure    bool // its answers are not kept
}

// Line is a line that a guest logged.
type Line struct {
	Level hostabi.LogLevel
	Text  string
}

// Explainer is a Worker that answers one question and notes how: for people, not for
// clients. Each call of a guest runs on an instance of its own, that nobody else has.
// What it does is in no figures, is not logged, and moves no circuit breaker.
type Explainer struct {
	worker    *Worker
	said      Explanation
	instances []Instance
}

// NewExplainer makes an Explainer. Like a slow Worker's, its question may wait for the
// store.
func (r *Resolver) NewExplainer() *Explainer {
	e := &Explainer{worker: r.NewSlowWorker()}
	e.worker.explainer = e
	return e
}

// Resolve is that of the Worker.
func (e *Explainer) Resolve(q authority.Question, c Client, resp *Response) {
	e.worker.Resolve(q, c, resp)
}

// Explanation says how the last answer came about. It stays good.
func (e *Explainer) Explanation() *Explanation { return &e.said }

// Idle does nothing.
func (e *Explainer) Idle() {}

// Close gives back what the Explainer has. What was answered is not good after that.
func (e *Explainer) Close() {
	for _, i := range e.instances {
		if err := i.Close(context.Background()); err != nil {
			e.worker.resolver.config.Log.Warn("guest instance did not close", "error", err)
		}
	}
	e.instances = nil
	e.worker.Close()
}

// begin forgets what was noted of another try.
func (e *Explainer) begin() {
	if e != nil {
		e.said = Explanation{}
	}
}

// step notes the name that is looked at next.
func (e *Explainer) step(zone *authority.Zone, q authority.Question) {
	if e == nil {
		return
	}
	s := Step{Name: cloneName(q.Name), Type: q.Type}
	if zone != nil {
		s.Zone, s.Unheld, s.Passed = zone.Apex, zone.Source != nil, PassedWaits
	}
	e.said.Steps = append(e.said.Steps, s)
}

// found notes where the name is in its zone, and which attachment covers it.
func (e *Explainer) found(place authority.Place, a *Attachment, q authority.Question) {
	if e == nil {
		return
	}
	s := e.last()
	s.Place, s.Attachment, s.Passed = place.Kind, a, PassedZone
	if a != nil && q.Type == rr.TypeANY {
		s.Passed = PassedAny
	}
}

func (e *Explainer) last() *Step { return &e.said.Steps[len(e.said.Steps)-1] }

// chose notes which of an attachment and a candidate beside it answers.
func (e *Explainer) chose(of, answers *Attachment, b *Beside) {
	if e == nil {
		return
	}
	e.last().Passed = PassedNot
	if b == nil || b.Candidate == nil {
		return
	}
	c := &Choice{Candidate: b.Candidate, Share: b.Share, Shadow: b.Shadow, Chosen: answers != of}
	if b.Trial != nil {
		c.Withdrawn = b.Trial.Withdrawn()
	}
	e.last().Choice = c
}

// call asks the guest of a slot, which has no instance, and notes what it does. The
// error is that of Worker.ask.
func (e *Explainer) call(s *slot, q *hostabi.Question, h *host, fuel uint64, out *runtime.Answer) error {
	a := s.attachment
	c := Call{
		Attachment: a, Direct: h.direct, Most: fuel, Breaker: a.Breaker().State, Impure: a.purity.impure.Load(),
		Exhausted: a.FuelPerSecond > 0 && a.budget.exhausted(sinceStart()),
	}
	defer func() { e.last().Calls = append(e.last().Calls, c) }()
	out.Fuel = 0
	began := time.Now()
	if s.instance, c.Failure = e.instance(a); c.Failure != nil {
		return c.Failure
	}
	c.Started = time.Since(began)
	began = time.Now()
	c.Failure = s.instance.Answer(q, fuel, &explainedHost{h, &c}, out)
	c.Took, c.Fuel, c.Memory = time.Since(began), out.Fuel, s.instance.MemoryBytes()
	c.Inputs, c.Lookups = slices.Clone(s.instance.Trace()), cloneLookups(s.instance.Lookups())
	if c.Failure == nil {
		c.Answer = cloneAnswer(out)
	}
	return c.Failure
}

// instance makes an instance of a guest, whose code is loaded for it if need be, and
// keeps it until Close. The error is a *runtime.Fault, or that of the code.
func (e *Explainer) instance(a *Attachment) (Instance, error) {
	if err := a.Code.hold(true); err != nil {
		return nil, err
	}
	defer a.Code.release()
	i, err := a.Guest.NewInstance(context.Background())
	if err != nil {
		return nil, &runtime.Fault{Kind: runtime.FaultInit, Message: err.Error(), Err: err}
	}
	e.instances = append(e.instances, i)
	return i, nil
}

// cloneLookups gives lookups memory of their own.
func cloneLookups(all []runtime.Lookup) []runtime.Lookup {
	all = slices.Clone(all)
	for i := range all {
		l := &all[i]
		l.Name, l.Set.Name, l.Zone = cloneName(l.Name), cloneName(l.Set.Name), cloneName(l.Zone)
	}
	return all
}

// explainedHost is the host of a call that is explained: what the guest logs and
// counts is not the server's.
type explainedHost struct {
	*host
	call *Call
}

// Log implements runtime.Sink.
func (h *explainedHost) Log(level hostabi.LogLevel, line []byte) {
	h.call.Said = append(h.call.Said, Line{level, strings.ToValidUTF8(string(line), "\uFFFD")})
}

// MetricAdd implements runtime.Sink.
func (h *explainedHost) MetricAdd([]byte, int64) {}
