//go:build !linux

package cache

// memory allocates n values of T.
func memory[T byte | uint32 | uint64](n int) []T { return make([]T, n) }
