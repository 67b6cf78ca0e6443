package guestbuild

import (
	"context"
	"fmt"
	"os"
	"path/filepath"

	"github.com/namelet/namelet/sdk/c"
)

// cSources are where C stands: in src where Go tests stand beside it, whose tools
// would take it for theirs.
var cSources = []string{"*.c", "src/*.c"}

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
