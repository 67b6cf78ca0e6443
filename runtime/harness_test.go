package runtime

import (
	"context"
	"net/netip"
	"os"
	"os/exec"
	"path/filepath"
	"testing"

	"github.com/namelet/namelet/hostabi"
	"github.com/namelet/namelet/rr"
)

// wat assembles a module in the text format; flags are further ones for wat2wasm.
func wat(t testing.TB, path string, flags ...string) []byte {
	t.Helper()
	tool, err := exec.LookPath("wat2wasm")
	if err != nil {
		t.Fatal("wat2wasm is missing: apt-get install wabt")
	}
	out := filepath.Join(t.TempDir(), "module.wasm")
	if text, err := exec.Command(tool, append(flags, "-o", out, path)...).CombinedOutput(); err != nil {
		t.Fatalf("wat2wasm %s: %v\n%s", path, err, text)
	}
	module, err := os.ReadFile(out)
	if err != nil {
		t.Fatal(err)
	}
	return module
}

// watText assembles text.
func watText(t testing.TB, text string, flags ...string) []byte {
	t.Helper()
	path := filepath.Join(t.TempDir(), "module.wat")
	if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	return wat(t, path, flags...)
}

func newEngine(t testing.TB, config Config) *Engine {
	t.Helper()
	ctx := context.Background()
	e, err := New(ctx, config)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := e.Close(ctx); err != nil {
			t.Error(err)
		}
	})
	return e
}

func compile(t testing.TB, e *Engine, wasm []byte) *Module {
	t.Helper()
	m, err := e.Compile(context.Background(), wasm)
	if err != nil {
		t.Fatal(err)
	}
	return m
}

func prepare(t testing.TB, m *Module, config GenerationConfig) *Generation {
	t.Helper()
	gen, err := m.Prepare(context.Background(), config)
	if err != nil {
		t.Fatal(err)
	}
	return gen
}

func newInstance(t testing.TB, gen *Generation) *Instance {
	t.Helper()
	ctx := context.Background()
	i, err := gen.NewInstance(ctx)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := i.Close(ctx); err != nil {
			t.Error(err)
		}
	})
	return i
}

// instanceOf goes all the way with one engine and default limits.
func instanceOf(t testing.TB, wasm []byte) *Instance {
	t.Helper()
	return newInstance(t, prepare(t, compile(t, newEngine(t, Config{}), wasm), GenerationConfig{}))
}

// question asks for name in zone example.org; the guest is attached to the apex.
func question(name string, t rr.Type) *hostabi.Question {
	n := rr.MustParseName(name)
	apex := n.Len() - rr.MustParseName("example.org").Len()
	return &hostabi.Question{QName: []byte(n.Wire()), QType: t, ZoneOff: apex, AttachOff: apex}
}

// fakeHost is a Host whose values are its fields.
type fakeHost struct {
	sets      map[string]rr.Set // by name and type
	client    netip.Prefix
	now       int64
	picks     []int
	site      string
	transport hostabi.Transport
	zone      rr.Name

	lookups int
	lines   []string
	metrics map[string]int64
}

func newHost() *fakeHost {
	return &fakeHost{
		sets:      map[string]rr.Set{},
		client:    netip.MustParsePrefix("192.0.2.77/32"),
		now:       1_800_000_123,
		picks:     []int{7, 3, 5},
		site:      "ams1",
		transport: hostabi.TransportUDP,
		zone:      rr.MustParseName("example.org"),
		metrics:   map[string]int64{},
	}
}

func (h *fakeHost) add(name string, t rr.Type, ttl uint32, data ...rr.Rdata) {
	n := rr.MustParseName(name)
	h.sets[n.Wire()+t.String()] = rr.Set{Name: n, Type: t, TTL: ttl, Data: data}
}

func (h *fakeHost) Lookup(batch []Lookup) {
	for i := range batch {
		l := &batch[i]
		h.lookups++
		if !l.Name.IsSubdomainOf(h.zone) {
			l.Status = hostabi.StatusDenied
			continue
		}
		l.Zone = h.zone
		l.Status = hostabi.StatusNXDomain
		if set, ok := h.sets[l.Name.Wire()+l.Type.String()]; ok {
			l.Status, l.Set = hostabi.StatusOK, set
		}
	}
}

func (h *fakeHost) Client() netip.Prefix         { return h.client }
func (h *fakeHost) Now() int64                   { return h.now }
func (h *fakeHost) Pick(k, n int) int            { return h.picks[k%len(h.picks)] % n }
func (h *fakeHost) Transport() hostabi.Transport { return h.transport }
func (h *fakeHost) Site() string                 { return h.site }

func (h *fakeHost) Log(_ hostabi.LogLevel, line []byte) { h.lines = append(h.lines, string(line)) }

func (h *fakeHost) MetricAdd(name []byte, delta int64) { h.metrics[string(name)] += delta }
