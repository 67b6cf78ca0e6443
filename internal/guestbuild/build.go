// Package guestbuild builds guests out of folders in the languages that this repository has a library for.
//
// Use [Build]. It runs the languages' own compilers, which it finds on PATH, and inspects nothing: whether what
// they made can be a guest the runtime says. Several may build at the same time, also in one folder.
package guestbuild

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
)

// toolchain builds guests of one language.
type toolchain struct {
	language string
	marks    []string // patterns of files that show the language
	build    func(ctx context.Context, dir, out string) error
}

// toolchains are tried in this order; the first whose files are there is taken.
var toolchains = []toolchain{
	{"Rust", []string{"Cargo.toml"}, buildRust},
	{"AssemblyScript", []string{scriptEntry}, buildScript},
	{"Go", []string{"*.go"}, buildGo},
	{"C", cSources, buildC},
}

// Build builds the guest in dir into the file out, which is there only if that worked, and gives the language. An
// error of a compiler is an [*Error]; one of a compiler that is not here says how to install it.
func Build(ctx context.Context, dir, out string) (language string, err error) {
	if info, err := os.Stat(dir); err != nil {
		var path *os.PathError
		if errors.As(err, &path) {
			err = path.Err
		}
		return "", fmt.Errorf("%s: %w", dir, err)
	} else if !info.IsDir() {
		return "", fmt.Errorf("%s is not a folder", dir)
	}
	if out, err = filepath.Abs(out); err != nil {
		return "", err
	}
	for _, t := range toolchains {
		if len(matches(dir, t.marks)) > 0 {
			return t.language, t.build(ctx, dir, out)
		}
	}
	return "", fmt.Errorf("%s holds no guest: want Go files, a Cargo.toml, an %s or C files", dir, scriptEntry)
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
	"cargo":   installRust,
	"rustc":   installRust,
	"asc":     "npm install --global assemblyscript@" + scriptVersion + ", or npm install in the guest's folder",
	"clang":   "apt-get install clang",
	"wasm-ld": "apt-get install lld",
}

// missing is the error of a tool that is not there.
func missing(name string) error { return fmt.Errorf("%s is not here: %s", name, installs[name]) }

// tool runs a compiler. The error holds what it printed; what it prints is
// otherwise dropped. With stdout nil its output counts as messages too.
func tool(ctx context.Context, dir string, environ []string, stdout *bytes.Buffer, name string, args ...string) error {
	if _, err := exec.LookPath(name); err != nil {
		return missing(name)
	}
	var messages bytes.Buffer
	cmd := exec.CommandContext(ctx, name, args...)
	cmd.Dir, cmd.Env = dir, append(os.Environ(), environ...)
	cmd.Stdout, cmd.Stderr = &messages, &messages
	if stdout != nil {
		cmd.Stdout = stdout
	}
	if err := cmd.Run(); err != nil {
		return &Error{Tool: filepath.Base(name), Err: err, Messages: strings.TrimSpace(messages.String())}
	}
	return nil
}

// Error is a compiler's refusal. Its messages are many lines, and not part of the error's own.
type Error struct {
	Tool     string
	Err      error
	Messages string
}

func (e *Error) Error() string { return fmt.Sprintf("%s: %v", e.Tool, e.Err) }

// Unwrap gives how the compiler ended.
func (e *Error) Unwrap() error { return e.Err }

func buildGo(ctx context.Context, dir, out string) error {
	environ := []string{"GOOS=wasip1", "GOARCH=wasm", "CGO_ENABLED=0"}
	return tool(ctx, dir, environ, nil, "go", "build", "-trimpath", "-buildmode=c-shared", "-ldflags=-s -w", "-o", out, ".")
}
