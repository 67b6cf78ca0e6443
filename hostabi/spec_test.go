package hostabi_test

import (
	"fmt"
	"os"
	"regexp"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/namelet/namelet/hostabi"
)

func specText(t *testing.T) string {
	t.Helper()
	b, err := os.ReadFile("SPEC.md")
	if err != nil {
		t.Fatal(err)
	}
	return string(b)
}

var (
	exportLine = regexp.MustCompile(`(?m)^\(func \(export "(\w+)"\)(.*?)\) +;; (required|optional)$`)
	importLine = regexp.MustCompile(`(?m)^\(import "namelet_v1" "(\w+)" +\(func(.*)\)\)$`)
	valueType  = regexp.MustCompile(`\((param|result)(?: \$\w+)? (i32|i64)\)`)
)

// signature reads the params and results of a line in the text format.
func signature(line string) string {
	var params, results []string
	for _, m := range valueType.FindAllStringSubmatch(line, -1) {
		if m[1] == "param" {
			params = append(params, m[2])
		} else {
			results = append(results, m[2])
		}
	}
	if len(results) == 0 {
		results = []string{"()"}
	}
	return "(" + strings.Join(params, " ") + ") -> " + strings.Join(results, " ")
}

// TestSpecSignatures compares the tables with the WAT of the specification.
func TestSpecSignatures(t *testing.T) {
	text := specText(t)
	var inSpec, inTables []string
	for _, m := range exportLine.FindAllStringSubmatch(text, -1) {
		inSpec = append(inSpec, "export "+m[1]+" "+signature(m[2])+" "+m[3])
	}
	for _, m := range importLine.FindAllStringSubmatch(text, -1) {
		inSpec = append(inSpec, "import "+m[1]+" "+signature(m[2]))
	}
	required := map[bool]string{true: "required", false: "optional"}
	for _, name := range []string{
		hostabi.ExportMarker, hostabi.ExportBuffers, hostabi.ExportAnswer, hostabi.ExportInit, hostabi.ExportIdle,
		hostabi.ExportInitialize,
	} {
		f, ok := hostabi.Export(name)
		if !ok {
			t.Fatalf("no export %s", name)
		}
		inTables = append(inTables, "export "+f.Name+" "+f.Signature.String()+" "+required[f.Required])
	}
	for _, f := range hostabi.Imports {
		inTables = append(inTables, "import "+f.Name+" "+f.Signature.String())
	}
	if diff := cmp.Diff(inSpec, inTables); diff != "" {
		t.Errorf("SPEC.md and the tables differ (-spec +tables):\n%s", diff)
	}
	if len(hostabi.Exports) != 6 {
		t.Errorf("got %d exports in the table, the test knows 6", len(hostabi.Exports))
	}
}

// TestSpecCodes compares the names of status codes and dispositions with the tables of the specification.
func TestSpecCodes(t *testing.T) {
	text := specText(t)
	for s := hostabi.StatusNoHandle; s < hostabi.StatusOK; s++ {
		if row := fmt.Sprintf("| %d | %s |", s, s); !strings.Contains(text, row) {
			t.Errorf("SPEC.md has no row %q", row)
		}
	}
	for _, bad := range []fmt.Stringer{
		hostabi.Status(-10), hostabi.Disposition(0), hostabi.Disposition(6), hostabi.Kind(3), hostabi.Transport(0),
		hostabi.Transport(5), hostabi.Problem(0), hostabi.Problem(99),
	} {
		if text := bad.String(); !strings.HasPrefix(text, "invalid") && !strings.HasPrefix(text, "unknown") {
			t.Errorf("%T(%v): got the name %q of none", bad, bad, text)
		}
	}
}

func TestSignatureEqual(t *testing.T) {
	lookup, _ := hostabi.Import(hostabi.ImportLookup)
	many, _ := hostabi.Import(hostabi.ImportLookupMany)
	now, _ := hostabi.Import(hostabi.ImportNow)
	pick, _ := hostabi.Import(hostabi.ImportPick)
	switch {
	case !lookup.Signature.Equal(lookup.Signature):
		t.Error("a signature differs from itself")
	case lookup.Signature.Equal(many.Signature):
		t.Error("signatures with different parameters are equal")
	case now.Signature.Equal(pick.Signature):
		t.Error("signatures with different results are equal")
	}
	if _, ok := hostabi.Import("clock"); ok {
		t.Error("an import that does not exist was found")
	}
}
