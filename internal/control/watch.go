package control

import (
	"fmt"
	"math"
	"time"

	"github.com/namelet/namelet/store"
)

// Watch says when a version is taken back by itself; what is 0 is not looked at.
type Watch struct {
	MaxFailures    float64 `json:"max_failures"`    // per cent of its questions that fail
	MaxFuel        float64 `json:"max_fuel"`        // times what a call of the other version burns
	MaxLatency     float64 `json:"max_latency"`     // times as long as a call of the other version takes
	MaxDifferences float64 `json:"max_differences"` // per cent of a shadow's answers that differ
}

// Watched is the watch over a version that is in force at once.
type Watched struct {
	Watch
	Until time.Time `json:"until"`
}

// WatchRequest is what an activation says of when the version is taken back by itself.
// What is absent is as by default, what is 0 is not looked at.
type WatchRequest struct {
	NoWatch        bool     `json:"no_watch,omitempty"`        // nothing is looked at
	WatchSeconds   *float64 `json:"watch_seconds,omitempty"`   // how long, of a version that is in force at once
	MaxFailures    *float64 `json:"max_failures,omitempty"`    // as in Watch, as the others
	MaxFuel        *float64 `json:"max_fuel,omitempty"`        // from 1
	MaxLatency     *float64 `json:"max_latency,omitempty"`     // from 1
	MaxDifferences *float64 `json:"max_differences,omitempty"` // of a shadow alone; 0 by default
}

func watchOf(w store.Watch) Watch {
	return Watch{
		MaxFailures: percent(w.Failures), MaxFuel: float64(w.Fuel) / 100, MaxLatency: float64(w.Latency) / 100,
		MaxDifferences: percent(w.Differences),
	}
}

// read gives what the store is to have. A trial is watched for as long as it lasts, and
// what is in force at once for a while.
func (q WatchRequest) read(shadow, trial bool) (w store.Watch, long time.Duration, err error) {
	if err := q.check(shadow, trial); err != nil || q.NoWatch {
		return w, 0, err
	}
	w = store.DefaultWatch()
	switch {
	case trial:
	case q.WatchSeconds != nil:
		long = time.Duration(*q.WatchSeconds * float64(time.Second))
	default:
		long = store.DefaultWatchFor
	}
	const percent = store.WholeShare / 100
	for _, f := range []struct {
		name               string
		given              *float64
		into               *uint32
		scale, least, most float64 // scale is that of what the store has
	}{
		{"max_failures", q.MaxFailures, &w.Failures, percent, 0.01, 100},
		{"max_differences", q.MaxDifferences, &w.Differences, percent, 0.01, 100},
		{"max_fuel", q.MaxFuel, &w.Fuel, 100, 1, 1000},
		{"max_latency", q.MaxLatency, &w.Latency, 100, 1, 1000},
	} {
		switch {
		case f.given == nil:
			continue
		case *f.given != 0 && !(*f.given >= f.least && *f.given <= f.most):
			return w, 0, invalid(fmt.Sprintf("%s %v: want %v to %v, or 0 not to look at it", f.name, *f.given, f.least, f.most))
		}
		*f.into = uint32(math.Round(*f.given * f.scale))
	}
	return w, long, nil
}

// check refuses what does not go together.
func (q WatchRequest) check(shadow, trial bool) error {
	if q.NoWatch {
		for _, n := range []*float64{q.WatchSeconds, q.MaxFailures, q.MaxFuel, q.MaxLatency, q.MaxDifferences} {
			if n != nil {
				return invalid("no_watch stands alone: nothing is looked at then")
			}
		}
	}
	switch s := q.WatchSeconds; {
	case q.MaxDifferences != nil && !shadow:
		return invalid("max_differences is for a shadow: no other answers are compared")
	case s != nil && trial:
		return invalid("watch_seconds is for a version that is in force at once: one on trial is watched until that ends")
	case s != nil && !(*s >= 0 && *s <= (24*time.Hour).Seconds()):
		return invalid(fmt.Sprintf("watch_seconds %v: want 0 to 86400", *s))
	}
	return nil
}
