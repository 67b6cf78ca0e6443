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

// buildScript builds a guest in AssemblyScript, which finds the library by the name "namelet".
func buildScript(ctx context.Context, dir, out string) error {
	compiler, err := ScriptCompiler(dir)
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
	return tool(ctx, dir, nil, nil, compiler, ScriptArguments(library, out)...)
}

// ScriptArguments are the compiler's arguments for a guest in AssemblyScript, run in the guest's folder, with the
// folder that has the library, for who compiles many in one process. Garbage is collected only where the host says
// that nothing runs, so that no query pays for the one before.
func ScriptArguments(library, out string) []string {
	return []string{scriptEntry, "--lib", library, "--outFile", out, "--optimize",
		"--exportStart", "_initialize", "--runtime", "minimal", "--use", "abort="}
}

// ScriptCompiler finds the compiler that the guest's folder, or one around it, has installed, else that on PATH.
func ScriptCompiler(dir string) (string, error) {
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
	path, err := exec.LookPath("asc")
	if err != nil {
		return "", missing("asc")
	}
	return path, nil
}
