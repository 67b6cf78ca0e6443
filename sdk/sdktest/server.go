package sdktest

import (
	"cmp"
	"context"
	"net/netip"
	"strings"
	"testing"
	"time"

	"github.com/namelet/namelet/hostabi"
	"github.com/namelet/namelet/internal/authority"
	"github.com/namelet/namelet/internal/resolve"
	"github.com/namelet/namelet/rr"
	"github.com/namelet/namelet/runtime"
	"github.com/namelet/namelet/sdk"
)

// Question is what is asked, and what the host gives when the guest asks for inputs.
type Question struct {
	Ask       string // qname and qtype: "www.example A"
	Client    string // the client's address; 192.0.2.1 when empty
	Transport string // udp, tcp, tls or https; udp when empty
	Now       int64  // seconds since 1970; DefaultNow when zero
	Picks     []int  // the k-th draw, modulo its n; zero past the end
}

// DefaultNow is the time of a question that gives none: 2023-11-14 22:13:20 UTC.
const DefaultNow = 1_700_000_000

const defaultClient = "192.0.2.1"

// Server answers questions with one guest, through the same resolver as the real server. It belongs to
// one goroutine.
type Server struct {
	setup  Setup
	places places
	warm   instance
	fresh  func() (instance, error) // nil where a guest cannot be had anew: natively
}

// instance is what a resolver asks, and what it was made from.
type instance interface {
	resolve.Instance
	Trace() []runtime.Event
	Lookups() []runtime.Lookup
}

// NewServer compiles the guest and starts it in what setup says. The test fails when the module or its
// configuration is refused.
func NewServer(tb testing.TB, g Guest, setup Setup) *Server {
	tb.Helper()
	ctx := context.Background()
	generation, err := prepare(tb, g.module(tb), setup)
	if err != nil {
		tb.Fatalf("sdktest: %v", err)
	}
	s := &Server{setup: setup, places: setup.parse(tb)}
	s.fresh = func() (instance, error) { return generation.NewInstance(ctx) }
	if s.warm, err = s.fresh(); err != nil {
		tb.Fatalf("sdktest: %v", err)
	}
	tb.Cleanup(func() { closeInstance(tb, s.warm) })
	return s
}

// Refusal compiles the guest, starts it in what setup says, and gives why that did not work: the module or its
// configuration was refused. It is nil where the guest would answer.
func Refusal(tb testing.TB, g Guest, setup Setup) error {
	tb.Helper()
	_, err := prepare(tb, g.module(tb), setup)
	return err
}

// NewNativeServer starts the guest of this program natively in what setup says.
func NewNativeServer(tb testing.TB, setup Setup) *Server {
	tb.Helper()
	s := &Server{setup: setup, places: setup.parse(tb), warm: &nativeInstance{limits: setup.Limits}}
	if status := Configure(tb, setup.Config); status != sdk.StatusOK {
		tb.Fatalf("sdktest: the guest refused its configuration: %v", status)
	}
	return s
}

// Ask asks the instance that answered the questions before.
func (s *Server) Ask(tb testing.TB, q Question) Reply {
	tb.Helper()
	return s.ask(tb, q, s.warm)
}

// Idle gives the instance time between queries, as a host does: a guest with garbage collects it.
func (s *Server) Idle(tb testing.TB) {
	tb.Helper()
	i, ok := s.warm.(*runtime.Instance)
	if !ok {
		return // natively the Go runtime does that by itself
	}
	if err := i.Idle(hostabi.IdleMemory, idleFuel, sink{tb}); err != nil {
		tb.Errorf("sdktest: namelet_idle: %v", err)
	}
}

// idleFuel is ample for a collection of a small guest's garbage.
const idleFuel = 500_000_000

// AskFresh asks a fresh instance, as it is after its configuration. Natively there is none, and the test
// fails.
func (s *Server) AskFresh(tb testing.TB, q Question) Reply {
	tb.Helper()
	if s.fresh == nil {
		tb.Fatal("sdktest: a native guest cannot be started anew")
	}
	i, err := s.fresh()
	if err != nil {
		tb.Fatalf("sdktest: %v", err)
	}
	defer closeInstance(tb, i)
	return s.ask(tb, q, i)
}

// ask resolves q with a resolver of its own, so that no failure is remembered from question to question.
func (s *Server) ask(tb testing.TB, q Question, i instance) Reply {
	tb.Helper()
	asked := parseAsk(tb, q.Ask)
	recorder := &recorder{instance: i}
	resolver := resolve.New(s.config(q))
	worker := resolver.NewWorker()
	defer worker.Close()
	attachment := &resolve.Attachment{
		Zone: s.places.zone, At: s.places.at, Grants: s.places.grants,
		Guest: recorder, Label: "the guest under test", Fuel: fuel(s.setup.Limits),
	}
	routing, err := resolve.NewRouting(s.places.zones, []*resolve.Attachment{attachment})
	if err != nil {
		tb.Fatalf("sdktest: %v", err)
	}
	resolver.SetRouting(context.Background(), routing)
	var resp resolve.Response
	worker.Resolve(asked, parseClient(tb, q), &resp)
	return recorder.reply(&resp)
}

func (s *Server) config(q Question) resolve.Config {
	now := q.Now
	if now == 0 {
		now = DefaultNow
	}
	return resolve.Config{
		Site: s.setup.Site,
		Now:  func() time.Time { return time.Unix(now, 0) },
		Draw: func(k, n int) int {
			if k >= len(q.Picks) {
				return 0
			}
			return q.Picks[k] % n
		},
	}
}

func fuel(l runtime.Limits) uint64 {
	if l.Fuel == 0 {
		return runtime.DefaultFuel
	}
	return l.Fuel
}

func parseAsk(tb testing.TB, ask string) authority.Question {
	tb.Helper()
	words := strings.Fields(ask)
	if len(words) != 2 {
		tb.Fatalf("sdktest: question %q: want a name and a type", ask)
	}
	t, err := rr.ParseType(words[1])
	if err != nil {
		tb.Fatalf("sdktest: question %q: %v", ask, err)
	}
	return authority.Question{Name: parseName(tb, words[0]), Type: t}
}

func parseClient(tb testing.TB, q Question) resolve.Client {
	tb.Helper()
	text := q.Client
	if text == "" {
		text = defaultClient
	}
	addr, err := netip.ParseAddr(text)
	if err != nil {
		tb.Fatalf("sdktest: client: %v", err)
	}
	transport, ok := hostabi.ParseTransport(cmp.Or(q.Transport, "udp"))
	if !ok {
		tb.Fatalf("sdktest: transport %q: want udp, tcp, tls or https", q.Transport)
	}
	return resolve.Client{Addr: addr, Transport: transport}
}

func closeInstance(tb testing.TB, i instance) {
	if err := i.Close(context.Background()); err != nil {
		tb.Errorf("sdktest: %v", err)
	}
}
