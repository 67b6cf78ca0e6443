package main

import (
	"bytes"
	"encoding/json"
	"math/rand/v2"
	"net"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"golang.org/x/net/dns/dnsmessage"
)

func TestQuantile(t *testing.T) {
	var sorted []uint32
	for i := range 1000 {
		sorted = append(sorted, uint32(i+1))
	}
	for _, c := range []struct {
		q    float64
		want time.Duration
	}{{0, 1}, {0.5, 500}, {0.99, 990}, {0.999, 999}, {1, 1000}} {
		if got := quantile(sorted, c.q); got != c.want {
			t.Errorf("%v: got %d, want %d", c.q, got, c.want)
		}
	}
	if got := quantile(nil, 0.5); got != 0 {
		t.Errorf("of nothing: got %d", got)
	}
}

// fakeServer answers each query whose name begins with n, refuses each that begins with r, and leaves out
// the others. It notes the names.
type fakeServer struct {
	conn  net.PacketConn
	mu    sync.Mutex
	names map[string]int
}

func newFakeServer(t *testing.T) *fakeServer {
	conn, err := net.ListenPacket("udp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	s := &fakeServer{conn: conn, names: make(map[string]int)}
	var running sync.WaitGroup
	running.Go(s.serve)
	t.Cleanup(func() {
		conn.Close()
		running.Wait()
	})
	return s
}

func (s *fakeServer) serve() {
	buf := make([]byte, 512)
	for {
		n, from, err := s.conn.ReadFrom(buf)
		if err != nil {
			return // closed
		}
		var m dnsmessage.Message
		if m.Unpack(buf[:n]) != nil || len(m.Questions) != 1 {
			continue
		}
		name := m.Questions[0].Name.String()
		s.mu.Lock()
		s.names[name]++
		s.mu.Unlock()
		m.Response = true
		switch name[0] {
		case 'n':
		case 'r':
			m.RCode = dnsmessage.RCodeRefused
		default:
			continue
		}
		if packed, err := m.Pack(); err == nil {
			s.conn.WriteTo(packed, from)
		}
	}
}

// generate runs the generator as the command does.
func generate(t *testing.T, request loadRequest) []streamResult {
	t.Helper()
	in, err := json.Marshal(request)
	if err != nil {
		t.Fatal(err)
	}
	var out bytes.Buffer
	if err := loadCommand(bytes.NewReader(in), &out); err != nil {
		t.Fatal(err)
	}
	var results []streamResult
	if err := json.Unmarshal(out.Bytes(), &results); err != nil {
		t.Fatal(err)
	}
	return results
}

func queryFile(t *testing.T, text string) string {
	t.Helper()
	path := filepath.Join(t.TempDir(), "queries")
	if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	return path
}

// By the clock, all that is due is sent, or counted as not sent; what is not answered is lost, and what is
// answered with an error failed.
func TestGeneratorByClock(t *testing.T) {
	s := newFakeServer(t)
	file := queryFile(t, "n1.example A\nn2.example A\nr.example A\nx.example A\n")
	got := generate(t, loadRequest{Address: s.conn.LocalAddr().String(), Seconds: 0.5, Streams: []stream{{Queries: file, Rate: 400}}})[0]
	if due := got.Sent + got.Unsent; due < 100 || due > 200 {
		t.Errorf("%d queries were due in half a second at 400 a second", due)
	}
	quarter := got.Sent / 4
	if got.lost() < quarter-1 || got.lost() > quarter+1 {
		t.Errorf("got %d of %d lost, want a quarter", got.lost(), got.Sent)
	}
	if got.Failed < quarter-1 || got.Failed > quarter+1 {
		t.Errorf("got %d of %d failed, want a quarter", got.Failed, got.Sent)
	}
	if got.P50 <= 0 || got.P99 < got.P50 || got.P999 < got.P99 || got.Max < got.P999 || got.Max > time.Second {
		t.Errorf("got latencies %v, %v, %v, %v", got.P50, got.P99, got.P999, got.Max)
	}
}

// Without a rate, no more than the window is in flight: with nothing answered, nothing more is sent.
func TestGeneratorWindow(t *testing.T) {
	s := newFakeServer(t)
	silent := queryFile(t, "x.example A\n")
	got := generate(t, loadRequest{Address: s.conn.LocalAddr().String(), Seconds: 0.1, Streams: []stream{{Queries: silent, Window: 50}}})[0]
	if got.Sent != 50 || got.Answered != 0 {
		t.Errorf("got %d sent and %d answered, want 50 and 0", got.Sent, got.Answered)
	}
	answered := queryFile(t, "n.example A\n")
	got = generate(t, loadRequest{Address: s.conn.LocalAddr().String(), Seconds: 0.1, Streams: []stream{{Queries: answered, Window: 50}}})[0]
	if got.Sent <= 50 || got.lost() > 50 {
		t.Errorf("got %d sent and %d lost", got.Sent, got.lost())
	}
}

// Random names differ, are below the name that was given, and do so beside another stream.
func TestGeneratorRandom(t *testing.T) {
	s := newFakeServer(t)
	known := queryFile(t, "n.example A\n")
	generate(t, loadRequest{Address: s.conn.LocalAddr().String(), Seconds: 0.2, Streams: []stream{
		{Random: "flood.example", Seed: 7, Rate: 500}, {Queries: known, Rate: 500},
	}})
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.names["n.example."] < 2 {
		t.Errorf("the known name was asked %d times", s.names["n.example."])
	}
	random := 0
	for name, times := range s.names {
		label, below, _ := strings.Cut(name, ".")
		if below != "flood.example." {
			continue
		}
		random++
		if times != 1 || len(label) != len(randomLabel) {
			t.Errorf("%s was asked %d times", name, times)
		}
	}
	if random < 10 {
		t.Errorf("%d random names", random)
	}
}

// Names asked for below others in turn differ, and each is below the next one.
func TestBelow(t *testing.T) {
	queries, err := randomQueries("a.example", "b.example")
	if err != nil {
		t.Fatal(err)
	}
	s := &streamState{stream: stream{Below: "a file"}, names: queries, random: rand.New(rand.NewPCG(1, 2))}
	seen := make(map[string]bool)
	for i := range 6 {
		var m dnsmessage.Message
		if err := m.Unpack(s.query()); err != nil {
			t.Fatal(err)
		}
		name := m.Questions[0].Name.String()
		if want := []string{".a.example.", ".b.example."}[i%2]; !strings.HasSuffix(name, want) || seen[name] {
			t.Errorf("query %d: %s, want one below %s that was not asked for", i, name, want)
		}
		seen[name] = true
	}
	if _, err := randomQueries(); err == nil {
		t.Error("no names were taken")
	}
}
