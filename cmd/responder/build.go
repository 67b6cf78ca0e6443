package main

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"sort"
	"strings"

	"github.com/namelet/namelet/sdk/c"
)

// toolchain builds guests of one language.
type toolchain struct {
	language string
	marks    []string // patterns of files that show the language
	build    func(ctx context.Context, dir, out string) error
}

// cSources are where C stands: in src where Go tests stand beside it, whose tools
// would take it for theirs.
var cSources = []string{"*.c", "src/*.c"}

// toolchains are tried in this order; the first whose files are there is taken.
var toolchains = []toolchain{
	{"Rust", []string{"Cargo.toml"}, buildRust},
	{"Go", []string{"*.go"}, buildGo},
	{"C", cSources, buildC},
}

// buildGuest builds the guest in dir into the file out, which is there only if
// that worked, and gives the language.
func buildGuest(ctx context.Context, dir, out string) (string, error) {
	if info, err := os.Stat(dir); err != nil {
		return "", pathError(err)
	} else if !info.IsDir() {
		return "", fmt.Errorf("%s is not a folder", dir)
	}
	for _, t := range toolchains {
		if len(matches(dir, t.marks)) > 0 {
			return t.language, t.build(ctx, dir, out)
		}
	}
	return "", fmt.Errorf("%s holds no guest: want Go files, a Cargo.toml or C files", dir)
}

func matches(dir string, patterns []string) []string {
	var all []string
	for _, pattern := range patterns {
		files, _ := filepath.Glob(filepath.Join(dir, pattern)) // an error means a bad pattern
		for _, file := range files {
			if !strings.HasSuffix(file, "_test.go") { // tests of guests in other languages
				all = append(all, file)
			}
		}
	}
	sort.Strings(all)
	return all
}

// installs says how to get a tool that is not there.
var installs = map[string]string{
	"go":      "install Go from https://go.dev/dl",
	"cargo":   "install Rust: apt-get install cargo, or https://rustup.rs and rustup target add wasm32-unknown-unknown",
	"clang":   "apt-get install clang",
	"wasm-ld": "apt-get install lld",
}

// tool runs a compiler. The error holds what it printed; what it prints is
// otherwise dropped. With stdout nil its output counts as messages too.
func tool(ctx context.Context, dir string, environ []string, stdout *bytes.Buffer, name string, args ...string) error {
	if _, err := exec.LookPath(name); err != nil {
		return fmt.Errorf("%s is not here: %s", name, installs[name])
	}
	var messages bytes.Buffer
	cmd := exec.CommandContext(ctx, name, args...)
	cmd.Dir, cmd.Env = dir, append(os.Environ(), environ...)
	cmd.Stdout, cmd.Stderr = &messages, &messages
	if stdout != nil {
		cmd.Stdout = stdout
	}
	if err := cmd.Run(); err != nil {
		return &toolError{tool: name, err: err, messages: strings.TrimSpace(messages.String())}
	}
	return nil
}

// toolError is a compiler's refusal. Its messages are many lines, and printed
// apart from the error's own.
type toolError struct {
	tool     string
	err      error
	messages string
}

func (e *toolError) Error() string { return fmt.Sprintf("%s: %v", e.tool, e.err) }
func (e *toolError) Unwrap() error { return e.err }

func buildGo(ctx context.Context, dir, out string) error {
	out, err := filepath.Abs(out)
	if err != nil {
		return err
	}
	environ := []string{"GOOS=wasip1", "GOARCH=wasm", "CGO_ENABLED=0"}
	return tool(ctx, dir, environ, nil, "go", "build", "-trimpath", "-buildmode=c-shared", "-ldflags=-s -w", "-o", out, ".")
}

// buildC compiles every file and links them with wasm-ld itself: through clang,
// some versions run a wasm-opt that does not know the module's features.
func buildC(ctx context.Context, dir, out string) error {
	work, err := os.MkdirTemp("", "responder-build-")
	if err != nil {
		return err
	}
	defer os.RemoveAll(work)
	if err := os.WriteFile(filepath.Join(work, c.HeaderName), c.Header, 0o600); err != nil {
		return err
	}
	link := []string{"--no-entry", "--strip-debug", "-o", out}
	for i, source := range matches(dir, cSources) {
		object := filepath.Join(work, fmt.Sprintf("%d.o", i))
		err := tool(ctx, "", nil, nil, "clang", "--target=wasm32", "-O2", "-nostdlib", "-ffreestanding",
			"-I", filepath.Dir(source), "-I", work, "-c", source, "-o", object)
		if err != nil {
			return err
		}
		link = append(link, object)
	}
	return tool(ctx, "", nil, nil, "wasm-ld", link...)
}

// buildRust builds a crate of type cdylib and takes the module it says it made.
func buildRust(ctx context.Context, dir, out string) error {
	var messages bytes.Buffer
	err := tool(ctx, dir, nil, &messages, "cargo", "build", "--release",
		"--target=wasm32-unknown-unknown", "--message-format=json-render-diagnostics")
	if err != nil {
		return err
	}
	module, err := crateModule(&messages)
	if err != nil {
		return err
	}
	text, err := os.ReadFile(module)
	if err != nil {
		return err
	}
	return os.WriteFile(out, text, 0o644)
}

// pathError leaves the operation out of an error of the file system.
func pathError(err error) error {
	var path *os.PathError
	if errors.As(err, &path) {
		return fmt.Errorf("%s: %w", path.Path, path.Err)
	}
	return err
}
