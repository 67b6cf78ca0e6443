package meter

import (
	"bytes"
	"fmt"
	"strings"
	"testing"

	"github.com/tetratelabs/wazero"
	"github.com/tetratelabs/wazero/api"

	"github.com/namelet/namelet/runtime/internal/wasm"
)

// memoryOf instantiates a module, has it write its data where it was rewritten to, and gives its memory.
func (l *lab) memoryOf(module []byte) ([]byte, error) {
	compiled, err := l.rt.CompileModule(l.ctx, module)
	if err != nil {
		return nil, err
	}
	defer compiled.Close(l.ctx)
	mod, err := l.rt.InstantiateModule(l.ctx, compiled, wazero.NewModuleConfig().WithName("").WithStartFunctions())
	if err != nil {
		return nil, err
	}
	defer mod.Close(l.ctx)
	if write := mod.ExportedFunction(DataExport); write != nil {
		if whole := wholeMemory(mod); !bytes.Equal(whole, make([]byte, len(whole))) {
			return nil, fmt.Errorf("memory was written to already")
		}
		if _, err := write.Call(l.ctx); err != nil {
			return nil, err
		}
	}
	return bytes.Clone(wholeMemory(mod)), nil
}

func wholeMemory(mod api.Module) []byte {
	memory := mod.ExportedMemory("memory")
	whole, _ := memory.Read(0, memory.Size())
	return whole
}

func moved(t testing.TB, metered []byte) bool {
	t.Helper()
	m, err := wasm.Decode(metered, wasm.DefaultBounds())
	if err != nil {
		t.Fatal(err)
	}
	for i := range m.Exports {
		if m.Exports[i].Name == DataExport {
			return true
		}
	}
	return false
}

// checkData holds the memory of the metered module against that of the original, or their errors.
func (l *lab) checkData(t testing.TB, original []byte) (metered []byte) {
	t.Helper()
	metered, err := Rewrite(original, DefaultOptions())
	if err != nil {
		t.Fatal(err)
	}
	want, wantErr := l.memoryOf(original)
	got, gotErr := l.memoryOf(metered)
	if fmt.Sprint(wantErr) != fmt.Sprint(gotErr) {
		t.Fatalf("error %v, without metering %v", gotErr, wantErr)
	}
	if !bytes.Equal(want, got) {
		t.Fatal("the memory differs from that of the original")
	}
	return metered
}

func TestMoveData(t *testing.T) {
	tests := []struct {
		name, text string
		moved      bool
	}{
		{"one", `(memory 1) (data (i32.const 16) "abc")`, true},
		{"none", `(memory 1)`, false},
		{"overlapping, the later counts", `(memory 1)
			(data (i32.const 20) "aaaa") (data (i32.const 10) "bbbbbbbbbbbbbbbbbbbb") (data (i32.const 18) "cccc") (data (i32.const 0) "d")`, true},
		{"next to each other and apart", `(memory 2)
			(data (i32.const 4) "aaaa") (data (i32.const 0) "bbbb") (data (i32.const 72) "c") (data (i32.const 137) "d") (data (i32.const 100000) "e")`, true},
		{"empty, at the end", `(memory 1) (data (i32.const 65536) "") (data (i32.const 65534) "ab")`, true},
		{"empty alone", `(memory 1) (data (i32.const 5) "")`, false},
		{"empty, behind the end", `(memory 1) (data (i32.const 65537) "") (data (i32.const 0) "ab")`, false},
		{"over the end", `(memory 1) (data (i32.const 0) "ab") (data (i32.const 65535) "ab")`, false},
		{"beyond what is signed", `(memory 1) (data (i32.const -1) "a")`, false},
		{"no memory to begin with", `(memory 0 1) (data (i32.const 0) "a")`, false},
		{"passive and unused", `(memory 1) (data "zzz") (data (i32.const 3) "a")`, true},
		{"code takes from one", `(memory 1) (data (i32.const 3) "abc")
			(func (export "f") (memory.init 0 (i32.const 9) (i32.const 0) (i32.const 0)))`, false},
		{"code drops one", `(memory 1) (data (i32.const 3) "abc") (func (export "f") (data.drop 0))`, false},
	}
	l := newLab(wazero.NewRuntimeConfigInterpreter())
	defer l.close()
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			metered := l.checkData(t, assemble(t, `(module (export "memory" (memory 0)) `+test.text+`)`))
			if got := moved(t, metered); got != test.moved {
				t.Errorf("moved: %v, want %v", got, test.moved)
			}
		})
	}
}

// spread makes a module of segments of 1 byte that are this far apart.
func spread(segments, apart int) []byte {
	m := &wasm.Module{
		Memories: []wasm.Limits{{Min: uint32(segments*apart/pageBytes + 1)}},
		Exports:  []wasm.Export{{Name: "memory", Kind: wasm.ExternMemory}},
	}
	for i := range segments {
		m.Data = append(m.Data, wasm.Data{Offset: wasm.ConstExpr{Instr: num(int64(i * apart))}, Bytes: []byte{byte(i) | 1}})
	}
	return m.Encode()
}

// However many segments there are, the function stays short and the module about as long as it was.
func TestMoveManySegments(t *testing.T) {
	l := newLab(wazero.NewRuntimeConfigCompiler())
	defer l.close()
	tests := []struct {
		segments, apart int
		moved           bool
	}{
		{50_000, 2, true},
		{maxRuns, 40_000, true},
		{maxRuns + 1, 64, true},
		{maxRuns + 1, 40_000, false},
		{50_000, 300, false},
	}
	for _, test := range tests {
		original := spread(test.segments, test.apart)
		metered := l.checkData(t, original)
		if got := moved(t, metered); got != test.moved {
			t.Errorf("%d segments %d apart: moved %v, want %v", test.segments, test.apart, got, test.moved)
		}
		if most := len(original)*(1+maxPadding) + freePadding + 100_000; len(metered) > most {
			t.Errorf("%d segments %d apart: %d bytes, at most %d expected", test.segments, test.apart, len(metered), most)
		}
	}
}

// Segments that code names are there as before, and can be dropped.
func TestDataInUseStays(t *testing.T) {
	g := metered(t, `(module (memory (export "memory") 1) (data (i32.const 0) "abcd") (data "wxyz")
		(func (export "copy") (memory.init 1 (i32.const 100) (i32.const 1) (i32.const 3)))
		(func (export "again") (memory.init 0 (i32.const 200) (i32.const 0) (i32.const 1)))
		(func (export "drop") (data.drop 1)))`, plentyFuel, plentyDepth)
	if _, err := g.call("copy"); err != nil {
		t.Fatal(err)
	}
	if whole := wholeMemory(g.mod); string(whole[:4]) != "abcd" || string(whole[100:104]) != "xyz\x00" {
		t.Errorf("memory begins %q, has %q at 100", whole[:4], whole[100:104])
	}
	if _, err := g.call("drop"); err != nil {
		t.Fatal(err)
	}
	if _, err := g.call("copy"); err == nil || !strings.Contains(err.Error(), "out of bounds") {
		t.Errorf("a dropped segment is copied: error %v", err)
	}
}

// FuzzMoveData takes places and lengths of segments from bytes: three for each, in a memory of two pages.
func FuzzMoveData(f *testing.F) {
	f.Add([]byte{0, 0, 5, 0, 3, 9, 255, 255, 1, 0, 1, 1})
	f.Add([]byte{128, 0, 0, 127, 255, 255, 0, 0, 64, 0, 128, 1})
	f.Add(bytes.Repeat([]byte{7, 77, 177, 13}, 300))
	l := newLab(wazero.NewRuntimeConfigInterpreter())
	f.Cleanup(l.close)
	f.Fuzz(func(t *testing.T, data []byte) {
		l.renew()
		m := &wasm.Module{
			Memories: []wasm.Limits{{Min: 2}},
			Exports:  []wasm.Export{{Name: "memory", Kind: wasm.ExternMemory}},
		}
		for i := 0; i+3 <= len(data) && len(m.Data) < 3000; i += 3 {
			at := int64(data[i])<<8 | int64(data[i+1])
			m.Data = append(m.Data, wasm.Data{
				Offset: wasm.ConstExpr{Instr: num(2*at + int64(i&1))},
				Bytes:  bytes.Repeat([]byte{byte(i/3) + 1}, int(data[i+2])),
			})
		}
		l.checkData(t, m.Encode())
	})
}
