package frontend

import (
	"bytes"
	"net/netip"
	"strings"
	"testing"

	"github.com/miekg/dns"

	"github.com/namelet/namelet/hostabi"
	"github.com/namelet/namelet/internal/authority"
	"github.com/namelet/namelet/internal/frontend/cache"
	"github.com/namelet/namelet/internal/resolve"
	"github.com/namelet/namelet/rr"
)

// counting answers as example does, by answers that may be kept, and counts the
// questions.
func counting(t testing.TB, asked *int) handler {
	answer := example(t)
	return func(q authority.Question, c resolve.Client, resp *resolve.Response) {
		*asked++
		answer(q, c, resp)
		if q.Type == rr.TypeTXT { // more than some clients take, and not too much to be kept
			resp.Answer.Answer[0].Data = resp.Answer.Answer[0].Data[:8]
		}
		if resp.Outcome == authority.OutcomeRefused {
			resp.Errors = append(resp.Errors, resolve.ExtendedError{Code: resolve.ErrorNotAuthority, Text: "not served here"})
		}
		resp.Trace.Cacheable, resp.Trace.Known = true, true
	}
}

// newKeeping returns a responder that keeps answers.
func newKeeping(t testing.TB, h Handler) *responder {
	s := &Server{config: Config{MaxUDPSize: defaultMaxUDPSize}, handler: h, metrics: &Metrics{}, panics: &panicLog{}, policy: mustPolicy(PolicyConfig{})}
	return s.newResponder(hostabi.TransportUDP, keepOwn(cache.New(cache.Config{Bytes: 1 << 20}), nil))
}

// ways are messages that ask the same in different ways.
func ways(t testing.TB, qname string, qtype uint16) [][]byte {
	t.Helper()
	var msgs [][]byte
	for _, name := range []string{qname, strings.ToUpper(qname), swapCase(qname)} {
		for size := range 4 {
			m := new(dns.Msg)
			m.SetQuestion(name, qtype)
			m.Id = uint16(len(msgs) * 257)
			m.RecursionDesired = len(msgs)%2 == 0
			if size > 0 {
				m.SetEdns0([]uint16{512, 1232, 4096}[size-1], false)
			}
			msg, err := m.Pack()
			if err != nil {
				t.Fatal(err)
			}
			msgs = append(msgs, msg)
		}
	}
	return msgs
}

// swapCase makes every other letter a capital.
func swapCase(s string) string {
	b := []byte(s)
	for i := range b {
		if i%2 == 0 && 'a' <= b[i] && b[i] <= 'z' {
			b[i] -= 'a' - 'A'
		}
	}
	return string(b)
}

// What is given again is, octet for octet, what would have been computed.
func TestKeptAnswersAreTheSame(t *testing.T) {
	client := netip.MustParseAddr("192.0.2.1")
	for _, test := range []struct {
		qname string
		qtype uint16
	}{
		{"www.example.", dns.TypeA}, {"a.b.c.example.", dns.TypeMX}, {"example.", dns.TypeTXT}, {"elsewhere.", dns.TypeA}, {".", dns.TypeNS},
	} {
		asked, computed := 0, 0
		keeping, fresh := newKeeping(t, counting(t, &asked)), newTestResponder(counting(t, &computed))
		for _, msg := range ways(t, test.qname, test.qtype) {
			got := keeping.respond(nil, msg, client, new(query))
			want := fresh.respond(nil, msg, client, new(query))
			if !bytes.Equal(got, want) {
				t.Errorf("asked %x, got\n%x, want\n%x", msg, got, want)
			}
		}
		if asked != 1 || computed != 12 {
			t.Errorf("%s: asked the worker %d times, want once; without a cache %d times", test.qname, asked, computed)
		}
	}
}

// Type, DO and the outcome make another question; so does another generation.
func TestQuestionsAreKeptApart(t *testing.T) {
	asked := 0
	g := &generation{handler: counting(t, &asked)}
	r := newKeeping(t, g)
	client := netip.MustParseAddr("192.0.2.1")
	do := new(dns.Msg)
	do.SetQuestion("www.example.", dns.TypeA)
	do.SetEdns0(1232, true)
	withDO, err := do.Pack()
	if err != nil {
		t.Fatal(err)
	}
	msgs := [][]byte{
		question(t, 1, "www.example.", dns.TypeA), question(t, 1, "www.example.", dns.TypeAAAA),
		question(t, 1, "wwv.example.", dns.TypeA), withDO,
	}
	for range 3 {
		for _, msg := range msgs {
			r.respond(nil, msg, client, new(query))
		}
	}
	if asked != len(msgs) {
		t.Errorf("got %d questions for the worker, want %d", asked, len(msgs))
	}
	g.n++
	r.respond(nil, msgs[0], client, new(query))
	if asked != len(msgs)+1 {
		t.Error("an answer of an earlier generation was given again")
	}
}

// generation is a handler whose routing changes.
type generation struct {
	handler
	n uint64
}

func (g *generation) Generation() uint64 { return g.n }

// What a Worker does not mark as good to be given again is asked for each time.
func TestWhatIsNotCacheableIsNotKept(t *testing.T) {
	asked := 0
	r := newKeeping(t, handler(func(q authority.Question, _ resolve.Client, resp *resolve.Response) {
		asked++
		resp.Outcome = authority.OutcomeNoData
	}))
	for range 3 {
		r.respond(nil, question(t, 1, "www.example.", dns.TypeA), netip.MustParseAddr("192.0.2.1"), new(query))
	}
	if asked != 3 {
		t.Errorf("got %d questions for the worker, want 3", asked)
	}
}

func TestLowered(t *testing.T) {
	var l lowered
	var all []byte
	for c := range 256 {
		all = append(all, byte(c))
	}
	for n := 0; n < rr.MaxNameLen; n++ {
		for _, name := range [][]byte{all[:n], all[len(all)-n:]} {
			want := make([]byte, n)
			for i, c := range name {
				want[i] = lower(c)
			}
			if got := l.set(name); !bytes.Equal(got, want) {
				t.Fatalf("%d octets: got %x, want %x", n, got, want)
			}
		}
	}
}

func TestHitAllocations(t *testing.T) {
	asked := 0
	r := newKeeping(t, counting(t, &asked))
	client := netip.MustParseAddr("192.0.2.1")
	dst, q := make([]byte, 0, defaultMaxUDPSize), new(query)
	for _, msg := range ways(t, "www.example.", dns.TypeA) {
		r.respond(dst, msg, client, q)
		if allocs := testing.AllocsPerRun(100, func() { r.respond(dst, msg, client, q) }); allocs != 0 {
			t.Errorf("got %v allocations, want none", allocs)
		}
	}
	if asked != 1 {
		t.Errorf("the worker was asked %d times, want once", asked)
	}
}

// shadowed is a handler that has a shadow beside one name.
type shadowed struct {
	handler
	name string
	on   bool
}

func (s *shadowed) Shadows() bool { return s.on }

func (s *shadowed) Shadowed(q authority.Question) bool {
	return strings.EqualFold(q.Name.String(), s.name)
}

// Where there is a shadow, some questions are put to the Worker though their answer is
// kept: of its own names, and only those.
func TestShadowsHearHits(t *testing.T) {
	asked := 0
	h := &shadowed{handler: counting(t, &asked), name: "www.example."}
	r := newKeeping(t, h)
	client := netip.MustParseAddr("192.0.2.1")
	ask := func(qname string) int {
		before := asked
		msg := ways(t, qname, dns.TypeA)[0]
		dst, q := make([]byte, 0, defaultMaxUDPSize), new(query)
		r.wake()
		for range 100_000 {
			if response, done := r.quick(dst, msg, client, q); !done {
				if _, ok := r.look(dst, q); ok { // as a worker of connections does
					t.Fatal("a kept answer was given to a question that is for the worker")
				}
				r.slow(dst, q)
			} else if response == nil {
				t.Fatal("no response")
			}
		}
		return asked - before
	}
	if n := ask("www.example."); n != 1 {
		t.Errorf("without a shadow %d questions for the worker, want 1", n)
	}
	h.on = true
	if n := ask("www.example."); n < 100_000/256/2 || n > 100_000/256*2 {
		t.Errorf("with a shadow %d questions for the worker, want one of 256", n)
	}
	if n := ask("a.example."); n > 1 {
		t.Errorf("beside a shadow %d questions for the worker, want 1", n)
	}
}

// BenchmarkHit is a query without its sockets that a kept answer answers.
func BenchmarkHit(b *testing.B) {
	for _, bench := range []struct {
		name string
		msg  []byte
	}{{"plain", ways(b, "www.example.", dns.TypeA)[0]}, {"EDNS", ways(b, "www.example.", dns.TypeA)[6]}} {
		b.Run(bench.name, func(b *testing.B) {
			asked := 0
			r := newKeeping(b, counting(b, &asked))
			client := netip.MustParseAddr("192.0.2.1")
			dst, q := make([]byte, 0, defaultMaxUDPSize), new(query)
			r.wake()
			r.respond(dst, bench.msg, client, q)
			b.ReportAllocs()
			for b.Loop() {
				if response, done := r.quick(dst, bench.msg, client, q); response == nil || !done {
					b.Fatal("no response")
				}
			}
		})
	}
}

// What is foreseen is what is asked for then.
func TestHashIsThatOfTheQuestion(t *testing.T) {
	asked := 0
	r := newKeeping(t, counting(t, &asked))
	msgs := ways(t, "www.example.", dns.TypeA)
	do := new(dns.Msg)
	do.SetQuestion("www.example.", dns.TypeA)
	do.SetEdns0(1232, true)
	withDO, err := do.Pack()
	if err != nil {
		t.Fatal(err)
	}
	for _, msg := range append(msgs, withDO, question(t, 1, ".", dns.TypeNS)) {
		got, ok := r.kept.hash(msg)
		r.respond(nil, msg, netip.MustParseAddr("192.0.2.1"), new(query))
		if want := r.kept.own.Hash(&r.kept.question, r.kept.inputs.Routing); !ok || got != want {
			t.Errorf("%x: got %x, %v, want %x", msg, got, ok, want)
		}
		for n := range msg {
			r.kept.hash(msg[:n])
		}
	}
}
