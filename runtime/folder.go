package runtime

import (
	"context"
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"strings"

	"github.com/tetratelabs/wazero"
)

// folder is where the engine keeps machine code. The engine makes a folder of its own
// there when it starts, writes a file for each module, and fails where it cannot write
// or read one: what becomes of a folder must not be what becomes of guests.
type folder struct {
	own []string // the engine's, by version and system
}

// openFolder finds the engine's own in dir, which it has made.
func openFolder(dir string) (*folder, error) {
	entries, err := os.ReadDir(dir)
	if err != nil {
		return nil, err
	}
	f := &folder{}
	for _, entry := range entries {
		if entry.IsDir() && strings.HasPrefix(entry.Name(), "wazero-") {
			f.own = append(f.own, filepath.Join(dir, entry.Name()))
		}
	}
	return f, nil
}

// mend makes the folder again where somebody took it away. Where it cannot be, the next
// that is compiled is not kept.
func (f *folder) mend() {
	for _, own := range f.own {
		_ = os.MkdirAll(own, 0o700)
	}
}

// empty takes away what is kept. There is no telling which of the files is the one that
// does not read; others are compiled anew when they are loaded next.
func (f *folder) empty() {
	for _, own := range f.own {
		entries, _ := os.ReadDir(own)
		for _, entry := range entries {
			if !strings.HasSuffix(entry.Name(), ".tmp") { // somebody writes it
				_ = os.Remove(filepath.Join(own, entry.Name()))
			}
		}
	}
}

// spoiltFile reports whether an error of the engine is about what a file in its folder holds.
func spoiltFile(err error) bool {
	return err != nil && strings.HasPrefix(err.Error(), "compilationcache:")
}

// folderFault reports whether an error of the engine is about its folder, not the module.
func folderFault(err error) bool {
	_, path := errors.AsType[*fs.PathError](err)
	_, link := errors.AsType[*os.LinkError](err)
	return path || link || spoiltFile(err)
}

// compileKept compiles the rewritten module, or has its code from the folder, and reports
// whether it is there now.
func (e *Engine) compileKept(ctx context.Context, metered []byte) (code wazero.CompiledModule, kept bool, err error) {
	if e.folder == nil {
		code, err = e.compile(ctx, metered)
		return code, false, err
	}
	e.folder.mend()
	if code, err = e.compile(ctx, metered); spoiltFile(err) {
		e.folder.empty()
		code, err = e.compile(ctx, metered)
	}
	if err == nil || !folderFault(err) {
		return code, err == nil, err
	}
	// Where the engine could not write it has the code all the same, and counts one more
	// who uses it than there is.
	if code, err = e.compile(ctx, metered); err != nil {
		return nil, false, err
	}
	return code, false, code.Close(ctx)
}
