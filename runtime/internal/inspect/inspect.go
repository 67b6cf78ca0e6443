package inspect

import (
	"errors"
	"slices"
	"strings"

	"github.com/namelet/namelet/hostabi"
	"github.com/namelet/namelet/runtime/internal/meter"
	"github.com/namelet/namelet/runtime/internal/wasm"
)

// inputs are the imports by which a guest reads something besides the question.
var inputs = []string{
	hostabi.ImportLookup, hostabi.ImportLookupMany, hostabi.ImportClient, hostabi.ImportNow,
	hostabi.ImportBefore, hostabi.ImportPick, hostabi.ImportTransport, hostabi.ImportSite,
}

// Module checks whether a module can be a guest. The error is a *Refusal; it names the first thing
// found wrong.
func Module(wasmBytes []byte, lim Limits) (*Report, error) {
	if got := len(wasmBytes); got > lim.ModuleBytes {
		return nil, limitRefusal("bytes in the module", uint64(got), uint64(max(lim.ModuleBytes, 0)))
	}
	m, err := wasm.Decode(wasmBytes, lim.Bounds)
	if err != nil {
		return nil, refusal(err)
	}
	for _, check := range []func(*wasm.Module, Limits) error{
		checkStart, checkImports, checkMemory, checkTables, checkExports,
	} {
		if err := check(m, lim); err != nil {
			return nil, err
		}
	}
	r := newReport(m, len(wasmBytes))
	if err := r.readCode(m); err != nil {
		return nil, refusal(err)
	}
	return r, nil
}

func limitRefusal(name string, got, most uint64) *Refusal {
	return &Refusal{Kind: KindLimit, Name: name, Got: got, Max: most}
}

// refusal turns an error of the decoder into a refusal.
func refusal(err error) *Refusal {
	r := &Refusal{Kind: KindMalformed, Reason: strings.TrimPrefix(err.Error(), "wasm: "), Err: err}
	var feature *wasm.FeatureError
	var bound *wasm.BoundError
	switch {
	case errors.As(err, &feature):
		r.Kind, r.Name = KindFeature, string(feature.Feature)
	case errors.As(err, &bound):
		r.Kind, r.Name, r.Got, r.Max = KindLimit, bound.What, bound.Got, bound.Max
	}
	return r
}

func checkStart(m *wasm.Module, _ Limits) error {
	if m.Start != nil {
		return &Refusal{Kind: KindStart, Name: "start section"}
	}
	for i := range m.Exports {
		if m.Exports[i].Name == hostabi.ExportStart {
			return &Refusal{Kind: KindStart, Name: hostabi.ExportStart}
		}
	}
	return nil
}

// checkImports admits functions of the ABI and of the WASI list, with the signature they have, and
// nothing else.
func checkImports(m *wasm.Module, _ Limits) error {
	for i := range m.Imports {
		imp := &m.Imports[i]
		want, ok := offered(imp.Module, imp.Name)
		if !ok {
			return &Refusal{Kind: KindImport, Module: imp.Module, Name: imp.Name}
		}
		if have := importType(m, imp); have != want {
			return &Refusal{Kind: KindImportType, Module: imp.Module, Name: imp.Name, Want: want, Have: have}
		}
	}
	return nil
}

// offered gives the type of a function that the host offers.
func offered(module, name string) (string, bool) {
	switch module {
	case hostabi.ImportModule:
		f, ok := hostabi.Import(name)
		return abiType(f.Signature), ok
	case WASIModule:
		f, ok := wasi[name]
		return funcType(&f), ok
	}
	return "", false
}

func checkMemory(m *wasm.Module, lim Limits) error {
	if len(m.Memories) != 1 {
		return &Refusal{Kind: KindMemory}
	}
	if got := m.Memories[0].Min; got > lim.MemoryPages {
		return limitRefusal("initial pages of memory", uint64(got), uint64(lim.MemoryPages))
	}
	return nil
}

func checkTables(m *wasm.Module, lim Limits) error {
	for i := range m.Tables {
		if got := m.Tables[i].Limits.Min; got > lim.TableEntries {
			return limitRefusal("initial entries of a table", uint64(got), uint64(lim.TableEntries))
		}
	}
	return nil
}

// checkExports checks the exports that the ABI names, and keeps the reserved names free. Two exports
// of one name are malformed (core specification 2.0 section 3.4.13).
func checkExports(m *wasm.Module, _ Limits) error {
	have := make(map[string]string, len(m.Exports))
	for i := range m.Exports {
		e := &m.Exports[i]
		if strings.HasPrefix(e.Name, meter.ReservedPrefix) {
			return &Refusal{Kind: KindReservedExport, Name: e.Name}
		}
		if _, twice := have[e.Name]; twice {
			return &Refusal{Kind: KindMalformed, Name: e.Name, Reason: "malformed module: two exports of one name: " + e.Name}
		}
		have[e.Name] = exportType(m, e)
	}
	if err := checkExport(have, hostabi.ExportMemory, "memory", true); err != nil {
		return err
	}
	for _, f := range hostabi.Exports {
		if err := checkExport(have, f.Name, abiType(f.Signature), f.Required); err != nil {
			return err
		}
	}
	return nil
}

func checkExport(have map[string]string, name, want string, required bool) error {
	got, ok := have[name]
	switch {
	case ok && got != want:
		return &Refusal{Kind: KindExport, Name: name, Want: want, Have: got}
	case !ok && required:
		return &Refusal{Kind: KindMissingExport, Name: name, Want: want}
	}
	return nil
}

func exportType(m *wasm.Module, e *wasm.Export) string {
	if e.Kind == wasm.ExternFunc {
		return funcType(m.FuncType(e.Index))
	}
	return e.Kind.String()
}

func importType(m *wasm.Module, i *wasm.Import) string {
	if i.Kind == wasm.ExternFunc {
		return funcType(&m.Types[i.Func])
	}
	return i.Kind.String()
}

func abiType(s hostabi.Signature) string { return "func " + s.String() }

// funcType writes a type as hostabi.Signature does.
func funcType(t *wasm.FuncType) string {
	results := typeNames(t.Results)
	if results == "" {
		results = "()"
	}
	return "func (" + typeNames(t.Params) + ") -> " + results
}

func typeNames(types []wasm.ValueType) string {
	names := make([]string, len(types))
	for i, t := range types {
		names[i] = t.String()
	}
	return strings.Join(names, " ")
}

// usedInputs lists which of the inputs are among the imports.
func usedInputs(imports []Import) []string {
	var used []string
	for _, name := range inputs {
		if slices.ContainsFunc(imports, func(i Import) bool { return i.Module == hostabi.ImportModule && i.Name == name }) {
			used = append(used, name)
		}
	}
	return used
}
