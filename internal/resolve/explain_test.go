package resolve_test

import (
	"bytes"
	"log/slog"
	"testing"

	"github.com/namelet/namelet/hostabi"
	"github.com/namelet/namelet/internal/authority"
	"github.com/namelet/namelet/internal/resolve"
	"github.com/namelet/namelet/rr"
	"github.com/namelet/namelet/runtime"
)

// explained resolves a question twice: by a Worker, and by an Explainer beside it.
func explained(t *testing.T, r *resolve.Resolver, qname string) (worker, explainer resolve.Response, said *resolve.Explanation) {
	t.Helper()
	q := authority.Question{Name: name(qname), Type: rr.TypeA}
	c := client
	c.Seed = 7
	r.NewWorker().Resolve(q, c, &worker)
	e := r.NewExplainer()
	defer e.Close()
	e.Resolve(q, c, &explainer)
	return worker, explainer, e.Explanation()
}

// What an Explainer does is in no figures and no log, and its answer is a Worker's.
func TestExplainerLeavesNoTraces(t *testing.T) {
	failing := func(n string, q *hostabi.Question, h runtime.Host, a *runtime.Answer) error {
		h.Log(hostabi.LogInfo, []byte("soon"))
		h.MetricAdd([]byte("calls"), 1)
		return &runtime.Fault{Kind: runtime.FaultTrap, Message: "on purpose", Stack: []string{"main"}}
	}
	at := attach("apps.example", failing)
	var log bytes.Buffer
	r := resolve.New(resolve.Config{Audit: true, Log: slog.New(slog.NewTextHandler(&log, nil))})
	routing, _ := resolve.NewRouting(zones(t), []*resolve.Attachment{at})
	r.SetRouting(t.Context(), routing)
	defer r.Close()
	e := r.NewExplainer()
	defer e.Close()
	var resp resolve.Response
	for range 300 { // would open a circuit breaker
		e.Resolve(authority.Question{Name: name("g1.apps.example"), Type: rr.TypeA}, client, &resp)
	}
	if totals := at.Stats.Totals(); totals.Calls != 0 || totals.Faults["trap"] != 0 || at.Purity().Replays != 0 {
		t.Errorf("calls %+v, replays %d: want none", totals, at.Purity().Replays)
	}
	if b := at.Breaker(); b.State != resolve.BreakerClosed {
		t.Errorf("circuit breaker is %v", b.State)
	}
	for name, n := range at.Metrics.All() {
		t.Errorf("the guest counted %s: %d", name, n)
	}
	if log.Len() > 0 {
		t.Errorf("logged %s", log.String())
	}
	steps := e.Explanation().Steps
	if len(steps) != 1 || len(steps[0].Calls) != 1 {
		t.Fatalf("explanation %+v, want one step with one call", steps)
	}
	call := steps[0].Calls[0]
	if call.Failure == nil || len(call.Said) != 1 || call.Said[0].Text != "soon" || resp.Trace.Cacheable {
		t.Errorf("call %+v, trace %+v: want its failure and its line", call, resp.Trace)
	}
}

// An explanation has every name on the way, who covers it and who answers there.
func TestExplanationFollowsAliases(t *testing.T) {
	r := resolve.New(resolve.Config{})
	routing, _ := resolve.NewRouting(zones(t), []*resolve.Attachment{attach("sub.apps.example", guestOfNames)})
	r.SetRouting(t.Context(), routing)
	worker, explainer, said := explained(t, r, "out.sub.apps.example")
	if worker.Outcome != explainer.Outcome || len(worker.Answer.Answer) != len(explainer.Answer.Answer) {
		t.Errorf("explained %v, a worker says %v", explainer.Answer, worker.Answer)
	}
	if len(said.Steps) < 2 {
		t.Fatalf("steps %+v, want the qname and what its alias leads to", said.Steps)
	}
	first, last := said.Steps[0], said.Steps[len(said.Steps)-1]
	if !first.Name.Equal(name("out.sub.apps.example")) || first.Passed != resolve.PassedNot || len(first.Calls) != 1 {
		t.Errorf("first step %+v, want a call of the guest", first)
	}
	if len(last.Calls) != 0 {
		t.Errorf("last step %+v, want the zone's own data", last)
	}
	_, _, said = explained(t, r, "www.example.net")
	if len(said.Steps) != 1 || !said.Steps[0].Zone.IsZero() {
		t.Errorf("steps %+v of a name that is not served", said.Steps)
	}
}

// An Explainer chooses between two versions as a Worker does.
func TestExplanationHasTheChoice(t *testing.T) {
	active, candidate := attach("apps.example", says("a")), attach("apps.example", says("b"))
	active.Label, candidate.Label = "test@1", "test@2"
	r := resolve.New(resolve.Config{})
	routing, _ := resolve.NewRouting(zones(t), []*resolve.Attachment{active}, resolve.Beside{Of: active, Candidate: candidate, Share: 5000, Trial: &resolve.Trial{}})
	r.SetRouting(t.Context(), routing)
	chosen := map[bool]int{}
	for _, qname := range []string{"a", "b", "c", "d", "e", "f", "g", "h", "i", "j", "k", "l"} {
		worker, _, said := explained(t, r, qname+".apps.example")
		s := said.Steps[0]
		if s.Choice == nil || len(s.Calls) != 1 {
			t.Fatalf("step %+v, want a choice and a call", s)
		}
		chosen[s.Choice.Chosen]++
		if took := worker.Trace.Inputs[0].Value == 1; took != s.Choice.Chosen || took != (s.Calls[0].Attachment == candidate) {
			t.Errorf("%s: explained %+v, a worker chose the candidate: %t", qname, s.Choice, took)
		}
	}
	if chosen[true] == 0 || chosen[false] == 0 {
		t.Errorf("chosen %v: want some of each", chosen)
	}
}
