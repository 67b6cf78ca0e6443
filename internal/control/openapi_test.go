package control_test

import (
	"encoding/json"
	"flag"
	"go/ast"
	"go/parser"
	"go/token"
	"net/http"
	"os"
	"path/filepath"
	"regexp"
	"strconv"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/namelet/namelet/internal/control"
)

var updateOpenAPI = flag.Bool("update", false, "write docs/reference/openapi.json")

// served is the description that an endpoint gives.
func served(t *testing.T) (address, text string, paths map[string]map[string]any) {
	t.Helper()
	_, address = newClient(t, control.Endpoint{}, "")
	status, text := do(t, address, "GET", "/v1/openapi.json", "", nil)
	if status != http.StatusOK {
		t.Fatalf("status %d: %s", status, text)
	}
	var d struct{ Paths map[string]map[string]any }
	if err := json.Unmarshal([]byte(text), &d); err != nil {
		t.Fatal(err)
	}
	return address, text, d.Paths
}

// The description in the documentation is the one that is served: whoever changes an
// operation or a type runs this test with -update, and sees in the difference what
// clients will.
func TestOpenAPIFile(t *testing.T) {
	_, text, _ := served(t)
	path := filepath.Join("..", "..", "docs", "reference", "openapi.json")
	if *updateOpenAPI {
		if err := os.WriteFile(path, []byte(text+"\n"), 0o666); err != nil {
			t.Fatal(err)
		}
	}
	file, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(string(file), text+"\n"); diff != "" {
		t.Errorf("docs/reference/openapi.json is not what is served; run: go test ./internal/control -run OpenAPI -update\n%s", diff)
	}
}

// What is described is there, by that method and no other; what the sources call is
// described; and each reference leads somewhere.
func TestOpenAPIRoutes(t *testing.T) {
	address, text, paths := served(t)
	for path, methods := range paths {
		for _, method := range []string{"GET", "POST", "PUT", "DELETE"} {
			_, described := methods[strings.ToLower(method)]
			status, _ := do(t, address, method, path, "", func(r *http.Request) { r.Header.Set("Content-Type", "text/none") })
			if there := status != http.StatusNotFound && status != http.StatusMethodNotAllowed; there != described {
				t.Errorf("%s %s: is there: %v, is described: %v", method, path, there, described)
			}
		}
	}
	for _, path := range pathsOfSources(t) {
		if paths[path] == nil {
			t.Errorf("%s is not described", path)
		}
	}
	if len(paths) < 20 {
		t.Errorf("%d operations are described", len(paths))
	}
	for _, reference := range regexp.MustCompile(`"#/components/schemas/(\w+)"`).FindAllStringSubmatch(text, -1) {
		if !strings.Contains(text, "\""+reference[1]+"\": {") {
			t.Errorf("nothing is at %s", reference[0])
		}
	}
}

// pathsOfSources are the constants of the package that are paths.
func pathsOfSources(t *testing.T) (paths []string) {
	t.Helper()
	files, err := filepath.Glob("*.go")
	if err != nil {
		t.Fatal(err)
	}
	for _, name := range files {
		if strings.HasSuffix(name, "_test.go") {
			continue
		}
		file, err := parser.ParseFile(token.NewFileSet(), name, nil, 0)
		if err != nil {
			t.Fatal(err)
		}
		ast.Inspect(file, func(n ast.Node) bool {
			if literal, ok := n.(*ast.BasicLit); ok && strings.HasPrefix(literal.Value, `"/v1/`) && literal.Value != `"/v1/"` {
				path, err := strconv.Unquote(literal.Value)
				if err != nil {
					t.Error(err)
				}
				paths = append(paths, path)
			}
			return true
		})
	}
	return paths
}
