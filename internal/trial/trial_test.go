//go:build unix

package trial

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"golang.org/x/sys/unix"

	"github.com/namelet/namelet/runtime"
	"github.com/namelet/namelet/store/zonefile"
)

// TestMain makes the test's program the process of a Child, which is told what to do by its first argument.
func TestMain(m *testing.M) {
	if len(os.Args) < 3 || !strings.HasPrefix(os.Args[1], "as-") {
		os.Exit(m.Run())
	}
	switch os.Args[1] {
	case "as-told":
		if err := Serve(context.Background(), os.Stdin, os.Stdout, os.Args[2]); err != nil {
			fmt.Fprintln(os.Stderr, err)
			os.Exit(1)
		}
	case "as-hungry": // what a module could make the compiler do
		if err := confine(); err != nil {
			panic(err)
		}
		var all [][]byte
		for range 1 << 12 {
			b := make([]byte, 1<<20)
			for i := 0; i < len(b); i += 512 {
				b[i] = 1
			}
			all = append(all, b)
		}
		fmt.Println(len(all))
	case "as-broken":
		panic("nil pointer in the compiler")
	case "as-idle":
		time.Sleep(time.Minute)
	case "as-killed":
		_ = unix.Kill(os.Getpid(), unix.SIGKILL)
	case "as-mute":
	case "as-wordy":
		fmt.Println(strings.Repeat("[", 2*maxAnswer))
	case "as-environment":
		fmt.Fprintln(os.Stderr, os.Environ())
		os.Exit(1)
	}
	os.Exit(0)
}

func newChild(t testing.TB, as, cache string) *Child {
	t.Helper()
	self, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	return NewChild(self, []string{"trial.test", as}, cache)
}

func wat(t testing.TB, path string) []byte {
	t.Helper()
	out := filepath.Join(t.TempDir(), "module.wasm")
	if text, err := exec.Command("wat2wasm", "--enable-all", "--no-check", "-o", out, path).CombinedOutput(); err != nil {
		t.Fatalf("wat2wasm %s: %v: %s (apt-get install wabt)", path, err, text)
	}
	module, err := os.ReadFile(out)
	if err != nil {
		t.Fatal(err)
	}
	return module
}

func newEngine(t testing.TB) *runtime.Engine {
	t.Helper()
	engine, err := runtime.New(t.Context(), runtime.Config{Text: zonefile.ParseRdata})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { engine.Close(context.Background()) })
	return engine
}

func try(t testing.TB, c *Child, wasm []byte, scenarios ...Scenario) *Report {
	t.Helper()
	report, err := c.Try(t.Context(), wasm, scenarios, nil)
	if err != nil {
		t.Fatal(err)
	}
	return report
}

// TestReport tries a guest that reads the client, whose machine code goes where the server has its own.
func TestReport(t *testing.T) {
	cache := t.TempDir()
	var phases []Phase
	r, err := newChild(t, "as-told", cache).Try(t.Context(), wat(t, "testdata/client.wat"), nil, func(p Phase) { phases = append(phases, p) })
	if err != nil || !slices.Equal(phases, []Phase{PhaseInspecting, PhaseCompiling, PhaseAsking}) {
		t.Fatalf("got phases %v, error %v", phases, err)
	}
	if r.Failed() || len(r.Remarks) > 0 {
		t.Fatalf("failures %v, remarks %v", r.Failures, r.Remarks)
	}
	if !slices.Equal(r.Imports, []string{"namelet_v1.client"}) || !slices.Equal(r.Inputs, []string{"client"}) || r.Functions != 3 {
		t.Errorf("got imports %v, inputs %v, %d functions", r.Imports, r.Inputs, r.Functions)
	}
	if r.Asked < 60 || r.FuelMedian == 0 || r.FuelMost < r.FuelMedian || r.Memory != 64<<10 || r.CompileSeconds <= 0 || !r.Configured || !r.Copied {
		t.Errorf("got %+v", r)
	}
	code, err := filepath.Glob(filepath.Join(cache, "wazero-*", "*"))
	if err != nil || len(code) != 1 {
		t.Errorf("machine code is in %v, %v; want one file", code, err)
	}
	if left, _ := filepath.Glob(filepath.Join(cache, codePrefix+"*")); len(left) > 0 {
		t.Errorf("%v is left", left)
	}
}

// TestStart starts a guest with configurations, within what the server allows, and words a refusal as the guest does.
func TestStart(t *testing.T) {
	cache := t.TempDir()
	child := newChild(t, "as-told", cache)
	choosy := wat(t, "testdata/choosy.wat")
	for value, want := range map[string]string{"yes": "", "\xff\x00": "say yes", "no": "say yes"} {
		r, err := child.Start(t.Context(), choosy, runtime.GenerationConfig{Values: map[string]string{"k": value}})
		if err != nil || !strings.HasSuffix(r.Problem(), want) || r.Failed() != (want != "") {
			t.Errorf("%q: got %q, %v, want %q", value, r.Problem(), err, want)
		}
	}
	if code, _ := filepath.Glob(filepath.Join(cache, "wazero-*", "*")); len(code) != 1 {
		t.Errorf("machine code is in %v, want one file", code)
	}
	child.Most = runtime.Limits{MemoryPages: 1}
	r, err := child.Start(t.Context(), choosy, runtime.GenerationConfig{Values: map[string]string{"k": "yes"}})
	if err != nil || !strings.Contains(r.Problem(), "pages") {
		t.Errorf("with one page: got %q, %v", r.Problem(), err)
	}
	if r := try(t, child, choosy); !strings.Contains(r.Problem(), "pages") {
		t.Errorf("on trial with one page: got %q", r.Problem())
	}
}

// TestBeyondDefaults tries a guest that begins with more memory than an attachment gets where nothing is said.
func TestBeyondDefaults(t *testing.T) {
	large := bytes.Replace(wat(t, "testdata/client.wat"), []byte{5, 3, 1, 0, 1}, []byte{5, 4, 1, 0, 0xac, 2}, 1) // 300 pages
	r := try(t, newChild(t, "as-told", ""), large)
	want := "it takes 300, more than the default of 256: attach it with --memory"
	if r.Failed() || !slices.Contains(r.Remarks, Finding{Problem: want}) {
		t.Errorf("got failures %v, remarks %v", r.Failures, r.Remarks)
	}
}

// TestHostile tries each hostile guest. Those that break the ABI whatever they are asked must fail, and none
// takes the process down or leaves anything on the disk.
func TestHostile(t *testing.T) {
	cache := t.TempDir()
	child := newChild(t, "as-told", cache)
	files, err := filepath.Glob("../../guests/hostile/*.wat")
	if err != nil || len(files) < 50 {
		t.Fatalf("%d hostile guests, %v", len(files), err)
	}
	mustFail := map[string]string{
		"trailing": "breaks the ABI: malformed", "outside": "every question", "trap": "every question", "loop": "every question",
		"init_loop": "does not start: fuel", "import_socket": "import", "threads": "", "pointer_out": "breaks the ABI",
	}
	for i, file := range files {
		if testing.Short() && i%8 != 0 {
			continue // with the race detector each process takes a second to begin
		}
		name := strings.TrimSuffix(filepath.Base(file), ".wat")
		r := try(t, child, wat(t, file))
		if strings.Contains(r.Problem(), "the process") || strings.Contains(r.Problem(), "to try it") {
			t.Errorf("%s: %s", name, r.Problem())
		}
		if want, ok := mustFail[name]; ok && (!r.Failed() || !strings.Contains(r.Problem(), want)) {
			t.Errorf("%s: got problem %q, want one with %q", name, r.Problem(), want)
		}
		if r.Failed() && testing.Verbose() {
			t.Logf("%s: %s", name, r.Problem())
		}
	}
	if left, _ := filepath.Glob(filepath.Join(cache, codePrefix+"*")); len(left) > 0 {
		t.Errorf("%v is left", left)
	}
}

// TestDeath holds that a process that is lost is the module's failure, in one line that says how.
func TestDeath(t *testing.T) {
	t.Setenv("RESPONDER_SECRET", "xyzzy")
	for as, want := range map[string]string{
		"as-hungry":      "to try it takes more than 1024 MiB of memory",
		"as-broken":      "the process that tried it crashed: panic: nil pointer in the compiler",
		"as-idle":        "to try it takes longer than 5s",
		"as-killed":      "the process that tried it was killed, as a system does that is short of memory",
		"as-environment": "the process that tried it crashed: [GOMAXPROCS=1 GOMEMLIMIT=768MiB GOTRACEBACK=none",
	} {
		t.Run(as, func(t *testing.T) {
			t.Parallel()
			child := newChild(t, as, t.TempDir())
			child.time = 5 * time.Second
			r := try(t, child, []byte("module"))
			if !r.Failed() || !strings.HasPrefix(r.Problem(), want) || strings.Contains(r.Problem(), "xyzzy") {
				t.Errorf("got %q, want %q", r.Problem(), want)
			}
		})
	}
}

// TestNoReport holds that a process that ends well and says nothing, or too much, is no module's failure.
func TestNoReport(t *testing.T) {
	for _, as := range []string{"as-mute", "as-wordy"} {
		if r, err := newChild(t, as, "").Try(t.Context(), []byte("module"), nil, nil); err == nil {
			t.Errorf("%s: got report %+v, want an error", as, r)
		}
	}
	missing := NewChild(filepath.Join(t.TempDir(), "none"), []string{"none"}, "")
	if r, err := missing.Try(t.Context(), []byte("module"), nil, nil); err == nil {
		t.Errorf("got report %+v, want an error", r)
	}
}

// TestCanceled holds that a trial ends with who asked for it.
func TestCanceled(t *testing.T) {
	ctx, cancel := context.WithTimeout(t.Context(), 200*time.Millisecond)
	defer cancel()
	begun := time.Now()
	if _, err := newChild(t, "as-idle", "").Try(ctx, []byte("module"), nil, nil); !errors.Is(err, context.DeadlineExceeded) {
		t.Errorf("got error %v", err)
	}
	if took := time.Since(begun); took > 20*time.Second {
		t.Errorf("it took %v", took)
	}
}

// scenario asks testdata/client.wat.
func scenario(cases ...Case) Scenario {
	zone := "@ 60 SOA ns h 1 1 1 1 9\n@ 60 NS ns\nwww 60 A 192.0.2.1\n"
	return Scenario{Name: "s", Zones: []Zone{{Apex: "a.example", Text: zone}}, Cases: cases}
}

func TestScenario(t *testing.T) {
	module := wat(t, "testdata/client.wat")
	engine := newEngine(t)
	nothing, client := []string{}, []string{"client 24/56"}
	tests := []struct {
		name string
		s    Scenario
		want string // a failure's beginning; empty for none
	}{
		{"right", scenario(Case{Ask: "x.a.example A", Want: []string{" NXDOMAIN "}, Reads: &client}), ""},
		{"wrong answer", scenario(Case{Ask: "x.a.example A", Want: []string{"NODATA"}}), "scenario s: x.a.example A: got NXDOMAIN; want NODATA"},
		{"wrong inputs", scenario(Case{Ask: "x.a.example A", Want: []string{"NXDOMAIN"}, Reads: &nothing}), "scenario s: x.a.example A: reads client 24/56; want nothing"},
		{"no cases", scenario(), "scenario s: it wants at least one zone and one case"},
		{"no type", scenario(Case{Ask: "x.a.example"}), `scenario s: case "x.a.example": want a name and a type`},
		{"no address", scenario(Case{Ask: "x.a.example A", Client: "here"}), `scenario s: case "x.a.example A": client "here"`},
		{"no such transport", scenario(Case{Ask: "x.a.example A", Transport: "pigeon"}), `scenario s: case "x.a.example A": transport "pigeon"`},
		{"pick below zero", scenario(Case{Ask: "x.a.example A", Picks: []int{-1}}), `scenario s: case "x.a.example A": pick -1`},
		{"file", Scenario{Name: "s", Zones: []Zone{{Apex: "a.example", File: "/etc/passwd"}}, Cases: []Case{{Ask: "a.example A"}}}, "scenario s: zone a.example: a file is of a folder"},
		{"outside", Scenario{Name: "s", Zones: scenario().Zones, At: "b.example", Cases: []Case{{Ask: "a.example A"}}}, "scenario s: attachment point b.example. is not in zone"},
		{"little memory", Scenario{Name: "s", Zones: scenario().Zones, Fuel: 1, Cases: []Case{{Ask: "www.a.example A", Want: []string{"FAILED", "www.a.example. 60 A 192.0.2.1"}}}}, ""},
		{"two zones of a name", Scenario{Name: "s", Zones: append(scenario().Zones, scenario().Zones...), Cases: []Case{{Ask: "a.example A"}}}, "scenario s: zone a.example: is there twice"},
		{"unusable config", Scenario{Name: "s", Zones: scenario().Zones, Config: map[string]string{"": "x"}, Cases: []Case{{Ask: "a.example A"}}}, "scenario s: "},
	}
	for _, tt := range tests {
		r, err := Run(t.Context(), engine, module, []Scenario{tt.s}, func(Phase) {})
		if err != nil {
			t.Fatal(err)
		}
		if (tt.want != "") != r.Failed() || !strings.HasPrefix(r.Problem(), tt.want) {
			t.Errorf("%s: got %q, want %q", tt.name, r.Problem(), tt.want)
		}
	}
}

func TestCheck(t *testing.T) {
	if err := Check(make([]Scenario, MaxScenarios+1)); err == nil {
		t.Error("too many scenarios pass")
	}
	if err := Check([]Scenario{{Cases: make([]Case, MaxCases)}, {Cases: make([]Case, 1)}}); err == nil {
		t.Error("too many cases pass")
	}
}

// FuzzScenario reads scenarios as a folder or a push has them: none brings the reader down.
func FuzzScenario(f *testing.F) {
	f.Add([]byte(`{"zones":[{"apex":"a.example","text":"@ 60 SOA a b 1 1 1 1 1\n@ 60 NS a\n"}],"at":"x.a.example","cases":[{"ask":"x.a.example A","client":"::1","picks":[1],"want":[]}]}`))
	f.Add([]byte(`{"zones":[{"apex":"."}],"grants":[".."],"cases":[{}]}`))
	f.Fuzz(func(t *testing.T, text []byte) {
		s, err := decode(text)
		if err != nil {
			return
		}
		if p, err := s.parse(); err == nil && len(p.asked) != len(s.Cases) {
			t.Errorf("%d of %d cases", len(p.asked), len(s.Cases))
		}
	})
}

// FuzzRun tries whatever bytes: the trial ends with a report, whatever they are.
func FuzzRun(f *testing.F) {
	files, err := filepath.Glob("../../guests/hostile/*.wat")
	if err != nil {
		f.Fatal(err)
	}
	if testing.Short() {
		files = files[:len(files)/8]
	}
	for _, file := range append(files, "testdata/client.wat") {
		f.Add(wat(f, file))
	}
	engine := newEngine(f)
	s := []Scenario{scenario(Case{Ask: "www.a.example A", Want: []string{"NXDOMAIN"}})}
	f.Fuzz(func(t *testing.T, module []byte) {
		r, err := Run(context.Background(), engine, module, s, func(Phase) {})
		if err != nil {
			t.Fatal(err)
		}
		text, err := json.Marshal(r)
		if err != nil || len(text) > 256<<10 {
			t.Errorf("a report of %d bytes, %v", len(text), err)
		}
	})
}

// TestOrphan holds that a process whose parent is gone ends, in the middle of its work too, and that the folder for
// its machine code is removed by the next who begins, and no sooner.
func TestOrphan(t *testing.T) {
	cache := t.TempDir()
	code, err := newMachineCode(cache)
	if err != nil {
		t.Fatal(err)
	}
	self, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	cmd := exec.Command(self, "as-told", code.made)
	cmd.ExtraFiles = []*os.File{code.held}
	in, err := cmd.StdinPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	defer cmd.Process.Kill()
	ended := make(chan error, 1)
	go func() { ended <- cmd.Wait() }()
	if err := writeRequest(in, wat(t, "testdata/client.wat"), request{Scenarios: []Scenario{endless()}}); err != nil {
		t.Fatal(err)
	}
	select {
	case err := <-ended:
		t.Fatalf("it ended at once: %v", err)
	case <-time.After(500 * time.Millisecond):
	}
	// The parent is killed: what it holds is closed.
	code.held.Close()
	sweep(cache)
	if _, err := os.Stat(code.made); err != nil {
		t.Errorf("the folder was removed under the process: %v", err)
	}
	in.Close()
	select {
	case err := <-ended:
		if err == nil {
			t.Error("it came to its end")
		}
	case <-time.After(5 * time.Second):
		t.Fatal("it goes on without its parent")
	}
	sweep(cache)
	if left, _ := filepath.Glob(filepath.Join(cache, codePrefix+"*")); len(left) > 0 {
		t.Errorf("%v is left", left)
	}
}

// endless takes many seconds to ask.
func endless() Scenario {
	s := scenario()
	for range 90_000 {
		s.Cases = append(s.Cases, Case{Ask: "x.a.example A", Want: []string{"NXDOMAIN"}})
	}
	return s
}
