//go:build !unix

package runtime

// reserve gives n bytes that are zero.
func reserve(n int) []byte { return make([]byte, n) }

// release leaves the bytes to the garbage collector.
func release([]byte) {}
