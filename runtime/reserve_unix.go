//go:build unix

package runtime

import "syscall"

// reserve gives n bytes of address space, zero, backed by memory as they are touched; nil when the
// system has no more.
func reserve(n int) []byte {
	space, err := syscall.Mmap(-1, 0, n, syscall.PROT_READ|syscall.PROT_WRITE, syscall.MAP_ANON|syscall.MAP_PRIVATE)
	if err != nil {
		return nil
	}
	return space
}

// release gives back what reserve gave.
func release(space []byte) {
	if len(space) > 0 {
		_ = syscall.Munmap(space) // fails only for what is not a mapping
	}
}
