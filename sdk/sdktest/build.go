package sdktest

import (
	"errors"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"github.com/namelet/namelet/internal/guestbuild"
)

// Guest is a guest to be tested.
type Guest struct {
	module func(tb testing.TB) []byte
	native bool
}

// Here is the Go guest of the package whose test runs: its init functions have registered it in this test
// program, and the package in the current directory is what is compiled.
func Here() Guest {
	return Guest{native: true, module: func(tb testing.TB) []byte { return BuildGo(tb, ".") }}
}

// Module is a guest that is compiled already.
func Module(wasm []byte) Guest { return Guest{module: func(testing.TB) []byte { return wasm }} }

// C is a guest in one file of C, which finds namelet.h in include.
func C(file, include string) Guest {
	return Guest{module: func(tb testing.TB) []byte { return BuildC(tb, file, include) }}
}

// Build compiles the guest in a folder as `responder guest build` does, and gives the module.
func Build(tb testing.TB, dir string) []byte {
	tb.Helper()
	out := filepath.Join(tb.TempDir(), "guest.wasm")
	_, err := guestbuild.Build(tb.Context(), dir, out)
	var refused *guestbuild.Error
	if errors.As(err, &refused) {
		tb.Fatalf("sdktest: %s: %v\n%s", dir, err, refused.Messages)
	} else if err != nil {
		tb.Fatalf("sdktest: %s: %v", dir, err)
	}
	b, err := os.ReadFile(out)
	if err != nil {
		tb.Fatalf("sdktest: %v", err)
	}
	return b
}

// BuildGo compiles the Go guest in the directory dir and gives the module.
func BuildGo(tb testing.TB, dir string) []byte {
	tb.Helper()
	out := filepath.Join(tb.TempDir(), "guest.wasm")
	cmd := exec.Command("go", "build", "-trimpath", "-buildmode=c-shared", "-o", out, ".")
	cmd.Dir = dir
	cmd.Env = append(os.Environ(), "GOOS=wasip1", "GOARCH=wasm", "GOFLAGS=", "CGO_ENABLED=0")
	return made(tb, cmd, out, "install Go from https://go.dev/dl")
}

// BuildC compiles a guest in one file of C without a C library and gives the module. Headers are looked for in
// include.
func BuildC(tb testing.TB, file, include string) []byte {
	tb.Helper()
	const advice = "install clang and lld, for instance: apt-get install clang lld"
	object := filepath.Join(tb.TempDir(), "guest.o")
	made(tb, exec.Command("clang", "--target=wasm32", "-Os", "-Wall", "-Wextra", "-Werror",
		"-nostdlib", "-ffreestanding", "-I", include, "-c", file, "-o", object), object, advice)
	module := strings.TrimSuffix(object, ".o") + ".wasm"
	return made(tb, exec.Command("wasm-ld", "--no-entry", "--strip-all", object, "-o", module), module, advice)
}

// made runs cmd and reads the file it makes.
func made(tb testing.TB, cmd *exec.Cmd, file, advice string) []byte {
	tb.Helper()
	if cmd.Err != nil {
		tb.Fatalf("sdktest: %v; %s", cmd.Err, advice)
	}
	if text, err := cmd.CombinedOutput(); err != nil {
		tb.Fatalf("sdktest: %s: %v\n%s", strings.Join(cmd.Args, " "), err, text)
	}
	b, err := os.ReadFile(file)
	if err != nil {
		tb.Fatalf("sdktest: %v", err)
	}
	return b
}
