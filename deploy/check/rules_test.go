package check

import (
	"fmt"
	"os"
	"strconv"
	"strings"
	"testing"
	"time"

	monitoring "github.com/prometheus-operator/prometheus-operator/pkg/apis/monitoring/v1"
	apps "k8s.io/api/apps/v1"
	autoscaling "k8s.io/api/autoscaling/v2"
	batch "k8s.io/api/batch/v1"
	core "k8s.io/api/core/v1"
	networking "k8s.io/api/networking/v1"
	policy "k8s.io/api/policy/v1"
	"k8s.io/apimachinery/pkg/api/meta"
	meta1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/labels"
	"k8s.io/apimachinery/pkg/runtime"
	security "k8s.io/pod-security-admission/api"
	standard "k8s.io/pod-security-admission/policy"
)

func metaOf(t *testing.T, object runtime.Object) meta1.Object {
	t.Helper()
	m, err := meta.Accessor(object)
	if err != nil {
		t.Fatal(err)
	}
	return m
}

// workload is what a Deployment and a StatefulSet have in common.
type workload struct {
	kind, name string
	selector   *meta1.LabelSelector
	replicas   *int32
	template   core.PodTemplateSpec
	claims     []core.PersistentVolumeClaim
}

func (w workload) server() core.Container { return w.template.Spec.Containers[0] }

func (i installation) workload(t *testing.T) workload {
	t.Helper()
	var found []workload
	for _, object := range i {
		switch o := object.(type) {
		case *apps.Deployment:
			found = append(found, workload{"Deployment", o.Name, o.Spec.Selector, o.Spec.Replicas, o.Spec.Template, nil})
		case *apps.StatefulSet:
			found = append(found, workload{"StatefulSet", o.Name, o.Spec.Selector, o.Spec.Replicas, o.Spec.Template, o.Spec.VolumeClaimTemplates})
		}
	}
	if len(found) != 1 {
		t.Fatalf("got %d workloads, want 1", len(found))
	}
	return found[0]
}

// pods are the templates of all pods that an installation starts.
func (i installation) pods() map[string]core.PodTemplateSpec {
	pods := map[string]core.PodTemplateSpec{}
	for key, object := range i {
		switch o := object.(type) {
		case *apps.Deployment:
			pods[key] = o.Spec.Template
		case *apps.StatefulSet:
			pods[key] = o.Spec.Template
		case *batch.Job:
			pods[key] = o.Spec.Template
		}
	}
	return pods
}

func of[T any](i installation) []T {
	var all []T
	for _, object := range i {
		if o, ok := object.(T); ok {
			all = append(all, o)
		}
	}
	return all
}

// TestInstallations holds what every way to install has in common.
func TestInstallations(t *testing.T) {
	for name, made := range built(t) {
		t.Run(name, func(t *testing.T) {
			for pod, template := range made.pods() {
				checkConfined(t, pod, template)
				checkVolumes(t, made, pod, template)
			}
			w := made.workload(t)
			checkSelectors(t, made, w)
			checkServices(t, made, w)
			checkLife(t, made, w)
			checkLimits(t, made, w, strings.HasPrefix(name, "chart"))
			checkSettings(t, made, w)
			checkPolicy(t, made, w)
			checkScale(t, made, w)
		})
	}
}

// checkConfined holds the Pod Security Standard "restricted", as Kubernetes judges it, and
// more.
func checkConfined(t *testing.T, name string, pod core.PodTemplateSpec) {
	t.Helper()
	restricted, err := standard.NewEvaluator(standard.DefaultChecks(), nil)
	if err != nil {
		t.Fatal(err)
	}
	level := security.LevelVersion{Level: security.LevelRestricted, Version: security.LatestVersion()}
	result := standard.AggregateCheckResults(restricted.EvaluatePod(level, &pod.ObjectMeta, &pod.Spec))
	if !result.Allowed {
		t.Errorf("%s: not allowed in a namespace that is restricted: %s: %s", name, result.ForbiddenReason(), result.ForbiddenDetail())
	}
	if s := pod.Spec.SecurityContext; s.RunAsUser == nil || *s.RunAsUser != 65532 || s.FSGroup == nil || *s.FSGroup != 65532 {
		t.Errorf("%s: got user %v and volumes of group %v, want those of the image", name, s.RunAsUser, s.FSGroup)
	}
	if a := pod.Spec.AutomountServiceAccountToken; a == nil || *a {
		t.Errorf("%s: has a token of Kubernetes, which it has no use for", name)
	}
	if e := pod.Spec.EnableServiceLinks; e == nil || *e {
		t.Errorf("%s: Services of the namespace are in its environment", name)
	}
	if len(pod.Spec.TopologySpreadConstraints) == 0 && pod.Spec.RestartPolicy != core.RestartPolicyNever {
		t.Errorf("%s: not spread over zones and nodes", name)
	}
	for _, c := range pod.Spec.Containers {
		s := c.SecurityContext
		if s == nil || s.ReadOnlyRootFilesystem == nil || !*s.ReadOnlyRootFilesystem {
			t.Errorf("%s: container %s can write to its root", name, c.Name)
		}
		if s == nil || s.Capabilities == nil || len(s.Capabilities.Add) != 0 {
			t.Errorf("%s: container %s has capabilities", name, c.Name)
		}
		for _, p := range c.Ports {
			if p.ContainerPort < 1024 {
				t.Errorf("%s: port %d needs a capability", name, p.ContainerPort)
			}
		}
	}
}

// checkVolumes holds that what is mounted is there.
func checkVolumes(t *testing.T, made installation, name string, pod core.PodTemplateSpec) {
	t.Helper()
	volumes := map[string]bool{}
	for _, v := range pod.Spec.Volumes {
		volumes[v.Name] = true
		if c := v.PersistentVolumeClaim; c != nil && made["PersistentVolumeClaim "+c.ClaimName] == nil {
			t.Errorf("%s: claim %s is not there", name, c.ClaimName)
		}
	}
	for _, c := range made.workload(t).claims {
		volumes[c.Name] = true
	}
	for _, c := range pod.Spec.Containers {
		for _, m := range c.VolumeMounts {
			if !volumes[m.Name] {
				t.Errorf("%s: volume %s is mounted and not there", name, m.Name)
			}
		}
	}
	if account := pod.Spec.ServiceAccountName; made["ServiceAccount "+account] == nil {
		t.Errorf("%s: service account %s is not there", name, account)
	}
}

// checkSelectors holds that all that selects pods selects those of the server, and of
// no other that is started.
func checkSelectors(t *testing.T, made installation, w workload) {
	t.Helper()
	selectors := map[string]*meta1.LabelSelector{w.kind: w.selector}
	for _, s := range of[*core.Service](made) {
		selectors["Service "+s.Name] = &meta1.LabelSelector{MatchLabels: s.Spec.Selector}
	}
	for _, p := range of[*policy.PodDisruptionBudget](made) {
		selectors["PodDisruptionBudget"] = p.Spec.Selector
	}
	for _, p := range of[*networking.NetworkPolicy](made) {
		selectors["NetworkPolicy"] = &p.Spec.PodSelector
	}
	for _, c := range w.template.Spec.TopologySpreadConstraints {
		selectors["spread over "+c.TopologyKey] = c.LabelSelector
	}
	if len(selectors) < 7 {
		t.Errorf("got %d selectors, want those of a workload, 2 or more Services, a budget, a policy and 2 spreads", len(selectors))
	}
	for _, m := range of[*monitoring.ServiceMonitor](made) {
		selectors["ServiceMonitor"] = &m.Spec.Selector
		checkMonitor(t, made, m)
	}
	for what, s := range selectors {
		selector, err := meta1.LabelSelectorAsSelector(s)
		if err != nil {
			t.Fatalf("%s: %v", what, err)
		}
		if selector.Empty() || !selector.Matches(labels.Set(w.template.Labels)) {
			t.Errorf("%s: %v does not select the pods, which have %v", what, selector, w.template.Labels)
		}
		for pod, template := range made.pods() {
			if strings.HasPrefix(pod, "Job ") && selector.Matches(labels.Set(template.Labels)) {
				t.Errorf("%s selects %s", what, pod)
			}
		}
	}
}

// checkMonitor holds that the operator scrapes each server once, as the job that the
// alerts name.
func checkMonitor(t *testing.T, made installation, m *monitoring.ServiceMonitor) {
	t.Helper()
	if len(m.Spec.Endpoints) != 1 {
		t.Fatalf("got endpoints %v, want one", m.Spec.Endpoints)
	}
	endpoint, found := m.Spec.Endpoints[0], 0
	selector, err := meta1.LabelSelectorAsSelector(&m.Spec.Selector)
	if err != nil {
		t.Fatal(err)
	}
	for _, s := range of[*core.Service](made) {
		for _, p := range s.Spec.Ports {
			if p.Name == endpoint.Port && selector.Matches(labels.Set(s.Labels)) {
				found++
			}
		}
	}
	job := ""
	for _, r := range endpoint.RelabelConfigs {
		if r.TargetLabel == "job" && r.Replacement != nil {
			job = *r.Replacement
		}
	}
	if found != 1 || job != "namelet" {
		t.Errorf("finds %d Services and names the job %q, want 1 and namelet", found, job)
	}
}

// checkServices holds who reaches what: questions from everywhere with the client's
// address, metrics and control from within the cluster.
func checkServices(t *testing.T, made installation, w workload) {
	t.Helper()
	outside := map[string]bool{}
	for _, s := range of[*core.Service](made) {
		beyond := s.Spec.Type == core.ServiceTypeLoadBalancer
		if beyond && s.Spec.ExternalTrafficPolicy != core.ServiceExternalTrafficPolicyLocal {
			t.Errorf("%s: hides the addresses of clients", s.Name)
		}
		for _, p := range s.Spec.Ports {
			if !hasPort(w, p.TargetPort.StrVal, p.Protocol) {
				t.Errorf("%s: port %s/%s is none of the container's", s.Name, p.TargetPort.String(), p.Protocol)
			}
			if beyond {
				outside[fmt.Sprintf("%d/%s", p.Port, p.Protocol)] = true
			} else if s.Spec.Type != core.ServiceTypeClusterIP || len(s.Spec.ExternalIPs) > 0 {
				t.Errorf("%s: port %d can be reached from beyond the cluster", s.Name, p.Port)
			}
		}
	}
	want := map[string]bool{"53/UDP": true, "53/TCP": true}
	if hasPort(w, "dot", core.ProtocolTCP) {
		want["853/TCP"], want["443/TCP"] = true, true
	}
	if fmt.Sprint(outside) != fmt.Sprint(want) {
		t.Errorf("reached from outside: got %v, want %v", outside, want)
	}
}

func hasPort(w workload, name string, protocol core.Protocol) bool {
	for _, p := range w.server().Ports {
		if p.Name == name && p.Protocol == protocol {
			return true
		}
	}
	return false
}

// checkLife holds that a server is given the time that it takes to end, and is asked
// how it is.
func checkLife(t *testing.T, made installation, w workload) {
	t.Helper()
	c := w.server()
	for probe, want := range map[*core.Probe]string{c.ReadinessProbe: "/readyz", c.LivenessProbe: "/livez", c.StartupProbe: "/livez"} {
		if probe == nil || probe.HTTPGet == nil || probe.HTTPGet.Path != want || !hasPort(w, probe.HTTPGet.Port.StrVal, core.ProtocolTCP) {
			t.Errorf("got probe %v, want one of %s", probe, want)
		}
	}
	drain, err := time.ParseDuration(settings(t, made)["RESPONDER_DRAIN"])
	if err != nil {
		t.Fatalf("RESPONDER_DRAIN: %v", err)
	}
	var preStop time.Duration
	if l := c.Lifecycle; l != nil && l.PreStop != nil && l.PreStop.Sleep != nil {
		preStop = time.Duration(l.PreStop.Sleep.Seconds) * time.Second
	}
	embedded := strings.HasPrefix(settings(t, made)["RESPONDER_STORE"], "bolt:")
	switch {
	case embedded && (preStop != 0 || drain != 0):
		t.Errorf("got %v before SIGTERM and %v after, while no other server takes over, want none", preStop, drain)
	// A node hands nothing on to a pod that is not ready. So it has to be ready for as long
	// as a load balancer takes to notice that the node's health check fails: 24 s are usual.
	case !embedded && (preStop <= 24*time.Second || drain == 0):
		t.Errorf("got %v before SIGTERM and %v after, want more than a load balancer takes to notice, and some", preStop, drain)
	}
	const inFlight = 10 * time.Second
	needs := preStop + drain + inFlight
	if grace := time.Duration(*w.template.Spec.TerminationGracePeriodSeconds) * time.Second; grace < needs+10*time.Second {
		t.Errorf("got %v to end in, want 10 s more than the %v of preStop, drain and what is in flight", grace, needs)
	}
}

// checkLimits holds that the Go runtime follows the limits. The chart computes GOMEMLIMIT;
// kustomize cannot, and leaves it to the program.
func checkLimits(t *testing.T, made installation, w workload, computed bool) {
	t.Helper()
	c := w.server()
	if c.Resources.Limits.Memory().IsZero() || c.Resources.Limits.Cpu().IsZero() || c.Resources.Requests.Memory().IsZero() || c.Resources.Requests.Cpu().IsZero() {
		t.Errorf("got resources %v, want requests and limits of both kinds", c.Resources)
	}
	follows := false
	for _, e := range c.Env {
		if e.Name == "GOMAXPROCS" && e.ValueFrom != nil && e.ValueFrom.ResourceFieldRef != nil {
			follows = e.ValueFrom.ResourceFieldRef.Resource == "limits.cpu"
		}
	}
	if !follows {
		t.Error("GOMAXPROCS does not follow limits.cpu")
	}
	found := false
	for _, e := range c.Env {
		if e.Name == "GOMEMLIMIT" {
			found = true
			guests, err := strconv.ParseInt(settings(t, made)["RESPONDER_GUEST_MEMORY"], 10, 64)
			if want := (c.Resources.Limits.Memory().Value() - guests) * 9 / 10; err != nil || e.Value != strconv.FormatInt(want, 10) {
				t.Errorf("got GOMEMLIMIT %s, want %d: nine tenths of what guests leave of limits.memory (%v)", e.Value, want, err)
			}
		}
	}
	if found != computed {
		t.Errorf("GOMEMLIMIT is there: %v, want %v", found, computed)
	}
}

// settings are those of the ConfigMap.
func settings(t *testing.T, made installation) map[string]string {
	t.Helper()
	maps := of[*core.ConfigMap](made)
	if len(maps) != 1 {
		t.Fatalf("got %d ConfigMaps, want 1", len(maps))
	}
	return maps[0].Data
}

// checkSettings holds that the server is told what the rest expects of it: its ports,
// its files, its store.
func checkSettings(t *testing.T, made installation, w workload) {
	t.Helper()
	have := settings(t, made)
	if ref := w.server().EnvFrom; len(ref) != 1 || ref[0].ConfigMapRef == nil || made["ConfigMap "+ref[0].ConfigMapRef.Name] == nil {
		t.Errorf("got envFrom %v, want the ConfigMap", ref)
	}
	for port, variable := range map[string]string{"dns-udp": "LISTEN", "metrics": "METRICS_LISTEN", "control": "CONTROL_LISTEN", "dot": "DOT_LISTEN", "doh": "DOH_LISTEN"} {
		for _, p := range w.server().Ports {
			if p.Name == port && have["RESPONDER_"+variable] != fmt.Sprintf(":%d", p.ContainerPort) {
				t.Errorf("RESPONDER_%s is %q, and port %s %d", variable, have["RESPONDER_"+variable], port, p.ContainerPort)
			}
		}
	}
	reference, err := os.ReadFile("../../docs/reference/configuration.md")
	if err != nil {
		t.Fatal(err)
	}
	for variable, value := range have {
		if !strings.Contains(string(reference), "`"+variable+"`") {
			t.Errorf("%s is no setting of docs/reference/configuration.md", variable)
		}
		if path := strings.TrimPrefix(value, "bolt:"); strings.HasPrefix(path, "/") && !mounted(w, path) {
			t.Errorf("%s: %s is on no volume", variable, path)
		}
	}
	if !strings.HasPrefix(have["RESPONDER_STORE"], "spanner:projects/") && have["RESPONDER_STORE"] != "bolt:/var/lib/namelet/responder.db" {
		t.Errorf("got RESPONDER_STORE %q", have["RESPONDER_STORE"])
	}
}

func mounted(w workload, path string) bool {
	for _, m := range w.server().VolumeMounts {
		if path == m.MountPath || strings.HasPrefix(path, m.MountPath+"/") {
			return true
		}
	}
	return false
}

// checkPolicy holds that each port but those of questions is for named peers only.
func checkPolicy(t *testing.T, made installation, w workload) {
	t.Helper()
	policies := of[*networking.NetworkPolicy](made)
	if len(policies) != 1 {
		t.Fatalf("got %d network policies, want 1", len(policies))
	}
	spec := policies[0].Spec
	if fmt.Sprint(spec.PolicyTypes) != "[Ingress Egress]" {
		t.Errorf("got policy types %v, want both", spec.PolicyTypes)
	}
	open, closed := map[string]bool{}, map[string]bool{}
	for _, rule := range spec.Ingress {
		for _, p := range rule.Ports {
			if !hasPort(w, p.Port.StrVal, *p.Protocol) {
				t.Errorf("policy for port %s/%s, which the container has not", p.Port.StrVal, *p.Protocol)
			}
			if len(rule.From) == 0 {
				open[p.Port.StrVal] = true
			} else {
				closed[p.Port.StrVal] = true
			}
		}
	}
	for _, p := range w.server().Ports {
		private := p.Name == "metrics" || p.Name == "control"
		if open[p.Name] == private || closed[p.Name] != private {
			t.Errorf("port %s: open to all %v, to some %v; want the latter for metrics and control only", p.Name, open[p.Name], closed[p.Name])
		}
	}
	if embedded := strings.HasPrefix(settings(t, made)["RESPONDER_STORE"], "bolt:"); embedded != (len(spec.Egress) == 0) {
		t.Errorf("got %d rules for what leaves", len(spec.Egress))
	}
}

// checkScale holds that a file has one owner, and that the autoscaler scales what is there.
func checkScale(t *testing.T, made installation, w workload) {
	t.Helper()
	scalers := of[*autoscaling.HorizontalPodAutoscaler](made)
	if strings.HasPrefix(settings(t, made)["RESPONDER_STORE"], "bolt:") {
		d := of[*apps.Deployment](made)
		if len(scalers) > 0 || w.replicas == nil || *w.replicas != 1 || len(d) != 1 || d[0].Spec.Strategy.Type != apps.RecreateDeploymentStrategyType || d[0].Spec.Strategy.RollingUpdate != nil {
			t.Error("two servers might have the file of the embedded store")
		}
		return
	}
	for _, s := range scalers {
		if s.Spec.ScaleTargetRef.Kind != w.kind || s.Spec.ScaleTargetRef.Name != w.name || w.replicas != nil {
			t.Errorf("got %v with replicas %v, want %s %s without", s.Spec.ScaleTargetRef, w.replicas, w.kind, w.name)
		}
		if m := s.Spec.Metrics; len(m) != 1 || m[0].Pods == nil || m[0].Pods.Metric.Name != "responder_queries_per_second" || m[0].Pods.Target.AverageValue == nil {
			t.Errorf("got metrics %v, want queries a second of each pod", m)
		}
	}
	if budgets := of[*policy.PodDisruptionBudget](made); len(budgets) != 1 || budgets[0].Spec.MaxUnavailable == nil {
		t.Errorf("got %v, want a budget that lets one go", budgets)
	}
}
