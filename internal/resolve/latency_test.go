package resolve_test

import (
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
		if m := got.Median(); m <= 2500*time.Nanosecond || m > 5*time.Microsecond {
			t.Errorf("median %v, want more than 2.5 us, at most 5 us", m)
		}
		takes = append(takes, 10*time.Second)
		ask(one, "y.apps.example", rr.TypeA)
		last := a.Stats.Latency().Since(got)
		if last.Calls != 1 || last.Sum != 10*time.Second || last.Median() != 100*time.Millisecond {
			t.Errorf("the last call: got %+v, median %v, want the greatest bound", last, last.Median())
		}
	})
}
