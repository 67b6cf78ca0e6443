package control

import (
	"net"

	"golang.org/x/sys/unix"
)

// peerUID asks the kernel whose process is at the other end.
func peerUID(c *net.UnixConn) (uid uint32, ok bool) {
	raw, err := c.SyscallConn()
	if err != nil {
		return 0, false
	}
	err = raw.Control(func(fd uintptr) {
		credentials, err := unix.GetsockoptUcred(int(fd), unix.SOL_SOCKET, unix.SO_PEERCRED)
		if err == nil {
			uid, ok = credentials.Uid, true
		}
	})
	return uid, ok && err == nil
}
