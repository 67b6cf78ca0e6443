package control

import (
	"iter"

	"github.com/namelet/namelet/internal/resolve"
	"github.com/namelet/namelet/rr"
	"github.com/namelet/namelet/store"
)

// GuestFigures are what one version of a guest did at an attachment on the server that
// is asked, since it began to answer there.
type GuestFigures struct {
	Guest       string            `json:"guest"`        // GUEST@VERSION
	Answers     uint64            `json:"answers"`      // to queries: computed by it, or kept and given again
	CacheShare  float64           `json:"cache_share"`  // of the answers, those given again, from 0 to 1
	Calls       uint64            `json:"calls"`        // more than the answers computed where some failed, or an alias led on to it
	FuelMean    float64           `json:"fuel_mean"`    // units a call
	FuelMost    uint64            `json:"fuel_most"`    // units of the dearest call
	Seconds50   float64           `json:"seconds_p50"`  // that a call took at the median, from a histogram; 0 without a call
	Seconds99   float64           `json:"seconds_p99"`  // the same for 99 of 100 calls
	Lookups     uint64            `json:"lookups"`      // RRsets that calls looked up
	Failures    map[string]uint64 `json:"failures"`     // calls that failed, by kind, where any did
	NotCalled   uint64            `json:"not_called"`   // questions that the fallback answered without a call
	Instances   int64             `json:"instances"`    // ready to be asked
	MemoryBytes int64             `json:"memory_bytes"` // that they take
	Breaker     string            `json:"breaker"`      // closed, open or half_open
	Impure      bool              `json:"impure,omitempty"`
}

// point is where guests are attached, to be looked for.
type point struct {
	zone, at rr.Key
	scope    string
}

// figuresByPoint gives the figures of all versions in force, by where they answer.
func figuresByPoint(inForce iter.Seq[*resolve.Attachment]) map[point][]GuestFigures {
	all := map[point][]GuestFigures{}
	for a := range inForce {
		at := point{a.Zone.Key(), a.At.Key(), a.Scope.String()}
		all[at] = append(all[at], figures(a))
	}
	return all
}

func pointOf(a *store.Attachment) point { return point{a.Zone.Key(), a.At.Key(), a.Scope.String()} }

func figures(a *resolve.Attachment) GuestFigures {
	t, held, took, reused := a.Stats.Totals(), a.Held(), a.Stats.Latency(), a.Reused().Total()
	f := GuestFigures{
		Guest: a.Label, Answers: t.Answered + reused, Calls: t.Calls, FuelMost: t.MaxFuel, Lookups: t.Lookups, Failures: map[string]uint64{},
		Seconds50: took.Quantile(0.5).Seconds(), Seconds99: took.Quantile(0.99).Seconds(),
		NotCalled: t.Suppressed + t.Exhausted + t.Busy + t.Starved,
		Instances: held.Instances, MemoryBytes: held.Bytes, Breaker: a.Breaker().State.String(), Impure: a.Purity().Impure,
	}
	if f.Answers > 0 {
		f.CacheShare = float64(reused) / float64(f.Answers)
	}
	if t.Calls > 0 {
		f.FuelMean = float64(t.Fuel) / float64(t.Calls)
	}
	for kind, n := range t.Faults {
		if n > 0 {
			f.Failures[kind] = n
		}
	}
	return f
}
