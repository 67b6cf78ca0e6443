package prometheus_test

import (
	"maps"
	"os"
	"os/exec"
	"regexp"
	"slices"
	"strings"
	"testing"

	"go.yaml.in/yaml/v3"
)

// promtool runs it, and fails the test with what it says where it does.
func promtool(t *testing.T, args ...string) {
	t.Helper()
	path, err := exec.LookPath("promtool")
	if err != nil {
		t.Fatal("promtool is needed: apt-get install -y --no-install-recommends prometheus")
	}
	if out, err := exec.CommandContext(t.Context(), path, args...).CombinedOutput(); err != nil {
		t.Errorf("promtool %s: %v\n%s", strings.Join(args, " "), err, out)
	}
}

func TestPromtool(t *testing.T) {
	promtool(t, "check", "config", "--lint=all", "--lint-fatal", "prometheus.yml")
	promtool(t, "check", "rules", "--lint=all", "--lint-fatal", "recording.yml", "alerts.yml")
	promtool(t, "test", "rules", "alerts_test.yml")
}

type rule struct {
	Record      string
	Alert       string
	Expr        string
	Labels      map[string]string
	Annotations map[string]string
}

func rules(t *testing.T, file string) (all []rule) {
	t.Helper()
	var content struct {
		Groups []struct{ Rules []rule }
	}
	read(t, file, &content)
	for _, g := range content.Groups {
		all = append(all, g.Rules...)
	}
	if len(all) == 0 {
		t.Fatalf("%s: no rules", file)
	}
	return all
}

func read(t *testing.T, file string, into any) {
	t.Helper()
	text, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	if err := yaml.Unmarshal(text, into); err != nil {
		t.Fatalf("%s: %v", file, err)
	}
}

const runbooks = "https://github.com/namelet/namelet/blob/main/docs/operations/alerts.md#"

var section = regexp.MustCompile(`(?m)^### (\w+)\n\n- \*\*Symptom\*\*: .+\n(?:  .+\n)*- \*\*Look here\*\*: .+\n(?:  .+\n)*- \*\*Do this\*\*: .+$`)

// Each alert has a severity, and a runbook that its link leads to; the page has no
// other sections.
func TestRunbooks(t *testing.T) {
	page, err := os.ReadFile("../../docs/operations/alerts.md")
	if err != nil {
		t.Fatal(err)
	}
	sections := map[string]bool{}
	for _, match := range section.FindAllSubmatch(page, -1) {
		sections[string(match[1])] = true
	}
	if headings := strings.Count(string(page), "\n### "); headings != len(sections) {
		t.Errorf("%d of %d sections have a symptom, where to look and what to do", len(sections), headings)
	}
	for _, r := range rules(t, "alerts.yml") {
		if got, want := r.Annotations["runbook_url"], runbooks+strings.ToLower(r.Alert); got != want {
			t.Errorf("%s: the runbook is %q, want %q", r.Alert, got, want)
		}
		if !sections[r.Alert] {
			t.Errorf("%s: docs/operations/alerts.md has no section of it", r.Alert)
		}
		if severity := r.Labels["severity"]; !slices.Contains([]string{"critical", "warning", "info"}, severity) {
			t.Errorf("%s: severity %q", r.Alert, severity)
		}
		if r.Annotations["summary"] == "" {
			t.Errorf("%s: no summary", r.Alert)
		}
		delete(sections, r.Alert)
	}
	if len(sections) > 0 {
		t.Errorf("sections of no alert: %v", slices.Sorted(maps.Keys(sections)))
	}
}

// Each alert is tested to fire, and not to; each recording rule is asked for.
func TestRulesAreTested(t *testing.T) {
	var file struct {
		Tests []struct {
			Alerts []struct {
				Name     string `yaml:"alertname"`
				Expected []any  `yaml:"exp_alerts"`
			} `yaml:"alert_rule_test"`
			Exprs []struct {
				Expr     string
				Expected []any `yaml:"exp_samples"`
			} `yaml:"promql_expr_test"`
		}
	}
	read(t, "alerts_test.yml", &file)
	fires, rests, asked := map[string]bool{}, map[string]bool{}, map[string]bool{}
	for _, test := range file.Tests {
		for _, a := range test.Alerts {
			fires[a.Name] = fires[a.Name] || len(a.Expected) > 0
			rests[a.Name] = rests[a.Name] || len(a.Expected) == 0
		}
		for _, e := range test.Exprs {
			name, _, _ := strings.Cut(e.Expr, "{")
			asked[name] = asked[name] || len(e.Expected) > 0
		}
	}
	for _, r := range rules(t, "alerts.yml") {
		if !fires[r.Alert] || !rests[r.Alert] {
			t.Errorf("%s: tested to fire: %v, not to fire: %v", r.Alert, fires[r.Alert], rests[r.Alert])
		}
	}
	for _, r := range rules(t, "recording.yml") {
		if !asked[r.Record] {
			t.Errorf("%s is not tested", r.Record)
		}
	}
}

var (
	metricName = regexp.MustCompile(`\b(?:\w+:)?responder_\w+(?::\w+)?`)
	metricRow  = regexp.MustCompile("(?m)`(responder_\\w+)`")
	suffix     = regexp.MustCompile(`_(bucket|sum|count)$`)
)

// known gives the names that rules and dashboards may use.
func known(t *testing.T) map[string]bool {
	t.Helper()
	page, err := os.ReadFile("../../docs/reference/metrics.md")
	if err != nil {
		t.Fatal(err)
	}
	names := map[string]bool{}
	for _, match := range metricRow.FindAllSubmatch(page, -1) {
		names[string(match[1])] = true
	}
	for _, r := range rules(t, "recording.yml") {
		names[r.Record] = true
	}
	return names
}

// unknown gives the names of an expression that are of no metric and no rule.
func unknown(names map[string]bool, expr string) (out []string) {
	for _, name := range metricName.FindAllString(expr, -1) {
		if !names[name] && !names[suffix.ReplaceAllString(name, "")] {
			out = append(out, name)
		}
	}
	return out
}

// Rules ask for what there is: a metric that has another name now would never alert.
func TestRulesUseKnownMetrics(t *testing.T) {
	names := known(t)
	for _, r := range append(rules(t, "alerts.yml"), rules(t, "recording.yml")...) {
		if bad := unknown(names, r.Expr); len(bad) > 0 {
			t.Errorf("%s%s: %v are in neither docs/reference/metrics.md nor recording.yml", r.Alert, r.Record, bad)
		}
	}
}
