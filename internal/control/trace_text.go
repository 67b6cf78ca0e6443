package control

import (
	"errors"
	"strings"
	"time"

	"github.com/namelet/namelet/hostabi"
	"github.com/namelet/namelet/internal/authority"
	"github.com/namelet/namelet/internal/inputtext"
	"github.com/namelet/namelet/internal/resolve"
	"github.com/namelet/namelet/rr"
	"github.com/namelet/namelet/runtime"
	"github.com/namelet/namelet/store"
	"github.com/namelet/namelet/store/zonefile"
)

// traceOf puts an explanation into words, as much of it as the caller may see.
func traceOf(q Explainable, e *Explained, c *caller) QueryTrace {
	t := QueryTrace{
		From: q.From.String(), Transport: q.Transport.String(), Keepable: e.Keepable, Response: e.Response, Message: e.Message,
		Steps: []TraceStep{}, Caches: []TraceCache{},
	}
	if e.Client.IsValid() {
		t.Client = e.Client.String()
	}
	w := traceWords{caller: c, site: e.Site}
	hidden := false
	for i := range e.Explanation.Steps {
		s := &e.Explanation.Steps[i]
		t.Steps = append(t.Steps, w.step(s))
		hidden = hidden || !w.sees(s)
		for k := range s.Calls {
			t.Fuel += s.Calls[k].Fuel
		}
	}
	for _, seen := range e.Caches {
		made := TraceCache{Cache: seen.Cache, State: seen.State, Answers: seen.Answers, Size: seen.Size}
		if !hidden {
			for i := range seen.Key {
				made.Key = append(made.Key, w.input(&seen.Key[i], nil))
			}
		}
		if seen.State == "kept" {
			made.Until = until(seen.Key, e.Now)
		}
		t.Caches = append(t.Caches, made)
	}
	return t
}

// until is when an answer that is kept under these inputs is not found any more; nil
// where time does not count.
func until(key []resolve.Input, now time.Time) *time.Time {
	var first int64
	for i := range key {
		in := &key[i]
		end := int64(0)
		switch {
		case in.Kind == resolve.InputNow:
			end = in.Value + in.Arg
		case in.Kind == resolve.InputBefore && now.Unix() < in.Arg:
			end = in.Arg
		}
		if end != 0 && (first == 0 || end < first) {
			first = end
		}
	}
	if first == 0 {
		return nil
	}
	at := time.Unix(first, 0).UTC()
	return &at
}

// traceWords words parts of an explanation for a caller.
type traceWords struct {
	caller *caller
	site   string
}

// may reports whether the caller may see what is in a zone.
func (w *traceWords) may(zone rr.Name) bool { return zone.IsZero() || w.caller.mayZone(zone) }

// sees reports whether the caller may see how a step went: as with attachments.
func (w *traceWords) sees(s *resolve.Step) bool {
	if s.Attachment == nil || len(w.caller.zones) > 0 {
		return w.may(s.Zone)
	}
	guest, _, _ := strings.Cut(s.Attachment.Label, "@")
	return w.caller.mayGuest(guest)
}

var placeWords = map[authority.PlaceKind]string{
	authority.PlaceCut: "cut", authority.PlaceDNAME: "dname", authority.PlaceExact: "exact",
	authority.PlaceWildcard: "wildcard", authority.PlaceNothing: "nothing",
}

var passedWords = map[resolve.Passed]string{
	resolve.PassedZone:  "the zone itself answers this question",
	resolve.PassedAny:   "questions for ANY are never a guest's",
	resolve.PassedWaits: "the zone's data are not at hand",
}

func (w *traceWords) step(s *resolve.Step) TraceStep {
	t := TraceStep{Name: s.Name.String(), Type: s.Type.String(), Decided: "zone"}
	if s.Zone.IsZero() {
		t.Decided = "nobody"
		return t
	}
	t.Zone = s.Zone.String()
	if !w.sees(s) {
		t.Decided = "hidden"
		return t
	}
	t.Place, t.Residency = placeWords[s.Place], store.ResidencyMemory.String()
	if s.Unheld {
		t.Residency = store.ResidencyLookup.String()
	}
	if s.Attachment == nil {
		if s.Passed == resolve.PassedWaits {
			t.Why = passedWords[s.Passed]
		}
		return t
	}
	a := s.Attachment
	t.Attachment = &TraceAttachment{At: a.At.String(), Scope: a.Scope.String(), Guest: a.Label, Fallback: fallbackWords[a.Fallback]}
	t.Passed = passedWords[s.Passed]
	if c := s.Choice; c != nil {
		t.Candidate = &TraceCandidate{Guest: c.Candidate.Label, Canary: percent(c.Share), Shadow: c.Shadow, Chosen: c.Chosen, Withdrawn: c.Withdrawn}
	}
	for i := range s.Calls {
		t.Calls = append(t.Calls, w.call(&s.Calls[i]))
	}
	t.Decided, t.Why = decided(s)
	return t
}

var fallbackWords = map[resolve.Fallback]string{
	resolve.FallbackStatic: "static", resolve.FallbackServFail: "servfail", resolve.FallbackLastGood: "last-good",
}

// decided says who decides a step, and why it is not the guest that was to.
func decided(s *resolve.Step) (who, why string) {
	if len(s.Calls) == 0 {
		return "zone", ""
	}
	last := &s.Calls[len(s.Calls)-1]
	switch {
	case last.Failure != nil && last.Attachment.Fallback == resolve.FallbackServFail:
		return "fallback", last.Attachment.Label + " failed, so SERVFAIL"
	case last.Failure != nil:
		return "fallback", last.Attachment.Label + " failed, so the zone's own data answer"
	case last.Answer.Disposition == hostabi.DispositionStatic:
		return "zone", last.Attachment.Label + " leaves it to the zone's own data"
	case len(s.Calls) > 1:
		return "guest", s.Calls[0].Attachment.Label + " failed, so " + last.Attachment.Label + " answers"
	}
	return "guest", ""
}

func (w *traceWords) call(c *resolve.Call) TraceCall {
	t := TraceCall{
		Guest: c.Attachment.Label, Inputs: []TraceInput{}, Fuel: c.Fuel, FuelLimit: c.Most, Memory: c.Memory,
		StartSeconds: c.Started.Seconds(), Seconds: c.Took.Seconds(), Breaker: c.Breaker.String(), Exhausted: c.Exhausted, Impure: c.Impure,
	}
	for i := range c.Inputs {
		t.Inputs = append(t.Inputs, w.input(&c.Inputs[i], c.Lookups))
	}
	for _, line := range c.Said {
		t.Log = append(t.Log, TraceLine{Level: levelWords[line.Level], Line: line.Text})
	}
	if c.Failure != nil {
		t.Failure = failureOf(c.Failure)
		return t
	}
	t.Disposition, t.NegativeTTL = c.Answer.Disposition.String(), c.Answer.NegativeTTL
	for i := range c.Answer.Sets {
		t.Records = append(t.Records, *shown(&c.Answer.Sets[i]))
	}
	return t
}

var levelWords = map[hostabi.LogLevel]string{
	hostabi.LogDebug: "debug", hostabi.LogInfo: "info", hostabi.LogWarn: "warn", hostabi.LogError: "error",
}

func failureOf(err error) *TraceFailure {
	if f, ok := errors.AsType[*runtime.Fault](err); ok {
		return &TraceFailure{Kind: f.Kind.String(), Message: f.Message, Stack: f.Stack, Output: f.Output}
	}
	return &TraceFailure{Kind: runtime.FaultHost.String(), Message: err.Error()}
}

// shown is an RRset in presentation form.
func shown(set *rr.Set) *RecordSet {
	s := &RecordSet{Name: set.Name.String(), Type: set.Type.String(), TTL: set.TTL, Data: []string{}}
	for _, data := range set.Data {
		s.Data = append(s.Data, zonefile.FormatRdata(set.Type, string(data)))
	}
	return s
}

// input words an input; lookups are those of the call that asked for it.
func (w *traceWords) input(in *resolve.Input, lookups []runtime.Lookup) TraceInput {
	if in.Kind == runtime.EventLookup {
		return w.lookup(&lookups[in.Arg])
	}
	words := inputtext.Of(in, w.site)
	return TraceInput{Input: words.Input, Grain: words.Grain, Value: words.Value}
}

// lookup words a lookup. What another's zone has is not for the caller.
func (w *traceWords) lookup(l *runtime.Lookup) TraceInput {
	t := TraceInput{Input: runtime.EventLookup.String(), Grain: l.Name.String() + " " + l.Type.String(), Value: l.Status.String()}
	if l.Zone.IsZero() {
		return t
	}
	t.Zone = l.Zone.String()
	switch {
	case !w.may(l.Zone):
		t.Value = "hidden"
	case l.Status == hostabi.StatusOK:
		t.Value, t.Wildcard, t.Found = "found", l.Wildcard, shown(&l.Set)
	}
	return t
}
