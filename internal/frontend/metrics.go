package frontend

import (
	"sync"
	"sync/atomic"

	"github.com/prometheus/client_golang/prometheus"

	"github.com/namelet/namelet/hostabi"
	"github.com/namelet/namelet/internal/frontend/cache"
	"github.com/namelet/namelet/internal/frontend/keypair"
	"github.com/namelet/namelet/internal/resolve"
	"github.com/namelet/namelet/rr"
)

// Metrics holds what a Server counts. It is a prometheus.Collector: the sums are
// made when it is collected, and counting costs a query neither a lock nor
// memory that others write.
type Metrics struct {
	mu      sync.Mutex
	workers []*counters
	caches  []func() cache.Stats
	udp     []socketReading

	tcp      tcpCounters
	slow     slowCounters
	pair     *keypair.Pair // nil without TLS
	watchdog *watchdog     // nil without a server

	connections int // TCP connections that may be open
	waits       int // queries that may wait for a slow worker
}

// counter is written by one goroutine and read by any.
type counter struct{ n atomic.Uint64 }

func (c *counter) inc()         { c.add(1) }
func (c *counter) add(n uint64) { c.n.Store(c.n.Load() + n) }

// counters are those of one responder.
type counters struct {
	transport hostabi.Transport
	answered  [resolve.Classes]atomic.Pointer[answers] // nil until there is one
	took      [paths]durations
	ignored   [verdicts]counter
	truncated counter
	unsent    counter // over UDP; TCP and TLS have tcpCounters
	panics    counter
	shed      counter // questions that waited where too many did

	restrained [restraints]counter // over UDP

	_ [64]byte // keeps the next worker's off this cache line
}

// tcpCounters are shared by all connections.
type tcpCounters struct {
	open       atomic.Int64
	accepted   atomic.Uint64
	full       atomic.Uint64 // closed on arrival: too many in all
	crowded    atomic.Uint64 // closed on arrival: too many of the client's
	headers    atomic.Uint64 // closed: the PROXY header of a named source is missing or malformed
	handshakes atomic.Uint64 // closed: TLS was not agreed on

	// Responses that the client did not take, by transport. HTTPS has no count: its
	// responses are net/http's to send.
	unsent [hostabi.TransportTLS + 1]atomic.Uint64
}

// slowCounters are those of the slow workers.
type slowCounters struct {
	computed atomic.Uint64
	shared   atomic.Uint64 // answered by what had been computed for another
	waiting  func() int    // nil without a server
}

// answer counts a response to q.
func (c *counters) answer(q *query, rcode rr.RCode, truncated bool) {
	c.of(q.class)[typeIndex(q)][min(int(rcode), rcodes)].inc()
	if truncated {
		c.truncated.inc()
	}
}

func (c *counters) ignore(v verdict) { c.ignored[v].inc() }

// worker returns new counters that m sums up.
func (m *Metrics) worker(transport hostabi.Transport) *counters {
	c := &counters{transport: transport}
	m.mu.Lock()
	defer m.mu.Unlock()
	m.workers = append(m.workers, c)
	return c
}

var (
	descQueries = prometheus.NewDesc("responder_queries_total",
		"Queries that were answered, by transport, class of the zone, type and response code.", []string{"transport", "class", "type", "rcode"}, nil)
	descIgnored = prometheus.NewDesc("responder_messages_ignored_total",
		"Messages that got no response: too short, responses themselves, or with a PROXY header missing or unexpected.", []string{"transport", "reason"}, nil)
	descTruncated = prometheus.NewDesc("responder_responses_truncated_total",
		"Responses with the TC bit set.", []string{"transport"}, nil)
	descUnsent = prometheus.NewDesc("responder_responses_unsent_total",
		"Responses that could not be sent.", []string{"transport"}, nil)
	descShed = prometheus.NewDesc("responder_queries_shed_total",
		"Queries that were given up, since more arrived than could be computed.", []string{"transport"}, nil)
	descSlow = prometheus.NewDesc("responder_slow_queries_total",
		"Queries that were left to the slow workers and answered, by whether they were computed or shared the answer of another.", []string{"answer"}, nil)
	descSlowWaiting = prometheus.NewDesc("responder_slow_queries_waiting",
		"Queries that wait for a slow worker, or for the answer to the same query of another.", nil, nil)
	descStuck = prometheus.NewDesc("responder_workers_stuck",
		"Workers that have had one question in hand for longer than any should take.", nil, nil)
	descStuckEver = prometheus.NewDesc("responder_workers_stuck_total",
		"Times that a worker was found to be stuck.", nil, nil)
	descPanics = prometheus.NewDesc("responder_query_panics_total",
		"Queries that failed by a panic and got SERVFAIL.", []string{"transport"}, nil)
	descRestrained = prometheus.NewDesc("responder_rate_limited_total",
		"Responses beyond the rate limit, by what became of them.", []string{"action"}, nil)
	descOpen = prometheus.NewDesc("responder_tcp_connections",
		"Open TCP connections, those of TLS and HTTPS among them.", nil, nil)
	descOpenLimit = prometheus.NewDesc("responder_tcp_connections_limit",
		"TCP connections that may be open.", nil, nil)
	descSlowLimit = prometheus.NewDesc("responder_slow_queries_limit",
		"Queries that may wait for a slow worker.", nil, nil)
	descAccepted = prometheus.NewDesc("responder_tcp_connections_total",
		"TCP connections that were served, those of TLS and HTTPS among them.", nil, nil)
	descRefused = prometheus.NewDesc("responder_tcp_connections_refused_total",
		"TCP connections closed on arrival, by the limit they ran into.", []string{"limit"}, nil)
	descFailed = prometheus.NewDesc("responder_tcp_connections_failed_total",
		"TCP connections closed before their first query, by what failed: the TLS handshake, or the header of a proxy.", []string{"step"}, nil)
	descExpires = prometheus.NewDesc("responder_tls_certificate_expires_timestamp_seconds",
		"When the certificate in use ends, in Unix time.", nil, nil)
	descStale = prometheus.NewDesc("responder_tls_certificate_stale",
		"1 where the files of the certificate hold something else than what is in use, because it could not be taken up.", nil, nil)
)

// Describe implements prometheus.Collector.
func (m *Metrics) Describe(ch chan<- *prometheus.Desc) {
	for _, d := range []*prometheus.Desc{descQueries, descIgnored, descTruncated, descUnsent,
		descStuck, descStuckEver, descPanics, descRestrained, descOpen, descAccepted, descRefused, descFailed, descExpires, descStale,
		descOpenLimit, descSlowLimit, descTook, descSockets, descDrops, descReceive, descReceiveSize, descShed, descSlow, descSlowWaiting, descCacheLookups, descCachePuts, descCacheEvictions, descCacheEntries, descCacheBytes, descCacheSize} {
		ch <- d
	}
}

// Collect implements prometheus.Collector.
func (m *Metrics) Collect(ch chan<- prometheus.Metric) {
	m.collectCache(ch)
	m.collectTook(ch)
	m.collectSockets(ch)
	count := func(d *prometheus.Desc, n uint64, labels ...string) {
		ch <- prometheus.MustNewConstMetric(d, prometheus.CounterValue, float64(n), labels...)
	}
	for _, transport := range []hostabi.Transport{hostabi.TransportUDP, hostabi.TransportTCP, hostabi.TransportTLS, hostabi.TransportHTTPS} {
		label := transport.String()
		t := m.sum(transport)
		t.answered.collect(ch, label)
		for v, n := range t.ignored {
			if verdictText[v] != "" {
				count(descIgnored, n, label, verdictText[v])
			}
		}
		count(descTruncated, t.truncated, label)
		count(descUnsent, t.unsent, label)
		count(descPanics, t.panics, label)
		count(descShed, t.shed, label)
		if transport == hostabi.TransportUDP {
			for i, n := range t.restrained {
				count(descRestrained, n, restraintText[i])
			}
		}
	}
	ch <- prometheus.MustNewConstMetric(descOpen, prometheus.GaugeValue, float64(m.tcp.open.Load()))
	ch <- prometheus.MustNewConstMetric(descOpenLimit, prometheus.GaugeValue, float64(m.connections))
	ch <- prometheus.MustNewConstMetric(descSlowLimit, prometheus.GaugeValue, float64(m.waits))
	count(descSlow, m.slow.computed.Load(), "computed")
	count(descSlow, m.slow.shared.Load(), "shared")
	if m.slow.waiting != nil {
		ch <- prometheus.MustNewConstMetric(descSlowWaiting, prometheus.GaugeValue, float64(m.slow.waiting()))
	}
	if m.watchdog != nil {
		stuck, _ := m.watchdog.count()
		ch <- prometheus.MustNewConstMetric(descStuck, prometheus.GaugeValue, float64(stuck))
		count(descStuckEver, m.watchdog.found.Load())
	}
	count(descAccepted, m.tcp.accepted.Load())
	count(descRefused, m.tcp.full.Load(), "total")
	count(descRefused, m.tcp.crowded.Load(), "client")
	count(descFailed, m.tcp.handshakes.Load(), "tls")
	count(descFailed, m.tcp.headers.Load(), "proxy")
	if m.pair == nil {
		return
	}
	stale := 0.0
	if m.pair.Stale() {
		stale = 1
	}
	ch <- prometheus.MustNewConstMetric(descExpires, prometheus.GaugeValue, float64(m.pair.Expires().Unix()))
	ch <- prometheus.MustNewConstMetric(descStale, prometheus.GaugeValue, stale)
}

// totals are the sums over the workers of one transport.
type totals struct {
	answered                  answerTotals
	ignored                   [verdicts]uint64
	truncated, unsent, panics uint64
	shed                      uint64
	restrained                [restraints]uint64
}

func (m *Metrics) sum(transport hostabi.Transport) totals {
	m.mu.Lock()
	defer m.mu.Unlock()
	var t totals
	for _, w := range m.workers {
		if w.transport != transport {
			continue
		}
		t.answered.add(w)
		for i := range w.ignored {
			t.ignored[i] += w.ignored[i].n.Load()
		}
		t.truncated += w.truncated.n.Load()
		t.unsent += w.unsent.n.Load()
		t.panics += w.panics.n.Load()
		t.shed += w.shed.n.Load()
		for i := range w.restrained {
			t.restrained[i] += w.restrained[i].n.Load()
		}
	}
	if transport == hostabi.TransportTCP || transport == hostabi.TransportTLS {
		t.unsent = m.tcp.unsent[transport].Load()
	}
	return t
}
