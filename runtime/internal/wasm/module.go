package wasm

// Module is a decoded module. Index spaces begin with the imports of their kind (core specification
// 2.0 section 2.5.1).
type Module struct {
	Types     []FuncType
	Imports   []Import
	Functions []uint32 // type index of each function that the module defines
	Tables    []Table
	Memories  []Limits
	Globals   []Global
	Exports   []Export
	Start     *uint32
	Elements  []Element
	DataCount *uint32
	Code      []Body // one for each of Functions
	Data      []Data
	Customs   []Custom

	bounds Bounds
}

// ValueType is a value type in the encoding of the binary format.
type ValueType byte

// The value types of release 2.0 (section 5.3.4).
const (
	I32       ValueType = 0x7f
	I64       ValueType = 0x7e
	F32       ValueType = 0x7d
	F64       ValueType = 0x7c
	V128      ValueType = 0x7b
	FuncRef   ValueType = 0x70
	ExternRef ValueType = 0x6f
)

// IsReference says whether values of the type are references, which no host can copy out.
func (t ValueType) IsReference() bool { return t == FuncRef || t == ExternRef }

// String gives the name of the text format.
func (t ValueType) String() string {
	switch t {
	case I32:
		return "i32"
	case I64:
		return "i64"
	case F32:
		return "f32"
	case F64:
		return "f64"
	case V128:
		return "v128"
	case FuncRef:
		return "funcref"
	case ExternRef:
		return "externref"
	}
	return "unknown"
}

// FuncType is the type of a function.
type FuncType struct{ Params, Results []ValueType }

// ExternKind is a kind of import or export, in the encoding of the binary format.
type ExternKind byte

// The kinds of imports and exports (section 5.5.5).
const (
	ExternFunc   ExternKind = 0
	ExternTable  ExternKind = 1
	ExternMemory ExternKind = 2
	ExternGlobal ExternKind = 3
)

// String gives the name of the text format.
func (k ExternKind) String() string {
	return [...]string{"func", "table", "memory", "global"}[k]
}

// Import is an imported thing; Kind says which of the fields below it holds.
type Import struct {
	Module, Name string
	Kind         ExternKind
	Func         uint32 // type index
	Table        Table
	Memory       Limits
	Global       GlobalType
}

// Limits are the sizes of a memory in pages of 64 KiB or of a table in entries.
type Limits struct {
	Min    uint32
	Max    uint32 // valid if HasMax
	HasMax bool
}

// Table is a table's type.
type Table struct {
	Type   ValueType
	Limits Limits
}

// GlobalType is a global's type.
type GlobalType struct {
	Type    ValueType
	Mutable bool
}

// Global is a global that the module defines.
type Global struct {
	GlobalType
	Init ConstExpr
}

// ConstExpr is a constant expression, which release 2.0 limits to one instruction (section 3.3.10).
type ConstExpr struct{ Instr }

// Export is an exported thing.
type Export struct {
	Name  string
	Kind  ExternKind
	Index uint32
}

// SegmentMode says when a segment is copied.
type SegmentMode byte

// The modes of a segment (sections 2.5.7 and 2.5.8).
const (
	SegmentActive      SegmentMode = iota // at instantiation
	SegmentPassive                        // by an instruction
	SegmentDeclarative                    // never; declares functions for ref.func
)

// Element is an element segment. Either Funcs or Exprs is used.
type Element struct {
	Mode   SegmentMode
	Table  uint32    // if active
	Offset ConstExpr // if active
	Type   ValueType
	Exprs  []ConstExpr
	Funcs  []uint32
}

// Len gives the number of entries.
func (e *Element) Len() int { return len(e.Exprs) + len(e.Funcs) }

// LocalRun is a run of locals of one type.
type LocalRun struct {
	Count uint32
	Type  ValueType
}

// Body is a function's code. Code ends with the end opcode of the function.
type Body struct {
	Locals []LocalRun
	Code   []byte
	Offset int // of Code in the module it was decoded from
	Size   int // of locals and code in the module it was decoded from, in bytes
}

// Data is a data segment. Mode is active or passive.
type Data struct {
	Mode   SegmentMode
	Offset ConstExpr // if active
	Bytes  []byte
}

// Custom is a custom section.
type Custom struct {
	Name  string
	Bytes []byte
}

// NumImported counts the imports of a kind.
func (m *Module) NumImported(kind ExternKind) uint32 {
	n := uint32(0)
	for i := range m.Imports {
		if m.Imports[i].Kind == kind {
			n++
		}
	}
	return n
}

// NumFuncs counts the functions, imported ones included.
func (m *Module) NumFuncs() uint32 { return m.NumImported(ExternFunc) + uint32(len(m.Functions)) }

// NumTables counts the tables, imported ones included.
func (m *Module) NumTables() uint32 { return m.NumImported(ExternTable) + uint32(len(m.Tables)) }

// NumMemories counts the memories, imported ones included.
func (m *Module) NumMemories() uint32 {
	return m.NumImported(ExternMemory) + uint32(len(m.Memories))
}

// NumGlobals counts the globals, imported ones included.
func (m *Module) NumGlobals() uint32 { return m.NumImported(ExternGlobal) + uint32(len(m.Globals)) }

// FuncType gives the type of a function by its index, which must exist.
func (m *Module) FuncType(index uint32) *FuncType {
	for i := range m.Imports {
		if m.Imports[i].Kind != ExternFunc {
			continue
		}
		if index == 0 {
			return &m.Types[m.Imports[i].Func]
		}
		index--
	}
	return &m.Types[m.Functions[index]]
}
