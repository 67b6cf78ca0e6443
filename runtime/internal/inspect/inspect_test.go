package inspect

import (
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/namelet/namelet/hostabi"
	"github.com/namelet/namelet/runtime/internal/meter"
	"github.com/namelet/namelet/runtime/internal/wasm"
)

// assemble turns the text format into a module.
func assemble(t testing.TB, text string) []byte {
	t.Helper()
	tool, err := exec.LookPath("wat2wasm")
	if err != nil {
		t.Fatal("wat2wasm is missing: apt-get install wabt")
	}
	dir := t.TempDir()
	in, out := filepath.Join(dir, "m.wat"), filepath.Join(dir, "m.wasm")
	if err := os.WriteFile(in, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	flags := []string{"--enable-threads", "--enable-multi-memory", "--enable-tail-call", "--debug-names", in, "-o", out}
	if output, err := exec.Command(tool, flags...).CombinedOutput(); err != nil {
		t.Fatalf("wat2wasm: %v\n%s", err, output)
	}
	b, err := os.ReadFile(out)
	if err != nil {
		t.Fatal(err)
	}
	return b
}

// parts of a guest that is accepted; a test replaces one.
type parts struct{ imports, memory, marker, buffers, answer, rest string }

func least() parts {
	return parts{
		memory:  `(memory (export "memory") 1)`,
		marker:  `(func (export "namelet_abi_1"))`,
		buffers: `(func (export "namelet_buffers") (result i32) (i32.const 16))`,
		answer:  `(func $answer (export "namelet_answer") (param i32) (result i32) (i32.const -1))`,
	}
}

func (p parts) module() string {
	return "(module $least " + strings.Join([]string{p.imports, p.memory, p.marker, p.buffers, p.answer, p.rest}, "\n") + ")"
}

// change applies a change to the least guest.
func change(f func(*parts)) string {
	p := least()
	f(&p)
	return p.module()
}

func TestLeastGuestAccepted(t *testing.T) {
	b := assemble(t, least().module())
	got, err := Module(b, DefaultLimits())
	if err != nil {
		t.Fatal(err)
	}
	want := &Report{
		Size: len(b), Functions: 3, LargestBody: 4, LargestBodyIndex: 1, LargestBodyName: "",
		Exports: []Export{
			{"memory", "memory"}, {"namelet_abi_1", "func () -> ()"},
			{"namelet_buffers", "func () -> i32"}, {"namelet_answer", "func (i32) -> i32"},
		},
		MostLocals: 1, MemoryMin: 1, MemoryMax: 65536, Names: true, ModuleName: "least",
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("report (-want +got):\n%s", diff)
	}
	if !got.Snapshot() {
		t.Error("a snapshot of memory and globals should do")
	}
}

func TestRefusals(t *testing.T) {
	tests := []struct {
		name, text string
		want       Refusal // Kind and the fields that it sets
	}{
		{"no marker", change(func(p *parts) { p.marker = "" }),
			Refusal{Kind: KindMissingExport, Name: "namelet_abi_1", Want: "func () -> ()"}},
		{"no answer", change(func(p *parts) { p.answer = "" }),
			Refusal{Kind: KindMissingExport, Name: "namelet_answer", Want: "func (i32) -> i32"}},
		{"answer of another type", change(func(p *parts) {
			p.answer = `(func (export "namelet_answer") (param i64 f32) (result i32 i64) (i32.const 0) (i64.const 0))`
		}), Refusal{Kind: KindExport, Name: "namelet_answer", Want: "func (i32) -> i32", Have: "func (i64 f32) -> i32 i64"}},
		{"answer is a global", change(func(p *parts) { p.answer = `(global (export "namelet_answer") i32 (i32.const 0))` }),
			Refusal{Kind: KindExport, Name: "namelet_answer", Want: "func (i32) -> i32", Have: "global"}},
		{"optional export of another type", change(func(p *parts) { p.rest = `(func (export "namelet_idle"))` }),
			Refusal{Kind: KindExport, Name: "namelet_idle", Want: "func (i32) -> ()", Have: "func () -> ()"}},
		{"memory not exported", change(func(p *parts) { p.memory = `(memory 1)` }),
			Refusal{Kind: KindMissingExport, Name: "memory", Want: "memory"}},
		{"memory is a function", change(func(p *parts) { p.memory = `(memory 1) (func (export "memory"))` }),
			Refusal{Kind: KindExport, Name: "memory", Want: "memory", Have: "func () -> ()"}},
		{"no memory", change(func(p *parts) { p.memory = `` }), Refusal{Kind: KindMemory}},
		{"memory imported", change(func(p *parts) {
			p.imports, p.memory = `(import "namelet_v1" "memory" (memory 1))`, `(export "memory" (memory 0))`
		}), Refusal{Kind: KindImport, Module: "namelet_v1", Name: "memory"}},
		{"_start", change(func(p *parts) { p.rest = `(func (export "_start"))` }), Refusal{Kind: KindStart, Name: "_start"}},
		{"start section", change(func(p *parts) { p.rest = `(func $s) (start $s)` }), Refusal{Kind: KindStart, Name: "start section"}},
		{"reserved export", change(func(p *parts) { p.rest = `(func (export "` + meter.FuelExport + `"))` }),
			Refusal{Kind: KindReservedExport, Name: meter.FuelExport}},
		{"foreign module", change(func(p *parts) { p.imports = `(import "env" "abort" (func))` }),
			Refusal{Kind: KindImport, Module: "env", Name: "abort"}},
		{"unknown function", change(func(p *parts) { p.imports = `(import "namelet_v1" "lookup_all" (func))` }),
			Refusal{Kind: KindImport, Module: "namelet_v1", Name: "lookup_all"}},
		{"import of another type", change(func(p *parts) { p.imports = `(import "namelet_v1" "now" (func (param i64) (result i64)))` }),
			Refusal{Kind: KindImportType, Module: "namelet_v1", Name: "now", Want: "func (i32) -> i64", Have: "func (i64) -> i64"}},
		{"import of another kind", change(func(p *parts) { p.imports = `(import "namelet_v1" "now" (global i32))` }),
			Refusal{Kind: KindImportType, Module: "namelet_v1", Name: "now", Want: "func (i32) -> i64", Have: "global"}},
		{"WASI function of another type", change(func(p *parts) { p.imports = `(import "wasi_snapshot_preview1" "fd_close" (func))` }),
			Refusal{Kind: KindImportType, Module: "wasi_snapshot_preview1", Name: "fd_close", Want: "func (i32) -> i32", Have: "func () -> ()"}},
		{"WASI function that is not offered", change(func(p *parts) { p.imports = `(import "wasi_snapshot_preview1" "sock_send" (func))` }),
			Refusal{Kind: KindImport, Module: "wasi_snapshot_preview1", Name: "sock_send"}},
		{"threads", change(func(p *parts) { p.memory = `(memory (export "memory") 1 2 shared)` }),
			Refusal{Kind: KindFeature, Name: "threads"}},
		{"two memories", change(func(p *parts) { p.memory += `(memory 1)` }), Refusal{Kind: KindFeature, Name: "multi-memory"}},
		{"tail call", change(func(p *parts) { p.rest = `(func (return_call 0))` }), Refusal{Kind: KindFeature, Name: "tail calls"}},
		{"memory too large", change(func(p *parts) { p.memory = `(memory (export "memory") 1025)` }),
			Refusal{Kind: KindLimit, Name: "initial pages of memory", Got: 1025, Max: 1024}},
		{"table too large", change(func(p *parts) { p.rest = `(table 70000 funcref)` }),
			Refusal{Kind: KindLimit, Name: "initial entries of a table", Got: 70000, Max: 65536}},
		{"too many locals", change(func(p *parts) { p.rest = `(func (local ` + strings.Repeat("i32 ", 10_001) + `))` }),
			Refusal{Kind: KindLimit, Name: "locals in a function", Got: 10_001, Max: 10_000}},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			_, err := Module(assemble(t, test.text), DefaultLimits())
			var got *Refusal
			if !errors.As(err, &got) {
				t.Fatalf("error %v, want a refusal", err)
			}
			message := got.Error()
			got.Reason, got.Err = "", nil
			if diff := cmp.Diff(&test.want, got); diff != "" {
				t.Errorf("refusal (-want +got):\n%s", diff)
			}
			for _, part := range []string{got.Name, got.Want, got.Have} {
				if got.Kind != KindStart && !strings.Contains(message, part) {
					t.Errorf("message %q lacks %q", message, part)
				}
			}
		})
	}
}

func TestModuleTooLarge(t *testing.T) {
	lim := DefaultLimits()
	lim.ModuleBytes = 100
	_, err := Module(make([]byte, 101), lim)
	var got *Refusal
	if !errors.As(err, &got) || got.Kind != KindLimit || got.Got != 101 || got.Max != 100 {
		t.Errorf("error %v", err)
	}
}

func TestMalformed(t *testing.T) {
	_, err := Module([]byte("no module at all"), DefaultLimits())
	var got *Refusal
	var format *wasm.FormatError
	if !errors.As(err, &got) || got.Kind != KindMalformed || !errors.As(err, &format) {
		t.Errorf("error %v", err)
	}
	if strings.Count(err.Error(), "malformed") != 1 {
		t.Errorf("message %q", err)
	}
}

func TestExportTwice(t *testing.T) {
	m, err := wasm.Decode(assemble(t, least().module()), wasm.DefaultBounds())
	if err != nil {
		t.Fatal(err)
	}
	m.Exports = append(m.Exports, m.Exports[0])
	_, err = Module(m.Encode(), DefaultLimits())
	if err == nil || !strings.Contains(err.Error(), "two exports of one name: memory") {
		t.Errorf("error %v", err)
	}
}

// Every function of the ABI is accepted with its signature.
func TestAllImportsAccepted(t *testing.T) {
	text := ""
	for _, f := range hostabi.Imports {
		text += fmt.Sprintf(`(import %q %q (func %s))`, hostabi.ImportModule, f.Name, watType(f.Signature))
	}
	r, err := Module(assemble(t, change(func(p *parts) { p.imports = text })), DefaultLimits())
	if err != nil {
		t.Fatal(err)
	}
	if len(r.Imports) != len(hostabi.Imports) || !r.Lookups {
		t.Errorf("%d imports, lookups %v", len(r.Imports), r.Lookups)
	}
	if want := inputs; !slices.Equal(r.Inputs, want) {
		t.Errorf("inputs %v, want %v", r.Inputs, want)
	}
}

func watType(s hostabi.Signature) string {
	text := ""
	for _, p := range s.Params {
		text += " (param " + p.String() + ")"
	}
	for _, p := range s.Results {
		text += " (result " + p.String() + ")"
	}
	return text
}

func TestSnapshot(t *testing.T) {
	tests := []struct {
		name, rest string
		want       bool
	}{
		{"numbers", `(global (mut i32) (i32.const 0)) (table 1 funcref) (elem (i32.const 0) $answer) (data (i32.const 0) "x")`, true},
		{"constant reference", `(global funcref (ref.null func))`, true},
		{"mutable reference", `(global (mut funcref) (ref.null func))`, false},
		{"mutable vector", `(global (mut v128) (v128.const i64x2 0 0))`, false},
		{"passive data", `(data "x")`, false},
		{"active data dropped", `(data 0 (i32.const 0) "x") (func (data.drop 0))`, false},
		{"active data read", `(data 0 (i32.const 0) "x") (func (memory.init 0 (i32.const 0) (i32.const 0) (i32.const 1)))`, true},
		{"passive elements", `(elem func $answer)`, false},
		{"declared elements", `(elem declare func $answer)`, true},
		{"table written", `(table 1 funcref) (func (table.set 0 (i32.const 0) (ref.null func)))`, false},
		{"table read", `(table 1 funcref) (func (drop (table.get 0 (i32.const 0))))`, true},
	}
	for _, test := range tests {
		r, err := Module(assemble(t, change(func(p *parts) { p.rest = test.rest })), DefaultLimits())
		if err != nil {
			t.Errorf("%s: %v", test.name, err)
		} else if r.Snapshot() != test.want {
			t.Errorf("%s: snapshot %v, want %v", test.name, r.Snapshot(), test.want)
		}
	}
}

// A guest of the standard Go compiler is accepted, with what its runtime imports.
func TestStandardGo(t *testing.T) {
	dir := t.TempDir()
	write := func(name, text string) {
		if err := os.WriteFile(filepath.Join(dir, name), []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	write("go.mod", "module guest\n\ngo 1.24\n")
	write("main.go", `package main

import ("fmt"; "net/http"; "os"; "unsafe")

//go:wasmimport namelet_v1 now
func now(grain int32) int64

var buf [4096]byte

//go:wasmexport namelet_abi_1
func marker() {}

//go:wasmexport namelet_buffers
func buffers() int32 { return int32(uintptr(unsafe.Pointer(&buf))) }

//go:wasmexport namelet_answer
func answer(n int32) int32 {
	f, err := os.Open("/etc/hosts")
	return int32(len(fmt.Sprint(now(1), n, http.StatusText(200), f, err)))
}

func main() {}
`)
	build := exec.Command("go", "build", "-buildmode=c-shared", "-o", "guest.wasm", ".")
	build.Dir = dir
	build.Env = append(os.Environ(), "GOOS=wasip1", "GOARCH=wasm", "GOFLAGS=", "GOWORK=off")
	if output, err := build.CombinedOutput(); err != nil {
		t.Fatalf("go build: %v\n%s", err, output)
	}
	b, err := os.ReadFile(filepath.Join(dir, "guest.wasm"))
	if err != nil {
		t.Fatal(err)
	}
	lim := DefaultLimits()
	lim.ModuleBytes = 32 << 20 // net/http makes it larger than a guest should be
	r, err := Module(b, lim)
	if err != nil {
		t.Fatal(err)
	}
	if !r.Snapshot() || !slices.Equal(r.Inputs, []string{"now"}) || len(r.Language) != 1 || !strings.HasPrefix(r.Language[0], "Go ") {
		t.Errorf("snapshot %v, inputs %v, language %v", r.Snapshot(), r.Inputs, r.Language)
	}
	if _, err := meter.Rewrite(b, meter.DefaultOptions()); err != nil {
		t.Errorf("Rewrite: %v", err)
	}
	t.Logf("largest body %d bytes (%s), nesting %d, locals %d", r.LargestBody, r.LargestBodyName, r.DeepestNesting, r.MostLocals)
}

func FuzzModule(f *testing.F) {
	f.Add(assemble(f, least().module()))
	f.Add(assemble(f, change(func(p *parts) { p.rest = `(elem func $answer) (data "x") (func (block (br 0)))` })))
	f.Fuzz(func(t *testing.T, b []byte) {
		r, err := Module(b, DefaultLimits())
		if (r == nil) == (err == nil) {
			t.Fatalf("report %v, error %v", r, err)
		}
		var refusal *Refusal
		if err != nil && (!errors.As(err, &refusal) || refusal.Kind.String() == "invalid") {
			t.Fatalf("error %#v is no refusal", err)
		}
	})
}
