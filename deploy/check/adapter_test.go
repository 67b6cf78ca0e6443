package check

import (
	"os"
	"regexp"
	"strings"
	"testing"

	autoscaling "k8s.io/api/autoscaling/v2"
	"sigs.k8s.io/yaml"
)

// TestAdapter checks that what the autoscaler reads is what the adapter for Prometheus
// makes, out of a metric that the server has.
func TestAdapter(t *testing.T) {
	text, err := os.ReadFile("../kubernetes/prometheus-adapter.yaml")
	if err != nil {
		t.Fatal(err)
	}
	var adapter struct {
		Rules struct {
			Custom []struct {
				SeriesQuery, MetricsQuery string
				Name                      struct{ Matches, As string }
			}
		}
	}
	if err := yaml.Unmarshal(text, &adapter); err != nil {
		t.Fatal(err)
	}
	reference, err := os.ReadFile("../../docs/reference/metrics.md")
	if err != nil {
		t.Fatal(err)
	}
	made := map[string]bool{}
	for _, rule := range adapter.Rules.Custom {
		series, _, _ := strings.Cut(rule.SeriesQuery, "{")
		if !strings.Contains(string(reference), "`"+series+"`") {
			t.Errorf("%s is no metric of docs/reference/metrics.md", series)
		}
		if !regexp.MustCompile(rule.Name.Matches).MatchString(series) {
			t.Errorf("%s does not match %s", series, rule.Name.Matches)
		}
		made[rule.Name.As] = true
	}
	scalers := of[*autoscaling.HorizontalPodAutoscaler](kustomize(t, "overlays/spanner"))
	if len(scalers) != 1 {
		t.Fatalf("got %d autoscalers, want 1", len(scalers))
	}
	for _, m := range scalers[0].Spec.Metrics {
		if !made[m.Pods.Metric.Name] {
			t.Errorf("the adapter makes no %s, but %v", m.Pods.Metric.Name, made)
		}
	}
}
