//go:build !linux

package runtime

// makeNice does nothing where threads have no priority of their own.
func makeNice(int) {}
