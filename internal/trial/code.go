package trial

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"time"
)

// machineCode is a folder for the machine code of one trial, inside of the one where the server has its own:
// what passes is moved from there, what does not is gone with it.
type machineCode struct {
	cache, made string   // folders; empty for none
	held        *os.File // made, which says that it is in use; nil where the system has no such thing
}

// codePrefix begins the names of the folders, which no file of the cache has.
const codePrefix = "trial-"

// stale is the age at which what nobody says is in use is not.
const stale = 10 * maxTime

func newMachineCode(cache string) (code machineCode, err error) {
	if cache == "" {
		return machineCode{}, nil
	}
	sweep(cache) // again: a process may outlive its server by a moment
	// No other process may find the folder before it is held.
	whole, err := hold(cache)
	if err != nil {
		return machineCode{}, fmt.Errorf("trial: folder for machine code: %w", err)
	}
	defer whole.Close()
	code.cache = cache
	if code.made, err = os.MkdirTemp(cache, codePrefix); err == nil {
		code.held, err = hold(code.made)
	}
	if err != nil {
		return machineCode{}, errors.Join(fmt.Errorf("trial: folder for machine code: %w", err), code.remove())
	}
	return code, nil
}

// sweep removes what trials and compilers left whose process was killed. What it cannot remove is removed
// another time.
func sweep(cache string) {
	if cache == "" {
		return
	}
	whole, err := hold(cache)
	if err != nil {
		return
	}
	defer whole.Close()
	left, _ := filepath.Glob(filepath.Join(cache, codePrefix+"*"))
	for _, dir := range left {
		if unheld(dir) {
			_ = os.RemoveAll(dir)
		}
	}
	parts, _ := filepath.Glob(filepath.Join(cache, "wazero-*", "*.tmp"))
	for _, file := range parts {
		if aged(file) {
			_ = os.Remove(file)
		}
	}
}

// aged reports whether a file is stale.
func aged(path string) bool {
	info, err := os.Lstat(path)
	return err == nil && time.Since(info.ModTime()) > stale
}

// keep moves the files to the cache, where the folders have the same names.
func (c machineCode) keep() error {
	if c.made == "" {
		return nil
	}
	return filepath.WalkDir(c.made, func(path string, entry fs.DirEntry, err error) error {
		if err != nil || !entry.Type().IsRegular() {
			return err
		}
		name, err := filepath.Rel(c.made, path)
		if err != nil {
			return err
		}
		kept := filepath.Join(c.cache, name)
		return errors.Join(os.MkdirAll(filepath.Dir(kept), 0o700), os.Rename(path, kept))
	})
}

func (c machineCode) remove() error {
	if c.made == "" {
		return nil
	}
	defer c.held.Close() // nil is fine
	return os.RemoveAll(c.made)
}
