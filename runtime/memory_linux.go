package runtime

import (
	"bytes"
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
	if err := writeSparse(file, content); err != nil {
		_ = file.Close()
		return nil, err
	}
	if _, err := unix.FcntlInt(uintptr(fd), unix.F_ADD_SEALS, unix.F_SEAL_SHRINK|unix.F_SEAL_GROW|unix.F_SEAL_WRITE); err != nil {
		_ = file.Close()
		return nil, err
	}
	return file, nil
}

// writeSparse gives a file the content, and no memory to pages of zeros: a guest's memory begins
// with many.
func writeSparse(file *os.File, content []byte) error {
	if err := file.Truncate(int64(len(content))); err != nil {
		return err
	}
	var zeros [sparsePage]byte
	for at := 0; at < len(content); {
		end := at
		for end < len(content) && !bytes.Equal(content[end:min(end+sparsePage, len(content))], zeros[:min(sparsePage, len(content)-end)]) {
			end = min(end+sparsePage, len(content))
		}
		if _, err := file.WriteAt(content[at:end], int64(at)); err != nil {
			return err
		}
		at = end + sparsePage // the page at end is zeros, or end is the content's
	}
	return nil
}

// mapOver puts the file's content in the place of space, which is of reserve: reads see the file,
// writes are space's own.
func mapOver(space []byte, file *os.File) error {
	defer goruntime.KeepAlive(file)
	_, err := unix.MmapPtr(int(file.Fd()), 0, unsafe.Pointer(unsafe.SliceData(space)), uintptr(len(space)),
		unix.PROT_READ|unix.PROT_WRITE, unix.MAP_PRIVATE|unix.MAP_FIXED)
	return err
}

// mapZeros puts zeros that take no memory in the place of space, which is of reserve.
func mapZeros(space []byte) error {
	_, err := unix.MmapPtr(-1, 0, unsafe.Pointer(unsafe.SliceData(space)), uintptr(len(space)),
		unix.PROT_READ|unix.PROT_WRITE, unix.MAP_PRIVATE|unix.MAP_ANON|unix.MAP_FIXED)
	return err
}

// forgetWrites drops what was written to space since mapOver.
func forgetWrites(space []byte) error { return unix.Madvise(space, unix.MADV_DONTNEED) }

// newMemorySpill makes a spill whose bytes are memory, and no process's own.
func newMemorySpill() (*spill, error) {
	fd, err := unix.MemfdCreate("namelet-deltas", unix.MFD_CLOEXEC)
	if err != nil {
		return nil, err
	}
	return &spill{file: os.NewFile(uintptr(fd), "namelet-deltas")}, nil
}

// punch gives back the place of bytes that nobody reads any more. Where the file cannot have holes they
// stay until it is closed.
func punch(file *os.File, at, size int64) {
	conn, err := file.SyscallConn()
	if err != nil {
		return
	}
	_ = conn.Control(func(fd uintptr) { // fails once the file is closed
		_ = unix.Fallocate(int(fd), unix.FALLOC_FL_PUNCH_HOLE|unix.FALLOC_FL_KEEP_SIZE, at, size)
	})
}
