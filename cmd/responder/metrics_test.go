package main

import (
	"context"
	"fmt"
	"io"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/miekg/dns"

	"github.com/namelet/namelet/internal/control"
	"github.com/namelet/namelet/rr"
	"github.com/namelet/namelet/store/zonefile"
)

// countingGuest counts its calls and leaves the answer to the zone's own data.
const countingGuest = `(module
	(import "namelet_v1" "metric_add" (func $add (param i32 i32 i64) (result i32)))
	(memory (export "memory") 1)
	(data (i32.const 16) "\00\10\00\00\00\04\00\00\00\20\00\00\00\04\00\00")
	(data (i32.const 64) "calls")
	(func (export "namelet_abi_1"))
	(func (export "namelet_buffers") (result i32) (i32.const 16))
	(func (export "namelet_answer") (param i32) (result i32)
		(drop (call $add (i32.const 64) (i32.const 5) (i64.const 1)))
		(i32.store (i32.const 0x2000) (i32.const 16))
		(i32.store8 (i32.const 0x2004) (i32.const 5))
		(i32.const 16)))`

// startServer runs a server over a store in memory until the test ends.
func startServer(t *testing.T) config {
	t.Helper()
	environ, _ := memoryServer(t)
	p := &program{out: io.Discard, errOut: os.Stderr}
	if err := p.config.load(append(environ, "RESPONDER_LOG_LEVEL=error", "RESPONDER_WORKERS=1", "RESPONDER_DNSTAP=file:"+filepath.Join(t.TempDir(), "tap"))); err != nil {
		t.Fatal(err)
	}
	ctx, end := context.WithCancel(context.Background())
	s, err := p.newServer(ctx)
	if err != nil {
		end()
		t.Fatal(err)
	}
	ended := make(chan error)
	go func() { ended <- s.run(ctx) }()
	t.Cleanup(func() {
		end()
		if err := <-ended; err != nil {
			t.Error(err)
		}
	})
	if err := awaitReady(p.config.MetricsListen); err != nil {
		t.Fatal(err)
	}
	return p.config
}

// attachCounter attaches countingGuest to a new zone m.example.
func attachCounter(t *testing.T, c config) {
	t.Helper()
	dir := t.TempDir()
	source, out := filepath.Join(dir, "guest.wat"), filepath.Join(dir, "guest.wasm")
	if err := os.WriteFile(source, []byte(countingGuest), 0o600); err != nil {
		t.Fatal(err)
	}
	if text, err := exec.Command("wat2wasm", source, "-o", out).CombinedOutput(); err != nil {
		t.Fatalf("wat2wasm: %v: %s (apt-get install wabt)", err, text)
	}
	module, err := os.ReadFile(out)
	if err != nil {
		t.Fatal(err)
	}
	text := "@ 60 SOA ns h 1 1 1 1 1\n@ 60 NS ns\nwww 60 A 192.0.2.1\n"
	sets, err := zonefile.Parse(strings.NewReader(text), zonefile.Options{Origin: rr.MustParseName("m.example.")})
	if err != nil {
		t.Fatal(err)
	}
	client := control.NewClient(c.ControlListen, "")
	defer client.Close()
	if _, err := client.ImportZone(t.Context(), control.ZoneImport{Zone: "m.example"}, sets); err != nil {
		t.Fatal(err)
	}
	if _, err := client.PushGuest(t.Context(), control.GuestPush{Guest: "count"}, module); err != nil {
		t.Fatal(err)
	}
	if _, err := client.Attach(t.Context(), control.Attachment{At: "m.example", Guest: "count"}); err != nil {
		t.Fatal(err)
	}
}

// scrape gives what /metrics says once the guest has counted a query.
func scrape(t *testing.T, c config) string {
	t.Helper()
	m := new(dns.Msg).SetQuestion("www.m.example.", dns.TypeA)
	for deadline := time.Now().Add(20 * time.Second); time.Now().Before(deadline); time.Sleep(20 * time.Millisecond) {
		if _, err := dns.ExchangeContext(t.Context(), m, c.Listen); err != nil {
			t.Fatal(err)
		}
		response, err := http.Get("http://" + c.MetricsListen + "/metrics")
		if err != nil {
			t.Fatal(err)
		}
		text, err := io.ReadAll(response.Body)
		response.Body.Close()
		if err != nil {
			t.Fatal(err)
		}
		if strings.Contains(string(text), "\nresponder_guest_metric{") {
			return string(text)
		}
	}
	t.Fatal("the guest was not asked")
	return ""
}

var (
	typeLine   = regexp.MustCompile(`(?m)^# TYPE (responder_\w+) (\w+)$`)
	labelName  = regexp.MustCompile(`(\w+)="`)
	metricRow  = regexp.MustCompile("(?m)^\\| `(responder_\\w+)` \\| (\\w+) \\| ([^|]*)\\|")
	faultKind  = regexp.MustCompile(`responder_guest_faults_total\{.*kind="([^"]*)"`)
	kindInPage = regexp.MustCompile("(?m)^\\| `([a-z_]+)` \\| ")
)

// The page of metrics lists every metric of ours, with its type and labels, every
// kind of fault, and nothing else.
func TestMetricsPage(t *testing.T) {
	file, err := os.ReadFile("../../docs/reference/metrics.md")
	if err != nil {
		t.Fatal(err)
	}
	metrics, kinds, _ := strings.Cut(string(file), "The kinds of fault:")
	page := map[string]string{}
	for _, row := range metricRow.FindAllStringSubmatch(metrics, -1) {
		page[row[1]] = fmt.Sprint(row[2], strings.Fields(strings.ReplaceAll(row[3], "`", "")))
	}
	c := startServer(t)
	attachCounter(t, c)
	text := scrape(t, c)
	served := map[string]string{}
	for _, line := range typeLine.FindAllStringSubmatch(text, -1) {
		var labels []string
		sample := regexp.MustCompile(`(?m)^` + line[1] + `(_count)?[{ ].*$`).FindString(text)
		for _, label := range labelName.FindAllStringSubmatch(sample, -1) {
			labels = append(labels, label[1])
		}
		slices.Sort(labels)
		served[line[1]] = fmt.Sprint(line[2], labels)
	}
	if diff := cmp.Diff(served, page); diff != "" {
		t.Errorf("the page differs from what is served (-served +page):\n%s", diff)
	}
	if diff := cmp.Diff(submatches(faultKind, text), submatches(kindInPage, kinds)); diff != "" {
		t.Errorf("kinds of fault (-served +page):\n%s", diff)
	}
	if !regexp.MustCompile(`(?m)^responder_guest_fuel_max\{at="m.example.",guest="count@1",scope="subtree",zone="m.example."\} [1-9]`).MatchString(text) {
		t.Errorf("the dearest call is not told:\n%s", text)
	}
}

// Names, types and help of metrics are as Prometheus wants them.
func TestMetricsArePrometheus(t *testing.T) {
	promtool, err := exec.LookPath("promtool")
	if err != nil {
		t.Fatal("promtool is needed: apt-get install -y --no-install-recommends prometheus")
	}
	c := startServer(t)
	attachCounter(t, c)
	check := exec.CommandContext(t.Context(), promtool, "check", "metrics")
	check.Stdin = strings.NewReader(scrape(t, c))
	if out, err := check.CombinedOutput(); err != nil || len(out) > 0 {
		t.Errorf("promtool check metrics: %v\n%s", err, out)
	}
}

// submatches gives what the group of re matches, sorted and each once.
func submatches(re *regexp.Regexp, text string) []string {
	var all []string
	for _, match := range re.FindAllStringSubmatch(text, -1) {
		all = append(all, match[1])
	}
	slices.Sort(all)
	return slices.Compact(all)
}
