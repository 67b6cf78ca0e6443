package resolve_test

import (
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/namelet/namelet/hostabi"
	"github.com/namelet/namelet/internal/resolve"
	"github.com/namelet/namelet/rr"
	"github.com/namelet/namelet/runtime"
)

func TestLatency(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		takes := []time.Duration{time.Microsecond, 3 * time.Microsecond, 10 * time.Millisecond, time.Second}
		a := attach("apps.example", nil)
		i := 0
		a.Guest = script(func(n string, _ *hostabi.Question, _ runtime.Host, a *runtime.Answer) error {
			time.Sleep(takes[i])
			i++
			a.Disposition = hostabi.DispositionStatic
			return nil
		})
		one := serve(t, resolve.Config{}, a)
		for range takes {
			ask(one, "x.apps.example", rr.TypeA)
		}
		got := a.Stats.Latency()
		if got.Calls != 4 || got.Sum != time.Second+10*time.Millisecond+4*time.Microsecond {
			t.Errorf("got %+v", got)
		}
		for bound, want := range map[float64]uint64{1e-6: 1, 2.5e-6: 1, 5e-6: 2, 2.5e-3: 2, 10e-3: 3, 100e-3: 3} {
			if n := got.Buckets[bound]; n != want {
				t.Errorf("%d calls took up to %v s, want %d", n, bound, want)
			}
		}
		if m := got.Quantile(0.5); m <= 2500*time.Nanosecond || m > 5*time.Microsecond {
			t.Errorf("median %v, want more than 2.5 us, at most 5 us", m)
		}
		takes = append(takes, 10*time.Second)
		ask(one, "y.apps.example", rr.TypeA)
		last := a.Stats.Latency().Since(got)
		if last.Calls != 1 || last.Sum != 10*time.Second || last.Quantile(0.5) != 100*time.Millisecond {
			t.Errorf("the last call: got %+v, median %v, want the greatest bound", last, last.Quantile(0.5))
		}
	})
}

func TestQuantile(t *testing.T) {
	if got := (&resolve.Latency{}).Quantile(0.5); got != 0 {
		t.Errorf("without a call: %v", got)
	}
	// Of a hundred calls 98 took at most a microsecond, one 2.5 to 5, and one longer
	// than all bounds.
	total := resolve.Latency{Calls: 100, Buckets: map[float64]uint64{
		1e-6: 98, 2.5e-6: 98, 5e-6: 99, 1e-5: 99, 2.5e-5: 99, 1e-4: 99, 2.5e-4: 99, 1e-3: 99, 2.5e-3: 99, 0.01: 99, 0.025: 99, 0.1: 99,
	}}
	for part, bounds := range map[float64][2]time.Duration{
		0.5:  {500 * time.Nanosecond, 520 * time.Nanosecond}, // the middle of the first bucket
		0.99: {2500 * time.Nanosecond, 5 * time.Microsecond},
		1:    {100 * time.Millisecond, 100 * time.Millisecond},
	} {
		if got := total.Quantile(part); got < bounds[0] || got > bounds[1] {
			t.Errorf("quantile %v: got %v, want %v to %v", part, got, bounds[0], bounds[1])
		}
	}
}

// What calls cost that did not fail is told apart: one that fails burns all that it may.
func TestCostLeavesOutFailures(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		a := attach("apps.example", nil)
		a.Guest = script(func(n string, _ *hostabi.Question, _ runtime.Host, a *runtime.Answer) error {
			if strings.Contains(n, "bad") {
				time.Sleep(time.Second)
				a.Fuel = runtime.DefaultFuel
				return &runtime.Fault{Kind: runtime.FaultFuel}
			}
			time.Sleep(time.Microsecond)
			a.Fuel, a.Disposition = 100, hostabi.DispositionStatic
			return nil
		})
		one := serve(t, resolve.Config{}, a)
		for _, n := range []string{"a", "bad", "b"} {
			ask(one, n+".apps.example", rr.TypeA)
		}
		before := a.Stats.Cost()
		if before.Calls != 2 || before.Fuel != 200 || before.Took.Calls != 2 || before.Took.Sum != 2*time.Microsecond || before.Took.Quantile(1) > time.Microsecond {
			t.Errorf("got %+v, want that of two calls", before)
		}
		if all := a.Stats.Totals(); all.Calls != 3 || all.Fuel != 200+runtime.DefaultFuel {
			t.Errorf("in all: got %+v", all)
		}
		ask(one, "c.apps.example", rr.TypeA)
		if got := a.Stats.Cost().Since(before); got.Calls != 1 || got.Fuel != 100 || got.Took.Calls != 1 {
			t.Errorf("since: got %+v, want that of one call", got)
		}
	})
}
