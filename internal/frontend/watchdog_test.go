package frontend

import (
	"bytes"
	"log/slog"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/miekg/dns"

	"github.com/namelet/namelet/internal/authority"
	"github.com/namelet/namelet/internal/resolve"
	"github.com/namelet/namelet/rr"
)

// lines is a log that may be read while it is written.
type lines struct {
	mu  sync.Mutex
	buf bytes.Buffer
}

func (l *lines) Write(b []byte) (int, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.buf.Write(b)
}

func (l *lines) String() string {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.buf.String()
}

func (l *lines) logger() *slog.Logger { return slog.New(slog.NewTextHandler(l, nil)) }

// await waits until a condition holds.
func await(t *testing.T, what string, holds func() bool) {
	t.Helper()
	for deadline := time.Now().Add(patience); !holds(); time.Sleep(time.Millisecond) {
		if time.Now().After(deadline) {
			t.Fatalf("%s: not within %v", what, patience)
		}
	}
}

// stuckHere is where the Worker of TestStuckWorker stands.
func stuckHere(released <-chan struct{}) { <-released }

// A worker that does not come back from a question is found, logged once with where it
// stands, and has the health name say so; one that comes back is forgotten.
func TestStuckWorker(t *testing.T) {
	released := make(chan struct{})
	release := sync.OnceFunc(func() { close(released) })
	defer release()
	h := handler(func(q authority.Question, _ resolve.Client, resp *resolve.Response) {
		if q.Name.Equal(rr.MustParseName("stuck.example.")) {
			stuckHere(released)
		}
		resp.Outcome = authority.OutcomeNoData
	})
	var log lines
	s := serve(t, Config{
		Workers: 1, Stuck: 200 * time.Millisecond, Logger: log.logger(),
		Policy: PolicyConfig{HealthName: rr.MustParseName("health.server.")},
	}, h)
	health := func() int {
		m := new(dns.Msg).SetQuestion("health.server.", dns.TypeA)
		r, _, err := (&dns.Client{Net: "tcp"}).ExchangeContext(t.Context(), m, s.Addrs()[0].String())
		if err != nil {
			t.Fatal(err)
		}
		return r.Rcode
	}
	if n, _ := s.Stuck(); n != 0 || health() != dns.RcodeSuccess {
		t.Fatalf("%d workers are stuck before anything was asked", n)
	}
	conn := dial(t, "udp", s.Addrs()[0])
	defer conn.Close()
	if _, err := conn.Write(question(t, 1, "stuck.example.", dns.TypeA)); err != nil {
		t.Fatal(err)
	}
	await(t, "the worker is reported", func() bool { return strings.Contains(log.String(), "a worker is stuck") })
	await(t, "the health name says so", func() bool { return health() == dns.RcodeServerFailure })
	time.Sleep(300 * time.Millisecond) // some more looks, which are to log nothing
	n, longest := s.Stuck()
	text := log.String()
	if n != 1 || longest < 200*time.Millisecond || strings.Count(text, "a worker is stuck") != 1 {
		t.Errorf("%d are stuck, for %v: %s", n, longest, text)
	}
	if !strings.Contains(text, "stuckHere") || !strings.Contains(text, "over UDP, worker 1") {
		t.Errorf("where it stands is not told: %s", text)
	}
	release()
	await(t, "the worker is forgotten", func() bool { n, _ := s.Stuck(); return n == 0 && health() == dns.RcodeSuccess })
	if found := s.watchdog.found.Load(); found != 1 {
		t.Errorf("%d were found, want 1", found)
	}
}

// A worker that had a question in hand while the whole process stood still, or while
// the clock was set, is not stuck; one that does not get on after that is.
func TestProcessThatStoodStill(t *testing.T) {
	var log lines
	w := &watchdog{after: stuckTime, log: log.logger(), stuck: new(atomic.Bool)}
	p := w.join("worker")
	now := time.Now()
	p.begin(now.Add(-time.Hour)) // by a clock that was set since
	w.look(now)
	for range 3 {
		now = now.Add(watchEvery)
		w.look(now)
	}
	now = now.Add(time.Hour)
	w.look(now)
	if n, longest := w.count(); n != 0 || log.String() != "" {
		t.Fatalf("%d are stuck, for %v: %s", n, longest, log.String())
	}
	now = now.Add(watchEvery)
	w.look(now)
	if n, longest := w.count(); n != 1 || longest != stuckTime {
		t.Errorf("%d are stuck, for %v", n, longest)
	}
	p.end()
	if n, _ := w.count(); n != 0 {
		t.Errorf("%d are stuck that came back", n)
	}
}

// Answers that took long are logged with what they depend on, others are not, and no
// flood of them fills the log.
func TestSlowAnswerLog(t *testing.T) {
	h := handler(func(q authority.Question, _ resolve.Client, resp *resolve.Response) {
		time.Sleep(15 * time.Millisecond)
		resp.Outcome = authority.OutcomeNXDomain
		resp.Trace.Zone, resp.Trace.Asked = rr.MustParseName("example."), "apps@3"
		resp.Trace.Inputs = append(resp.Trace.Inputs, resolve.Input{Kind: resolve.InputPick, Arg: 3, Value: 2}, resolve.Input{Kind: resolve.InputNow, Arg: 60, Value: 1_000_000_020})
	})
	var log lines
	s := serve(t, Config{Workers: 1, SlowAnswer: 10 * time.Millisecond, Logger: log.logger()}, h)
	ask := func(s *Server) {
		t.Helper()
		if _, err := dns.ExchangeContext(t.Context(), new(dns.Msg).SetQuestion("slow.example.", dns.TypeAAAA), s.Addrs()[0].String()); err != nil {
			t.Fatal(err)
		}
	}
	var none lines
	ask(serve(t, Config{Workers: 1, SlowAnswer: time.Hour, Logger: none.logger()}, h))
	if text := none.String(); strings.Contains(text, "a slow answer") {
		t.Errorf("an answer that was not slow is logged: %s", text)
	}
	begun := time.Now()
	for range 3 * tardyBurst {
		ask(s)
	}
	text := log.String()
	const want = `qname=slow.example. qtype=AAAA client=127.0.0.1 transport=udp rcode=NXDOMAIN`
	if !strings.Contains(text, want) || !strings.Contains(text, `zone=example. class=none guest=apps@3 inputs="pick (of 3) = 2, now (1m0s) = 2001-09-09T01:47:00Z" dependencies=0 keepable=false`) {
		t.Errorf("got %s, want %s and its inputs", text, want)
	}
	most := tardyBurst + 1 + int(tardyRate*time.Since(begun).Seconds())
	if n := strings.Count(text, "a slow answer"); n < tardyBurst || n > most {
		t.Errorf("%d lines, want %d to %d", n, tardyBurst, most)
	}
}
