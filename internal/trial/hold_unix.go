//go:build unix

package trial

import (
	"errors"
	"os"
	"syscall"

	"golang.org/x/sys/unix"
)

// hold waits until no other process holds a folder, and does until the file, and what processes have inherited
// it, are closed. Where a file system has no locks nobody holds anything.
func hold(dir string) (*os.File, error) {
	f, err := os.Open(dir)
	if err != nil {
		return nil, err
	}
	if err := lock(f, unix.LOCK_EX); err != nil && !errors.Is(err, errors.ErrUnsupported) && !errors.Is(err, unix.ENOLCK) {
		return nil, errors.Join(&os.PathError{Op: "lock", Path: dir, Err: err}, f.Close())
	}
	return f, nil
}

// unheld reports whether no process holds a folder.
func unheld(dir string) bool {
	f, err := os.OpenFile(dir, os.O_RDONLY|syscall.O_NOFOLLOW|syscall.O_DIRECTORY, 0)
	if err != nil {
		return false
	}
	defer f.Close()
	if err := lock(f, unix.LOCK_EX|unix.LOCK_NB); err != nil {
		return !errors.Is(err, unix.EWOULDBLOCK) && aged(dir)
	}
	return true
}

func lock(f *os.File, how int) error {
	for {
		if err := unix.Flock(int(f.Fd()), how); !errors.Is(err, unix.EINTR) {
			return err
		}
	}
}
