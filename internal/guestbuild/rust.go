package guestbuild

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"strings"
)

const (
	rustTarget  = "wasm32-unknown-unknown"
	installRust = "apt-get install cargo rustc libstd-rust-dev-wasm32 lld, or https://rustup.rs and rustup target add " + rustTarget
)

// rustFlags keep a module small in memory: without them rustc gives it a stack of 1 MiB. One that is used up traps,
// since it lies below the data.
const rustFlags = `target.` + rustTarget + `.rustflags=["-Clink-arg=-zstack-size=65536"]`

// buildRust builds a crate of type cdylib and takes the module it says it made.
func buildRust(ctx context.Context, dir, out string) error {
	rust, err := findRust(ctx, dir)
	if err != nil {
		return err
	}
	var messages bytes.Buffer
	err = tool(ctx, dir, []string{"RUSTC=" + rust.rustc}, &messages, rust.cargo, "build", "--release",
		"--target="+rustTarget, "--config="+rustFlags, "--message-format=json-render-diagnostics")
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

// rustTools are a compiler that has the target, and its cargo.
type rustTools struct{ cargo, rustc string }

// findRust looks for the tools on PATH, and for Debian's: those of rustup come before them on PATH where both are
// installed, and may lack the target. $RUSTC is taken where it is set.
func findRust(ctx context.Context, dir string) (rustTools, error) {
	all := []rustTools{{"cargo", "rustc"}, {"/usr/bin/cargo", "/usr/bin/rustc"}}
	if rustc := os.Getenv("RUSTC"); rustc != "" {
		all = []rustTools{{"cargo", rustc}}
	}
	err := missing("cargo")
	for _, rust := range all {
		if _, absent := exec.LookPath(rust.cargo); absent != nil {
			continue
		}
		if err = hasTarget(ctx, dir, rust.rustc); err == nil {
			return rust, nil
		}
	}
	return rustTools{}, err
}

// hasTarget says whether a compiler has the target's standard library. It asks in the guest's folder, for which
// rustup may have a toolchain of its own.
func hasTarget(ctx context.Context, dir, rustc string) error {
	if _, err := exec.LookPath(rustc); err != nil {
		return missing("rustc")
	}
	var folder bytes.Buffer
	if err := tool(ctx, dir, nil, &folder, rustc, "--print", "target-libdir", "--target", rustTarget); err != nil {
		return err
	}
	if _, err := os.Stat(strings.TrimSpace(folder.String())); errors.Is(err, os.ErrNotExist) {
		return fmt.Errorf("rustc has no library for %s: %s", rustTarget, installRust)
	} else if err != nil {
		return err
	}
	return nil
}
