package inspect

import (
	"fmt"

	"github.com/namelet/namelet/hostabi"
)

// Kind says why a module was refused.
type Kind int

// The kinds of refusal. The zero kind is invalid.
const (
	_ Kind = iota
	// KindMalformed: the bytes are no valid module. Reason says what is wrong and where.
	KindMalformed
	// KindFeature: Name is a feature of WebAssembly that guests may not use.
	KindFeature
	// KindLimit: there is more of Name than is allowed; Got and Max say how much.
	KindLimit
	// KindMissingExport: the export Name is required and is not there.
	KindMissingExport
	// KindExport: the export Name is there with another kind or signature; Want and Have say which.
	KindExport
	// KindReservedExport: the name of the export Name is kept for the host.
	KindReservedExport
	// KindImport: the import Module.Name is not one that a guest may ask for.
	KindImport
	// KindImportType: the import Module.Name is asked for with another kind or signature; Want and
	// Have say which.
	KindImportType
	// KindStart: the module has a start section, or exports _start.
	KindStart
	// KindMemory: the module has no memory of its own.
	KindMemory
)

var kindNames = map[Kind]string{
	KindMalformed: "malformed", KindFeature: "feature", KindLimit: "limit",
	KindMissingExport: "missing-export", KindExport: "export", KindReservedExport: "reserved-export",
	KindImport: "import", KindImportType: "import-type", KindStart: "start", KindMemory: "memory",
}

// String gives a short name that is stable, "missing-export" for instance.
func (k Kind) String() string {
	if name, ok := kindNames[k]; ok {
		return name
	}
	return "invalid"
}

// Refusal is the error of [Module]: why a module is not accepted. Which fields are set is said by the
// kind.
type Refusal struct {
	Kind     Kind
	Module   string // of an import
	Name     string // of an export, import, feature or limit
	Want     string // signature as the ABI has it, "func (i32) -> i32" for instance
	Have     string // signature as the module has it
	Got, Max uint64
	Reason   string
	Err      error // the error of the decoder, if it was one
}

// Unwrap gives the decoder's error, or nil.
func (r *Refusal) Unwrap() error { return r.Err }

func (r *Refusal) Error() string { return "inspect: module refused: " + r.detail() }

func (r *Refusal) detail() string {
	switch r.Kind {
	case KindMalformed:
		return r.Reason
	case KindFeature:
		return fmt.Sprintf("it uses %s, which guests may not", r.Name)
	case KindLimit:
		return fmt.Sprintf("%d %s, at most %d are allowed", r.Got, r.Name, r.Max)
	case KindMissingExport:
		return fmt.Sprintf("it does not export %q as %s", r.Name, r.Want)
	case KindExport:
		return fmt.Sprintf("it exports %q as %s, want %s", r.Name, r.Have, r.Want)
	case KindReservedExport:
		return fmt.Sprintf("it exports %q, a name kept for the host", r.Name)
	case KindImport:
		return fmt.Sprintf("it imports %s.%s, which is not offered to guests", r.Module, r.Name)
	case KindImportType:
		return fmt.Sprintf("it imports %s.%s as %s, want %s", r.Module, r.Name, r.Have, r.Want)
	case KindStart:
		return "it has a start function; a guest is a library: build a reactor, with _initialize"
	case KindMemory:
		return "it has no memory of its own; export one as " + hostabi.ExportMemory
	}
	return "invalid refusal"
}
