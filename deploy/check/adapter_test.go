package check

import (
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	monitoring "github.com/prometheus-operator/prometheus-operator/pkg/apis/monitoring/v1"
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

// TestScraped checks that a Prometheus without the operator finds a pod once, and gives it
// the job's name and the labels that the adapter goes by. Debian's Prometheus finds no pods
// of Kubernetes, so it is given what would be found.
func TestScraped(t *testing.T) {
	promtool, err := exec.LookPath("promtool")
	if err != nil {
		t.Fatal("promtool is needed: apt-get install -y --no-install-recommends prometheus")
	}
	text, err := os.ReadFile("../kubernetes/prometheus.yml")
	if err != nil {
		t.Fatal(err)
	}
	const discovery = "    kubernetes_sd_configs:\n      - role: pod\n"
	if !strings.Contains(string(text), discovery) {
		t.Fatalf("got %s, want one with %s", text, discovery)
	}
	pod := kustomize(t, "overlays/spanner").workload(t)
	found := "    static_configs:\n"
	for _, p := range pod.server().Ports {
		found += fmt.Sprintf("      - targets: ['10.0.0.1:%d']\n        labels:\n", p.ContainerPort)
		for label, value := range map[string]string{
			"namespace": "dns", "pod_name": "namelet-0", "pod_phase": "Running", "pod_container_port_name": p.Name,
			"pod_label_app_kubernetes_io_name": pod.template.Labels["app.kubernetes.io/name"],
		} {
			found += "          __meta_kubernetes_" + label + ": " + value + "\n"
		}
	}
	file := filepath.Join(t.TempDir(), "prometheus.yml")
	if err := os.WriteFile(file, []byte(strings.Replace(string(text), discovery, found, 1)), 0o600); err != nil {
		t.Fatal(err)
	}
	var targets []struct{ Labels map[string]string }
	if err := yaml.Unmarshal([]byte(output(t, exec.Command(promtool, "check", "service-discovery", "--timeout=3s", file, "namelet"))), &targets); err != nil {
		t.Fatal(err)
	}
	var scraped []map[string]string
	for _, target := range targets {
		if len(target.Labels) > 0 {
			scraped = append(scraped, target.Labels)
		}
	}
	want := map[string]string{"job": "namelet", "instance": "namelet-0", "namespace": "dns", "pod": "namelet-0", "__address__": "10.0.0.1:9153"}
	if len(scraped) != 1 {
		t.Fatalf("got targets %v, want one", scraped)
	}
	for label, value := range want {
		if scraped[0][label] != value {
			t.Errorf("got label %s=%q, want %q", label, scraped[0][label], value)
		}
	}
}

// TestOperatorRules checks that the rules are what the Prometheus Operator takes.
func TestOperatorRules(t *testing.T) {
	for _, name := range []string{"recording", "alerts"} {
		rules, err := os.ReadFile("../prometheus/" + name + ".yml")
		if err != nil {
			t.Fatal(err)
		}
		text := "apiVersion: monitoring.coreos.com/v1\nkind: PrometheusRule\nmetadata: {name: namelet-" + name + "}\nspec:\n"
		for line := range strings.Lines(string(rules)) {
			text += "  " + line
		}
		made := of[*monitoring.PrometheusRule](decode(t, name, []byte(text)))
		if len(made) != 1 || len(made[0].Spec.Groups) == 0 {
			t.Errorf("%s.yml: got %v, want groups of rules", name, made)
		}
	}
}
