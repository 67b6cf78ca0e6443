package resolve

import (
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/namelet/namelet/hostabi"
	"github.com/namelet/namelet/internal/authority"
	"github.com/namelet/namelet/rr"
	"github.com/namelet/namelet/runtime"
)

// A shadow is asked what the active version has answered, when no question waits, and
// what it says goes nowhere. Of more questions than there is time for, the newest are
// left out.
const shadowQueue = 16 // questions of one Worker that wait

// shadowed is a question for a shadow, with what the active version said of it, in
// memory of its own.
type shadowed struct {
	beside  *Beside
	routing *Routing // that the answer comes from
	zone    *authority.Zone
	qname   []byte
	qtype   rr.Type
	client  Client
	picked  int // picks of earlier guests of the query
	now     int64
	answer  runtime.Answer
}

// shadow reports whether the candidate is a shadow that is asked.
func (b *Beside) shadow() bool {
	return b != nil && b.Shadow && b.Candidate != nil && b.Trial != nil && !b.withdrawn()
}

// Shadows reports whether there is any shadow.
func (r *Resolver) Shadows() bool { return r.routing.Load().attachments.shadows }

// Shadowed reports whether a shadow is to be asked q, too, once it is answered.
func (r *Resolver) Shadowed(q authority.Question) bool {
	routing := r.routing.Load()
	zone := routing.zones.Route(q.Name, q.Type)
	if zone == nil {
		return false
	}
	a := routing.find(zone.Apex, q.Name)
	return a != nil && routing.attachments.beside[a].shadow()
}

// shadow keeps a question that the active version has just answered for the shadow
// beside it, where there is one.
func (w *Worker) shadow(b *Beside, zone *authority.Zone, q authority.Question, answer *runtime.Answer) {
	if !b.shadow() || len(w.shadows) == shadowQueue || w.routing.readsUnheld(b.Candidate) {
		return
	}
	w.shadows = append(w.shadows, shadowed{
		beside: b, routing: w.routing, zone: zone, qname: q.Name.AppendLower(nil), qtype: q.Type,
		client: w.host.client, picked: w.host.picked, now: w.host.now, answer: cloneAnswer(answer),
	})
}

// cloneAnswer gives an answer memory of its own, without what it burnt.
func cloneAnswer(a *runtime.Answer) runtime.Answer {
	c := runtime.Answer{Disposition: a.Disposition, NegativeTTL: a.NegativeTTL}
	for _, set := range a.Sets {
		set.Name = cloneName(set.Name)
		set.Data = slices.Clone(set.Data)
		for i, data := range set.Data {
			set.Data[i] = rr.Rdata(strings.Clone(string(data)))
		}
		c.Sets = append(c.Sets, set)
	}
	return c
}

// askShadow asks one of the questions that are kept for shadows, where there is one.
func (w *Worker) askShadow() {
	if len(w.shadows) == 0 {
		return
	}
	s := w.shadows[0]
	w.shadows = slices.Delete(w.shadows, 0, 1)
	w.begin(s.client)
	if w.routing != s.routing || s.beside.Trial.Withdrawn() != "" {
		return // what it would read may have changed
	}
	var deps authority.Deps
	a := s.beside.Candidate
	slot := w.slots[a]
	if slot == nil {
		slot = w.newSlot(a)
		w.slots[a] = slot
	}
	h := &w.host
	h.deps, h.attachment, h.slot, h.direct = &deps, a, slot, s.zone.Direct
	h.picked, h.now = s.picked, s.now
	w.question = hostabi.Question{QName: s.qname, QType: s.qtype, ZoneOff: len(s.qname) - s.zone.Apex.Len(), AttachOff: len(s.qname) - a.At.Len()}
	slot.mu.Lock()
	defer slot.mu.Unlock()
	err := slot.call(&w.question, h, a.Fuel, &w.answers[0])
	if slot.calls == callsBetweenIdle {
		w.due = append(w.due, slot)
	}
	if err == errUnloaded {
		a.Code.fetch() // for the next question
	}
	if err == errBusy || err == errNoMemory || err == errLate || err == errUnloaded || err == errExhausted {
		return // that says nothing of the guest
	}
	s.beside.Trial.compared.Add(1)
	if err == nil && sameAnswer(&s.answer, &w.answers[0]) {
		return
	}
	s.beside.Trial.differ.Add(1)
	w.resolver.noteFailure(a, rr.RdataName(rr.Rdata(s.qname), 0), s.qtype, err)
	said := "a failure"
	if err == nil {
		said = describe(&w.answers[0])
	}
	w.resolver.reportDifference(&s, said)
}

// reportDifference logs one of a minute's differences, as a sample.
func (r *Resolver) reportDifference(s *shadowed, said string) {
	missed, ok := s.beside.Trial.differences.Pass(time.Now())
	if !ok {
		return
	}
	r.config.Log.Info("guest in the shadow answers otherwise", "guest", s.beside.Candidate.Label, "active", s.beside.Of.Label,
		"zone", s.zone.Apex.String(), "qname", rr.RdataName(rr.Rdata(s.qname), 0).String(), "qtype", s.qtype.String(),
		"says", said, "active says", describe(&s.answer), "unlogged", missed)
}

// mostDescribed bounds what a log line has of an answer, in octets.
const mostDescribed = 300

// describe words an answer for people, cut short.
func describe(a *runtime.Answer) string {
	var b strings.Builder
	b.WriteString(a.Disposition.String())
	for _, set := range a.Sets {
		for _, data := range set.Data {
			if b.Len() > mostDescribed {
				return b.String() + " ..."
			}
			b.WriteString("; " + set.Name.String() + " " + set.Type.String() + " " + strconv.QuoteToASCII(string(data)))
		}
	}
	return b.String()
}
