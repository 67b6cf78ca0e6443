package resolve

import (
	"iter"
	"maps"
	"sync"
	"sync/atomic"

	"github.com/namelet/namelet/runtime"
)

// faultKinds is one more than the greatest runtime.FaultKind.
const faultKinds = int(runtime.FaultHost) + 1

// counters count one Worker's calls of one attachment's guest, so that workers
// never write to one cache line. They are read by Stats.
type counters struct {
	calls      atomic.Uint64
	fuel       atomic.Uint64
	maxFuel    atomic.Uint64
	suppressed atomic.Uint64
	exhausted  atomic.Uint64
	busy       atomic.Uint64
	starved    atomic.Uint64
	lookups    atomic.Uint64
	answered   atomic.Uint64
	took       latency
	failed     failed
	faults     [faultKinds]atomic.Uint64
	_          [64]byte
}

// failed counts calls that failed, among all the others.
type failed struct {
	calls atomic.Uint64
	fuel  atomic.Uint64
	took  latency
}

// Stats sums up what an attachment's guest did in this process. It is safe for
// concurrent use.
type Stats struct {
	mu  sync.Mutex
	per []*counters
}

// Totals are the sums at one moment.
type Totals struct {
	Calls      uint64 // guest calls begun
	Fuel       uint64 // units burnt by them
	MaxFuel    uint64 // units burnt by the dearest
	Suppressed uint64 // questions answered from the fallback without a call, after failures
	Exhausted  uint64 // questions answered from the fallback without a call, for want of fuel in that second
	Busy       uint64 // questions answered from the fallback without a call, since as many ran as may
	Lookups    uint64 // RRsets that its calls looked up
	Answered   uint64 // answers to queries that a call decided, and no earlier guest on their way did
	Starved    uint64 // questions answered from the fallback without a call, for want of memory for an instance
	Faults     map[string]uint64
}

// join makes the counters of one more worker.
func (s *Stats) join() *counters {
	c := new(counters)
	s.mu.Lock()
	defer s.mu.Unlock()
	s.per = append(s.per, c)
	return c
}

// joined counts the workers that have counters.
func (s *Stats) joined() int {
	s.mu.Lock()
	defer s.mu.Unlock()
	return len(s.per)
}

// calls sums the calls alone.
func (s *Stats) calls() (n uint64) {
	s.mu.Lock()
	defer s.mu.Unlock()
	for _, c := range s.per {
		n += c.calls.Load()
	}
	return n
}

// Totals sums the counters. Faults has an entry for every kind.
func (s *Stats) Totals() Totals {
	t := Totals{Faults: make(map[string]uint64, faultKinds)}
	s.mu.Lock()
	defer s.mu.Unlock()
	for kind := 1; kind < faultKinds; kind++ {
		t.Faults[runtime.FaultKind(kind).String()] = 0
	}
	for _, c := range s.per {
		t.Calls += c.calls.Load()
		t.Fuel += c.fuel.Load()
		t.MaxFuel = max(t.MaxFuel, c.maxFuel.Load())
		t.Suppressed += c.suppressed.Load()
		t.Exhausted += c.exhausted.Load()
		t.Busy += c.busy.Load()
		t.Lookups += c.lookups.Load()
		t.Answered += c.answered.Load()
		t.Starved += c.starved.Load()
		for kind := 1; kind < faultKinds; kind++ {
			t.Faults[runtime.FaultKind(kind).String()] += c.faults[kind].Load()
		}
	}
	return t
}

// Cost is what calls cost that did not fail: how many they were, the units that they burnt
// and how long they took.
type Cost struct {
	Calls, Fuel uint64
	Took        Latency
}

// Since returns what came after an earlier state.
func (c Cost) Since(before Cost) Cost {
	return Cost{c.Calls - before.Calls, c.Fuel - before.Fuel, c.Took.Since(before.Took)}
}

// Cost sums it up. What failed is left out: it has burnt as much as it could, or next to
// nothing, and a few such calls among many would say more of the mean than all the others.
func (s *Stats) Cost() Cost {
	s.mu.Lock()
	defer s.mu.Unlock()
	var c Cost
	for _, per := range s.per {
		// The failed first: they are counted last.
		calls, fuel, took := per.failed.calls.Load(), per.failed.fuel.Load(), per.failed.took.total()
		c.Calls += per.calls.Load() - calls
		c.Fuel += per.fuel.Load() - fuel
		c.Took.Add(per.took.total().Since(took))
	}
	return c
}

// maxMetrics bounds the names that one attachment's guest can make up.
const maxMetrics = 64

// Metrics are the numbers that a guest keeps by metric_add. The zero value is
// ready, and safe for concurrent use.
type Metrics struct {
	mu     sync.RWMutex
	values map[string]*atomic.Int64
}

// add adds delta to the number of that name. A name past the bound is dropped:
// SPEC.md lets a guest count, not fill the server's memory.
func (m *Metrics) add(name []byte, delta int64) {
	m.mu.RLock()
	v := m.values[string(name)]
	m.mu.RUnlock()
	if v == nil {
		if v = m.open(string(name)); v == nil {
			return
		}
	}
	v.Add(delta)
}

func (m *Metrics) open(name string) *atomic.Int64 {
	m.mu.Lock()
	defer m.mu.Unlock()
	if v := m.values[name]; v != nil {
		return v
	}
	if len(m.values) == maxMetrics {
		return nil
	}
	if m.values == nil {
		m.values = map[string]*atomic.Int64{}
	}
	v := new(atomic.Int64)
	m.values[name] = v
	return v
}

// All gives a copy of the names and numbers.
func (m *Metrics) All() iter.Seq2[string, int64] {
	m.mu.RLock()
	defer m.mu.RUnlock()
	copied := make(map[string]int64, len(m.values))
	for name, v := range m.values {
		copied[name] = v.Load()
	}
	return maps.All(copied)
}
