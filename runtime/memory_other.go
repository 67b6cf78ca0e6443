//go:build !linux

package runtime

import (
	"errors"
	"os"
)

var errNoMapping = errors.New("runtime: pictures are not mapped on this system")

// anonymousFile is for systems that can map it; elsewhere pictures are copied.
func anonymousFile([]byte) (*os.File, error) { return nil, errNoMapping }

func mapOver([]byte, *os.File) error { return errNoMapping }

func mapZeros([]byte) error { return errNoMapping }

func forgetWrites([]byte) error { return errNoMapping }

// newMemorySpill is for systems that have such files.
func newMemorySpill() (*spill, error) { return nil, errNoMapping }

// punch leaves the bytes where they are until the file is closed.
func punch(*os.File, int64, int64) {}
