package inspect

import (
	"slices"

	"github.com/namelet/namelet/hostabi"
	"github.com/namelet/namelet/runtime/internal/wasm"
)

// newReport says what can be said without reading code.
func newReport(m *wasm.Module, size int) *Report {
	r := &Report{Size: size, Functions: len(m.Functions), Globals: len(m.Globals)}
	for i := range m.Exports {
		r.Exports = append(r.Exports, Export{Name: m.Exports[i].Name, Type: exportType(m, &m.Exports[i])})
	}
	for i := range m.Imports {
		imp := &m.Imports[i]
		r.Imports = append(r.Imports, Import{Module: imp.Module, Name: imp.Name, Type: importType(m, imp)})
	}
	r.Inputs = usedInputs(r.Imports)
	r.Lookups = slices.Contains(r.Inputs, hostabi.ImportLookup) || slices.Contains(r.Inputs, hostabi.ImportLookupMany)
	r.MemoryMin, r.MemoryMax = sizes(m.Memories[0], 1<<16)
	for _, t := range m.Tables {
		low, high := sizes(t.Limits, 1<<32-1)
		r.Tables = append(r.Tables, Table{Type: t.Type.String(), Min: low, Max: high})
	}
	r.addGlobals(m)
	r.addSegments(m)
	names, ok := m.Names()
	r.Names, r.ModuleName = ok, names.Module
	r.Language, r.ProcessedBy = producers(m)
	return r
}

func sizes(l wasm.Limits, unlimited uint32) (low, high uint32) {
	if l.HasMax {
		return l.Min, l.Max
	}
	return l.Min, unlimited
}

func (r *Report) addGlobals(m *wasm.Module) {
	for i, g := range m.Globals {
		switch {
		case !g.Mutable:
		case g.Type.IsReference() || g.Type == wasm.V128:
			r.MutableOpaque = true
		default:
			r.MutableGlobals = append(r.MutableGlobals, uint32(i))
		}
	}
}

func (r *Report) addSegments(m *wasm.Module) {
	r.DataSegments = len(m.Data)
	for i := range m.Data {
		r.DataBytes += len(m.Data[i].Bytes)
		r.PassiveData = r.PassiveData || m.Data[i].Mode == wasm.SegmentPassive
	}
	for i := range m.Elements {
		r.ElementEntries += m.Elements[i].Len()
		r.PassiveElements = r.PassiveElements || m.Elements[i].Mode == wasm.SegmentPassive
	}
}

// readCode walks every function.
func (r *Report) readCode(m *wasm.Module) error {
	c := wasm.NewCodeReader(m)
	imported := m.NumImported(wasm.ExternFunc)
	var in wasm.Instr
	for i := range m.Functions {
		c.Reset(i)
		for {
			if _, ok := c.Next(&in); !ok {
				break
			}
			r.note(&in)
			r.DeepestNesting = max(r.DeepestNesting, int(c.Depth()))
		}
		if c.Err() != nil {
			return c.Err()
		}
		r.MostLocals = max(r.MostLocals, int(c.NumLocals()))
		if m.Code[i].Size > r.LargestBody {
			r.LargestBody, r.LargestBodyIndex = m.Code[i].Size, imported+uint32(i)
		}
	}
	r.LargestBodyName = functionName(m, r.LargestBodyIndex)
	return nil
}

func (r *Report) note(in *wasm.Instr) {
	switch in.Op {
	case wasm.OpTableSet, wasm.OpTableGrow, wasm.OpTableFill, wasm.OpTableCopy, wasm.OpTableInit:
		r.MutableTables = true
	case wasm.OpDataDrop:
		r.DroppedData = true
	}
	r.SIMD = r.SIMD || in.Op.IsVector()
}

func functionName(m *wasm.Module, index uint32) string {
	names, _ := m.Names()
	for _, f := range names.Functions {
		if f.Index == index {
			return f.Name
		}
	}
	return ""
}

// producers reads the fields language and processed-by of the producers section, a convention of the
// tools. A malformed one is ignored.
func producers(m *wasm.Module) (language, processedBy []string) {
	for _, c := range m.Customs {
		if c.Name != wasm.ProducersSection {
			continue
		}
		fields, ok := wasm.DecodeProducers(c.Bytes)
		if ok {
			return fields["language"], fields["processed-by"]
		}
	}
	return nil, nil
}
