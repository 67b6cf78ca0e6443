package hostabi

import "slices"

// ValueType is a WebAssembly value type, in the encoding of the binary format.
type ValueType byte

// The value types that cross the boundary.
const (
	I32 ValueType = 0x7f
	I64 ValueType = 0x7e
)

// Signature is the type of an exported or imported function.
type Signature struct {
	Params  []ValueType
	Results []ValueType
}

// Equal says whether two signatures are the same type.
func (s Signature) Equal(o Signature) bool {
	return slices.Equal(s.Params, o.Params) && slices.Equal(s.Results, o.Results)
}

// String gives the signature as the text format writes it, "(i32 i32) -> i64".
func (s Signature) String() string {
	return "(" + joinTypes(s.Params) + ") -> " + resultString(s.Results)
}

func resultString(types []ValueType) string {
	if len(types) == 0 {
		return "()"
	}
	return joinTypes(types)
}

func joinTypes(types []ValueType) string {
	text := ""
	for i, t := range types {
		if i > 0 {
			text += " "
		}
		text += t.String()
	}
	return text
}

// String gives the type's name in the text format.
func (t ValueType) String() string {
	switch t {
	case I32:
		return "i32"
	case I64:
		return "i64"
	}
	return "unknown"
}

// Function is one function of the contract. Required is meaningful for exports: a guest that lacks
// a required one is refused. No import is required.
type Function struct {
	Name      string
	Signature Signature
	Required  bool
}

// Exports lists the functions a guest may export under a name of the contract. An export of another
// name is the guest's own affair; one of these names with another type is refused, and so is _start
// with any type.
var Exports = []Function{
	{ExportMarker, sig(nil, nil), true},
	{ExportBuffers, sig(nil, types(I32)), true},
	{ExportInit, sig(types(I32), types(I32)), false},
	{ExportAnswer, sig(types(I32), types(I32)), true},
	{ExportIdle, sig(types(I32), nil), false},
	{ExportInitialize, sig(nil, nil), false},
}

// Imports lists the functions of [ImportModule].
var Imports = []Function{
	{ImportLookup, sig(types(I32, I32, I32, I32), types(I32)), false},
	{ImportLookupMany, sig(types(I32, I32), types(I32)), false},
	{ImportRRsetInfo, sig(types(I32, I32, I32), types(I32)), false},
	{ImportRRsetRead, sig(types(I32, I32, I32), types(I32)), false},
	{ImportClient, sig(types(I32, I32, I32), types(I32)), false},
	{ImportNow, sig(types(I32), types(I64)), false},
	{ImportBefore, sig(types(I64), types(I32)), false},
	{ImportPick, sig(types(I32), types(I32)), false},
	{ImportTransport, sig(nil, types(I32)), false},
	{ImportSite, sig(types(I32, I32), types(I32)), false},
	{ImportLog, sig(types(I32, I32, I32), types(I32)), false},
	{ImportMetricAdd, sig(types(I32, I32, I64), types(I32)), false},
}

// Export finds a function of [Exports] by name.
func Export(name string) (Function, bool) { return find(Exports, name) }

// Import finds a function of [Imports] by name.
func Import(name string) (Function, bool) { return find(Imports, name) }

func find(table []Function, name string) (Function, bool) {
	for _, f := range table {
		if f.Name == name {
			return f, true
		}
	}
	return Function{}, false
}

func sig(params, results []ValueType) Signature { return Signature{Params: params, Results: results} }

func types(list ...ValueType) []ValueType { return list }
