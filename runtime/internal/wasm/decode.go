package wasm

import "bytes"

var header = []byte{0, 'a', 's', 'm', 1, 0, 0, 0}

// Section numbers (core specification 2.0 section 5.5.2).
const (
	sectionCustom = iota
	sectionType
	sectionImport
	sectionFunction
	sectionTable
	sectionMemory
	sectionGlobal
	sectionExport
	sectionStart
	sectionElement
	sectionCode
	sectionData
	sectionDataCount
	sectionTag // of the exception handling proposal
)

// sectionOrder gives each section its place; each may come once (section 5.5.16).
var sectionOrder = [...]int{
	sectionType: 1, sectionImport: 2, sectionFunction: 3, sectionTable: 4, sectionMemory: 5,
	sectionGlobal: 6, sectionExport: 7, sectionStart: 8, sectionElement: 9, sectionDataCount: 10,
	sectionCode: 11, sectionData: 12,
}

// Decode reads a module. The result aliases b. The error is a *FormatError, *FeatureError,
// *BoundError, *IndexError or *OpcodeError.
//
// Every index outside of code is checked against what exists: types, functions, tables, memories and
// globals. A global in a constant expression must be an imported one (section 3.3.10).
func Decode(b []byte, bounds Bounds) (*Module, error) {
	if !bytes.HasPrefix(b, header) {
		return nil, &FormatError{What: "no WebAssembly module of binary version 1"}
	}
	d := &decoder{r: reader{b: b, pos: len(header)}, m: &Module{bounds: bounds}}
	last := 0
	for d.r.left() > 0 && d.r.err == nil {
		last = d.section(last)
	}
	if d.r.err == nil {
		d.checkWhole()
	}
	if d.r.err != nil {
		return nil, d.r.err
	}
	return d.m, nil
}

// decoder fills a module. r is the reader of the section at hand while one is read, spaces the sizes of
// the index spaces as the sections before it made them.
type decoder struct {
	r      reader
	m      *Module
	spaces struct {
		externs         [ExternGlobal + 1]uint32
		importedGlobals uint32
	}
}

func (d *decoder) recount() {
	m := d.m
	d.spaces.externs = [...]uint32{m.NumFuncs(), m.NumTables(), m.NumMemories(), m.NumGlobals()}
	d.spaces.importedGlobals = m.NumImported(ExternGlobal)
}

// section reads one section and returns its place in the order.
func (d *decoder) section(last int) int {
	at := d.r.offset()
	id := d.r.byte()
	content := d.r.bytes(d.r.u32())
	if d.r.err != nil {
		return last
	}
	if id == sectionTag {
		d.r.fail(&FeatureError{Feature: FeatureExceptions, Offset: at})
		return last
	}
	if int(id) >= len(sectionOrder) {
		d.r.fail(&FormatError{Offset: at, What: "unknown section"})
		return last
	}
	if place := sectionOrder[id]; id != sectionCustom {
		if place <= last {
			d.r.fail(&FormatError{Offset: at, What: "section twice or out of order"})
			return last
		}
		last = place
	}
	outer := d.r
	d.r = reader{b: content, base: outer.offset() - len(content)}
	d.recount()
	d.content(id)
	if d.r.left() > 0 {
		d.r.malformed("section longer than its content")
	}
	outer.err = d.r.err
	d.r = outer
	return last
}

func (d *decoder) content(id byte) {
	switch id {
	case sectionCustom:
		d.m.Customs = append(d.m.Customs, Custom{Name: d.r.name(uint32(d.r.left())), Bytes: d.r.bytes(uint32(d.r.left()))})
	case sectionType:
		d.m.Types = vector(d, "types", d.m.bounds.Types, (*decoder).funcType)
	case sectionImport:
		d.m.Imports = vector(d, "imports", d.m.bounds.Imports, (*decoder).importEntry)
	case sectionFunction:
		d.m.Functions = vector(d, "functions", d.m.bounds.Functions, (*decoder).typeIndex)
	case sectionTable:
		d.m.Tables = vector(d, "tables", d.m.bounds.Tables, (*decoder).table)
	case sectionMemory:
		d.m.Memories = vector(d, "memories", 16, (*decoder).memory)
	case sectionGlobal:
		d.m.Globals = vector(d, "globals", d.m.bounds.Globals, (*decoder).global)
	case sectionExport:
		d.m.Exports = vector(d, "exports", d.m.bounds.Exports, (*decoder).export)
	case sectionStart:
		start := d.index("function", d.spaces.externs[ExternFunc])
		d.m.Start = &start
	case sectionElement:
		d.m.Elements = vector(d, "element segments", d.m.bounds.Elements, (*decoder).element)
	case sectionDataCount:
		n := d.r.u32()
		d.m.DataCount = &n
	case sectionCode:
		d.m.Code = vector(d, "function bodies", d.m.bounds.Functions, (*decoder).body)
	case sectionData:
		d.m.Data = vector(d, "data segments", d.m.bounds.Data, (*decoder).data)
	}
}

// vector reads a vector of what item reads. The first allocation is bounded whatever the count says.
func vector[T any](d *decoder, what string, most uint32, item func(*decoder) T) []T {
	n := d.r.count(what, most)
	out := make([]T, 0, min(n, 1024))
	for range n {
		out = append(out, item(d))
		if d.r.err != nil {
			return nil
		}
	}
	return out
}

// checkWhole checks what takes more than one section.
func (d *decoder) checkWhole() {
	m := d.m
	if len(m.Functions) != len(m.Code) {
		d.r.malformed("functions and bodies differ in number")
	}
	if m.DataCount != nil && uint64(*m.DataCount) != uint64(len(m.Data)) {
		d.r.malformed("data count differs from the data segments")
	}
	if n := m.NumFuncs(); n > m.bounds.Functions {
		d.r.fail(&BoundError{What: "functions", Got: uint64(n), Max: uint64(m.bounds.Functions)})
	}
	if m.NumMemories() > 1 {
		d.r.fail(&FeatureError{Feature: FeatureMultiMemory, Offset: d.r.offset()})
	}
	items := uint64(0)
	for i := range m.Elements {
		items += uint64(m.Elements[i].Len())
	}
	if items > uint64(m.bounds.ElemItems) {
		d.r.fail(&BoundError{What: "element entries", Got: items, Max: uint64(m.bounds.ElemItems)})
	}
}

// index reads an index that must be below count.
func (d *decoder) index(space string, count uint32) uint32 {
	at := d.r.offset()
	i := d.r.u32()
	if d.r.err == nil && i >= count {
		d.r.fail(&IndexError{Space: space, Index: i, Count: count, Offset: at})
		return 0
	}
	return i
}

func (d *decoder) typeIndex() uint32 { return d.index("type", uint32(len(d.m.Types))) }
