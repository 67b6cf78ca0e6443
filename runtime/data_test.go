package runtime

import (
	"context"
	"errors"
	"strings"
	"testing"
)

// dataGuest is a guest with segments that overlap, at the end of memory too. Extra is more text.
func dataGuest(t *testing.T, extra string) []byte {
	return watText(t, `(module
		(memory (export "memory") 1)
		(data (i32.const 16) "\00\10\00\00\00\04\00\00\00\20\00\00\00\04\00\00")
		(data (i32.const 300) "the first") (data (i32.const 304) "second") (data (i32.const 65533) "end")
		(func (export "namelet_abi_1"))
		(func (export "namelet_buffers") (result i32) (i32.const 16))
		(func (export "namelet_answer") (param i32) (result i32) (i32.const 0))`+extra+`)`)
}

// A guest finds its data whether it is a copy, started anew, or has its segments written by the engine.
func TestDataSegments(t *testing.T) {
	tests := []struct {
		name, extra string
		copied      bool
	}{
		{"copy", ``, true},
		{"started anew", `(table 1 funcref) (func (export "f") (table.set 0 (i32.const 0) (ref.null func)))`, false},
		{"segments in use", `(data "more") (func (export "f") (memory.init 3 (i32.const 0) (i32.const 0) (i32.const 0)))`, false},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			gen := prepare(t, compile(t, newEngine(t, Config{}), dataGuest(t, test.extra)), GenerationConfig{})
			if gen.Copied() != test.copied {
				t.Fatalf("copied: %v, want %v", gen.Copied(), test.copied)
			}
			if gen.InitFuel() == 0 {
				t.Error("the start took no fuel")
			}
			i := newInstance(t, gen)
			memory := i.guest.mem.bytes
			if got, want := string(memory[300:311]), "the second\x00"; got != want {
				t.Errorf("memory has %q, want %q", got, want)
			}
			if got := string(memory[len(memory)-3:]); got != "end" {
				t.Errorf("memory ends with %q", got)
			}
		})
	}
}

// A segment outside of memory is a fault of the start, as the engine words it.
func TestDataOutOfBounds(t *testing.T) {
	m := compile(t, newEngine(t, Config{}), dataGuest(t, `(data (i32.const 65534) "end")`))
	_, err := m.Prepare(context.Background(), GenerationConfig{})
	var fault *Fault
	if !errors.As(err, &fault) || fault.Kind != FaultInit || !strings.HasPrefix(fault.Message, "instantiation: ") || !strings.Contains(fault.Message, "out of bounds") {
		t.Errorf("error %v", err)
	}
}
