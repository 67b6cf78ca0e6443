//go:build !unix

package trial

import "syscall"

func apart() *syscall.SysProcAttr { return nil }

// confine does nothing: here time alone is bounded.
func confine() error { return nil }
