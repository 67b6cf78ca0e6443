package integration

import (
	"context"
	"crypto/tls"
	"encoding/json"
	"fmt"
	"net/http"
	"net/url"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/miekg/dns"

	"github.com/namelet/namelet/internal/faultproxy"
	"github.com/namelet/namelet/internal/testcert"
)

// watchedRig is three servers over one emulator, which a Prometheus watches with the rules of deploy/prometheus.
type watchedRig struct {
	*rolloutRig
	tls        []string // addresses for DNS over TLS
	prometheus string   // where it is asked
	stale      struct{ after, fires time.Duration }
}

const farApex = "far.example" // a zone that servers do not hold

// TestPrometheus has a Prometheus scrape three servers and evaluate the rules. Each query of the dashboard returns data. The alert for
// staleness fires when the store is cut off, on every server, and clears when it is back. The alert is made to fire
// within seconds; with NAMELET_ALERTS=shipped the rules are left as they are:
// `NAMELET_ALERTS=shipped go test ./integration -run TestPrometheus -v -timeout 20m`.
func TestPrometheus(t *testing.T) {
	r := &watchedRig{rolloutRig: &rolloutRig{replicaRig: newReplicaRig(t, replicaLoad{names: 100, transactions: 5, atOnce: 2})}}
	r.importFar()
	r.serveAll()
	r.push("a", "")
	r.command(0, "attach", "dyn."+appsApex, "say@1")
	r.startPrometheus()

	ctx, end := context.WithCancel(t.Context())
	asked := make(chan struct{})
	go func() { defer close(asked); r.askAlways(ctx) }()
	defer func() { end(); <-asked }()
	r.change()

	r.expectPanels()
	r.expectRules()
	r.expectClasses()
	r.settle()
	r.expectQuiet()

	r.Log("the store is cut off")
	cut := time.Now()
	r.way.Set(faultproxy.Cut)
	r.awaitStale(3, r.stale.after+r.stale.fires+20*time.Second)
	r.Logf("NameletStale fires for three servers %v after the cut", time.Since(cut).Round(100*time.Millisecond))
	r.way.Set(faultproxy.Pass)
	back := time.Now()
	r.awaitStale(0, 30*time.Second)
	r.Logf("NameletStale has cleared %v after the store's return", time.Since(back).Round(100*time.Millisecond))
}

// importFar makes a zone whose records stay in the store.
func (r *watchedRig) importFar() {
	r.Helper()
	file := filepath.Join(r.TempDir(), "far")
	text := "@ 300 SOA ns1 host 1 3600 600 86400 60\n@ 300 NS ns1\nns1 300 A 192.0.2.53\n*.w 0 A 192.0.2.1\n"
	if err := os.WriteFile(file, []byte(text), 0o600); err != nil {
		r.Fatal(err)
	}
	r.run(nil, "zone", "import", "--origin", farApex, "--residency", "lookup", file)
}

// serveAll starts the servers, with a certificate and a limit of memory, so that there is something to be told of both.
func (r *watchedRig) serveAll() {
	r.Helper()
	dir := r.TempDir()
	certificate, key := filepath.Join(dir, "cert.pem"), filepath.Join(dir, "key.pem")
	if err := testcert.Write(certificate, key, "ns.example", 30*24*time.Hour); err != nil { // below 14 days an alert fires
		r.Fatal(err)
	}
	for range 3 {
		s := r.newServer()
		address := freePorts(r, 1)[0]
		r.more = []string{"RESPONDER_TLS_CERT=" + certificate, "RESPONDER_TLS_KEY=" + key, "RESPONDER_DOT_LISTEN=" + address, "GOMEMLIMIT=1GiB"}
		r.servers, r.tls = append(r.servers, s), append(r.tls, address)
		r.serve(s)
	}
	r.more = nil
}

var (
	ruleFor   = regexp.MustCompile(`(?m)^        for: \w+$`)
	staleExpr = regexp.MustCompile(`responder_replica_staleness_seconds > 30\b`)
)

// startPrometheus runs one that scrapes and evaluates every second, with the rules as they are, or alerts that fire
// soon.
func (r *watchedRig) startPrometheus() {
	r.Helper()
	dir := r.TempDir()
	for _, name := range []string{"recording.yml", "alerts.yml"} {
		text, err := os.ReadFile(filepath.Join("../deploy/prometheus", name))
		if err != nil {
			r.Fatal(err)
		}
		if name == "alerts.yml" {
			text = r.hasten(text)
		}
		if err := os.WriteFile(filepath.Join(dir, name), text, 0o600); err != nil {
			r.Fatal(err)
		}
	}
	var targets []string
	for _, s := range r.servers {
		targets = append(targets, fmt.Sprintf("%q", s.metrics))
	}
	config := fmt.Sprintf("global: {scrape_interval: 1s, evaluation_interval: 1s}\nrule_files: [recording.yml, alerts.yml]\n"+
		"scrape_configs: [{job_name: namelet, static_configs: [{targets: [%s]}]}]\n", strings.Join(targets, ", "))
	if err := os.WriteFile(filepath.Join(dir, "prometheus.yml"), []byte(config), 0o600); err != nil {
		r.Fatal(err)
	}
	r.prometheus = freePorts(r, 1)[0]
	start(r, command(r, "prometheus", "prometheus"), "--config.file="+filepath.Join(dir, "prometheus.yml"),
		"--storage.tsdb.path="+filepath.Join(dir, "data"), "--web.listen-address="+r.prometheus, "--log.level=warn")
}

// hasten makes alerts fire within seconds, unless they are wanted as they are.
func (r *watchedRig) hasten(alerts []byte) []byte {
	r.Helper()
	switch mode := os.Getenv("NAMELET_ALERTS"); mode {
	case "shipped":
		r.stale.after, r.stale.fires = 30*time.Second, time.Minute
		return alerts
	case "":
	default:
		r.Fatalf("NAMELET_ALERTS: %q: want shipped, or nothing", mode)
	}
	if !staleExpr.Match(alerts) {
		r.Fatal("alerts.yml does not compare the staleness with 30 s")
	}
	r.stale.after, r.stale.fires = 3*time.Second, 2*time.Second
	alerts = staleExpr.ReplaceAll(alerts, []byte("responder_replica_staleness_seconds > 3"))
	return ruleFor.ReplaceAll(alerts, []byte("        for: 2s"))
}

// askAlways asks every server by every transport for what is in each kind of zone. What becomes of it the metrics
// are to tell.
func (r *watchedRig) askAlways(ctx context.Context) {
	clients := []*dns.Client{{Timeout: time.Second}, {Net: "tcp", Timeout: time.Second},
		{Net: "tcp-tls", Timeout: time.Second, TLSConfig: &tls.Config{InsecureSkipVerify: true}}}
	questions := func(i int) []*dns.Msg {
		return []*dns.Msg{
			new(dns.Msg).SetQuestion(fmt.Sprintf("n%d.%s.", i%100, appsApex), dns.TypeA),
			new(dns.Msg).SetQuestion(fmt.Sprintf("n%d.dyn.%s.", i%50, appsApex), dns.TypeTXT),
			new(dns.Msg).SetQuestion(fmt.Sprintf("n%d.w.%s.", i, farApex), dns.TypeA),
			new(dns.Msg).SetQuestion("elsewhere.example.", dns.TypeAAAA),
		}
	}
	for i := 0; ctx.Err() == nil; i++ {
		for n, s := range r.servers {
			for k, address := range []string{s.dns, s.dns, r.tls[n]} {
				if k > 0 && i%10 != 0 {
					break
				}
				for _, m := range questions(i) {
					_, _, _ = clients[k].ExchangeContext(ctx, m, address) // none may be answered while the store is away
				}
			}
		}
		time.Sleep(5 * time.Millisecond)
	}
}

// sample is one of the results of a query.
type sample struct {
	Metric map[string]string
	Value  [2]any
}

func (s sample) text() string { return fmt.Sprint(s.Value[1]) }

// get asks the Prometheus. It is not ok while it starts.
func (r *watchedRig) get(path string, query url.Values, into any) error {
	ctx, cancel := context.WithTimeout(r.Context(), 5*time.Second)
	defer cancel()
	request, err := http.NewRequestWithContext(ctx, http.MethodGet, "http://"+r.prometheus+path+"?"+query.Encode(), nil)
	if err != nil {
		return err
	}
	response, err := http.DefaultClient.Do(request)
	if err != nil {
		return err
	}
	defer response.Body.Close()
	reply := struct {
		Status, Error string
		Data          any
	}{Data: into}
	if err := json.NewDecoder(response.Body).Decode(&reply); err != nil {
		return fmt.Errorf("%s: %w", response.Status, err)
	}
	if reply.Status != "success" {
		return fmt.Errorf("%s: %s", response.Status, reply.Error)
	}
	return nil
}

// query gives the results of an expression.
func (r *watchedRig) query(expr string) ([]sample, error) {
	var data struct{ Result []sample }
	err := r.get("/api/v1/query", url.Values{"query": {expr}}, &data)
	return data.Result, err
}

// await asks until the results are as wanted, and fails the test where they are not in time.
func (r *watchedRig) await(what, expr string, limit time.Duration, wanted func([]sample) bool) {
	r.Helper()
	for begun := time.Now(); ; time.Sleep(200 * time.Millisecond) {
		got, err := r.query(expr)
		if err == nil && wanted(got) {
			return
		}
		if time.Since(begun) > limit {
			r.Errorf("%s: after %v %s returns %v, %v", what, limit, expr, got, err)
			return
		}
	}
}

// expectPanels runs every query of the dashboard, for all servers, and wants a number from each.
func (r *watchedRig) expectPanels() {
	r.Helper()
	text, err := os.ReadFile("../deploy/grafana/namelet.json")
	if err != nil {
		r.Fatal(err)
	}
	var board struct {
		Panels []struct {
			Title   string
			Targets []struct{ Expr string }
		}
	}
	if err := json.Unmarshal(text, &board); err != nil {
		r.Fatal(err)
	}
	chosen := strings.NewReplacer("$job", "namelet", "$instance", ".+", "$__rate_interval", "10s")
	begun, queries := time.Now(), 0
	for _, p := range board.Panels {
		for _, target := range p.Targets {
			queries++
			r.await("panel "+p.Title, chosen.Replace(target.Expr), 30*time.Second, func(got []sample) bool {
				return slices.ContainsFunc(got, func(s sample) bool { return s.text() != "NaN" })
			})
		}
	}
	if queries < 50 {
		r.Errorf("the dashboard has %d queries", queries)
	}
	r.Logf("%d queries of the dashboard return data, after %v", queries, time.Since(begun).Round(100*time.Millisecond))
}

// expectRules wants every rule to have been evaluated without an error, and every recording rule to have recorded.
func (r *watchedRig) expectRules() {
	r.Helper()
	var data struct {
		Groups []struct {
			Rules []struct{ Name, Type, Health, LastError string }
		}
	}
	if err := r.get("/api/v1/rules", nil, &data); err != nil {
		r.Fatal(err)
	}
	count := 0
	for _, g := range data.Groups {
		for _, rule := range g.Rules {
			count++
			if rule.Health != "ok" {
				r.Errorf("rule %s: %s: %s", rule.Name, rule.Health, rule.LastError)
			}
			if rule.Type == "recording" {
				r.await("recording rule", rule.Name, 10*time.Second, func(got []sample) bool { return len(got) > 0 })
			}
		}
	}
	r.await("scraped", `sum(up{job="namelet"})`, 10*time.Second, func(got []sample) bool { return len(got) == 1 && got[0].text() == "3" })
	r.Logf("%d rules are evaluated on three servers", count)
}

// expectClasses wants the queries to be counted for the zones that they came to, kept answers too.
func (r *watchedRig) expectClasses() {
	r.Helper()
	for _, selector := range []string{
		`class="static", type="A", rcode="NOERROR", transport="udp"`, `class="guest", type="TXT", rcode="NOERROR", transport="tls"`,
		`class="lookup", type="A", rcode="NOERROR", transport="udp"`, `class="none", type="AAAA", rcode="REFUSED", transport="tcp"`,
	} {
		r.await("queries", "count(responder_queries_total{"+selector+"} > 0)", 10*time.Second, func(got []sample) bool { return len(got) == 1 && got[0].text() == "3" })
	}
	// The guest is called once for each name, and asked for it again and again.
	r.await("kept answers of guests", `min(sum by (instance) (responder_queries_total{class="guest"}) > on (instance) sum by (instance) (responder_guest_calls_total))`,
		30*time.Second, func(got []sample) bool { return len(got) == 1 })
}

// expectQuiet wants no alert to fire while all is well, those aside that speak of how fast this machine is. One that a busy
// moment made fire has some time to end.
func (r *watchedRig) expectQuiet() {
	r.Helper()
	r.await("all is well", `ALERTS{alertstate="firing", alertname!="NameletSlowAnswers"}`, 20*time.Second, func(got []sample) bool { return len(got) == 0 })
}

// awaitStale waits until the alert for staleness fires for so many servers.
func (r *watchedRig) awaitStale(servers int, limit time.Duration) {
	r.Helper()
	r.await("staleness", `ALERTS{alertname="NameletStale", alertstate="firing"}`, limit, func(got []sample) bool { return len(got) == servers })
}
