package replica

import (
	"context"
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"github.com/namelet/namelet/internal/resolve"
	"github.com/namelet/namelet/store"
)

// How often versions on trial are judged, and over how long their failures count.
const (
	judgeEvery  = 200 * time.Millisecond
	judgeWindow = 10 * time.Second
)

// watched is what a version on trial is taken back for.
type watched struct {
	store.Watch
	until time.Time // for one that is in force at once; zero for a candidate
	first sample    // when the trial began
}

// over reports whether the watch has ended, though nothing in the store says so.
func (w watched) over(now time.Time) bool { return !w.until.IsZero() && now.After(w.until) }

// against names whom the version is held against.
func (w watched) against() string {
	if w.until.IsZero() {
		return "the active version"
	}
	return "the version before"
}

// record is what is known of one trial.
type record struct {
	first   sample
	samples []sample // of the window, the oldest first
}

// sample is what both versions had done at one time.
type sample struct {
	at               time.Time
	tried, other     figures
	compared, differ uint64 // answers of a shadow; those that were others
}

// watchTrials judges the versions on trial here until ctx ends. It needs no store.
func (r *Replica) watchTrials(ctx context.Context) {
	ticks := time.NewTicker(judgeEvery)
	defer ticks.Stop()
	records := map[*resolve.Trial]*record{}
	for {
		select {
		case <-ctx.Done():
			return
		case now := <-ticks.C:
			records = r.judgeTrials(now, records)
		}
	}
}

// judgeTrials takes back the versions that are worse than what they are held against,
// and returns the records of the others.
func (r *Replica) judgeTrials(now time.Time, before map[*resolve.Trial]*record) map[*resolve.Trial]*record {
	next := map[*resolve.Trial]*record{}
	for b := range r.Resolver.Routing().Trials() {
		w, known := r.watch(b.Trial)
		if !known || w.over(now) || b.Trial.Withdrawn() != "" {
			continue
		}
		tried, other := b.Tried()
		s := sample{at: now, tried: figuresOf(tried), other: figuresOf(other)}
		s.compared, s.differ = b.Trial.Compared()
		rec := before[b.Trial]
		if rec == nil {
			rec = &record{first: w.first, samples: []sample{w.first}}
		}
		next[b.Trial] = rec
		if kind, why := rec.judge(s, w); why != "" {
			r.withdraw(b, kind, why)
		}
	}
	return next
}

// watch returns what a version on trial is taken back for. It is known a moment after
// the trial began.
func (r *Replica) watch(t *resolve.Trial) (w watched, known bool) {
	r.mu.Lock()
	defer r.mu.Unlock()
	w, known = r.trials[t]
	return w, known
}

// withdraw takes a version back here, and has the others know soon.
func (r *Replica) withdraw(b *resolve.Beside, kind reason, why string) {
	tried, other := b.Tried()
	r.Resolver.Withdraw(b.Trial, why)
	r.takenBack.WithLabelValues(string(kind)).Inc()
	r.Log.Error("guest on trial is taken back here", "guest", tried.Label, "zone", b.Of.Zone.String(), "at", b.Of.At.String(), "instead", other.Label, "error", why)
	r.speak()
}

// speak has this replica say at once how it is.
func (r *Replica) speak() {
	select {
	case r.fell <- struct{}{}:
	default:
	}
}

// compare gives what both versions did between two samples. What took the place of
// another at once is held against all that the other one did: nothing more comes of it.
func (w watched) compare(from, to sample) pair {
	if !w.until.IsZero() {
		from.other = figures{}
	}
	return pair{w: w, tried: to.tried.since(from.tried), other: to.other.since(from.other), over: to.at.Sub(from.at)}
}

// judge takes a sample, and says why the version is to be taken back; empty where it
// is not.
func (r *record) judge(now sample, w watched) (kind reason, why string) {
	r.samples = append(r.samples, now)
	for len(r.samples) > 2 && now.at.Sub(r.samples[1].at) >= judgeWindow {
		r.samples = r.samples[1:]
	}
	lately, all := w.compare(r.samples[0], now), w.compare(r.first, now)
	for _, found := range []struct {
		kind reason
		why  string
	}{
		{reasonBreaker, lately.opened()}, {reasonFailures, lately.failing()}, {reasonFuel, all.burning()}, {reasonLatency, all.slow()},
		{reasonDifferences, differing(now.compared, now.differ, w.Differences)},
	} {
		if found.why != "" {
			return found.kind, found.why
		}
	}
	return "", ""
}

// newTakenBack counts the versions that are taken back here.
func newTakenBack() *prometheus.CounterVec {
	c := prometheus.NewCounterVec(prometheus.CounterOpts{
		Name: "responder_guest_taken_back_total",
		Help: "Versions of guests that this server took back by itself, by what for.",
	}, []string{"reason"})
	for _, kind := range reasons {
		c.WithLabelValues(string(kind))
	}
	return c
}

// TakenBack collects how many versions were taken back here.
func (r *Replica) TakenBack() prometheus.Collector { return r.takenBack }
