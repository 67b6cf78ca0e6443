package main

import (
	"context"
	"fmt"
	"log/slog"
	"os"
	"sync"
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"github.com/namelet/namelet/internal/frontend/tap"
)

// checkTaps refuses settings of taps that nothing can be made of.
func (c *config) checkTaps() error {
	if _, err := c.queryRules(); err != nil {
		return err
	}
	if c.Dnstap == "" {
		return nil
	}
	if _, err := tap.NewDnstap(tap.DnstapConfig{Address: c.Dnstap, Sample: c.DnstapSample}); err != nil {
		return fmt.Errorf("%sDNSTAP: %w", envPrefix, err)
	}
	return nil
}

// taps are those of a server, which may be nil.
type taps struct {
	queries *tap.QueryLog
	rules   *queryLogFile // of queries; nil where they come from no file
	dnstap  *tap.Dnstap
}

// newTaps makes the taps that the settings ask for.
func (p *program) newTaps(log *slog.Logger) (*taps, error) {
	c, t := &p.config, new(taps)
	var err error
	if t.queries, t.rules, err = p.newQueryLog(); err != nil {
		return nil, err
	}
	if c.Dnstap == "" {
		return t, nil
	}
	identity, err := tell(c.NSID)
	if identity == "" {
		identity, err = os.Hostname()
	}
	if err != nil {
		return nil, err
	}
	t.dnstap, err = tap.NewDnstap(tap.DnstapConfig{
		Address: c.Dnstap, Sample: c.DnstapSample, Identity: identity, Version: "namelet " + buildVersion().Version, Log: log,
	})
	return t, err
}

// all is what the frontend is to show exchanges to; nil for nothing.
func (t *taps) all() tap.Tap {
	switch {
	case t.queries != nil && t.dnstap != nil:
		return tap.All{t.queries, t.dnstap}
	case t.queries != nil:
		return t.queries
	case t.dnstap != nil:
		return t.dnstap
	}
	return nil
}

// tapsTime is how long what was taken may take to be written when the server ends.
const tapsTime = 4 * time.Second

// start runs the taps until stop is called, which waits until what was taken is
// written, unless nobody reads it.
func (t *taps) start() (stop func(log *slog.Logger)) {
	ctx, cancel := context.WithCancel(context.Background())
	var running sync.WaitGroup
	if t.queries != nil {
		running.Go(func() { t.queries.Run(ctx) })
	}
	if t.dnstap != nil {
		running.Go(func() { t.dnstap.Run(ctx) })
	}
	return func(log *slog.Logger) {
		cancel()
		ended := make(chan struct{})
		go func() {
			running.Wait()
			close(ended)
		}()
		select {
		case <-ended:
		case <-time.After(tapsTime):
			log.Warn("the server ends, and not all is written that the query log or dnstap has taken", "waited", tapsTime)
		}
	}
}

var (
	descTapTaken = prometheus.NewDesc("responder_tap_exchanges_total",
		"Queries, each with its response, that were taken for the query log or for dnstap.", []string{"tap"}, nil)
	descTapDropped = prometheus.NewDesc("responder_tap_dropped_total",
		"Queries that were wanted and did not get there: for lack of room in the queue, or with a connection.", []string{"tap", "reason"}, nil)
	descTapConnected = prometheus.NewDesc("responder_dnstap_connected",
		"1 while the stream of dnstap is open; not there where none is wanted.", nil, nil)
)

// Describe implements prometheus.Collector.
func (*taps) Describe(ch chan<- *prometheus.Desc) {
	for _, d := range []*prometheus.Desc{descTapTaken, descTapDropped, descTapConnected} {
		ch <- d
	}
}

// Collect implements prometheus.Collector.
func (t *taps) Collect(ch chan<- prometheus.Metric) {
	var queries, dnstap tap.Stats
	if t.queries != nil {
		queries = t.queries.Stats()
	}
	if t.dnstap != nil {
		dnstap = t.dnstap.Stats()
	}
	count := func(d *prometheus.Desc, n uint64, labels ...string) {
		ch <- prometheus.MustNewConstMetric(d, prometheus.CounterValue, float64(n), labels...)
	}
	count(descTapTaken, queries.Taken, "query_log")
	count(descTapDropped, queries.Dropped, "query_log", "queue")
	count(descTapTaken, dnstap.Taken, "dnstap")
	count(descTapDropped, dnstap.Dropped, "dnstap", "queue")
	count(descTapDropped, dnstap.Lost, "dnstap", "connection")
	if t.dnstap != nil {
		ch <- prometheus.MustNewConstMetric(descTapConnected, prometheus.GaugeValue, truth(dnstap.Connected))
	}
}
