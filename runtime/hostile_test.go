package runtime

import (
	"context"
	"errors"
	"os"
	"path/filepath"
	goruntime "runtime"
	"strconv"
	"strings"
	"testing"

	"github.com/namelet/namelet/rr"
	"github.com/namelet/namelet/runtime/internal/meter"
)

// A hostile guest is a file of ../guests/hostile with what must become of it.
type hostileGuest struct {
	name    string
	outcome string // refused, start or fault
	kind    string
	code    int32 // the status, where one is expected
	module  []byte
}

func hostileGuests(t testing.TB) []hostileGuest {
	t.Helper()
	paths, err := filepath.Glob("../guests/hostile/*.wat")
	if err != nil || len(paths) < 60 {
		t.Fatalf("%d hostile guests found (%v)", len(paths), err)
	}
	var guests []hostileGuest
	for _, path := range paths {
		guests = append(guests, readHostile(t, path))
	}
	return append(guests, straightLine(t))
}

// readHostile reads the directives in the first lines of the file, and assembles it.
func readHostile(t testing.TB, path string) hostileGuest {
	text, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	g := hostileGuest{name: strings.TrimSuffix(filepath.Base(path), ".wat")}
	var flags []string
	for line := range strings.Lines(string(text)) {
		if want, ok := strings.CutPrefix(line, ";; want: "); ok {
			g.want(t, strings.Fields(want))
		}
		if more, ok := strings.CutPrefix(line, ";; flags: "); ok {
			flags = strings.Fields(more)
		}
	}
	if g.outcome == "" {
		t.Fatalf("%s says nothing of what is wanted", path)
	}
	g.module = wat(t, path, flags...)
	return g
}

func (g *hostileGuest) want(t testing.TB, words []string) {
	g.outcome, words = words[0], words[1:]
	if code, err := strconv.Atoi(words[len(words)-1]); err == nil {
		g.code, words = int32(code), words[:len(words)-1]
	}
	g.kind = strings.Join(words, " ")
	if g.outcome != "refused" && g.outcome != "start" && g.outcome != "fault" || g.kind == "" {
		t.Fatalf("%s: no such outcome: %s %s", g.name, g.outcome, g.kind)
	}
}

// straightLine is a guest without a loop or a call worth the name: 900 KB of divisions and square
// roots, in as many functions as the limit of a body asks for, each of which runs once.
func straightLine(t testing.TB) hostileGuest {
	const step = "(local.set 0 (i64.or (i64.div_s (i64.const 0x7fffffffffffffff) (local.get 0)) (i64.const 3)))" +
		"(local.set 1 (f64.sqrt (f64.add (local.get 1) (f64.const 2))))\n" // 35 bytes of code
	var text strings.Builder
	text.WriteString(`(module (memory (export "memory") 1)
		(data (i32.const 16) "\00\10\00\00\00\04\00\00\00\20\00\00\00\04\00\00")
		(func (export "namelet_abi_1"))
		(func (export "namelet_buffers") (result i32) (i32.const 16))`)
	const functions = 5
	for f := range functions {
		text.WriteString("(func $f" + strconv.Itoa(f) + " (local i64 f64) (local.set 0 (i64.const -1))\n")
		text.WriteString(strings.Repeat(step, 180_000/35))
		text.WriteString(")\n")
	}
	text.WriteString(`(func (export "namelet_answer") (param i32) (result i32)`)
	for f := range functions {
		text.WriteString("(call $f" + strconv.Itoa(f) + ")")
	}
	text.WriteString("(i32.const -1)))")
	return hostileGuest{name: "straight_line", outcome: "fault", kind: "guest error", code: -1, module: watText(t, text.String())}
}

// hostileHost has one large RRset to look up.
func hostileHost() *fakeHost {
	h := newHost()
	data := make([]rr.Rdata, 200)
	for i := range data {
		data[i] = string([]byte{192, 0, 2, byte(i)})
	}
	h.add("www.example.org", rr.TypeA, 60, data...)
	return h
}

func TestHostile(t *testing.T) {
	for name, config := range map[string]Config{"compiled": {}, "interpreted": {Interpreter: true}} {
		t.Run(name, func(t *testing.T) {
			e := newEngine(t, config)
			for _, g := range hostileGuests(t) {
				t.Run(g.name, func(t *testing.T) { g.test(t, e) })
			}
		})
	}
}

func (g *hostileGuest) test(t *testing.T, e *Engine) {
	ctx := context.Background()
	m, err := e.Compile(ctx, g.module)
	if g.outcome == "refused" {
		g.wantRefusal(t, err)
		return
	}
	if err != nil {
		t.Fatal(err)
	}
	gen, err := m.Prepare(ctx, GenerationConfig{Limits: Limits{InitFuel: 1_000_000, MemoryPages: 300}})
	if g.outcome == "start" {
		g.wantFault(t, err)
		return
	}
	if err != nil {
		t.Fatal(err)
	}
	i := newInstance(t, gen)
	first := g.ask(t, i)
	if again := g.ask(t, i); again != first {
		t.Errorf("%d units the second time, %d the first: the instance was not replaced", again, first)
	}
}

// hostileFuel is enough for every attack to get where it wants, and not much to wait for.
const hostileFuel = 3_000_000

// ask wants the fault and says what it burnt.
func (g *hostileGuest) ask(t *testing.T, i *Instance) uint64 {
	var a Answer
	h := hostileHost()
	g.wantFault(t, i.Answer(question("www.example.org", g.qtype()), hostileFuel, h, &a))
	if !i.stale {
		t.Error("the instance was not given up")
	}
	if got := i.FuelUsed(); got == 0 || got > hostileFuel+meter.Overrun {
		t.Errorf("burnt %d units of %d", got, hostileFuel)
	}
	if len(h.lines) > 16 || h.lookups > 64 || len(i.Trace()) > 192 {
		t.Errorf("%d lines, %d lookups, %d events reached the host", len(h.lines), h.lookups, len(i.Trace()))
	}
	return i.FuelUsed()
}

// qtype asks the liars for what they lie about.
func (g *hostileGuest) qtype() rr.Type {
	switch g.name {
	case "forge_soa":
		return rr.TypeSOA
	case "forge_ns":
		return rr.TypeNS
	case "forge_dname":
		return rr.TypeDNAME
	case "rrsig":
		return rr.TypeRRSIG
	}
	return rr.TypeA
}

func (g *hostileGuest) wantRefusal(t *testing.T, err error) {
	t.Helper()
	var refusal *Refusal
	if !errors.As(err, &refusal) {
		t.Fatalf("got %v, want a refusal: %s", err, g.kind)
	}
	if refusal.Kind.String() != g.kind {
		t.Errorf("refused for %s (%v), want %s", refusal.Kind, refusal, g.kind)
	}
}

func (g *hostileGuest) wantFault(t *testing.T, err error) {
	t.Helper()
	var fault *Fault
	if !errors.As(err, &fault) {
		t.Fatalf("got %v, want a fault: %s", err, g.kind)
	}
	if fault.Kind.String() != g.kind || (g.code != 0 && fault.Status != g.code) {
		t.Errorf("got %v with status %d, want %s with %d", fault, fault.Status, g.kind, g.code)
	}
}

// What the attackers took, the process has back.
func TestHostileMemoryReturns(t *testing.T) {
	e := newEngine(t, Config{})
	for _, g := range hostileGuests(t) {
		switch g.name {
		case "grow", "chase", "frames", "recursion", "table_fill", "print_flood", "many_handles", "exit":
			t.Run(g.name, func(t *testing.T) { g.testMemory(t, e) })
		}
	}
}

func (g *hostileGuest) testMemory(t *testing.T, e *Engine) {
	gen := prepare(t, compile(t, e, g.module), GenerationConfig{Limits: Limits{MemoryPages: 300}})
	i := newInstance(t, gen)
	heap := func() int64 {
		goruntime.GC()
		var stats goruntime.MemStats
		goruntime.ReadMemStats(&stats)
		return int64(stats.HeapAlloc)
	}
	g.ask(t, i)
	before := heap()
	for range 20 {
		g.ask(t, i)
	}
	if grown := heap() - before; grown > 8<<20 {
		t.Errorf("the heap grew by %d KiB over 20 faults", grown>>10)
	}
	if i.MemoryBytes() > gen.PictureBytes() {
		t.Errorf("the instance holds %d bytes after a fault, its picture has %d", i.MemoryBytes(), gen.PictureBytes())
	}
}

// BenchmarkHostile measures how long a unit of fuel can be made to last; docs/FUEL.md has the table.
func BenchmarkHostile(b *testing.B) {
	e := newEngine(b, Config{})
	for _, g := range hostileGuests(b) {
		if g.outcome != "fault" || (g.kind != "fuel" && g.kind != "stack" && g.name != "grow" && g.name != "straight_line") {
			continue
		}
		b.Run(g.name, func(b *testing.B) { g.bench(b, e) })
	}
}

func (g *hostileGuest) bench(b *testing.B, e *Engine) {
	limits := Limits{MemoryPages: 300}
	i := newInstance(b, prepare(b, compile(b, e, g.module), GenerationConfig{Limits: limits}))
	h, q := hostileHost(), question("www.example.org", rr.TypeA)
	var a Answer
	units := uint64(0)
	for b.Loop() {
		b.StopTimer()
		if err := i.Replace(context.Background()); err != nil {
			b.Fatal(err)
		}
		h.lines = nil
		b.StartTimer()
		if err := i.Answer(q, DefaultFuel, h, &a); err == nil {
			b.Fatal("no fault")
		}
		units += i.FuelUsed()
	}
	b.ReportMetric(float64(b.Elapsed().Nanoseconds())/float64(units), "ns/unit")
}
