package replica

import (
	"context"
	"fmt"
	"time"

	"github.com/namelet/namelet/internal/resolve"
)

// When a candidate is taken back: it failed at least so often within the window, at
// more than that share of its questions, and at more than so many times the share of the
// active version's.
const (
	judgeEvery   = 200 * time.Millisecond
	judgeWindow  = 10 * time.Second
	mostFailures = 5
	mostShare    = 0.01
	mostTimes    = 2
)

// record is what is known of one trial: samples, the oldest first.
type record struct{ samples []sample }

// sample is what both versions had done at one time.
type sample struct {
	at                time.Time
	candidate, active tally
}

// tally counts questions that came to a guest, since an answer that is kept does not,
// and those of them that the fallback answered since the guest fails on them.
type tally struct{ questions, failures uint64 }

func (t tally) since(before tally) tally {
	return tally{t.questions - before.questions, t.failures - before.failures}
}

func (t tally) share() float64 {
	if t.questions == 0 {
		return 0
	}
	return float64(t.failures) / float64(t.questions)
}

func tallyOf(a *resolve.Attachment) tally {
	totals := a.Stats.Totals()
	t := tally{totals.Calls + totals.Suppressed, totals.Suppressed}
	for _, n := range totals.Faults {
		t.failures += n
	}
	return t
}

// watchTrials judges the candidates on trial here until ctx ends. It needs no store.
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

// judgeTrials takes back the candidates that fail too often, and returns the records
// of the others.
func (r *Replica) judgeTrials(now time.Time, before map[*resolve.Trial]*record) map[*resolve.Trial]*record {
	next := map[*resolve.Trial]*record{}
	for b := range r.Resolver.Routing().Trials() {
		if b.Trial.Withdrawn() != "" {
			continue
		}
		rec := before[b.Trial]
		if rec == nil {
			rec = &record{}
		}
		next[b.Trial] = rec
		why := rec.judge(sample{now, tallyOf(b.Candidate), tallyOf(b.Of)})
		if why == "" {
			continue
		}
		r.Resolver.Withdraw(b.Trial, why)
		r.Log.Error("guest on trial is taken back here", "guest", b.Candidate.Label, "zone", b.Of.Zone.String(), "at", b.Of.At.String(), "active", b.Of.Label, "error", why)
		select {
		case r.fell <- struct{}{}:
		default:
		}
	}
	return next
}

// judge takes a sample, and says why the candidate is to be taken back; empty where
// it is not.
func (r *record) judge(now sample) string {
	r.samples = append(r.samples, now)
	for len(r.samples) > 2 && now.at.Sub(r.samples[1].at) >= judgeWindow {
		r.samples = r.samples[1:]
	}
	first := r.samples[0]
	candidate, active := now.candidate.since(first.candidate), now.active.since(first.active)
	if candidate.failures < mostFailures || candidate.share() <= mostShare || candidate.share() <= mostTimes*active.share() {
		return ""
	}
	return fmt.Sprintf("it failed on %d of %d questions within %v, the active version on %d of %d",
		candidate.failures, candidate.questions, now.at.Sub(first.at).Round(judgeEvery), active.failures, active.questions)
}
