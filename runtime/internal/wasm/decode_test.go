package wasm_test

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/tetratelabs/wazero"

	"github.com/namelet/namelet/runtime/internal/wasm"
)

// everything has every section and every form of segment.
const everything = `(module $all
  (type $t (func (param i32 i64) (result f32 f64)))
  (import "m" "f" (func $imported (param i32)))
  (table $a 3 7 funcref)
  (table $b 1 externref)
  (memory 1 3)
  (global $g (mut i32) (i32.const -5))
  (global i64 (i64.const 0x7fffffffffffffff))
  (global f32 (f32.const nan:0x200000))
  (global f64 (f64.const -0))
  (global v128 (v128.const i64x2 1 2))
  (global (mut funcref) (ref.null func))
  (global funcref (ref.func $defined))
  (export "x" (func $defined)) (export "t" (table $a)) (export "m" (memory 0)) (export "g" (global $g))
  (elem (table $a) (i32.const 0) func $imported $defined)
  (elem (table $b) (i32.const 0) externref (ref.null extern))
  (elem func $imported)
  (elem funcref (ref.null func) (ref.func $defined))
  (elem declare func $defined)
  (func $defined (type $t) (local i32 i32 f64 v128)
    (block $l (result i32)
      (drop (br_if $l (i32.const 1) (local.get 0))) (loop (br_table 0 0 0 (i32.const 3)))
      (i32.const 0))
    drop
    (memory.init 1 (i32.const 0) (i32.const 0) (i32.const 1)) (data.drop 1)
    (table.init $a 3 (i32.const 0) (i32.const 0) (i32.const 0)) (elem.drop 3)
    (drop (i8x16.shuffle 0 1 2 3 4 5 6 7 8 9 10 11 12 13 14 15 (local.get 5) (v128.const i32x4 1 2 3 4)))
    (drop (i32x4.extract_lane 2 (v128.load32_lane 3 (i32.const 0) (local.get 5))))
    (drop (select (result funcref) (ref.null func) (ref.func $defined) (i32.const 1)))
    (drop (i32.trunc_sat_f64_u (f64.const 1e300)))
    (f32.const 1) (f64.const 2))
  (func $second (call_indirect $a (param i32) (i32.const 1) (i32.const 0)))
  (data (i32.const 8) "active") (data "passive"))`

func TestRoundTrip(t *testing.T) {
	original := assemble(t, everything)
	m := decode(t, original)
	once := m.Encode()
	twice := decode(t, once).Encode()
	if !bytes.Equal(once, twice) {
		t.Errorf("encoding is not stable: %d bytes, then %d", len(once), len(twice))
	}
	ctx := context.Background()
	rt := wazero.NewRuntimeWithConfig(ctx, wazero.NewRuntimeConfigInterpreter())
	defer rt.Close(ctx)
	if _, err := rt.CompileModule(ctx, once); err != nil {
		t.Errorf("the engine refuses what was encoded: %v", err)
	}
	names, ok := m.Names()
	want := wasm.Names{Module: "all", Functions: []wasm.FuncName{{0, "imported"}, {1, "defined"}, {2, "second"}}}
	if !ok || !cmp.Equal(want, names) {
		t.Errorf("names: %v %s", ok, cmp.Diff(want, names))
	}
}

func decode(t testing.TB, b []byte) *wasm.Module {
	t.Helper()
	m, err := wasm.Decode(b, wasm.DefaultBounds())
	if err != nil {
		t.Fatal(err)
	}
	return m
}

// readCode walks all functions.
func readCode(m *wasm.Module) error {
	c := wasm.NewCodeReader(m)
	var in wasm.Instr
	for i := range m.Code {
		c.Reset(i)
		for {
			if _, ok := c.Next(&in); !ok {
				break
			}
		}
		if c.Err() != nil {
			return c.Err()
		}
	}
	return nil
}

// module makes a module of sections, each "id content" in hexadecimal.
func module(sections ...string) []byte {
	out := []byte("\x00asm\x01\x00\x00\x00")
	for _, s := range sections {
		var id byte
		var content []byte
		for i, field := range strings.Fields(s) {
			var c byte
			fmt.Sscanf(field, "%x", &c)
			if i == 0 {
				id = c
			} else {
				content = append(content, c)
			}
		}
		out = append(append(out, id), byte(len(content)))
		out = append(out, content...)
	}
	return out
}

// body makes a module with one function () -> () of this code, in hexadecimal, without locals.
func body(code string) []byte {
	n := len(strings.Fields(code))
	return module("01 01 60 00 00", "03 01 00", "04 01 70 00 01", "05 01 00 01", "06 01 7f 01 41 00 0b",
		fmt.Sprintf("0a 01 %x 00 %s", n+1, code))
}

func TestRefused(t *testing.T) {
	deep := strings.Repeat("02 40 ", 41) + strings.Repeat("0b ", 42)
	tests := []struct {
		name   string
		module []byte
		want   string // part of the message
	}{
		{"nothing", nil, "no WebAssembly module"},
		{"component", []byte("\x00asm\x0d\x00\x01\x00"), "no WebAssembly module"},
		{"unknown section", module("0e"), "unknown section"},
		{"tag section", module("0d 00"), "exception handling"},
		{"section twice", module("01 00", "01 00"), "section twice or out of order"},
		{"sections out of order", module("03 00", "01 00"), "section twice or out of order"},
		{"section too long", module("01 00 00"), "section longer than its content"},
		{"section beyond the end", append(module(), 1, 5, 0), "length beyond the end"},
		{"count beyond the end", module("01 7f 60 00 00"), "count of types beyond the end"},
		{"bodies missing", module("01 01 60 00 00", "03 01 00"), "functions and bodies differ"},
		{"type missing", module("03 01 00"), "type 0 does not exist"},
		{"struct type", module("01 01 5f 00"), "garbage collection"},
		{"reference to type", module("01 01 60 01 63 00 00"), "typed function references"},
		{"exception reference", module("01 01 60 01 69 00"), "exception handling"},
		{"shared memory", module("05 01 03 01 01"), "threads"},
		{"64-bit memory", module("05 01 04 01"), "memory64"},
		{"page size", module("05 01 08 01 00"), "custom page sizes"},
		{"two memories", module("05 02 00 01 00 01"), "multi-memory"},
		{"memory beyond 4 GiB", module("05 01 00 81 80 04"), "memory beyond 4 GiB"},
		{"maximum below minimum", module("05 01 01 02 01"), "maximum below minimum"},
		{"table with an expression", module("04 01 40 00 70 00 01 d0 70 0b"), "typed function references"},
		{"global that reads itself", module("06 01 7f 01 23 00 0b"), "imported global 0 does not exist"},
		{"extended constant", module("06 01 7f 00 41 01 41 01 6a 0b"), "extended constant expressions"},
		{"no constant", module("06 01 7f 00 45 0b"), "not a constant expression"},
		{"export of nothing", module("07 01 01 61 00 00"), "func 0 does not exist"},
		{"export of a tag", module("07 01 01 61 04 00"), "exception handling"},
		{"name not UTF-8", module("07 01 01 ff 00 00"), "not UTF-8"},
		{"start of nothing", module("08 00"), "function 0 does not exist"},
		{"data without memory", module("0b 01 00 41 00 0b 00"), "memory 0 does not exist"},
		{"data count wrong", module("05 01 00 01", "0c 02", "0b 01 00 41 00 0b 00"), "data count differs"},

		{"local", body("20 00 1a 0b"), "local 0 does not exist"},
		{"global", body("23 01 1a 0b"), "global 1 does not exist"},
		{"global written", body("41 00 24 01 0b"), "global 1 does not exist"},
		{"function", body("10 01 0b"), "function 1 does not exist"},
		{"type of call_indirect", body("41 00 11 01 00 0b"), "type 1 does not exist"},
		{"table of call_indirect", body("41 00 11 00 01 0b"), "table 1 does not exist"},
		{"type of block", body("02 01 0b 0b"), "type 1 does not exist"},
		{"label", body("0c 01 0b"), "label 1 does not exist"},
		{"label in a table", body("41 00 0e 01 00 02 0b"), "label 2 does not exist"},
		{"data segment without a count", body("fc 09 00 0b"), "data segment 0 does not exist"},
		{"element segment", body("fc 0d 00 0b"), "element segment 0 does not exist"},
		{"else alone", body("05 0b"), "else outside of if"},
		{"else twice", body("41 00 04 40 05 05 0b 0b"), "else outside of if"},
		{"not closed", body("02 40 0b"), "unexpected end"},
		{"closed twice", body("0b 0b"), "code after the end"},
		{"nested", body(deep), "41 nested blocks"},
		{"try", body("06 40 0b 0b"), "exception handling"},
		{"try_table", body("1f 40 00 0b 0b"), "exception handling"},
		{"tail call", body("12 00 0b"), "tail calls"},
		{"call_ref", body("14 00 0b"), "typed function references"},
		{"struct.new", body("fb 00 00 0b"), "garbage collection"},
		{"atomic", body("fe 03 00 0b"), "threads"},
		{"relaxed SIMD", body("fd 80 02 0b"), "relaxed SIMD"},
		{"unassigned vector instruction", body("fd 9a 01 0b"), "unknown opcode 0xfd 154"},
		{"memory index", body("41 00 28 40 00 00 1a 0b"), "multi-memory"},
		{"memory.size of another", body("3f 01 1a 0b"), "multi-memory"},
		{"alignment", body("41 00 28 05 00 1a 0b"), "alignment"},
		{"unknown", body("27 0b"), "unknown opcode 0x27"},
		{"unknown misc", body("fc 12 0b"), "unknown opcode 0xfc 18"},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			bounds := wasm.DefaultBounds()
			bounds.Nesting = 40
			m, err := wasm.Decode(test.module, bounds)
			if err == nil {
				err = readCode(m)
			}
			if err == nil || !strings.Contains(err.Error(), test.want) {
				t.Errorf("error %v, want one with %q", err, test.want)
			}
		})
	}
}

func TestBounds(t *testing.T) {
	b := assemble(t, everything)
	set := map[string]func(*wasm.Bounds){
		"types":                    func(b *wasm.Bounds) { b.Types = 2 },
		"imports":                  func(b *wasm.Bounds) { b.Imports = 0 },
		"functions":                func(b *wasm.Bounds) { b.Functions = 2 },
		"tables":                   func(b *wasm.Bounds) { b.Tables = 1 },
		"globals":                  func(b *wasm.Bounds) { b.Globals = 6 },
		"exports":                  func(b *wasm.Bounds) { b.Exports = 3 },
		"element segments":         func(b *wasm.Bounds) { b.Elements = 4 },
		"element entries":          func(b *wasm.Bounds) { b.ElemItems = 6 },
		"data segments":            func(b *wasm.Bounds) { b.Data = 1 },
		"parameters":               func(b *wasm.Bounds) { b.Params = 1 },
		"results":                  func(b *wasm.Bounds) { b.Results = 1 },
		"locals in a function":     func(b *wasm.Bounds) { b.Locals = 3 },
		"bytes in a function body": func(b *wasm.Bounds) { b.BodyBytes = 20 },
		"bytes in a name":          func(b *wasm.Bounds) { b.NameLength = 0 },
	}
	for what, lower := range set {
		bounds := wasm.DefaultBounds()
		lower(&bounds)
		_, err := wasm.Decode(b, bounds)
		var bound *wasm.BoundError
		if !errors.As(err, &bound) || bound.What != what || bound.Got != bound.Max+1 && what != "bytes in a function body" {
			t.Errorf("%s: error %v", what, err)
		}
	}
}

func FuzzDecode(f *testing.F) {
	f.Add(assemble(f, everything))
	f.Add(body("02 40 0b 0b"))
	f.Fuzz(func(t *testing.T, b []byte) {
		m, err := wasm.Decode(b, wasm.DefaultBounds())
		if err != nil {
			return
		}
		m.Names()
		codeErr := readCode(m)
		once := m.Encode()
		again, err := wasm.Decode(once, wasm.DefaultBounds())
		if err != nil {
			t.Fatalf("what was encoded is refused: %v", err)
		}
		if !bytes.Equal(once, again.Encode()) {
			t.Fatal("encoding is not stable")
		}
		if err := readCode(again); (err == nil) != (codeErr == nil) {
			t.Fatalf("code: %v, after encoding: %v", codeErr, err)
		}
	})
}
