package runtime

import (
	"bytes"
	"errors"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/namelet/namelet/runtime/internal/inspect"
)

// runWASI calls a function and gives its error number, or the fault that ended the call.
func (c *call) runWASI(name string, args ...uint64) (errno uint64, fault *Fault) {
	defer func() {
		if r := recover(); r != nil {
			if _, ok := r.(hostTrap); !ok {
				panic(r)
			}
			fault = c.fault
		}
	}()
	enterWASI(name)(c, nil, args)
	return args[0], nil
}

const clockWire = "\x00\x00\x00\x00\x00\x00\x00\x00" // user data

func TestWASI(t *testing.T) {
	const at = 16
	second := "\x00\xca\x9a\x3b\x00\x00\x00\x00"
	epoch := "\x00\x00\x43\x52\xcf\x4c\x23\x0d" // 946684800e9 nanoseconds
	for _, row := range []struct {
		name  string
		image string
		call  string
		args  []uint64
		errno uint64
		after string
	}{
		{"no arguments", "", "args_sizes_get", []uint64{at, at + 4}, 0, le(0, 0)},
		{"no environment", "", "environ_sizes_get", []uint64{at, at + 4}, 0, le(0, 0)},
		{"a clock that stands", "", "clock_time_get", []uint64{1, 0, at}, 0, epoch},
		{"no such clock", "", "clock_time_get", []uint64{2, 0, at}, wasiInval, ""},
		{"the clock's step", "", "clock_res_get", []uint64{0, at}, 0, "\x01\x00\x00\x00\x00\x00\x00\x00"},
		{"random bytes", "", "random_get", []uint64{at, 3}, 0, "\xaf\xcd\x1d"},
		{"nothing to read", "", "fd_read", []uint64{0, 0, 0, at}, 0, le(0)},
		{"no file to read", "", "fd_read", []uint64{3, 0, 0, at}, wasiBadf, ""},
		{"no file to write", "", "fd_write", []uint64{3, 0, 0, at}, wasiBadf, ""},
		{"write", le(24, 2, 26, 1) + "", "fd_write", []uint64{1, at, 2, at + 16}, 0, le(24, 2, 26, 1, 3)},
		{"a stream has no place", "", "fd_seek", []uint64{1, 0, 0, at}, wasiSpipe, ""},
		{"no directories", "", "fd_prestat_get", []uint64{3, at}, wasiBadf, ""},
		{"no files", "", "path_open", []uint64{3, 0, at, 1, 0, 0, 0, 0, at}, wasiBadf, ""},
		{"no sockets", "", "sock_accept", []uint64{3, 0, at}, wasiBadf, ""},
		{"standard error", "", "fd_fdstat_get", []uint64{2, at}, 0, "\x02" + strings.Repeat("\x00", 7) + "\x42" + strings.Repeat("\x00", 15)},
		{"no such descriptor", "", "fd_fdstat_get", []uint64{3, at}, wasiBadf, ""},
		{"sleep", clockWire + le(0, 0, 1, 0) + second + strings.Repeat("\x00", 16), "poll_oneoff", []uint64{at, 128, 1, 192}, 0, ""},
		{"wait for nothing", "", "poll_oneoff", []uint64{at, 128, 0, 192}, wasiInval, ""},
	} {
		t.Run(row.name, func(t *testing.T) {
			c := newImportCall(nil, row.image)
			errno, fault := c.runWASI(row.call, row.args...)
			if fault != nil || errno != row.errno {
				t.Errorf("got %d, %v; want %d", errno, fault, row.errno)
			}
			want := bytes.Repeat([]byte{sentinel}, testMemory)
			copy(want[16:], row.image)
			copy(want[16:], row.after)
			if row.call == "poll_oneoff" && errno == wasiOK {
				copy(want[128:], strings.Repeat("\x00", 32)) // the event
				copy(want[192:], le(1))
			}
			if diff := cmp.Diff(want, c.mem.bytes); diff != "" {
				t.Errorf("memory, want -, got +:\n%s", diff)
			}
		})
	}
}

func TestWASIBadPointers(t *testing.T) {
	const end = testMemory
	for _, row := range []struct {
		call string
		args []uint64
	}{
		{"args_sizes_get", []uint64{0, end - 3}},
		{"clock_time_get", []uint64{0, 0, end - 7}},
		{"random_get", []uint64{end - 3, 4}},
		{"random_get", []uint64{0xffffffff, 2}},
		{"fd_write", []uint64{1, end - 7, 1, 0}},
		{"fd_write", []uint64{1, 16, 1, end - 3}},
		{"fd_fdstat_get", []uint64{1, end - 23}},
		{"poll_oneoff", []uint64{end - 47, 0, 1, 0}},
		{"poll_oneoff", []uint64{0, end - 31, 1, 0}},
	} {
		c := newImportCall(nil, le(0xfffffff0, 32))
		if _, fault := c.runWASI(row.call, row.args...); fault == nil || fault.Kind != FaultABI {
			t.Errorf("%s%v: %v, want the call to end", row.call, row.args, fault)
		}
	}
}

// The clock moves by what is slept, and by no more than a century.
func TestWASISleep(t *testing.T) {
	c := newImportCall(nil, clockWire+le(0, 0, 1, 0)+"\x00\xca\x9a\x3b\x00\x00\x00\x00")
	copy(c.mem.bytes[16+40:], "\x00\x00\x00\x00\x00\x00\x00\x00")
	for range 3 {
		if errno, fault := c.runWASI("poll_oneoff", 16, 128, 1, 192); errno != 0 || fault != nil {
			t.Fatalf("%d, %v", errno, fault)
		}
	}
	if c.wasi.slept != 3_000_000_000 {
		t.Errorf("slept %d ns, want 3 s", c.wasi.slept)
	}
	copy(c.mem.bytes[16+24:], "\xff\xff\xff\xff\xff\xff\xff\xff")
	for range 3 {
		if errno, fault := c.runWASI("poll_oneoff", 16, 128, 1, 192); errno != 0 || fault != nil {
			t.Fatalf("%d, %v", errno, fault)
		}
	}
	if c.wasi.slept != mostSlept {
		t.Errorf("slept %d ns, want %d", c.wasi.slept, uint64(mostSlept))
	}
}

// Output becomes lines of the log, bounded and in UTF-8; its end goes with a fault.
func TestOutput(t *testing.T) {
	h := newHost()
	c := newImportCall(h, "")
	for _, text := range []string{"a li", "ne\nanother\r\n\n", "\xff bytes é\n", strings.Repeat("x", 3000), "\nlast"} {
		c.output.write(c, []byte(text))
	}
	c.end()
	want := []string{"a line", "another ", "? bytes ??", strings.Repeat("x", 1024), "last"}
	if diff := cmp.Diff(want, h.lines); diff != "" {
		t.Errorf("lines, want -, got +:\n%s", diff)
	}
	if tail := string(c.output.tail); len(tail) != maxTail || !strings.HasSuffix(tail, "x\nlast") {
		t.Errorf("the tail has %d bytes and ends in %q", len(tail), tail[len(tail)-8:])
	}
}

// Whatever WASI function a module may import, the host defines, with its type.
func TestWASIIsWhole(t *testing.T) {
	e := newEngine(t, Config{Interpreter: true})
	for _, name := range inspect.WASIFunctions() {
		typ := inspect.WASIType(name)
		text := `(module (import "` + inspect.WASIModule + `" "` + name + `" (func`
		for _, p := range typ.Params {
			text += " (param " + p.String() + ")"
		}
		for _, r := range typ.Results {
			text += " (result " + r.String() + ")"
		}
		text += `)) (memory (export "memory") 1)
			(data (i32.const 16) "\00\10\00\00\00\04\00\00\00\20\00\00\00\04\00\00")
			(func (export "namelet_abi_1"))
			(func (export "namelet_buffers") (result i32) (i32.const 16))
			(func (export "namelet_answer") (param i32) (result i32) (i32.const -1)))`
		prepare(t, compile(t, e, watText(t, text)), GenerationConfig{})
	}
}

// An exit is a fault with its code, and what was written before it.
func TestExitShowsOutput(t *testing.T) {
	module := watText(t, `(module
		(import "wasi_snapshot_preview1" "proc_exit" (func $exit (param i32)))
		(import "wasi_snapshot_preview1" "fd_write" (func $write (param i32 i32 i32 i32) (result i32)))
		(memory (export "memory") 1)
		(data (i32.const 16) "\00\10\00\00\00\04\00\00\00\20\00\00\00\04\00\00")
		(data (i32.const 64) "\48\00\00\00\0a\00\00\00panic: no!")
		(func (export "namelet_abi_1"))
		(func (export "namelet_buffers") (result i32) (i32.const 16))
		(func $fail (drop (call $write (i32.const 2) (i32.const 64) (i32.const 1) (i32.const 128))) (call $exit (i32.const 2)))
		(func $namelet_answer (export "namelet_answer") (param i32) (result i32) (call $fail) (i32.const 0)))`, "--debug-names")
	for _, interpreter := range []bool{false, true} {
		i := newInstance(t, prepare(t, compile(t, newEngine(t, Config{Interpreter: interpreter}), module), GenerationConfig{}))
		h := newHost()
		var a Answer
		var fault *Fault
		if err := i.Answer(question("www.example.org", 1), DefaultFuel, h, &a); !errors.As(err, &fault) {
			t.Fatalf("got %v", err)
		}
		if fault.Kind != FaultExit || fault.Status != 2 || fault.Output != "panic: no!" {
			t.Errorf("got %+v", fault)
		}
		if diff := cmp.Diff([]string{"panic: no!"}, h.lines); diff != "" {
			t.Errorf("log, want -, got +:\n%s", diff)
		}
		if stack := strings.Join(fault.Stack, " "); !strings.HasSuffix(stack, ".fail .namelet_answer") {
			t.Errorf("stack %q", stack)
		}
	}
}
