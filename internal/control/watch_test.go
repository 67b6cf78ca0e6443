package control

import (
	"testing"
	"time"

	"github.com/namelet/namelet/store"
)

func TestWatchRequest(t *testing.T) {
	n := func(f float64) *float64 { return &f }
	all := store.DefaultWatch()
	for _, row := range []struct {
		what          string
		q             WatchRequest
		shadow, trial bool
		want          store.Watch
		long          time.Duration
		refused       bool
	}{
		{what: "nothing asked", want: all, long: time.Minute},
		{what: "nothing asked of a trial", trial: true, want: all},
		{what: "no watch", q: WatchRequest{NoWatch: true}},
		{what: "own limits", q: WatchRequest{WatchSeconds: n(1.5), MaxFailures: n(0.5), MaxFuel: n(0), MaxLatency: n(2.25)},
			want: store.Watch{Failures: 50, Latency: 225}, long: 1500 * time.Millisecond},
		{what: "differences of a shadow", q: WatchRequest{MaxDifferences: n(1)}, shadow: true, trial: true,
			want: store.Watch{Failures: all.Failures, Fuel: all.Fuel, Latency: all.Latency, Differences: 100}},
		{what: "no watch and a limit", q: WatchRequest{NoWatch: true, MaxFuel: n(2)}, refused: true},
		{what: "differences of a canary", q: WatchRequest{MaxDifferences: n(1)}, trial: true, refused: true},
		{what: "a time of a trial", q: WatchRequest{WatchSeconds: n(1)}, trial: true, refused: true},
		{what: "longer than a day", q: WatchRequest{WatchSeconds: n(86401)}, refused: true},
		{what: "less than before", q: WatchRequest{MaxFuel: n(0.99)}, refused: true},
		{what: "more than all", q: WatchRequest{MaxFailures: n(101)}, refused: true},
		{what: "negative", q: WatchRequest{MaxLatency: n(-1)}, refused: true},
	} {
		w, long, err := row.q.read(row.shadow, row.trial)
		if (err != nil) != row.refused || err == nil && (w != row.want || long != row.long) {
			t.Errorf("%s: got %+v, %v, %v, want %+v, %v", row.what, w, long, err, row.want, row.long)
		}
	}
}
