package runtime

import (
	"errors"
	"fmt"
	"hash/crc32"
	"os"
	goruntime "runtime"
	"sync"
)

// spill is a file without a name, which takes bytes that are rarely needed off the heap. What is put
// there does not change; its place is given back when the last reference to it is gone. It is safe for
// concurrent use.
type spill struct {
	mu   sync.Mutex
	file *os.File // closed with the last reference
	end  int64
}

// extent is what was put into a spill at one time.
type extent struct {
	spill *spill
	at    int64
	size  int
	sum   uint32
}

// errSpoilt is the error of bytes that are not what was put there.
var errSpoilt = errors.New("the content is not what was written")

// newDiskSpill makes a spill in a folder. Systems that do not let an open file go without its name have none.
func newDiskSpill(dir string) (*spill, error) {
	file, err := os.CreateTemp(dir, "guests-*.tmp")
	if err != nil {
		return nil, err
	}
	if err := os.Remove(file.Name()); err != nil {
		return nil, errors.Join(err, file.Close())
	}
	return &spill{file: file}, nil
}

var castagnoli = crc32.MakeTable(crc32.Castagnoli)

// put keeps a copy of content.
func (s *spill) put(content []byte) (*extent, error) {
	size := (int64(len(content)) + sparsePage - 1) / sparsePage * sparsePage
	s.mu.Lock()
	at := s.end
	s.end += size // a place is never used twice: a file may have holes
	s.mu.Unlock()
	if _, err := s.file.WriteAt(content, at); err != nil {
		punch(s.file, at, size)
		return nil, err
	}
	e := &extent{spill: s, at: at, size: len(content), sum: crc32.Checksum(content, castagnoli)}
	goruntime.AddCleanup(e, func(at int64) { punch(s.file, at, size) }, at)
	return e, nil
}

// read gives all of the bytes, and sees whether they are those that were put there.
func (e *extent) read() ([]byte, error) {
	content := make([]byte, e.size)
	if _, err := e.spill.file.ReadAt(content, e.at); err != nil {
		return nil, err
	}
	if sum := crc32.Checksum(content, castagnoli); sum != e.sum {
		return nil, fmt.Errorf("%w: checksum %08x, want %08x", errSpoilt, sum, e.sum)
	}
	return content, nil
}
