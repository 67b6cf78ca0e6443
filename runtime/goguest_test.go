package runtime

import (
	"context"
	"os"
	"os/exec"
	"path/filepath"
	"sync"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/namelet/namelet/rr"
)

// goGuest builds the guest in ../guests/name with the standard toolchain, once a test process.
func goGuest(t testing.TB, name string) []byte {
	t.Helper()
	goGuests.Lock()
	defer goGuests.Unlock()
	if module, ok := goGuests.modules[name]; ok {
		return module
	}
	out := filepath.Join(t.TempDir(), "guest.wasm")
	cmd := exec.Command("go", "build", "-trimpath", "-buildmode=c-shared", "-o", out, ".")
	cmd.Dir = filepath.Join("..", "guests", name)
	cmd.Env = append(os.Environ(), "GOOS=wasip1", "GOARCH=wasm", "CGO_ENABLED=0")
	if text, err := cmd.CombinedOutput(); err != nil {
		t.Fatalf("go build %s: %v\n%s", name, err, text)
	}
	module, err := os.ReadFile(out)
	if err != nil {
		t.Fatal(err)
	}
	goGuests.modules[name] = module
	return module
}

var goGuests = struct {
	sync.Mutex
	modules map[string][]byte
}{modules: map[string][]byte{}}

// appsGeneration prepares guests/apps, which reads a route and gives a router's addresses by handle. It
// is made once a test process and never closed: a Go guest takes a while to compile.
func appsGeneration(t testing.TB) *Generation {
	t.Helper()
	module := goGuest(t, "apps")
	gen, err := apps(module)
	if err != nil {
		t.Fatal(err)
	}
	return gen
}

var apps = func() func([]byte) (*Generation, error) {
	var once sync.Once
	var gen *Generation
	var err error
	return func(module []byte) (*Generation, error) {
		once.Do(func() { gen, err = prepareOnce(module) })
		return gen, err
	}
}()

func prepareOnce(module []byte) (*Generation, error) {
	ctx := context.Background()
	e, err := New(ctx, Config{})
	if err != nil {
		return nil, err
	}
	m, err := e.Compile(ctx, module)
	if err != nil {
		return nil, err
	}
	return m.Prepare(ctx, GenerationConfig{})
}

// appsHost has what guests/apps looks for.
func appsHost() *fakeHost {
	h := newHost()
	h.zone = rr.MustParseName("routes.internal")
	h.add("shop.routes.internal", rr.TypeTXT, 30, "\x18router=eu-1 state=active")
	h.add("eu-1.routers.routes.internal", rr.TypeA, 300, "\xc0\x00\x02\x07", "\xc0\x00\x02\x08")
	return h
}

func TestGoGuest(t *testing.T) {
	gen := appsGeneration(t)
	if !gen.Copied() {
		t.Errorf("a Go guest cannot be copied: %+v", gen.Module().Report())
	}
	i := newInstance(t, gen)
	h := appsHost()
	var got Answer
	if err := i.Answer(question("shop.example.org", rr.TypeA), DefaultFuel, h, &got); err != nil {
		t.Fatal(err)
	}
	want := []rr.Set{{Name: rr.MustParseName("shop.example.org"), Type: rr.TypeA, TTL: 300, Data: []rr.Rdata{"\xc0\x00\x02\x07", "\xc0\x00\x02\x08"}}}
	if diff := cmp.Diff(want, got.Sets, cmp.Comparer(rr.Set.Equal)); diff != "" {
		t.Errorf("sets, want -, got +:\n%s", diff)
	}
	t.Logf("start %d units, picture %d KiB; answer %d units", gen.InitFuel(), gen.PictureBytes()>>10, got.Fuel)
}

// A thousand fresh copies, and the warm one, give the same answer for the same fuel.
func TestCopiesAreTheSame(t *testing.T) {
	gen := appsGeneration(t)
	h, q := appsHost(), question("shop.example.org", rr.TypeA)
	ask := func(i *Instance) (Answer, []Event) {
		var got Answer
		if err := i.Answer(q, DefaultFuel, h, &got); err != nil {
			t.Fatal(err)
		}
		return got, append([]Event(nil), i.Trace()...)
	}
	first := newInstance(t, gen)
	want, wantTrace := ask(first)
	copies := 1000
	if testing.Short() {
		copies = 50
	}
	for range copies {
		i, err := gen.NewInstance(context.Background())
		if err != nil {
			t.Fatal(err)
		}
		got, trace := ask(i)
		if err := i.Close(context.Background()); err != nil {
			t.Fatal(err)
		}
		if got.Fuel != want.Fuel || !cmp.Equal(trace, wantTrace, cmp.Comparer(func(a, b Event) bool { return a == b })) ||
			!cmp.Equal(got.Sets, want.Sets, cmp.Comparer(rr.Set.Equal)) {
			t.Fatalf("a fresh copy gave %v for %d units (%v), the first %v for %d (%v)", got.Sets, got.Fuel, trace, want.Sets, want.Fuel, wantTrace)
		}
	}
	for range copies { // in place
		first.Reset()
		if got, _ := ask(first); got.Fuel != want.Fuel || !cmp.Equal(got.Sets, want.Sets, cmp.Comparer(rr.Set.Equal)) {
			t.Fatalf("after a reset: %v for %d units, want %v for %d", got.Sets, got.Fuel, want.Sets, want.Fuel)
		}
	}
}

func TestAnswerAllocatesNothing(t *testing.T) {
	gen := appsGeneration(t)
	i, h, q := newInstance(t, gen), appsHost(), question("shop.example.org", rr.TypeA)
	var a Answer
	allocs := testing.AllocsPerRun(1000, func() {
		if err := i.Answer(q, DefaultFuel, h, &a); err != nil {
			t.Fatal(err)
		}
	})
	if allocs != 0 {
		t.Errorf("%v allocations a query, want 0", allocs)
	}
}

func BenchmarkAppsGuest(b *testing.B) {
	gen := appsGeneration(b)
	i, h, q := newInstance(b, gen), appsHost(), question("shop.example.org", rr.TypeA)
	var a Answer
	b.ReportAllocs()
	for b.Loop() {
		if err := i.Answer(q, DefaultFuel, h, &a); err != nil {
			b.Fatal(err)
		}
	}
	b.ReportMetric(float64(a.Fuel), "units/op")
}

func BenchmarkReplaceAppsGuest(b *testing.B) {
	gen := appsGeneration(b)
	i := newInstance(b, gen)
	b.ReportAllocs()
	for b.Loop() {
		i.Reset()
		if err := i.Replace(context.Background()); err != nil {
			b.Fatal(err)
		}
	}
}

func BenchmarkNewAppsInstance(b *testing.B) {
	gen := appsGeneration(b)
	b.ReportAllocs()
	for b.Loop() {
		i, err := gen.NewInstance(context.Background())
		if err != nil {
			b.Fatal(err)
		}
		if err := i.Close(context.Background()); err != nil {
			b.Fatal(err)
		}
	}
}

// A guest that ranges over a map gives different answers while it is warm, and the same one from each
// fresh copy: what the check for purity sees.
func TestImpureGuest(t *testing.T) {
	gen := prepare(t, compile(t, newEngine(t, Config{}), goGuest(t, "hostile/maprange")), GenerationConfig{})
	i := newInstance(t, gen)
	answers := func(reset bool) map[string]bool {
		seen := map[string]bool{}
		for range 50 {
			var a Answer
			if err := i.Answer(question("www.example.org", rr.TypeTXT), DefaultFuel, newHost(), &a); err != nil {
				t.Fatal(err)
			}
			seen[string([]byte(a.Sets[0].Data[0]))] = true
			if reset {
				i.Reset()
			}
		}
		return seen
	}
	if warm := answers(false); len(warm) < 2 {
		t.Errorf("warm, it gave only %v: this guest is not impure", warm)
	}
	i.Reset()
	if fresh := answers(true); len(fresh) != 1 {
		t.Errorf("fresh copies gave %v", fresh)
	}
}
