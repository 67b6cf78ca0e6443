package resolve

import (
	"math/rand/v2"

	"github.com/namelet/namelet/hostabi"
	"github.com/namelet/namelet/internal/authority"
	"github.com/namelet/namelet/rr"
	"github.com/namelet/namelet/runtime"
)

// Worker resolves one question at a time. It owns the guest instances that it
// uses, and the memory that its Responses point into.
type Worker struct {
	resolver  *Resolver
	mayWait   bool       // it is a slow one
	explainer *Explainer // whose it is; nil where it is nobody's
	routing   *Routing   // of the question being resolved, and of the instances kept
	slots     map[*Attachment]*slot
	discards  uint64  // of the resolver, when slots were looked through last
	reading   []*slot // that have found the zones of the routing
	due       []*slot // guests to be given time when there is some
	host      host
	random    *rand.Rand

	// One guest answer for each name on an alias path, since a Response points
	// into all of them.
	answers  [authority.MaxHops + 2]runtime.Answer
	question hostabi.Question
	qname    [rr.MaxNameLen]byte

	asked rr.Name // the qname of the query
	first *slot   // of the first guest that answered it; nil for none yet

	shadows []shadowed // questions that wait for a shadow

	pins []pin // what was read for this query of zones that are not held

	fuel      uint64 // what is left of the query's budget
	refuelled bool   // another version answers for one that failed, and has been given a budget
	started   bool   // the first guest of the query has set it
	guests    int    // guest calls of this query
	made      bool   // a name of this query was made up, by a guest or a wildcard
	covered   bool   // a guest was to answer for a name of this query
	once      bool   // the answer is not to be given again: it stands in for another one, or its guest is impure
}

// Resolve answers q for client c into resp, whose former content it drops. What
// resp holds is good until the Worker's next call of Resolve.
//
// Where the Worker is no slow one and the answer may have to wait, resp.Waits is all
// that it says.
func (w *Worker) Resolve(q authority.Question, c Client, resp *Response) {
	if c.Seed == 0 {
		c.Seed = w.random.Uint64()
	}
	w.asked = q.Name
	var err error
	for try := range mostMoves {
		resp.Reset()
		w.begin(c)
		w.host.deps = &resp.Deps
		if err = w.walk(q, resp); err != errMoved || try == mostMoves-1 {
			break
		}
	}
	switch {
	case err == errWaits || err == errUnloaded:
		resp.Reset()
		resp.Waits, resp.Loads = true, err == errUnloaded
		return
	case err != nil:
		resp.fail(err)
	case resp.Outcome == authority.OutcomeRefused && len(resp.Errors) == 0:
		resp.Errors = append(resp.Errors, ExtendedError{ErrorNotAuthority, "not served here"})
	}
	w.finish(resp)
}

// walk answers q, and follows its aliases.
func (w *Worker) walk(q authority.Question, resp *Response) error {
	for {
		zone := w.routing.zones.Route(q.Name, q.Type)
		w.explainer.step(zone, q)
		if zone == nil {
			w.routing.zones.Continue(q, &resp.Answer)
			return nil
		}
		if resp.Trace.Zone.IsZero() {
			resp.Trace.Zone = zone.Apex
		}
		snapshot, err := w.view(zone, q)
		if err != nil {
			return err
		}
		next, err := w.step(zone, snapshot, q, resp)
		if err != nil {
			return err
		}
		if !resp.MayFollow(next) {
			return nil
		}
		q.Name = next
	}
}

// finish completes the trace.
func (w *Worker) finish(resp *Response) {
	t := &resp.Trace
	t.Cacheable = !w.once && !w.host.missed && resp.Outcome != authority.OutcomeFailed
	t.Known = !w.made && resp.Outcome == authority.OutcomeAnswer
	t.Routing, t.Deps = w.routing.generation, resp.Answer.Deps
	t.Class = w.class(t)
	if w.first != nil {
		w.first.counters.answered.Add(1)
		t.Guest = w.first.attachment.Reused()
	}
}

// class says what kind of zone the question came to.
func (w *Worker) class(t *Trace) Class {
	switch {
	case w.covered:
		return ClassGuest
	case len(w.pins) > 0:
		return ClassLookup
	case !t.Zone.IsZero():
		return ClassStatic
	}
	return ClassNone
}

// begin pins the routing and forgets the last question.
func (w *Worker) begin(c Client) {
	// Looked at before the routing, which then has none of those discarded.
	if n := w.resolver.discards.Load(); n != w.discards {
		w.sweep(n)
	}
	if r := w.resolver.routing.Load(); r != w.routing {
		w.adopt(r)
	}
	clear(w.pins)
	w.pins = w.pins[:0]
	w.first = nil
	w.explainer.begin()
	w.host.routing, w.host.client, w.host.picked, w.host.picks, w.host.now = w.routing, c, 0, 0, 0
	w.host.missed, w.host.moved = false, false
	w.fuel, w.refuelled, w.started, w.guests, w.made, w.covered, w.once = 0, false, false, 0, false, false, false
}

// adopt goes over to another routing, and lets go of the zones of the last.
func (w *Worker) adopt(r *Routing) {
	for i, s := range w.reading {
		s.forgetZones()
		w.reading[i] = nil
	}
	w.reading = w.reading[:0]
	w.routing = r
}

// sweep lets go of the instances of attachments that are discarded. Those of one
// that is only not in the routing are kept, since it may come back.
func (w *Worker) sweep(discards uint64) {
	for a, s := range w.slots {
		if a.discarded.Load() {
			s.give()
			delete(w.slots, a)
		}
	}
	w.discards = discards
}

// Idle is for the moments when no question waits for the Worker: it asks a shadow
// what the active version has answered, and lets guests that have answered many
// questions since the last time do their maintenance. It costs nothing where there is
// neither.
func (w *Worker) Idle() {
	w.askShadow()
	for i, s := range w.due {
		w.host.attachment = s.attachment
		s.rest(&w.host)
		w.due[i] = nil
	}
	w.due = w.due[:0]
}

// Close gives back the Worker's instances. A closed Worker is not used again.
func (w *Worker) Close() {
	for a, s := range w.slots {
		s.give()
		delete(w.slots, a)
	}
}

// step resolves one name of an alias path in its zone, and returns the name that
// the path goes on with, zero where it ends. What the zone's data settle comes
// before what a guest may say.
func (w *Worker) step(zone *authority.Zone, snapshot *authority.Snapshot, q authority.Question, resp *Response) (next rr.Name, err error) {
	place := snapshot.Locate(q.Name, q.Type)
	w.made = w.made || place.Kind != authority.PlaceExact
	a := w.routing.find(zone.Apex, q.Name)
	w.explainer.found(place, a, q)
	var v verdict
	switch {
	case a == nil || place.Kind == authority.PlaceCut || place.Kind == authority.PlaceDNAME || ownQuestion(snapshot, q):
	case q.Type == rr.TypeANY:
		v.any = true
	default:
		w.made, w.covered = true, true
		resp.Deps.Epoch(snapshot)
		if v, err = w.consult(a, zone, q, resp); err != nil {
			return rr.Name{}, err
		}
	}
	for range mostReads {
		before := resp.mark()
		next = w.say(v, snapshot, place, q, resp)
		missing := snapshot.Missing()
		if missing == nil {
			return next, nil
		}
		resp.back(before)
		if snapshot, err = w.read(zone, q, missing); err != nil {
			return rr.Name{}, err
		}
		place = snapshot.Locate(q.Name, q.Type)
	}
	return rr.Name{}, authority.ErrTooMany
}

// verdict is who answers for a name: its guest, where it has an attachment that
// covers the question, else the zone.
type verdict struct {
	attachment *Attachment
	answer     *runtime.Answer
	failure    error // of the guest
	any        bool  // the guest is not asked, since the question is for type ANY
}

// say makes the answer of a verdict whole, from what the snapshot has.
func (w *Worker) say(v verdict, s *authority.Snapshot, p authority.Place, q authority.Question, resp *Response) (next rr.Name) {
	switch {
	case v.any:
		return w.any(s, p, q, resp)
	case v.failure != nil:
		return w.fallback(v.attachment, s, p, q, resp, v.failure)
	case v.answer != nil:
		return w.complete(v.answer, s, p, q, resp)
	}
	return s.Step(q, p, &resp.Answer)
}

// ownQuestion reports whether the zone itself answers q and no guest is asked:
// for what makes the zone's apex, for a DNAME that the zone has (names below it
// follow it, RFC 6672 section 2.3), and for DS at a zone cut.
func ownQuestion(zone *authority.Snapshot, q authority.Question) bool {
	switch q.Type {
	case rr.TypeSOA, rr.TypeNS, rr.TypeDNSKEY, rr.TypeCDS, rr.TypeCDNSKEY, rr.TypeCNAME:
		return q.Name.Len() == zone.Apex().Len()
	case rr.TypeDNAME:
		_, has := zone.Get(q.Name, rr.TypeDNAME)
		return has
	case rr.TypeDS:
		_, cut := zone.Get(q.Name, rr.TypeNS)
		return cut
	}
	return false
}

// hinfo is the rdata that stands for an ANY answer (RFC 8482 section 4.2): CPU
// "RFC8482", OS empty.
var hinfo = []rr.Rdata{"\x07RFC8482\x00"}

// any answers type ANY at a name that a guest covers. The guest is not asked,
// since one question would need many answers; where the zone has nothing at the
// name, the guest may well have, so absence is not claimed.
func (w *Worker) any(s *authority.Snapshot, p authority.Place, q authority.Question, resp *Response) (next rr.Name) {
	from := len(resp.Answer.Answer)
	next = s.Step(q, p, &resp.Answer)
	if resp.Outcome == authority.OutcomeAnswer {
		return next
	}
	resp.Answer.Answer = append(resp.Answer.Answer[:from], rr.Set{Name: q.Name, Type: rr.TypeHINFO, TTL: hostabi.DefaultTTL, Data: hinfo})
	resp.Authority = resp.Authority[:0]
	resp.Outcome, resp.RCode, resp.Authoritative = authority.OutcomeAnswer, rr.RCodeNoError, true
	return rr.Name{}
}

// slotOf returns the Worker's share of an attachment. An Explainer shares in nothing.
func (w *Worker) slotOf(a *Attachment) *slot {
	if w.explainer != nil {
		return &slot{seat: seat{attachment: a}, counters: new(counters)}
	}
	s := w.slots[a]
	if s == nil {
		s = w.newSlot(a)
		w.slots[a] = s
	}
	return s
}

// ask runs the guest. The answer is good until the Worker's next question. The
// error is that of slot.call.
func (w *Worker) ask(a *Attachment, zone *authority.Zone, q authority.Question, resp *Response) (*runtime.Answer, error) {
	if !w.started {
		w.fuel, w.started = a.Fuel, true
		resp.Trace.Asked = a.Label
	}
	s := w.slotOf(a)
	w.host.attachment, w.host.slot, w.host.direct = a, s, zone.Direct
	w.host.picked, w.host.picks = w.host.picked+w.host.picks, 0
	out := &w.answers[w.guests]
	w.guests++
	qname := q.Name.AppendWire(w.qname[:0])
	w.question = hostabi.Question{
		QName:     qname,
		QType:     q.Type,
		ZoneOff:   len(qname) - zone.Apex.Len(),
		AttachOff: len(qname) - a.At.Len(),
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	var err error
	if fuel := min(w.fuel, a.Fuel); w.explainer == nil {
		err = s.call(&w.question, &w.host, fuel, out)
	} else {
		err = w.explainer.call(s, &w.question, &w.host, fuel, out)
	}
	w.fuel -= min(w.fuel, out.Fuel)
	if err == nil {
		resp.Trace.add(s.instance.Trace(), zone.Direct)
		if w.first == nil {
			w.first = s
		}
		w.once = w.once || a.purity.impure.Load()
		w.audit(s, out)
	}
	if s.calls == callsBetweenIdle {
		w.due = append(w.due, s)
	}
	return out, err
}

// complete makes a guest's answer whole: the SOA of what does not exist,
// additional data, and the name that a CNAME leads to.
func (w *Worker) complete(g *runtime.Answer, s *authority.Snapshot, p authority.Place, q authority.Question, resp *Response) (next rr.Name) {
	a := &resp.Answer
	switch g.Disposition {
	case hostabi.DispositionAnswer:
		return w.append(g, s, q, resp)
	case hostabi.DispositionStatic:
		return s.Step(q, p, a)
	case hostabi.DispositionRefuse:
		a.Withdraw()
		a.Outcome, a.RCode = authority.OutcomeRefused, rr.RCodeRefused
		resp.Errors = append(resp.Errors, ExtendedError{ErrorProhibited, "refused by the guest"})
		return rr.Name{}
	case hostabi.DispositionNXDomain:
		// RFC 8020: a name with data below it exists, whatever a guest says.
		s.DependOn(&a.Deps, q.Name, q.Type, p)
		if !p.Exists() {
			a.Outcome, a.RCode, a.Authoritative = authority.OutcomeNXDomain, rr.RCodeNXDomain, true
			break
		}
		fallthrough
	default: // NODATA
		a.Outcome, a.RCode, a.Authoritative = authority.OutcomeNoData, rr.RCodeNoError, true
	}
	ttl := g.NegativeTTL
	if ttl > s.NegativeTTL() {
		ttl = 0 // the zone's own
	}
	s.AppendNegative(q, ttl, a)
	return rr.Name{}
}

// append adds a guest's RRsets in the order of their CNAME chain, which the
// runtime has checked, and returns where the chain leads on to.
func (w *Worker) append(g *runtime.Answer, s *authority.Snapshot, q authority.Question, resp *Response) (next rr.Name) {
	a := &resp.Answer
	from := len(a.Answer)
	owner := q.Name
	for range g.Sets {
		set := chained(g.Sets, owner)
		if set == nil {
			break
		}
		out := *set
		out.Name = owner
		a.Answer = append(a.Answer, out)
		next = rr.Name{}
		if set.Type != rr.TypeCNAME || q.Type == rr.TypeCNAME {
			break
		}
		next = rr.RdataName(set.Data[0], 0)
		owner = next
	}
	a.Outcome, a.RCode, a.Authoritative = authority.OutcomeAnswer, rr.RCodeNoError, true
	if next.IsZero() {
		s.AppendAdditional(q, from, a)
	}
	return next
}

// chained returns the set at owner.
func chained(sets []rr.Set, owner rr.Name) *rr.Set {
	for i := range sets {
		if sets[i].Name.Equal(owner) {
			return &sets[i]
		}
	}
	return nil
}

// fallback answers for a guest that failed, as its attachment says.
func (w *Worker) fallback(at *Attachment, s *authority.Snapshot, p authority.Place, q authority.Question, resp *Response, err error) (next rr.Name) {
	if at.Fallback == FallbackServFail {
		resp.Withdraw()
		resp.Outcome, resp.RCode = authority.OutcomeFailed, rr.RCodeServFail
	} else {
		next = s.Step(q, p, &resp.Answer)
	}
	resp.Errors = append(resp.Errors, ExtendedError{ErrorOther, "guest failed: " + reason(err)})
	return next
}

// draw gives the k-th pick of the query.
func (w *Worker) draw(k, n int) int {
	if draw := w.resolver.config.Draw; draw != nil {
		return draw(k, n)
	}
	return Draw(w.host.client.Seed, k, n)
}
