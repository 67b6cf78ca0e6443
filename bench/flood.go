package main

import (
	"context"
	"fmt"
	"io"
	"time"
)

const (
	floodTimes   = 3    // the rate at which misses can be computed
	floodCeiling = 0.9  // of the rate at which hits can be answered
	floodKnown   = 1000 // names that are known, and asked by the clock
	knownRate    = 5_000
	knownShare   = 0.99 // of them are to be answered
)

// flood asks our server for random names of a dear guest, faster than it can compute them, and for known
// names beside.
func flood(ctx context.Context, b *bench) error {
	z, err := b.guestZones()
	if err != nil {
		return err
	}
	s, err := b.start(ctx, ours("Namelet", "", nil, guestHeavy), z.heavy)
	if err != nil {
		return err
	}
	defer s.stop()
	known, err := b.file("queries-known", func(w io.Writer) {
		for i := range floodKnown {
			fmt.Fprintf(w, "n%07d.%s A\n", i, z.heavy.apex)
		}
	})
	if err != nil {
		return err
	}
	hits, err := b.reached(ctx, s, stream{Queries: known})
	if err != nil {
		return err
	}
	misses, err := b.reached(ctx, s, stream{Random: z.heavy.apex})
	if err != nil {
		return err
	}
	rate := min(floodTimes*misses, floodCeiling*hits)
	before, err := s.process.use()
	if err != nil {
		return err
	}
	var rounds []floodRound
	for i := range b.rounds {
		r, err := b.floodOnce(ctx, s, known, z.heavy.apex, rate, uint64(1000+i))
		if err != nil {
			return err
		}
		rounds = append(rounds, r)
		b.note("flood: %.2f %% of known names answered, %.1f MiB", 100*r.share(), float64(r.memory)/(1<<20))
	}
	b.floodReport(hits, misses, rate, before.memory, rounds)
	return nil
}

// floodRound is one flood: what became of the known names and of the others, and the most that was resident.
type floodRound struct {
	known, random streamResult
	memory        int64
}

func (r floodRound) share() float64 { return float64(r.known.Answered) / float64(r.known.Sent) }

func (b *bench) floodOnce(ctx context.Context, s *server, known, below string, rate float64, seed uint64) (r floodRound, err error) {
	done := make(chan struct{})
	watched := make(chan struct{})
	go func() {
		defer close(watched)
		for ticks := time.Tick(100 * time.Millisecond); ; {
			if used, err := s.process.use(); err == nil {
				r.memory = max(r.memory, used.memory)
			}
			select {
			case <-done:
				return
			case <-ticks:
			}
		}
	}()
	results, err := b.load(ctx, s, b.seconds, stream{Queries: known, Rate: knownRate}, stream{Random: below, Rate: rate, Seed: seed})
	close(done)
	<-watched
	if err != nil {
		return r, err
	}
	r.known, r.random = results[0], results[1]
	return r, nil
}

func (b *bench) floodReport(hits, misses, rate float64, before int64, rounds []floodRound) {
	r := &b.report
	r.line("## A flood of random names")
	r.line("")
	r.line("A guest whose answers are dear (`bench/heavy`) is asked for %d known names at %d queries a second by the clock, and for random", floodKnown, knownRate)
	r.line("ones at %.0f. Generator and server together reach %.0f hits a second, and %.0f misses; the flood is %.1f times the latter. Before it,", rate, hits, misses, rate/misses)
	r.line("%s MiB were resident.", mib(before))
	var cells [][]string
	worst := 1.0
	var most int64
	for i, one := range rounds {
		worst, most = min(worst, one.share()), max(most, one.memory)
		cells = append(cells, []string{fmt.Sprint(i + 1), fmt.Sprint(one.known.Sent), fmt.Sprintf("%.3f %%", 100*one.share()), fmt.Sprint(one.known.Failed),
			fmt.Sprintf("%.0f", micros(one.known.P50)), fmt.Sprintf("%.0f", micros(one.known.P99)),
			fmt.Sprint(one.random.Sent), fmt.Sprint(one.random.Unsent), fmt.Sprintf("%.1f %%", 100*float64(one.random.Answered)/float64(one.random.Sent)), mib(one.memory)})
	}
	r.table([]string{"round", "known sent", "answered", "failed", "median µs", "p99 µs", "random sent", "not sent in time", "answered", "memory MiB"}, cells)
	r.verdict("share of known names not answered, worst round", 1-worst, 1-knownShare)
	r.line("- memory grew by %s MiB over the flood", mib(max(0, most-before)))
	r.line("")
}
