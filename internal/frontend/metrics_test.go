package frontend

import (
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/miekg/dns"
	"github.com/prometheus/client_golang/prometheus"
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
			values[key] = metric.GetCounter().GetValue() + metric.GetGauge().GetValue()
		}
	}
	return values
}

func TestMetrics(t *testing.T) {
	s := serve(t, Config{Workers: 2}, example(t))
	udp, tcp := dial(t, "udp", s.Addrs()[0]), dial(t, "tcp", s.Addrs()[0])
	exchangeOn(t, udp, question(t, 1, "www.example.", dns.TypeA))
	exchangeOn(t, udp, question(t, 1, "example.", dns.TypeTXT))
	send(t, udp, []byte{1})
	exchangeOn(t, udp, question(t, 1, ".", dns.TypeA))
	exchangeOn(t, tcp, question(t, 1, "example.", dns.TypeTXT))
	got := scrape(t, s.Metrics())
	for key := range got {
		if got[key] == 0 && !strings.Contains(key, "refused") {
			delete(got, key)
		}
	}
	want := map[string]float64{
		"responder_queries_total rcode=NOERROR transport=tcp":         1,
		"responder_queries_total rcode=NOERROR transport=udp":         2,
		"responder_queries_total rcode=REFUSED transport=udp":         1,
		"responder_messages_ignored_total reason=short transport=udp": 1,
		"responder_responses_truncated_total transport=udp":           1,
		"responder_tcp_connections":                                   1,
		"responder_tcp_connections_total":                             1,
		"responder_tcp_connections_refused_total limit=total":         0,
		"responder_tcp_connections_refused_total limit=client":        0,
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("metrics (-want +got):\n%s", diff)
	}
}
