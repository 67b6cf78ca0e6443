package guestbuild

import (
	"context"
	"os"
	"os/exec"
	"path/filepath"

	"github.com/namelet/namelet/sdk/assemblyscript"
)

const (
	scriptEntry   = "assembly/index.ts"
	scriptVersion = "0.28.20" // of the compiler, that guests are tested with
)

// buildScript builds a guest in AssemblyScript, which finds the library by the name "namelet". It collects garbage
// only where the host says that nothing runs, so that no query pays for the one before.
func buildScript(ctx context.Context, dir, out string) error {
	compiler, err := findScript(dir)
	if err != nil {
		return err
	}
	library, err := os.MkdirTemp("", "responder-build-")
	if err != nil {
		return err
	}
	defer os.RemoveAll(library)
	if err := os.CopyFS(library, assemblyscript.Library); err != nil {
		return err
	}
	return tool(ctx, dir, nil, nil, compiler, scriptEntry, "--lib", library, "--outFile", out, "--optimize",
		"--exportStart", "_initialize", "--runtime", "minimal", "--use", "abort=")
}

// findScript finds the compiler that the guest's folder, or one around it, has installed, else that on PATH.
func findScript(dir string) (string, error) {
	dir, err := filepath.Abs(dir)
	if err != nil {
		return "", err
	}
	for {
		installed := filepath.Join(dir, "node_modules", ".bin", "asc")
		if _, err := os.Stat(installed); err == nil {
			return installed, nil
		}
		if filepath.Dir(dir) == dir {
			break
		}
		dir = filepath.Dir(dir)
	}
	if _, err := exec.LookPath("asc"); err != nil {
		return "", missing("asc")
	}
	return "asc", nil
}
