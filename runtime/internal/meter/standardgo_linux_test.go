package meter

import (
	"os"
	"os/exec"
	"path/filepath"
	goruntime "runtime"
	"slices"
	"testing"
	"time"

	"github.com/tetratelabs/wazero"
	"github.com/tetratelabs/wazero/imports/wasi_snapshot_preview1"
)

// usualGo is a program as people write them: maps, JSON, fmt, sorting, a regular expression.
const usualGo = `package main

import ("encoding/json"; "fmt"; "net/netip"; "regexp"; "sort"; "unsafe")

var buf [65536]byte

//go:wasmexport buffer
func buffer() int32 { return int32(uintptr(unsafe.Pointer(&buf))) }

//go:wasmexport answer
func answer(n int32) int32 {
	m := map[string]int{}
	_ = json.Unmarshal(buf[:n], &m)
	keys := []string{}
	for k, v := range m {
		keys = append(keys, fmt.Sprint(k, v, netip.MustParseAddr("192.0.2.1")))
	}
	sort.Strings(keys)
	r := regexp.MustCompile("^[a-z]+[0-9.]*$")
	count := int32(0)
	for _, k := range keys {
		if r.MatchString(k) {
			count++
		}
	}
	return count
}

func main() {}
`

// BenchmarkStandardGo compares a std Go program metered with the same program as it was.
func BenchmarkStandardGo(b *testing.B) {
	module := buildGo(b, usualGo)
	out, err := Rewrite(module, DefaultOptions())
	if err != nil {
		b.Fatal(err)
	}
	l := newLab(wazero.NewRuntimeConfigCompiler())
	defer l.close()
	wasi_snapshot_preview1.MustInstantiate(l.ctx, l.rt)
	goruntime.LockOSThread()
	defer goruntime.UnlockOSThread()
	plain := startGo(b, l, module, "plain-compile-ms", func(*guest) {})
	metered := startGo(b, l, out, "metered-compile-ms", func(g *guest) {
		g.set(FuelExport, plentyFuel)
		g.set(DepthExport, DefaultDepth)
	})
	metered.set(FuelExport, plentyFuel)
	var was, is []time.Duration
	for range max(b.N, 2) { // side by side, so that both see the same machine
		was = append(was, timeGo(b, plain))
		is = append(is, timeGo(b, metered))
	}
	slices.Sort(was)
	slices.Sort(is)
	units := float64(plentyFuel-metered.fuel()) / float64(len(is)*goCalls)
	b.ReportMetric(float64(was[len(was)/2].Nanoseconds())/goCalls, "plain-ns/call")
	b.ReportMetric(float64(is[len(is)/2].Nanoseconds())/goCalls, "metered-ns/call")
	b.ReportMetric(float64(is[len(is)/2])/float64(was[len(was)/2]), "metered/plain")
	b.ReportMetric(units, "units/call")
	b.ReportMetric(float64(is[len(is)/2].Nanoseconds())/goCalls/units, "ns/unit")
	b.ReportMetric(float64(len(out))/float64(len(module)), "size/plain")
	b.ReportMetric(0, "ns/op")
}

const goCalls = 20

func buildGo(b *testing.B, source string) []byte {
	b.Helper()
	dir := b.TempDir()
	for name, text := range map[string]string{"go.mod": "module guest\n\ngo 1.24\n", "main.go": source} {
		if err := os.WriteFile(filepath.Join(dir, name), []byte(text), 0o600); err != nil {
			b.Fatal(err)
		}
	}
	build := exec.Command("go", "build", "-buildmode=c-shared", "-o", "guest.wasm", ".")
	build.Dir = dir
	build.Env = append(os.Environ(), "GOOS=wasip1", "GOARCH=wasm", "GOFLAGS=", "GOWORK=off")
	if output, err := build.CombinedOutput(); err != nil {
		b.Fatalf("go build: %v\n%s", err, output)
	}
	module, err := os.ReadFile(filepath.Join(dir, "guest.wasm"))
	if err != nil {
		b.Fatal(err)
	}
	return module
}

func startGo(b *testing.B, l *lab, module []byte, metric string, prepare func(*guest)) *guest {
	b.Helper()
	start := threadTime()
	compiled := l.mustCompile(b, module, "Go")
	b.ReportMetric(float64((threadTime() - start).Milliseconds()), metric)
	g := l.mustInstantiate(b, compiled)
	prepare(g)
	if _, err := g.call("_initialize"); err != nil {
		b.Fatal(err)
	}
	return g
}

func timeGo(b *testing.B, g *guest) time.Duration {
	b.Helper()
	at, err := g.call("buffer")
	if err != nil {
		b.Fatal(err)
	}
	input := []byte(`{"www":1,"mail":2,"api":3}`)
	g.mod.Memory().Write(uint32(at[0]), input)
	start := threadTime()
	for range goCalls {
		if _, err := g.call("answer", uint64(len(input))); err != nil {
			b.Fatal(err)
		}
	}
	return threadTime() - start
}
