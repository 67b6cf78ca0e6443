package main

import (
	"fmt"
	"strconv"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"github.com/namelet/namelet/internal/control"
)

// watchFlags say when a version is taken back by itself.
type watchFlags struct {
	watch                                time.Duration
	off                                  bool
	failures, fuel, latency, differences string
}

func (w *watchFlags) define(cmd *cobra.Command) {
	f := cmd.Flags()
	f.DurationVar(&w.watch, "watch", time.Minute, "for how long a version is watched that is in force for all at once")
	f.BoolVar(&w.off, "no-watch", false, "do not take the version back by itself, whatever it does")
	f.StringVar(&w.failures, "max-failures", "1%", "take it back where more than this `share` of its questions fail, and more than twice as many as of the other version's")
	f.StringVar(&w.fuel, "max-fuel", "3x", "take it back where a call burns more than so many `times` as much fuel in the mean")
	f.StringVar(&w.latency, "max-latency", "5x", "take it back where half of its calls take more than so many `times` as long")
	f.StringVar(&w.differences, "max-differences", "off", "take a shadow back where more than this `share` of its answers differ, such as 1%")
	for _, other := range []string{"watch", "max-failures", "max-fuel", "max-latency", "max-differences"} {
		cmd.MarkFlagsMutuallyExclusive("no-watch", other)
	}
}

// read gives the request what was asked for: the server has the defaults.
func (w *watchFlags) read(cmd *cobra.Command) (q control.WatchRequest, err error) {
	q.NoWatch = w.off
	if cmd.Flags().Changed("watch") {
		seconds := w.watch.Seconds()
		q.WatchSeconds = &seconds
	}
	for _, f := range []struct {
		name, text string
		parse      func(flag, text string) (float64, error)
		into       **float64
	}{
		{"max-failures", w.failures, parsePercent, &q.MaxFailures},
		{"max-differences", w.differences, parsePercent, &q.MaxDifferences},
		{"max-fuel", w.fuel, parseTimes, &q.MaxFuel},
		{"max-latency", w.latency, parseTimes, &q.MaxLatency},
	} {
		if !cmd.Flags().Changed(f.name) {
			continue
		}
		n := 0.0
		if f.text != "off" {
			if n, err = f.parse(f.name, f.text); err != nil {
				return q, err
			}
		}
		*f.into = &n
	}
	return q, nil
}

// parseTimes reads a factor such as 3x or 2.5.
func parseTimes(flag, text string) (float64, error) {
	n, err := strconv.ParseFloat(strings.TrimSuffix(text, "x"), 64)
	if err != nil || !(n >= 1 && n <= 1000) {
		return 0, fmt.Errorf("--%s %q: want from 1 to 1000 times, such as 3x, or off", flag, text)
	}
	return n, nil
}

// watchText says what a version is taken back for.
func watchText(w control.Watch) string {
	var all []string
	for _, f := range []struct {
		what string
		n    float64
	}{{"%% failures", w.MaxFailures}, {"x the fuel", w.MaxFuel}, {"x the latency", w.MaxLatency}, {"%% differences", w.MaxDifferences}} {
		if f.n != 0 {
			all = append(all, fmt.Sprintf("%v"+f.what, f.n))
		}
	}
	if len(all) == 0 {
		return ", whatever it does"
	}
	return ", taken back over " + strings.Join(all, ", ")
}
