package replica

import (
	"fmt"
	"time"

	"github.com/namelet/namelet/internal/resolve"
	"github.com/namelet/namelet/store"
)

// What a version is taken back for takes so much of it; less may be chance.
const (
	leastFailures = 5
	mostTimes     = 2 // the share of failures, of the other version's
	leastCalls    = 50
	leastFuel     = 20_000                 // units more a call: 40 us of the dearest code
	leastSlower   = 100 * time.Microsecond // a call
	leastDiffer   = 5
)

// reason is what a version is taken back for.
type reason string

const (
	reasonBreaker     reason = "breaker"
	reasonFailures    reason = "failures"
	reasonFuel        reason = "fuel"
	reasonLatency     reason = "latency"
	reasonDifferences reason = "differences"
)

var reasons = []reason{reasonBreaker, reasonFailures, reasonFuel, reasonLatency, reasonDifferences}

// figures count what a version did. Questions are those that came to it, since an answer
// that is kept does not; failures those that the fallback answered since it fails on
// them.
type figures struct {
	questions, failures uint64
	cost                resolve.Cost
	breaker             resolve.Breaker
}

func figuresOf(a *resolve.Attachment) figures {
	totals := a.Stats.Totals()
	f := figures{
		questions: totals.Calls + totals.Suppressed, failures: totals.Suppressed,
		cost: a.Stats.Cost(), breaker: a.Breaker(),
	}
	for _, n := range totals.Faults {
		f.failures += n
	}
	return f
}

func (f figures) since(before figures) figures {
	f.questions -= before.questions
	f.failures -= before.failures
	f.cost = f.cost.Since(before.cost)
	f.breaker.Opened -= before.breaker.Opened
	return f
}

func (f figures) failed() float64 { return ratio(f.failures, f.questions) }

// perCall is the mean fuel of a call that does not fail.
func (f figures) perCall() float64 { return ratio(f.cost.Fuel, f.cost.Calls) }

func ratio(n, of uint64) float64 {
	if of == 0 {
		return 0
	}
	return float64(n) / float64(of)
}

// pair is what the version on trial and the other one did over the same time.
type pair struct {
	w            watched
	tried, other figures
	over         time.Duration
}

// failures words both versions' failures.
func (p pair) failures() string {
	return fmt.Sprintf("it failed on %d of %d questions within %v, %s on %d of %d", p.tried.failures, p.tried.questions,
		max(p.over, judgeEvery).Round(judgeEvery), p.w.against(), p.other.failures, p.other.questions)
}

// opened says that the version's circuit breaker opened, and not the other's too.
func (p pair) opened() string {
	if p.w.Failures == 0 || p.tried.breaker.Opened == 0 || p.other.breaker.State != resolve.BreakerClosed {
		return ""
	}
	return "its circuit breaker opened: " + p.failures()
}

func (p pair) failing() string {
	most := float64(p.w.Failures) / store.WholeShare
	if most == 0 || p.tried.failures < leastFailures || p.tried.failed() <= most || p.tried.failed() <= mostTimes*p.other.failed() {
		return ""
	}
	return p.failures()
}

// enough reports whether both were called often enough to compare what that cost.
func (p pair) enough() bool {
	return p.tried.cost.Calls >= leastCalls && p.other.cost.Calls >= leastCalls
}

func (p pair) burning() string {
	tried, other := p.tried.perCall(), p.other.perCall()
	if p.w.Fuel == 0 || !p.enough() || tried <= other*times(p.w.Fuel) || tried < other+leastFuel {
		return ""
	}
	return fmt.Sprintf("a call burns %.0f units of fuel in the mean over %d calls, with %s %.0f over %d, and more than %v times as much is too much",
		tried, p.tried.cost.Calls, p.w.against(), other, p.other.cost.Calls, times(p.w.Fuel))
}

func (p pair) slow() string {
	if p.w.Latency == 0 || !p.enough() {
		return ""
	}
	tried, other := p.tried.cost.Took.Quantile(0.5), p.other.cost.Took.Quantile(0.5)
	if float64(tried) <= float64(other)*times(p.w.Latency) || tried < other+leastSlower {
		return ""
	}
	return fmt.Sprintf("half of the calls take longer than %v over %d calls, with %s than %v over %d, and more than %v times as long is too long",
		tried.Round(100*time.Nanosecond), p.tried.cost.Calls, p.w.against(), other.Round(100*time.Nanosecond), p.other.cost.Calls, times(p.w.Latency))
}

// times gives how many times as much hundredths are.
func times(hundredths uint32) float64 { return float64(hundredths) / 100 }

// differing says that a shadow's answers are too often others.
func differing(compared, differ uint64, most uint32) string {
	if most == 0 || differ < leastDiffer || ratio(differ, compared) <= float64(most)/store.WholeShare {
		return ""
	}
	return fmt.Sprintf("%d of %d answers differ from those of the active version (%.2f %%), and more than %v %% is too much",
		differ, compared, 100*ratio(differ, compared), float64(most)*100/store.WholeShare)
}
