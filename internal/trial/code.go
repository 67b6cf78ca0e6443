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
	cache, made string // folders; empty for none
}

// codePrefix begins the names of the folders, which no file of the cache has.
const codePrefix = "trial-"

func newMachineCode(cache string) (machineCode, error) {
	if cache == "" {
		return machineCode{}, nil
	}
	sweep(cache)
	made, err := os.MkdirTemp(cache, codePrefix)
	if err != nil {
		return machineCode{}, fmt.Errorf("trial: folder for machine code: %w", err)
	}
	return machineCode{cache, made}, nil
}

// sweep removes what trials left whose server was killed.
func sweep(cache string) {
	left, _ := filepath.Glob(filepath.Join(cache, codePrefix+"*"))
	for _, dir := range left {
		if info, err := os.Lstat(dir); err == nil && info.IsDir() && time.Since(info.ModTime()) > 10*maxTime {
			_ = os.RemoveAll(dir) // another time, then
		}
	}
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
	return os.RemoveAll(c.made)
}
