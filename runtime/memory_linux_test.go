package runtime

import (
	"bytes"
	"testing"

	"golang.org/x/sys/unix"
)

// The file of a picture holds its content, and takes no memory for pages of zeros.
func TestPictureFileIsSparse(t *testing.T) {
	page := func(b byte) []byte { return bytes.Repeat([]byte{b}, sparsePage) }
	zeros := make([]byte, 10*sparsePage)
	for name, content := range map[string][]byte{
		"nothing":     {},
		"zeros":       zeros,
		"at the ends": bytes.Join([][]byte{page(1), zeros, page(2)}, nil),
		"inside":      bytes.Join([][]byte{zeros, page(1), page(2), zeros, page(3), zeros}, nil),
		"a last byte": append(bytes.Clone(zeros), 1),
		"a part":      append(page(1), 0, 0, 0),
	} {
		file, err := anonymousFile(content)
		if err != nil {
			t.Fatal(err)
		}
		pages := 0
		for at := 0; at < len(content); at += sparsePage {
			if len(bytes.Trim(content[at:min(at+sparsePage, len(content))], "\x00")) > 0 {
				pages++
			}
		}
		var info unix.Stat_t
		if err := unix.Fstat(int(file.Fd()), &info); err != nil {
			t.Fatal(err)
		}
		got := make([]byte, len(content))
		if _, err := file.ReadAt(got, 0); err != nil && len(content) > 0 {
			t.Fatal(err)
		}
		if info.Size != int64(len(content)) || !bytes.Equal(got, content) {
			t.Errorf("%s: the file has another content, of %d bytes", name, info.Size)
		}
		if sys := unix.Getpagesize(); sys == sparsePage && info.Blocks*512 != int64(pages*sys) {
			t.Errorf("%s: the file takes %d bytes, want %d pages", name, info.Blocks*512, pages)
		}
		if err := file.Close(); err != nil {
			t.Error(err)
		}
	}
}
