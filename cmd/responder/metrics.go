package main

import (
	"log/slog"
	"net/http"
	"strconv"
	"strings"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/collectors"
	"github.com/prometheus/client_golang/prometheus/promhttp"

	"github.com/namelet/namelet/internal/replica"
	"github.com/namelet/namelet/internal/resolve"
)

// newRegistry makes a registry with what every process counts and what is given.
func newRegistry(parts ...prometheus.Collector) *prometheus.Registry {
	registry := prometheus.NewRegistry()
	v := buildVersion()
	registry.MustRegister(
		collectors.NewGoCollector(),
		collectors.NewProcessCollector(collectors.ProcessCollectorOpts{}),
		prometheus.NewGaugeFunc(prometheus.GaugeOpts{
			Name:        "responder_build_info",
			Help:        "1, with the version of the program.",
			ConstLabels: prometheus.Labels{"version": v.Version, "revision": v.Revision, "go": v.Go},
		}, func() float64 { return 1 }),
	)
	registry.MustRegister(parts...)
	return registry
}

// newRequestCounter counts requests to the control endpoint.
func newRequestCounter() *prometheus.CounterVec {
	return prometheus.NewCounterVec(prometheus.CounterOpts{
		Name: "responder_control_requests_total",
		Help: "Requests to the control endpoint that were answered, by operation (none for what is none) and status of HTTP.",
	}, []string{"operation", "status"})
}

// countRequests gives what has c count requests.
func countRequests(c *prometheus.CounterVec) func(operation string, status int) {
	return func(operation string, status int) { c.WithLabelValues(operation, strconv.Itoa(status)).Inc() }
}

// metricsServer serves /metrics, /livez and its elder name /healthz, and /readyz. It
// can do so before anything is loaded; there are no metrics until then.
func metricsServer(registry *prometheus.Registry, h *health, log *slog.Logger) *http.Server {
	mux := http.NewServeMux()
	metrics := promhttp.HandlerFor(registry, promhttp.HandlerOpts{
		ErrorLog: slog.NewLogLogger(log.Handler(), slog.LevelWarn),
	})
	mux.HandleFunc("GET /metrics", func(w http.ResponseWriter, r *http.Request) {
		if !h.loaded.Load() {
			answerHealth(w, false, "not ready: loading")
			return
		}
		metrics.ServeHTTP(w, r)
	})
	mux.HandleFunc("GET /healthz", h.serveLive)
	mux.HandleFunc("GET /livez", h.serveLive)
	mux.HandleFunc("GET /readyz", h.serveReady)
	return &http.Server{
		Handler:           mux,
		ReadHeaderTimeout: 5 * time.Second,
		ReadTimeout:       10 * time.Second,
		WriteTimeout:      time.Minute,
		IdleTimeout:       time.Minute,
		MaxHeaderBytes:    16 << 10,
	}
}

// guestCollector collects what attached guests did and count.
type guestCollector struct{ resolver *resolve.Resolver }

var (
	descGuestCalls = prometheus.NewDesc("responder_guest_calls_total",
		"Calls of attached guests.", guestLabels, nil)
	descGuestFuel = prometheus.NewDesc("responder_guest_fuel_total",
		"Units of fuel that attached guests burnt.", guestLabels, nil)
	descGuestFuelMax = prometheus.NewDesc("responder_guest_fuel_max",
		"Units of fuel that the dearest call of an attached guest burnt.", guestLabels, nil)
	descGuestSuppressed = prometheus.NewDesc("responder_guest_suppressed_total",
		"Questions answered from the fallback without a call, after failures.", guestLabels, nil)
	descGuestExhausted = prometheus.NewDesc("responder_guest_exhausted_total",
		"Questions answered from the fallback without a call, since the attachment had burnt its fuel a second.", guestLabels, nil)
	descGuestBusy = prometheus.NewDesc("responder_guest_busy_total",
		"Questions answered from the fallback without a call, since as many calls of the attachment ran as may.", guestLabels, nil)
	descGuestStarved = prometheus.NewDesc("responder_guest_starved_total",
		"Questions answered from the fallback without a call, since the memory of all guests was in use.", guestLabels, nil)
	descGuestInstances = prometheus.NewDesc("responder_guest_instances",
		"Instances of attached guests.", guestLabels, nil)
	descGuestHeld = prometheus.NewDesc("responder_guest_instances_bytes",
		"Memory that the instances of attached guests take.", guestLabels, nil)
	descGuestEvicted = prometheus.NewDesc("responder_guest_evictions_total",
		"Instances of attached guests that were closed to make room for others.", guestLabels, nil)
	descGuestMemory = prometheus.NewDesc("responder_guest_memory_bytes",
		"Memory that the instances, code and pictures of all guests take.", nil, nil)
	descGuestMemorySize = prometheus.NewDesc("responder_guest_memory_size_bytes",
		"Memory that they may take; 0 where there is no bound.", nil, nil)
	descGuestCode = prometheus.NewDesc("responder_guest_code_bytes",
		"Memory that the loaded code of all guests takes, as estimated from the size of their modules.", nil, nil)
	descGuestPictures = prometheus.NewDesc("responder_guest_pictures_bytes",
		"Memory that the pictures of all initialised guests take, which their instances are copied from.", nil, nil)
	descGuestRoom = prometheus.NewDesc("responder_guest_memory_evictions_total",
		"What made room in the memory of guests: an instance, or code.", []string{"kind"}, nil)
	descGuestLoads = prometheus.NewDesc("responder_guest_code_load_seconds",
		"Time that it took to load the code of guests again.", nil, nil)
	descGuestLookups = prometheus.NewDesc("responder_guest_lookups_total",
		"RRsets that calls of attached guests looked up.", guestLabels, nil)
	descGuestAnswers = prometheus.NewDesc("responder_guest_answers_total",
		"Answers to queries that guests decided: by a call, or kept from one and given again (cache).", append(guestLabels[:len(guestLabels):len(guestLabels)], "source"), nil)
	descGuestTook = prometheus.NewDesc("responder_guest_call_seconds",
		"Time that calls of a guest took, over all its attachments.", []string{"guest"}, nil)
	descGuestFaults = prometheus.NewDesc("responder_guest_faults_total",
		"Failures of attached guests, by kind.", append(guestLabels[:len(guestLabels):len(guestLabels)], "kind"), nil)
	descGuestBreaker = prometheus.NewDesc("responder_guest_breaker_state",
		"1 for the state of the circuit breaker of an attachment: closed, open or half_open.", append(guestLabels[:len(guestLabels):len(guestLabels)], "state"), nil)
	descGuestOpened = prometheus.NewDesc("responder_guest_breaker_opened_total",
		"Times that the circuit breaker of an attachment opened.", guestLabels, nil)
	descGuestReplays = prometheus.NewDesc("responder_guest_replays_total",
		"Calls that were asked again of a fresh instance, to see whether the guest is pure.", guestLabels, nil)
	descGuestDiffers = prometheus.NewDesc("responder_guest_replay_differences_total",
		"Replays that came out different: the guest is impure, and its answers are not cached.", guestLabels, nil)
	descGuestNumber = prometheus.NewDesc("responder_guest_metric",
		"What guests count by themselves, by the name they give it.", append(guestLabels[:len(guestLabels):len(guestLabels)], "name"), nil)
)

var guestLabels = []string{"guest", "zone", "at", "scope"}

// Describe implements prometheus.Collector.
func (*guestCollector) Describe(ch chan<- *prometheus.Desc) {
	for _, d := range []*prometheus.Desc{descGuestCalls, descGuestFuel, descGuestFuelMax, descGuestSuppressed, descGuestExhausted, descGuestBusy, descGuestStarved, descGuestInstances, descGuestHeld, descGuestEvicted, descGuestMemory, descGuestMemorySize, descGuestCode, descGuestPictures, descGuestRoom, descGuestLoads, descGuestLookups, descGuestAnswers, descGuestTook, descGuestFaults, descGuestBreaker, descGuestOpened, descGuestReplays, descGuestDiffers, descGuestNumber} {
		ch <- d
	}
}

// Collect implements prometheus.Collector.
func (c *guestCollector) Collect(ch chan<- prometheus.Metric) {
	collectGuestMemory(ch, c.resolver.Memory())
	took, sent := map[string]resolve.Latency{}, map[[4]string]bool{}
	for a := range c.resolver.Routing().Attachments() {
		sum := took[a.Label]
		sum.Add(a.Stats.Latency())
		took[a.Label] = sum
		labels := []string{a.Label, a.Zone.String(), a.At.String(), a.Scope.String()}
		// The version before may be the same one with another configuration.
		series := [4]string(labels)
		if sent[series] {
			continue
		}
		sent[series] = true
		send := func(d *prometheus.Desc, kind prometheus.ValueType, n float64, more ...string) {
			ch <- prometheus.MustNewConstMetric(d, kind, n, append(labels[:len(labels):len(labels)], more...)...)
		}
		totals := a.Stats.Totals()
		send(descGuestCalls, prometheus.CounterValue, float64(totals.Calls))
		send(descGuestFuel, prometheus.CounterValue, float64(totals.Fuel))
		send(descGuestFuelMax, prometheus.GaugeValue, float64(totals.MaxFuel))
		send(descGuestSuppressed, prometheus.CounterValue, float64(totals.Suppressed))
		send(descGuestExhausted, prometheus.CounterValue, float64(totals.Exhausted))
		send(descGuestBusy, prometheus.CounterValue, float64(totals.Busy))
		send(descGuestLookups, prometheus.CounterValue, float64(totals.Lookups))
		send(descGuestAnswers, prometheus.CounterValue, float64(totals.Answered), "call")
		send(descGuestAnswers, prometheus.CounterValue, float64(a.Reused().Total()), "cache")
		send(descGuestStarved, prometheus.CounterValue, float64(totals.Starved))
		held := a.Held()
		send(descGuestInstances, prometheus.GaugeValue, float64(held.Instances))
		send(descGuestHeld, prometheus.GaugeValue, float64(held.Bytes))
		send(descGuestEvicted, prometheus.CounterValue, float64(held.Evicted))
		for kind, n := range totals.Faults {
			send(descGuestFaults, prometheus.CounterValue, float64(n), strings.ReplaceAll(kind, " ", "_"))
		}
		breaker := a.Breaker()
		for _, state := range resolve.BreakerStates {
			send(descGuestBreaker, prometheus.GaugeValue, truth(breaker.State == state), state.String())
		}
		send(descGuestOpened, prometheus.CounterValue, float64(breaker.Opened))
		purity := a.Purity()
		send(descGuestReplays, prometheus.CounterValue, float64(purity.Replays))
		send(descGuestDiffers, prometheus.CounterValue, float64(purity.Differences))
		for name, n := range a.Metrics.All() {
			send(descGuestNumber, prometheus.UntypedValue, float64(n), name)
		}
	}
	for guest, sum := range took {
		ch <- prometheus.MustNewConstHistogram(descGuestTook, sum.Calls, sum.Sum.Seconds(), sum.Buckets, guest)
	}
}

// collectGuestMemory collects what all guests take together.
func collectGuestMemory(ch chan<- prometheus.Metric, m resolve.Memory) {
	send := func(d *prometheus.Desc, kind prometheus.ValueType, n float64, labels ...string) {
		ch <- prometheus.MustNewConstMetric(d, kind, n, labels...)
	}
	send(descGuestMemory, prometheus.GaugeValue, float64(m.Used))
	send(descGuestMemorySize, prometheus.GaugeValue, float64(m.Most))
	send(descGuestCode, prometheus.GaugeValue, float64(m.Code))
	send(descGuestPictures, prometheus.GaugeValue, float64(m.Pictures))
	send(descGuestRoom, prometheus.CounterValue, float64(m.Evicted), "instance")
	send(descGuestRoom, prometheus.CounterValue, float64(m.Unloaded), "code")
	ch <- prometheus.MustNewConstHistogram(descGuestLoads, m.Loads.Calls, m.Loads.Sum.Seconds(), m.Loads.Buckets)
}

// replicaCollector collects how far what is served is.
type replicaCollector struct{ server *server }

var (
	descReady       = prometheus.NewDesc("responder_ready", "1 while /readyz says that queries are to be sent here.", nil, nil)
	descZones       = prometheus.NewDesc("responder_zones", "Zones that are served, private ones included.", nil, nil)
	descNames       = prometheus.NewDesc("responder_names", "Owner names of all zones.", nil, nil)
	descAttachments = prometheus.NewDesc("responder_attachments", "Attachments in force.", nil, nil)
	descProblems    = prometheus.NewDesc("responder_replica_problems", "Zones and guests that could not be loaded as they are in the store, and guests that are impure or fail too often.", nil, nil)
	descStaleness   = prometheus.NewDesc("responder_replica_staleness_seconds", "Time since a reading of the change feed began that came to its end.", nil, nil)
	descWatermark   = prometheus.NewDesc("responder_replica_watermark_age_seconds", "Time since the moment up to which all commits are served.", nil, nil)
	descState       = prometheus.NewDesc("responder_replica_state", "1 for the state in which the replica is: following, away or refused.", []string{"state"}, nil)
	descStoreErrors = prometheus.NewDesc("responder_replica_store_errors_total", "Times that the store could not be followed, or was refused.", nil, nil)
	descExpired     = prometheus.NewDesc("responder_replica_expired_zones", "Zones answered with SERVFAIL, since the store has been away for longer than they may be served.", nil, nil)
	descMirrored    = prometheus.NewDesc("responder_replica_from_mirror", "1 while what is served comes from the mirror, since the store was not followed yet.", nil, nil)
	descMirrorBytes = prometheus.NewDesc("responder_mirror_bytes", "Size of the mirror's file; 0 where there is none.", nil, nil)
	descMirrorSaved = prometheus.NewDesc("responder_mirror_saved_timestamp_seconds", "When the mirror was last brought up to what is served, in Unix time; 0 where it was not.", nil, nil)
	descMirrorFails = prometheus.NewDesc("responder_mirror_errors_total", "Times that the mirror could not be written.", nil, nil)
	descCaught      = prometheus.NewDesc("responder_replica_caught_up_timestamp_seconds", "When the change feed was last read to its end, in Unix time.", nil, nil)
)

// Describe implements prometheus.Collector.
func (*replicaCollector) Describe(ch chan<- *prometheus.Desc) {
	for _, d := range []*prometheus.Desc{descReady, descZones, descNames, descAttachments, descProblems, descCaught, descStaleness, descWatermark, descState, descStoreErrors, descExpired, descMirrored, descMirrorBytes, descMirrorSaved, descMirrorFails} {
		ch <- d
	}
}

// Collect implements prometheus.Collector. The server listens before it has a
// replica, but collects only once it serves.
func (c *replicaCollector) Collect(ch chan<- prometheus.Metric) {
	status := c.server.replica.Status()
	gauge := func(d *prometheus.Desc, n float64, labels ...string) {
		ch <- prometheus.MustNewConstMetric(d, prometheus.GaugeValue, n, labels...)
	}
	gauge(descReady, truth(c.server.health.ready()))
	gauge(descZones, float64(status.Zones))
	gauge(descNames, float64(status.Names))
	gauge(descAttachments, float64(status.Attachments))
	gauge(descProblems, float64(len(status.Problems)))
	for _, state := range []replica.State{replica.Following, replica.Away, replica.Refused} {
		gauge(descState, truth(status.State == state), string(state))
	}
	gauge(descExpired, float64(status.Expired))
	gauge(descMirrored, truth(status.Mirrored))
	gauge(descMirrorBytes, float64(status.Mirror.Bytes))
	gauge(descMirrorSaved, float64(max(0, status.Mirror.Saved.UnixMilli()))/1000)
	ch <- prometheus.MustNewConstMetric(descStoreErrors, prometheus.CounterValue, float64(status.Errors))
	ch <- prometheus.MustNewConstMetric(descMirrorFails, prometheus.CounterValue, float64(status.Mirror.Errors))
	if !status.Caught.IsZero() {
		gauge(descCaught, float64(status.Caught.UnixMilli())/1000)
		gauge(descStaleness, time.Since(status.Caught).Seconds())
		gauge(descWatermark, time.Since(status.Watermark).Seconds())
	}
	c.server.replica.Latency().Collect(ch)
	c.server.replica.TakenBack().Collect(ch)
	for _, reads := range c.server.replica.Reads() {
		reads.Collect(ch)
	}
}

// truth is a gauge of what is or is not.
func truth(is bool) float64 {
	if is {
		return 1
	}
	return 0
}
