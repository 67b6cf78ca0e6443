package main

import (
	"context"
	"encoding/json"
	"fmt"
	"slices"
	"time"
)

// series is one quantity measured in several rounds.
type series []float64

func (s series) median() float64 {
	if len(s) == 0 {
		return 0
	}
	sorted := slices.Sorted(slices.Values(s))
	middle := len(sorted) / 2
	if len(sorted)%2 == 1 {
		return sorted[middle]
	}
	return (sorted[middle-1] + sorted[middle]) / 2
}

// spread is the median, with the least and the greatest where there are several.
func (s series) spread(digits int) string {
	if len(s) == 0 {
		return ""
	}
	if len(s) == 1 {
		return fmt.Sprintf("%.*f", digits, s[0])
	}
	return fmt.Sprintf("%.*f [%.*f–%.*f]", digits, s.median(), digits, slices.Min(s), digits, slices.Max(s))
}

// row is what was measured of one server.
type row struct {
	name           string
	cpu, helperCPU series // microseconds a query
	rate           series // queries a second
	p50, p99, p999 series // microseconds
	octets         series // of a response
	lost, failed   int64
	memory         int64 // bytes
	loaded         time.Duration
}

// workload is what each server of a comparison is asked.
type workload struct {
	mode    string
	queries func(*server) string // file
	latency bool
}

// warmup is the most seconds of load before the first round, so that caches and heaps are as they stay.
const warmup = 3

// compare measures servers in rounds, each server once a round, and gives a row for each.
func (b *bench) compare(ctx context.Context, servers fleet, w workload) ([]*row, error) {
	var rows []*row
	for _, s := range servers {
		rows = append(rows, &row{name: s.name, loaded: s.loaded})
		if _, err := b.perf(ctx, s, w.mode, w.queries(s), min(warmup, b.seconds)); err != nil {
			return nil, err
		}
	}
	for round := range b.rounds {
		for i, s := range servers {
			if err := b.measure(ctx, s, w, rows[i]); err != nil {
				return nil, err
			}
			b.note("round %d  %-28s %s  %.2f us a query", round+1, s.name, w.mode, rows[i].cpu[round])
		}
	}
	for i, s := range servers {
		used, err := s.process.use()
		if err != nil {
			return nil, fmt.Errorf("%s: %w", s.name, err)
		}
		rows[i].memory = used.memory
	}
	return rows, nil
}

// measure measures one server once.
func (b *bench) measure(ctx context.Context, s *server, w workload, r *row) error {
	before, helperBefore, err := s.use()
	if err != nil {
		return err
	}
	p, err := b.perf(ctx, s, w.mode, w.queries(s), b.seconds)
	if err != nil {
		return err
	}
	after, helperAfter, err := s.use()
	if err != nil {
		return err
	}
	r.cpu = append(r.cpu, micros(after.cpu-before.cpu)/float64(p.completed))
	if s.helper != nil {
		r.helperCPU = append(r.helperCPU, micros(helperAfter.cpu-helperBefore.cpu)/float64(p.completed))
	}
	r.rate, r.octets = append(r.rate, p.rate), append(r.octets, p.octets)
	r.lost += p.lost
	r.failed += p.failures()
	if !w.latency {
		return nil
	}
	results, err := b.load(ctx, s, b.seconds/2, stream{Queries: w.queries(s), Rate: b.rate})
	if err != nil {
		return err
	}
	l := results[0]
	r.p50, r.p99, r.p999 = append(r.p50, micros(l.P50)), append(r.p99, micros(l.P99)), append(r.p999, micros(l.P999))
	r.failed += l.Failed
	r.lost += l.lost()
	return nil
}

// use gives the usage of a server, and of what it asks.
func (s *server) use() (own, helper usage, err error) {
	if own, err = s.process.use(); err != nil {
		return own, helper, fmt.Errorf("%s: %w", s.name, err)
	}
	if s.helper != nil {
		helper, err = s.helper.use()
	}
	return own, helper, err
}

func micros(d time.Duration) float64 { return float64(d) / float64(time.Microsecond) }

// load runs the generator in a process of its own, and gives a result for each stream.
func (b *bench) load(ctx context.Context, s *server, seconds float64, streams ...stream) ([]streamResult, error) {
	request, err := json.Marshal(loadRequest{Address: s.address(), Seconds: seconds, Streams: streams})
	if err != nil {
		return nil, err
	}
	ctx, cancel := context.WithTimeout(ctx, time.Duration(seconds*float64(time.Second))+time.Minute)
	defer cancel()
	text, err := runTool(ctx, b.loadCore, nil, request, b.self, "load")
	if err != nil {
		return nil, err
	}
	var results []streamResult
	if err := json.Unmarshal([]byte(text), &results); err != nil {
		return nil, fmt.Errorf("generator: %w", err)
	}
	for i, r := range results {
		if r.Answered == 0 {
			return nil, fmt.Errorf("%s answered none of the %d queries of stream %d; %s", s.name, r.Sent, i, s.process.log)
		}
	}
	return results, nil
}
