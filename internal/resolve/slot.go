package resolve

import (
	"errors"
	"hash/maphash"
	"time"

	"github.com/namelet/namelet/hostabi"
	"github.com/namelet/namelet/internal/authority"
	"github.com/namelet/namelet/rr"
	"github.com/namelet/namelet/runtime"
)

// How a failing guest is kept from costing more than it should.
const (
	failureMemory = time.Second // a question that failed gets the fallback for so long
	failuresKept  = 256         // questions remembered per slot
)

// onceGoes is how much sooner an instance goes that was asked once than one that was asked again: where somebody
// asks for all there is, there are many of them, and none is worth another guest's code.
const onceGoes = 30 * time.Second

// slot is one Worker's share of one attachment: a warm instance, its counters,
// and the failures that are still remembered.
type slot struct {
	seat
	counters  *counters
	calls     int // since the guest last had time for itself
	uses      int // calls of the instance
	unaudited int // since one was last replayed

	found bool // zones are those of the worker's routing
	zones []readableZone

	failed map[uint64]time.Time // question -> when it may run again
	last   time.Time            // when the last one failed
}

func (w *Worker) newSlot(a *Attachment) *slot {
	r := w.resolver
	s := &slot{seat: seat{attachment: a, mayWait: w.mayWait, memory: &r.memory, log: r.config.Log}, counters: a.Stats.join()}
	s.memory.join(s)
	return s
}

// readableZone is a zone that the attachment's guest may look into; zone is nil
// where it is not served.
type readableZone struct {
	apex rr.Name
	zone *authority.Zone
}

// findZones finds the zones that the guest may look into, in a routing.
func (s *slot) findZones(r *Routing) {
	s.found = true
	s.zones = append(s.zones, readableZone{s.attachment.Zone, r.zones.Get(s.attachment.Zone)})
	for _, apex := range s.attachment.Grants {
		s.zones = append(s.zones, readableZone{apex, r.zones.Get(apex)})
	}
}

// forgetZones makes them be found anew: there is another routing.
func (s *slot) forgetZones() {
	clear(s.zones)
	s.zones, s.found = s.zones[:0], false
}

// call runs the guest on q. The error is a *runtime.Fault, errSuppressed, errOpen,
// errBusy, errNoMemory, errLate, errUnloaded or errExhausted.
func (s *slot) call(q *hostabi.Question, h *host, fuel uint64, a *runtime.Answer) error {
	a.Fuel = 0 // what stood there is another question's
	// Only a slot with failures needs to know the time, or the hash of a question.
	if len(s.failed) > 0 && s.suppressed(s.hash(q)) {
		s.counters.suppressed.Add(1)
		return errSuppressed
	}
	rate := s.attachment.FuelPerSecond
	if rate > 0 && s.attachment.budget.exhausted(sinceStart()) {
		s.counters.exhausted.Add(1)
		return errExhausted
	}
	if !s.attachment.enter() {
		s.counters.busy.Add(1)
		return errBusy
	}
	defer s.attachment.leave()
	probe, ok := s.attachment.breaker.allow()
	if !ok {
		s.counters.suppressed.Add(1)
		return errOpen
	}
	fault := s.take()
	if fault == errNoMemory || fault == errLate || fault == errUnloaded {
		if fault != errUnloaded {
			s.counters.starved.Add(1)
		}
		if probe {
			s.attachment.breaker.abandon()
		}
		return fault
	}
	s.counters.calls.Add(1)
	s.calls++
	err := s.run(q, h, fuel, a, fault)
	s.counters.fuel.Add(a.Fuel)
	if rate > 0 {
		s.attachment.budget.burn(a.Fuel, rate, sinceStart())
	}
	if a.Fuel > s.counters.maxFuel.Load() {
		s.counters.maxFuel.Store(a.Fuel)
	}
	if err != nil {
		s.counters.failed.calls.Add(1)
		s.counters.failed.fuel.Add(a.Fuel)
		s.remember(s.hash(q), err)
	}
	if err != nil || probe {
		s.tell(probe, q, err)
	}
	return err
}

// tell has the breaker know how a probe ended, or that a call failed, and logs what
// comes of it.
func (s *slot) tell(probe bool, q *hostabi.Question, err error) {
	a, now := s.attachment, time.Now()
	what := []any{"guest", a.Label, "zone", a.Zone.String(), "at", a.At.String()}
	if probe {
		if a.breaker.probed(err, now) {
			s.log.Info("guest is asked again: its circuit breaker closed", what...)
		}
		return
	}
	if opened, failures, calls := a.breaker.failed(s.hash(q), now, a.Stats.calls); opened {
		s.log.Error("guest fails too often: its circuit breaker opened, and the fallback answers",
			append(what, "failures", failures, "calls", calls, "error", err)...)
	}
}

// run asks the instance; fault is why there is none.
func (s *slot) run(q *hostabi.Question, h *host, fuel uint64, a *runtime.Answer, fault error) error {
	if fault != nil {
		return &runtime.Fault{Kind: runtime.FaultInit, Message: fault.Error(), Err: fault}
	}
	began := sinceStart()
	if s.uses++; s.uses == 2 { // it is no longer one that was asked once
		s.tenancy.stays.Store(0)
	}
	s.tenancy.asked.Store(began)
	err := s.instance.Answer(q, fuel, h, a)
	took := time.Duration(sinceStart() - began)
	s.counters.took.observe(took)
	if err != nil {
		s.counters.failed.took.observe(took)
	}
	s.counters.lookups.Add(uint64(len(s.instance.Lookups())))
	s.weigh()
	return err
}

// take gives the slot an instance where it has none: one made ahead, or a new one. The
// error is errNoMemory, errLate, errUnloaded or the guest's.
func (s *slot) take() error {
	if s.instance != nil {
		return nil
	}
	s.uses = 0
	s.tenancy.stays.Store(-int64(onceGoes))
	if s.instance = s.attachment.reserve.take(); s.instance != nil {
		s.weigh()
		return nil
	}
	code := s.attachment.Code
	if !s.memory.free(s.attachment.weight.Load()) {
		code.reclaim()
	}
	if err := s.fill(); err != nil {
		return err
	}
	code.filled(s)
	return nil
}

// reclaim evicts the instance if it was asked once, or not at all.
func (s *slot) reclaim() {
	if s.tenancy.stays.Load() < 0 {
		s.evict()
	}
}

// A guest gets time between queries, for the collection of its garbage, after so
// many calls, and so much fuel then. What it is for and why it is not taken from
// a query's budget is in docs/adr/0011.
const (
	callsBetweenIdle = 256
	idleFuel         = runtime.DefaultIdleFuel
)

// rest gives the guest time, and says that memory presses where three quarters of
// its limit are taken. A failure counts, and costs the guest its instance.
func (s *slot) rest(sink runtime.Sink) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.calls = 0
	if s.instance == nil {
		return
	}
	defer s.weigh()
	reason := hostabi.IdleQuiet
	if s.instance.MemoryBytes() > s.attachment.Memory/4*3 {
		reason = hostabi.IdleMemory
	}
	if err := s.instance.Idle(reason, idleFuel, sink); err != nil {
		s.counters.faults[faultKind(err)].Add(1)
	}
}

// suppressed reports whether the guest is not to be called for this question
// now, and forgets what is over.
func (s *slot) suppressed(question uint64) bool {
	now := time.Now()
	if now.Sub(s.last) >= failureMemory {
		clear(s.failed) // none of them counts any more, and the next call need not look
		return false
	}
	until, ok := s.failed[question]
	if ok && now.Before(until) {
		return true
	}
	if ok {
		delete(s.failed, question)
	}
	return false
}

// remember counts a failure and keeps its question for failureMemory. Where too
// many are kept, all go: the breaker bounds what their failures cost.
func (s *slot) remember(question uint64, err error) {
	s.last = time.Now()
	if s.failed == nil || len(s.failed) >= failuresKept {
		s.failed = make(map[uint64]time.Time)
	}
	s.failed[question] = s.last.Add(failureMemory)
	s.counters.faults[faultKind(err)].Add(1)
}

var seed = maphash.MakeSeed()

// hash names a question within a slot.
func (s *slot) hash(q *hostabi.Question) uint64 {
	var buf [rr.MaxNameLen + 2]byte
	b := append(buf[:0], q.QName...)
	b = append(b, byte(q.QType>>8), byte(q.QType))
	return maphash.Bytes(seed, b)
}

func faultKind(err error) runtime.FaultKind {
	if f, ok := errors.AsType[*runtime.Fault](err); ok {
		return f.Kind
	}
	return runtime.FaultHost
}

// give gives the slot up, whose guest this Worker does not ask any more.
func (s *slot) give() {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.close()
	s.attachment.Code.gone(s)
	s.memory.leave(s)
}
