//go:build freebsd || dragonfly

package trial

import "golang.org/x/sys/unix"

// setLimit lowers a limit of this process, for good.
func setLimit(id int, most uint64) error {
	var limit unix.Rlimit
	if err := unix.Getrlimit(id, &limit); err != nil {
		return err
	}
	limit.Max = min(limit.Max, int64(most))
	limit.Cur = limit.Max
	return unix.Setrlimit(id, &limit)
}
