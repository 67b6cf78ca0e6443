//go:build unix

package main

import (
	"net"
	"sync"
	"syscall"
)

// masking keeps two from changing the process's file mode mask at once.
var masking sync.Mutex

// listenPrivately listens on a socket that has its mode from the beginning.
func listenPrivately(path string) (net.Listener, error) {
	masking.Lock()
	defer masking.Unlock()
	defer syscall.Umask(syscall.Umask(0o177))
	return net.Listen("unix", path)
}
