package check

import (
	"bufio"
	"bytes"
	"errors"
	"io"
	"os"
	"path/filepath"
	"strings"
	"testing"

	monitoring "github.com/prometheus-operator/prometheus-operator/pkg/apis/monitoring/v1"
	"helm.sh/helm/v3/pkg/chart"
	"helm.sh/helm/v3/pkg/chart/loader"
	"helm.sh/helm/v3/pkg/chartutil"
	"helm.sh/helm/v3/pkg/engine"
	"helm.sh/helm/v3/pkg/lint"
	"helm.sh/helm/v3/pkg/lint/support"
	batch "k8s.io/api/batch/v1"
	core "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/apimachinery/pkg/runtime/serializer"
	"k8s.io/apimachinery/pkg/util/yaml"
	"k8s.io/client-go/kubernetes/scheme"
	"sigs.k8s.io/kustomize/api/krusty"
	"sigs.k8s.io/kustomize/api/types"
	"sigs.k8s.io/kustomize/kyaml/filesys"
)

const (
	kustomizations = "../kubernetes"
	chartFolder    = "../helm/namelet"
)

// installation is what one way to install makes: its objects, by kind and name.
type installation map[string]runtime.Object

// built is each way to install that is described, and more that its parts allow.
func built(t *testing.T) map[string]installation {
	t.Helper()
	all := map[string]installation{
		"overlay embedded":        kustomize(t, "overlays/embedded"),
		"overlay spanner":         kustomize(t, "overlays/spanner"),
		"embedded, all parts":     kustomize(t, compose(t, "embedded", "control", "encrypted", "monitor")),
		"spanner, all parts":      kustomize(t, compose(t, "spanner", "encrypted", "monitor")),
		"chart, its own values":   template(t, ""),
		"chart, embedded":         template(t, "embedded"),
		"chart, spanner":          template(t, "spanner"),
		"chart, every part of it": template(t, "everything"),
		"chart, by hand": templateValues(t, `
store: {kind: spanner, spanner: {database: projects/my-project/instances/my-instance/databases/dns}}
replicas: 5
encrypted: {doh: true, dot: true, secretName: tls}
control: {enabled: true, secretName: control}
drain: {preStopSeconds: 45, seconds: 120}
resources: {requests: {cpu: 500m, memory: 512Mi}, limits: {cpu: 4, memory: 900Mi}}
guestMemory: 268435456`),
		"chart, values left empty": templateValues(t, `
store: {kind: spanner, spanner: {database: projects/my-project/instances/my-instance/databases/dns}}
settings:
extraEnv:
drain:
podLabels:
podAnnotations:
tolerations:`),
	}
	return all
}

// kustomize builds a folder below kustomizations, or one in memory that compose made.
func kustomize(t *testing.T, folder string) installation {
	t.Helper()
	path, err := filepath.Abs(filepath.Join(kustomizations, folder))
	if err != nil {
		t.Fatal(err)
	}
	options := krusty.MakeDefaultOptions()
	options.LoadRestrictions = types.LoadRestrictionsNone
	resources, err := krusty.MakeKustomizer(options).Run(filesys.MakeFsOnDisk(), path)
	if err != nil {
		t.Fatalf("kustomize build %s: %v", folder, err)
	}
	text, err := resources.AsYaml()
	if err != nil {
		t.Fatal(err)
	}
	return decode(t, folder, text)
}

// compose writes a kustomization over an overlay with more components, and gives
// its folder below kustomizations.
func compose(t *testing.T, overlay string, components ...string) string {
	t.Helper()
	root, err := filepath.Abs(kustomizations)
	if err != nil {
		t.Fatal(err)
	}
	dir := t.TempDir()
	relative := func(parts ...string) string {
		path, err := filepath.Rel(dir, filepath.Join(append([]string{root}, parts...)...))
		if err != nil {
			t.Fatal(err)
		}
		return path
	}
	text := "resources:\n  - " + relative("overlays", overlay) + "\ncomponents:\n"
	for _, c := range components {
		text += "  - " + relative("components", c) + "\n"
	}
	if err := os.WriteFile(filepath.Join(dir, "kustomization.yaml"), []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	back, err := filepath.Rel(root, dir)
	if err != nil {
		t.Fatal(err)
	}
	return back
}

// values reads the values of the chart for one of its ways; none where name is empty.
func values(t *testing.T, name string) chartutil.Values {
	t.Helper()
	if name == "" {
		return chartutil.Values{}
	}
	v, err := chartutil.ReadValuesFile(filepath.Join(chartFolder, "ci", name+"-values.yaml"))
	if err != nil {
		t.Fatal(err)
	}
	return v
}

func load(t *testing.T) *chart.Chart {
	t.Helper()
	c, err := loader.Load(chartFolder)
	if err != nil {
		t.Fatal(err)
	}
	return c
}

// render is `helm template`: values against the schema, then the templates. To be strict,
// which helm is not, is to refuse names that no value has.
func render(c *chart.Chart, v chartutil.Values, strict bool) (map[string]string, error) {
	options := chartutil.ReleaseOptions{Name: "ns1", Namespace: "dns", IsInstall: true, Revision: 1}
	full, err := chartutil.ToRenderValues(c, v, options, chartutil.DefaultCapabilities)
	if err != nil {
		return nil, err
	}
	return engine.Engine{Strict: strict}.Render(c, full)
}

func template(t *testing.T, name string) installation {
	t.Helper()
	return rendered(t, values(t, name), true)
}

// templateValues is template for values as text.
func templateValues(t *testing.T, text string) installation {
	t.Helper()
	v, err := chartutil.ReadValues([]byte(text))
	if err != nil {
		t.Fatal(err)
	}
	return rendered(t, v, false)
}

func rendered(t *testing.T, v chartutil.Values, strict bool) installation {
	t.Helper()
	files, err := render(load(t), v, strict)
	if err != nil {
		t.Fatalf("helm template with values %v: %v", v, err)
	}
	made := installation{}
	for file, text := range files {
		if strings.HasSuffix(file, ".txt") {
			continue
		}
		for key, object := range decode(t, file, []byte(text)) {
			made[key] = object
		}
	}
	return made
}

// known are the types of Kubernetes and of the Prometheus Operator.
var known = func() *runtime.Scheme {
	s := runtime.NewScheme()
	if err := errors.Join(scheme.AddToScheme(s), monitoring.AddToScheme(s)); err != nil {
		panic(err)
	}
	return s
}()

// decode decodes documents strictly into the types of Kubernetes: no field that they
// lack, none twice.
func decode(t *testing.T, from string, text []byte) installation {
	t.Helper()
	decoder := serializer.NewCodecFactory(known, serializer.EnableStrict).UniversalDeserializer()
	documents := yaml.NewYAMLReader(bufio.NewReader(bytes.NewReader(text)))
	made := installation{}
	for {
		document, err := documents.Read()
		if errors.Is(err, io.EOF) {
			return made
		}
		if err != nil {
			t.Fatalf("%s: %v", from, err)
		}
		if len(bytes.TrimSpace(withoutComments(document))) == 0 {
			continue
		}
		object, kind, err := decoder.Decode(document, nil, nil)
		if err != nil {
			t.Fatalf("%s: %v\n%s", from, err, document)
		}
		key := kind.Kind + " " + metaOf(t, object).GetName()
		if _, twice := made[key]; twice {
			t.Fatalf("%s: %s is there twice", from, key)
		}
		made[key] = object
	}
}

// withoutComments leaves what a document says.
func withoutComments(document []byte) []byte {
	var rest []byte
	for line := range bytes.Lines(document) {
		if trimmed := bytes.TrimSpace(line); !bytes.HasPrefix(trimmed, []byte("#")) && !bytes.Equal(trimmed, []byte("---")) {
			rest = append(rest, line...)
		}
	}
	return rest
}

// TestLint is `helm lint --strict` with the values of each way to install.
func TestLint(t *testing.T) {
	for _, name := range []string{"", "embedded", "spanner", "everything"} {
		result := lint.All(chartFolder, values(t, name), "dns", true)
		for _, m := range result.Messages {
			if m.Severity >= support.WarningSev {
				t.Errorf("values %q: %v", name, m)
			}
		}
	}
}

// TestRefused checks that values which cannot work are refused, and by which word.
func TestRefused(t *testing.T) {
	tests := []struct{ name, values, want string }{
		{"unknown value", "replica: 2", "replica"},
		{"misspelt below", "store: {kind: embedded, embeded: {}}", "embeded"},
		{"store of no kind", "store: {kind: redis}", "kind"},
		{"two owners of a file", "replicas: 2", "store.kind embedded is a file that one server has"},
		{"a file that scales", "autoscaling: {enabled: true}", "store.kind embedded is a file that one server has"},
		{"Spanner without a database", "store: {kind: spanner}", "database"},
		{"a database that is none", "store: {kind: spanner, spanner: {database: mine}}", "database"},
		{"a database that Spanner cannot have", "store: {kind: spanner, spanner: {database: projects/PROJECT/instances/INSTANCE/databases/DATABASE}}", "database"},
		{"TLS without a certificate", "encrypted: {dot: true}", "secretName"},
		{"memory without a unit", "resources: {limits: {memory: 2G}}", "memory"},
		{"guests take all memory", "guestMemory: 2147483648", "leaves less than 320Mi"},
		{"kept answers take all memory", "settings: {RESPONDER_CACHE_BYTES: 1073741824}", "leaves less than 2112Mi"},
		{"more memory than the limit", "resources: {requests: {memory: 4Gi}}", "requests.memory 4Gi is more"},
		{"more CPU than the limit", "resources: {requests: {cpu: 2500m}}", "requests.cpu 2500m is more"},
		{"a drain beyond the grace period", "settings: {RESPONDER_DRAIN: 10m}", "set drain.seconds"},
		{"a port that no Service has", `extraEnv: [{name: RESPONDER_LISTEN, value: ":53"}]`, "RESPONDER_LISTEN is set by the chart"},
		{"two ways to control", "control: {enabled: true}\nsettings: {RESPONDER_CONTROL_LISTEN: none}", "RESPONDER_CONTROL_LISTEN is set by the chart"},
		{"control for all pods", "networkPolicy: {controlPodLabels: null}", "controlPodLabels"},
		{"a part that is left empty", "networkPolicy:", "networkPolicy"},
		{"fewer at most than at least", "store: {kind: spanner, spanner: {database: projects/my-project/instances/my-instance/databases/dns}}\nautoscaling: {enabled: true, minReplicas: 20}", "minReplicas 20 is more than maxReplicas 12"},
		{"a balancer of no balancer", "dns: {service: {type: NodePort, loadBalancerClass: x}}", "for type LoadBalancer"},
		{"a Secret of no name", "encrypted: {doh: true, secretName: My_Cert}", "secretName"},
		{"an image of no name", "image: {repository: Registry/Namelet}", "repository"},
		{"an address for a network", "dns: {service: {loadBalancerSourceRanges: [192.0.2.1]}}", "loadBalancerSourceRanges"},
		{"more than all", "podDisruptionBudget: {maxUnavailable: 150%}", "maxUnavailable"},
		{"a name that no Service may have", "fullnameOverride: 1ns", "fullnameOverride"},
		{"pods that no Service selects", "podLabels: {app.kubernetes.io/name: x}", "app.kubernetes.io/name is set by the chart"},
		{"a tag that reads as a number", "image: {tag: 1234567}", "tag"},
		{"a setting of another program", "settings: {NAMELET_SITE: x}", "NAMELET_SITE"},
		{"a digest that is none", "image: {digest: latest}", "digest"},
		{"a network that is none", "dns: {proxyFrom: [loadbalancer]}", "proxyFrom"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			v, err := chartutil.ReadValues([]byte(tt.values))
			if err != nil {
				t.Fatal(err)
			}
			if _, err := render(load(t), v, false); err == nil || !strings.Contains(err.Error(), tt.want) {
				t.Errorf("got error %v, want one with %q", err, tt.want)
			}
		})
	}
}

// TestMigrate checks that tables are made before the servers, which do not start without:
// `helm install --wait` waits for them before it runs what is to be after.
func TestMigrate(t *testing.T) {
	made := template(t, "everything")
	job, _ := made["Job ns1-namelet-migrate"].(*batch.Job)
	account, _ := made["ServiceAccount ns1-namelet-migrate"].(*core.ServiceAccount)
	if job == nil || account == nil || job.Spec.Template.Spec.ServiceAccountName != account.Name {
		t.Fatalf("got job %v and account %v, want a job with an account of its own", job, account)
	}
	for what, annotations := range map[string]map[string]string{"job": job.Annotations, "account": account.Annotations} {
		if annotations["helm.sh/hook"] != "pre-install,pre-upgrade" {
			t.Errorf("%s: got hook %q, want one before all else", what, annotations["helm.sh/hook"])
		}
	}
	if account.Annotations["helm.sh/hook-weight"] != "-1" || job.Annotations["helm.sh/hook-weight"] != "" {
		t.Error("the account is not made before the job")
	}
	if account.Annotations["iam.gke.io/gcp-service-account"] == "" || len(job.Spec.Template.Spec.Volumes) == 0 {
		t.Error("the job has no credentials")
	}
}

// TestLargeNumber checks that a number of a values file comes through as it was: YAML's
// are floats to the templates.
func TestLargeNumber(t *testing.T) {
	got := settings(t, templateValues(t, "settings: {RESPONDER_CACHE_BYTES: 268435456, RESPONDER_SITE: west}\nguestMemory: 1073741824"))
	if got["RESPONDER_CACHE_BYTES"] != "268435456" || got["RESPONDER_SITE"] != "west" || got["RESPONDER_GUEST_MEMORY"] != "1073741824" {
		t.Errorf("got %v", got)
	}
}

// TestReleaseName checks that a release whose name no Service may have is refused, and how
// to give it one.
func TestReleaseName(t *testing.T) {
	c := load(t)
	for _, name := range []string{"1ns", "ns.one"} {
		full, err := chartutil.ToRenderValues(c, nil, chartutil.ReleaseOptions{Name: name, Namespace: "dns"}, chartutil.DefaultCapabilities)
		if err != nil {
			t.Fatal(err)
		}
		if _, err := (engine.Engine{}).Render(c, full); err == nil || !strings.Contains(err.Error(), "set fullnameOverride") {
			t.Errorf("release %s: got error %v, want one that says to set fullnameOverride", name, err)
		}
	}
}
