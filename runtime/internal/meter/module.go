package meter

import (
	"fmt"
	"strings"

	"github.com/namelet/namelet/runtime/internal/wasm"
)

// refuse refuses modules whose code would run uncounted, and such as share state with others.
func refuse(m *wasm.Module) error {
	if m.Start != nil {
		return &Error{What: "start section: it would run before fuel is set"}
	}
	for i := range m.Imports {
		if imp := &m.Imports[i]; imp.Kind != wasm.ExternFunc {
			return &Error{What: fmt.Sprintf("imported %s %s.%s: it would not be bounded", imp.Kind, imp.Module, imp.Name)}
		}
	}
	for i := range m.Exports {
		if name := m.Exports[i].Name; strings.HasPrefix(name, ReservedPrefix) {
			return &Error{What: fmt.Sprintf("export %q: the name is reserved", name)}
		}
	}
	return nil
}

// limit gives the memory and each table a maximum.
func limit(m *wasm.Module, opt Options) error {
	for i := range m.Memories {
		if err := limitTo(&m.Memories[i], opt.MemoryPages, "pages of memory"); err != nil {
			return err
		}
	}
	for i := range m.Tables {
		if err := limitTo(&m.Tables[i].Limits, opt.TableEntries, "table entries"); err != nil {
			return err
		}
	}
	return nil
}

func limitTo(l *wasm.Limits, most uint32, what string) error {
	if l.Min > most {
		return &Error{What: fmt.Sprintf("%d %s to begin with: at most %d are allowed", l.Min, what, most)}
	}
	if !l.HasMax || l.Max > most {
		l.Max, l.HasMax = most, true
	}
	return nil
}

// addGlobals appends the hidden globals, in the order of hiddenFuel and hiddenDepth, and exports them
// and the module's own mutable numbers. It runs after the code was checked against the original count.
func addGlobals(m *wasm.Module) {
	for i, g := range m.Globals {
		if g.Mutable && !g.Type.IsReference() && g.Type != wasm.V128 {
			m.Exports = append(m.Exports, wasm.Export{Name: GlobalExport(uint32(i)), Kind: wasm.ExternGlobal, Index: uint32(i)})
		}
	}
	base := uint32(len(m.Globals))
	m.Globals = append(m.Globals, hiddenGlobal(wasm.I64, wasm.OpI64Const), hiddenGlobal(wasm.I32, wasm.OpI32Const))
	m.Exports = append(m.Exports,
		wasm.Export{Name: FuelExport, Kind: wasm.ExternGlobal, Index: base + hiddenFuel},
		wasm.Export{Name: DepthExport, Kind: wasm.ExternGlobal, Index: base + hiddenDepth})
}

// hiddenGlobal is a mutable global that begins at zero.
func hiddenGlobal(t wasm.ValueType, zero wasm.Opcode) wasm.Global {
	return wasm.Global{
		GlobalType: wasm.GlobalType{Type: t, Mutable: true},
		Init:       wasm.ConstExpr{Instr: wasm.Instr{Op: zero}},
	}
}

// keepNames drops the custom sections except the names of functions, whose indices are unchanged. The
// others may speak of code offsets, which are.
func keepNames(m *wasm.Module) {
	names, ok := m.Names()
	m.Customs = nil
	if ok {
		m.Customs = []wasm.Custom{names.Custom()}
	}
}
