package frontend

import (
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/miekg/dns"
	"github.com/prometheus/client_golang/prometheus"
	dto "github.com/prometheus/client_model/go"

	"github.com/namelet/namelet/hostabi"
	"github.com/namelet/namelet/internal/resolve"
	"github.com/namelet/namelet/rr"
)

// scrape returns every value of m by name and labels, as a scrape would.
func scrape(t *testing.T, m *Metrics) map[string]float64 {
	t.Helper()
	registry := prometheus.NewPedanticRegistry()
	if err := registry.Register(m); err != nil {
		t.Fatal(err)
	}
	families, err := registry.Gather()
	if err != nil {
		t.Fatal(err)
	}
	values := map[string]float64{}
	for _, family := range families {
		for _, metric := range family.GetMetric() {
			key := family.GetName()
			for _, label := range metric.GetLabel() {
				key += " " + label.GetName() + "=" + label.GetValue()
			}
			values[key] = metric.GetCounter().GetValue() + metric.GetGauge().GetValue() + float64(metric.GetHistogram().GetSampleCount())
		}
	}
	return values
}

// answered sums up the responses of a transport that have a code.
func answered(values map[string]float64, transport, rcode string) (n float64) {
	for key, value := range values {
		if strings.HasPrefix(key, "responder_queries_total ") && strings.Contains(key, " rcode="+rcode+" transport="+transport+" ") {
			n += value
		}
	}
	return n
}

func TestMetrics(t *testing.T) {
	s := serve(t, Config{Workers: 2}, example(t))
	if n, ok := scrape(t, s.Metrics())["responder_queries_total class=static rcode=NOERROR transport=udp type=A"]; n != 0 || !ok {
		t.Errorf("a server that nobody has asked says %v queries, there: %v", n, ok)
	}
	udp, tcp := dial(t, "udp", s.Addrs()[0]), dial(t, "tcp", s.Addrs()[0])
	exchangeOn(t, udp, question(t, 1, "www.example.", dns.TypeA))
	exchangeOn(t, udp, question(t, 1, "example.", dns.TypeTXT))
	send(t, udp, []byte{1})
	exchangeOn(t, udp, question(t, 1, ".", dns.TypeA))
	exchangeOn(t, tcp, question(t, 1, "example.", dns.TypeTXT))
	got := scrape(t, s.Metrics())
	for key := range got {
		if got[key] == 0 && !strings.Contains(key, "refused") || strings.HasPrefix(key, "responder_udp_receive") {
			delete(got, key)
		}
	}
	want := map[string]float64{
		"responder_queries_total class=none rcode=NOERROR transport=tcp type=TXT": 1,
		"responder_queries_total class=none rcode=NOERROR transport=udp type=A":   1,
		"responder_queries_total class=none rcode=NOERROR transport=udp type=TXT": 1,
		"responder_queries_total class=none rcode=REFUSED transport=udp type=A":   1,
		"responder_query_seconds path=static":                                     2, // the first that each transport's worker computes
		"responder_udp_sockets":                                                   2,
		"responder_messages_ignored_total reason=short transport=udp":             1,
		"responder_responses_truncated_total transport=udp":                       1,
		"responder_tcp_connections_limit":                                         1024,
		"responder_slow_queries_limit":                                            2048,
		"responder_tcp_connections":                                               1,
		"responder_tcp_connections_total":                                         1,
		"responder_tcp_connections_refused_total limit=total":                     0,
		"responder_tcp_connections_refused_total limit=client":                    0,
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("metrics (-want +got):\n%s", diff)
	}
}

// Labels are bounded: whatever type is asked for and whatever code is answered, a
// class and a transport have so many series at most.
func TestAnswersAreBounded(t *testing.T) {
	m := &Metrics{}
	c := m.worker(hostabi.TransportUDP)
	for qtype := range 65536 {
		q := &query{question: []byte{0, 0, 1, 0, 1}, qtype: rr.Type(qtype), class: resolve.ClassGuest}
		c.answer(q, rr.RCode(qtype&0xfff), false)
	}
	c.answer(&query{}, rr.RCodeFormErr, false)
	series, sum := map[string]bool{}, 0.0
	for key, value := range scrape(t, m) {
		if strings.HasPrefix(key, "responder_queries_total ") {
			sum += value
			series[key[strings.LastIndex(key, "type="):]] = true
		}
	}
	if want := len(countedTypes) + 2; sum != 65537 || len(series) != want {
		t.Errorf("got %v queries of %d types, want 65537 of %d", sum, len(series), want)
	}
}

// A sample of answers is measured, with no memory and by every responder from its
// first on.
func TestDurations(t *testing.T) {
	m := &Metrics{}
	c := m.worker(hostabi.TransportUDP)
	r := &responder{counters: c}
	for range 10 * timedEvery {
		r.wake()
		if r.timed {
			r.observe(pathHit, 3)
		}
	}
	c.took[pathSlow].observe(time.Hour, 1)
	c.took[pathSlow].observe(durationBounds[0], 1)
	ch := make(chan prometheus.Metric, paths)
	m.collectTook(ch)
	counts := map[string]uint64{}
	for range paths {
		var out dto.Metric
		if err := (<-ch).Write(&out); err != nil {
			t.Fatal(err)
		}
		h := out.GetHistogram()
		counts[out.GetLabel()[0].GetValue()] = h.GetSampleCount()
		if name := out.GetLabel()[0].GetValue(); name == "slow" {
			if got := [2]uint64{h.GetBucket()[0].GetCumulativeCount(), h.GetBucket()[len(durationBounds)-1].GetCumulativeCount()}; got != [2]uint64{1, 1} {
				t.Errorf("slow: got %v in the first bucket and up to the last, want one each", got)
			}
			if got := h.GetSampleSum(); got < 3600 || got > 3600.1 {
				t.Errorf("slow: got %v s, want one hour and a microsecond", got)
			}
		}
	}
	if diff := cmp.Diff(map[string]uint64{"hit": 30, "static": 0, "guest": 0, "slow": 2}, counts); diff != "" {
		t.Errorf("observed (-want +got):\n%s", diff)
	}
	if n := testing.AllocsPerRun(100, func() { r.wake(); r.observe(pathHit, 1) }); n != 0 {
		t.Errorf("observing allocates %v times, want 0", n)
	}
}
