// Package deptest holds the rules of who may import whom, each with its reason, and
// that of where decisions are written down.
package deptest

import (
	"encoding/json"
	"errors"
	"io"
	"os"
	"os/exec"
	"strings"
	"testing"
)

const module = "github.com/namelet/namelet"

// A rule speaks about packages (a path below the module, with all below it) and
// what they, their tests aside, may import.
type rule struct {
	path   string   // who
	only   []string // what of the module it may import; nil for no restriction, empty for nothing
	std    bool     // nothing from outside the standard library and the module
	reason string
}

var rules = []rule{
	{path: "rr", only: []string{}, std: true, reason: "guests link it: it stays small and knows nobody"},
	{path: "hostabi", only: []string{"rr"}, std: true, reason: "the contract stands apart from both of its sides"},
	{path: "sdk", only: []string{"hostabi", "rr"}, std: true, reason: "what a guest links decides its size and its fuel"},
	{path: "runtime", only: []string{"hostabi", "rr"}, reason: "the sandbox knows no zone, store or socket"},
	{path: "store", only: []string{"rr"}, reason: "the system of record is below everything that serves"},
	{path: "internal/authority", only: []string{"rr"}, std: true, reason: "the lookup algorithm has no sockets, no sandbox and no message library"},
	{path: "internal/resolve", only: []string{"rr", "hostabi", "internal/authority", "internal/throttle", "runtime"}, std: true, reason: "the decision is apart from transports and stores"},
	{path: "internal/frontend", only: []string{"rr", "hostabi", "internal/authority", "internal/resolve", "internal/dnsjson", "internal/inputtext", "internal/reread", "internal/throttle"}, reason: "transports are handed a resolver; they know no store and no sandbox"},
	{path: "internal/guestlog", only: []string{"internal/resolve"}, std: true, reason: "it keeps what it is told, and knows nobody who reads it"},
	{path: "internal/inputtext", only: []string{"hostabi", "internal/resolve"}, std: true, reason: "whoever shows inputs may have it"},
	{path: "internal/logpipe", only: []string{"internal/throttle"}, std: true, reason: "whoever logs may have it"},
	{path: "internal/reread", only: []string{}, std: true, reason: "whoever has a file that changes may have it"},
	{path: "internal/throttle", only: []string{}, std: true, reason: "whoever logs may have it"},
	{path: "internal/trial", only: []string{"rr", "hostabi", "internal/authority", "internal/resolve", "runtime", "store/zonefile"}, reason: "a trial knows no store and no network"},
	{path: "internal/dnsjson", only: []string{"rr", "store/zonefile"}, reason: "a form of messages, whoever has them"},
}

// A fence names an outside package, and who alone may import it.
type fence struct {
	outside string
	allowed []string
	reason  string
}

var fences = []fence{
	{"github.com/tetratelabs/wazero", []string{"runtime"}, "one place to sandbox code"},
	{"github.com/miekg/dns", []string{"store/zonefile", "internal/frontend", "internal/dnsjson", "cmd/responder"}, "names past the edge are rr.Name; the query command is a client"},
	{"cloud.google.com", []string{"store/spanner"}, "a backend only brings a driver"},
	{"go.etcd.io/bbolt", []string{"store/bolt", "internal/mirror"}, "a backend only brings a driver; a mirror is a file of its own form"},
	{"google.golang.org/grpc", []string{"store/spanner"}, "a backend only brings a driver"},
	{"aead.dev/minisign", []string{"internal/signing", "cmd/responder"}, "signatures are checked in one place, and made by the program"},
	{"github.com/spf13/cobra", []string{"cmd/responder"}, "only the program has commands"},
	{"github.com/caarlos0/env/v11", []string{"cmd/responder"}, "only the program reads the environment"},
	{module + "/cmd", nil, "nothing imports the program"},
}

// exceptions are packages below a ruled path that the rule does not bind.
var exceptions = map[string]string{
	"sdk/sdktest": "runs a guest in the real server's parts; never linked into a guest",
}

type pkg struct {
	ImportPath string
	Imports    []string
	Standard   bool
}

func TestImportRules(t *testing.T) {
	packages := list(t)
	if len(packages) < 5 {
		t.Fatalf("go list found %d packages; the rules would hold for nothing", len(packages))
	}
	for _, p := range packages {
		path := strings.TrimPrefix(p.ImportPath, module+"/")
		for _, imported := range p.Imports {
			checkRules(t, path, imported)
			checkFences(t, path, imported)
		}
	}
}

func checkRules(t *testing.T, path, imported string) {
	if _, ok := exceptions[path]; ok {
		return
	}
	ours, isOurs := strings.CutPrefix(imported, module+"/")
	for _, r := range rules {
		if !within(path, r.path) {
			continue
		}
		outside := strings.Contains(strings.SplitN(imported, "/", 2)[0], ".")
		if isOurs && r.only != nil && !within(ours, r.path) && !withinAny(ours, r.only) {
			t.Errorf("%s imports %s: %s may import of this module only %v (%s)", path, ours, r.path, r.only, r.reason)
		}
		if !isOurs && r.std && outside {
			t.Errorf("%s imports %s: %s uses the standard library only (%s)", path, imported, r.path, r.reason)
		}
	}
}

func checkFences(t *testing.T, path, imported string) {
	for _, f := range fences {
		if within(imported, f.outside) && !withinAny(path, f.allowed) {
			t.Errorf("%s imports %s, which is for %v only (%s)", path, imported, f.allowed, f.reason)
		}
	}
}

func withinAny(path string, roots []string) bool {
	for _, root := range roots {
		if within(path, root) {
			return true
		}
	}
	return false
}

func within(path, root string) bool {
	return path == root || strings.HasPrefix(path, root+"/")
}

// list returns the module's packages for this machine and for guests.
func list(t *testing.T) []pkg {
	var all []pkg
	for _, env := range [][]string{nil, {"GOOS=wasip1", "GOARCH=wasm"}} {
		cmd := exec.Command("go", "list", "-e", "-json=ImportPath,Imports,Standard", module+"/...")
		cmd.Env = append(os.Environ(), env...)
		out, err := cmd.Output()
		if err != nil {
			t.Fatalf("go list: %v", err)
		}
		for dec := json.NewDecoder(strings.NewReader(string(out))); ; {
			var p pkg
			if err := dec.Decode(&p); errors.Is(err, io.EOF) {
				break
			} else if err != nil {
				t.Fatalf("go list printed what is no JSON: %v", err)
			}
			all = append(all, p)
		}
	}
	return all
}
