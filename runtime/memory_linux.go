package runtime

import (
	"os"
	goruntime "runtime"
	"unsafe"

	"golang.org/x/sys/unix"
)

// anonymousFile gives a file in memory that holds content and that nothing can change.
func anonymousFile(content []byte) (*os.File, error) {
	fd, err := unix.MemfdCreate("namelet-picture", unix.MFD_CLOEXEC|unix.MFD_ALLOW_SEALING)
	if err != nil {
		return nil, err
	}
	file := os.NewFile(uintptr(fd), "namelet-picture") // closed with the last reference
	if _, err := file.Write(content); err != nil {
		_ = file.Close()
		return nil, err
	}
	if _, err := unix.FcntlInt(uintptr(fd), unix.F_ADD_SEALS, unix.F_SEAL_SHRINK|unix.F_SEAL_GROW|unix.F_SEAL_WRITE); err != nil {
		_ = file.Close()
		return nil, err
	}
	return file, nil
}

// mapOver puts the file's content in the place of space, which is of reserve: reads see the file,
// writes are space's own.
func mapOver(space []byte, file *os.File) error {
	defer goruntime.KeepAlive(file)
	_, err := unix.MmapPtr(int(file.Fd()), 0, unsafe.Pointer(unsafe.SliceData(space)), uintptr(len(space)),
		unix.PROT_READ|unix.PROT_WRITE, unix.MAP_PRIVATE|unix.MAP_FIXED)
	return err
}

// forgetWrites drops what was written to space since mapOver.
func forgetWrites(space []byte) error { return unix.Madvise(space, unix.MADV_DONTNEED) }
