package resolve

import (
	"sync/atomic"
	"time"
)

// latencyBounds are the upper bounds of what calls are sorted into by how long they
// took: a small guest takes 1 us, one in Go that looks up 3 us, the worst module that
// burns the default fuel 20 ms.
var latencyBounds = [...]time.Duration{
	time.Microsecond, 2500 * time.Nanosecond, 5 * time.Microsecond, 10 * time.Microsecond, 25 * time.Microsecond,
	100 * time.Microsecond, 250 * time.Microsecond, time.Millisecond, 2500 * time.Microsecond,
	10 * time.Millisecond, 25 * time.Millisecond, 100 * time.Millisecond,
}

// latency counts calls by how long they took.
type latency struct {
	in  [len(latencyBounds) + 1]atomic.Uint64 // by the least bound that is not below; the last is for those above all
	sum atomic.Int64                          // nanoseconds
}

func (l *latency) observe(took time.Duration) {
	i := 0
	for i < len(latencyBounds) && took > latencyBounds[i] {
		i++
	}
	l.in[i].Add(1)
	l.sum.Add(int64(took))
}

// Latency says how long calls took.
type Latency struct {
	Calls   uint64
	Sum     time.Duration
	Buckets map[float64]uint64 // upper bound in seconds -> calls that took no longer
}

// Add adds what another one says.
func (l *Latency) Add(o Latency) {
	if l.Buckets == nil {
		l.Buckets = make(map[float64]uint64, len(latencyBounds))
	}
	l.Calls += o.Calls
	l.Sum += o.Sum
	for bound, n := range o.Buckets {
		l.Buckets[bound] += n
	}
}

// Quantile returns how long so much of all calls, from 0 to 1, took at most: within the
// bucket that has the last of them as if they lay there evenly, and the greatest bound
// for those above it. 0 where there was no call.
func (l *Latency) Quantile(part float64) time.Duration {
	rank, below := part*float64(l.Calls), uint64(0)
	if l.Calls == 0 {
		return 0
	}
	least := time.Duration(0)
	for _, most := range latencyBounds {
		upTo := l.Buckets[most.Seconds()]
		if float64(upTo) >= rank && upTo > below {
			return least + time.Duration(float64(most-least)*(rank-float64(below))/float64(upTo-below))
		}
		least, below = most, upTo
	}
	return least
}

func (l *latency) total() Latency {
	t := Latency{Sum: time.Duration(l.sum.Load()), Buckets: make(map[float64]uint64, len(latencyBounds))}
	for i := range l.in {
		t.Calls += l.in[i].Load()
		if i < len(latencyBounds) {
			t.Buckets[latencyBounds[i].Seconds()] = t.Calls
		}
	}
	return t
}

// Latency sums up how long the calls took.
func (s *Stats) Latency() (t Latency) {
	s.mu.Lock()
	defer s.mu.Unlock()
	for _, c := range s.per {
		t.Add(c.took.total())
	}
	return t
}

// Since returns what came after an earlier state.
func (l Latency) Since(before Latency) Latency {
	after := Latency{Calls: l.Calls - before.Calls, Sum: l.Sum - before.Sum, Buckets: make(map[float64]uint64, len(l.Buckets))}
	for bound, n := range l.Buckets {
		after.Buckets[bound] = n - before.Buckets[bound]
	}
	return after
}
