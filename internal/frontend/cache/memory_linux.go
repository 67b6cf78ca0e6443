package cache

import (
	"unsafe"

	"golang.org/x/sys/unix"
)

const largePage = 2 << 20

// memory allocates n values of T, in large pages as far as the system has some.
// What is kept lies scattered over all of it, and with pages of 4 KiB looking an
// address up would take as long as the rest of a hit.
func memory[T byte | uint32 | uint64](n int) []T {
	s := make([]T, n)
	if n == 0 {
		return s
	}
	from := uintptr(unsafe.Pointer(&s[0]))
	skip := int(-from % largePage)
	if size := (n*int(unsafe.Sizeof(s[0])) - skip) &^ (largePage - 1); size > 0 {
		// A system without large pages is no fault.
		_ = unix.Madvise(unsafe.Slice((*byte)(unsafe.Add(unsafe.Pointer(&s[0]), skip)), size), unix.MADV_HUGEPAGE)
	}
	return s
}
