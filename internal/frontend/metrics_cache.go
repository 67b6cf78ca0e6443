package frontend

import (
	"github.com/prometheus/client_golang/prometheus"

	"github.com/namelet/namelet/internal/frontend/cache"
)

var (
	descCacheLookups = prometheus.NewDesc("responder_cache_lookups_total",
		"Questions looked for among the kept answers, by what came of it: an answer (hit), one that something had changed for (invalid), or none (miss).",
		[]string{"result"}, nil)
	descCachePuts = prometheus.NewDesc("responder_cache_answers_total",
		"Computed answers, by whether they were kept.", []string{"kept"}, nil)
	descCacheEvictions = prometheus.NewDesc("responder_cache_evictions_total",
		"Kept answers and inputs that made room for others.", nil, nil)
	descCacheEntries = prometheus.NewDesc("responder_cache_entries",
		"What is kept: answers, and inputs that lead to them.", []string{"kind"}, nil)
	descCacheBytes = prometheus.NewDesc("responder_cache_bytes",
		"Memory that kept answers take.", nil, nil)
	descCacheSize = prometheus.NewDesc("responder_cache_size_bytes",
		"Memory that kept answers may take.", nil, nil)
)

// keep makes m sum up the numbers of one more cache.
func (m *Metrics) keep(stats func() cache.Stats) {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.caches = append(m.caches, stats)
}

// collectCache sends the sums over all caches, nothing where there is none.
func (m *Metrics) collectCache(ch chan<- prometheus.Metric) {
	m.mu.Lock()
	caches := m.caches
	m.mu.Unlock()
	if len(caches) == 0 {
		return
	}
	var sum cache.Stats
	for _, stats := range caches {
		sum.Add(stats())
	}
	count := func(d *prometheus.Desc, n uint64, labels ...string) {
		ch <- prometheus.MustNewConstMetric(d, prometheus.CounterValue, float64(n), labels...)
	}
	gauge := func(d *prometheus.Desc, n int64, labels ...string) {
		ch <- prometheus.MustNewConstMetric(d, prometheus.GaugeValue, float64(n), labels...)
	}
	count(descCacheLookups, sum.Hits, "hit")
	count(descCacheLookups, sum.Invalid, "invalid")
	count(descCacheLookups, sum.Misses-min(sum.Invalid, sum.Misses), "miss")
	count(descCachePuts, sum.Puts, "yes")
	count(descCachePuts, sum.Refused, "no")
	count(descCacheEvictions, sum.Evictions)
	gauge(descCacheEntries, sum.Leaves, "answer")
	gauge(descCacheEntries, sum.Nodes, "input")
	gauge(descCacheBytes, sum.Bytes)
	gauge(descCacheSize, sum.Size)
}
