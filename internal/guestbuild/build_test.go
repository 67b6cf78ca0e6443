package guestbuild

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// program writes an executable file.
func program(t *testing.T, path, text string) {
	t.Helper()
	if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(path, []byte("#!/bin/sh\n"+text), 0o755); err != nil {
		t.Fatal(err)
	}
}

func TestRustWithoutTarget(t *testing.T) {
	dir := t.TempDir()
	program(t, filepath.Join(dir, "cargo"), "exit 1\n")
	program(t, filepath.Join(dir, "rustc"), "echo "+filepath.Join(dir, "none")+"\n")
	t.Setenv("PATH", dir)
	t.Setenv("RUSTC", filepath.Join(dir, "rustc"))
	if err := os.WriteFile(filepath.Join(dir, "Cargo.toml"), nil, 0o644); err != nil {
		t.Fatal(err)
	}
	_, err := Build(t.Context(), dir, filepath.Join(dir, "x.wasm"))
	if want := "rustc has no library for wasm32-unknown-unknown: apt-get install "; err == nil || !strings.HasPrefix(err.Error(), want) {
		t.Errorf("got %v, want %s...", err, want)
	}
}

// The compiler that a folder has installed, or one around it, comes before that on PATH.
func TestScriptCompiler(t *testing.T) {
	dir := t.TempDir()
	onPath, installed := filepath.Join(dir, "bin", "asc"), filepath.Join(dir, "guests", "node_modules", ".bin", "asc")
	program(t, onPath, "")
	program(t, installed, "")
	t.Setenv("PATH", filepath.Dir(onPath))
	for folder, want := range map[string]string{
		filepath.Join(dir, "guests", "one"): installed,
		filepath.Join(dir, "guests"):        installed,
		filepath.Join(dir, "elsewhere"):     onPath,
	} {
		got, err := ScriptCompiler(folder)
		if err != nil || got != want {
			t.Errorf("%s: got %s, %v, want %s", folder, got, err, want)
		}
	}
	t.Setenv("PATH", dir)
	if _, err := ScriptCompiler(dir); err == nil || !strings.Contains(err.Error(), "npm install --global assemblyscript@"+scriptVersion) {
		t.Errorf("without one: got %v", err)
	}
}

func TestCrateModule(t *testing.T) {
	module, err := crateModule(strings.NewReader(`{"reason":"compiler-artifact","filenames":["/t/liba.rlib"]}
{"reason":"compiler-artifact","filenames":["/t/b.wasm"]}
{"reason":"build-finished","success":true}
`))
	if err != nil || module != "/t/b.wasm" {
		t.Errorf("got %q, %v", module, err)
	}
	if _, err := crateModule(strings.NewReader(`{"reason":"compiler-artifact","filenames":["/t/liba.rlib"]}`)); err == nil {
		t.Error("a crate without a module was taken")
	}
	if _, err := crateModule(strings.NewReader("error")); err == nil {
		t.Error("what is no JSON was taken")
	}
}
