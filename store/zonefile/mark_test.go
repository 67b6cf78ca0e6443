package zonefile_test

import (
	"strings"
	"testing"

	"github.com/namelet/namelet/rr"
	"github.com/namelet/namelet/store/zonefile"
)

// A file that an editor has marked as UTF-8 reads as without the mark; one in
// UTF-16 is refused for what it is.
func TestByteOrderMark(t *testing.T) {
	text := "@ 60 SOA ns h 5 1 1 1 1\n@ 60 NS ns\n"
	o := zonefile.Options{Origin: rr.MustParseName("example.org"), File: "f"}
	sets, err := zonefile.Parse(strings.NewReader("\xef\xbb\xbf"+text), o)
	if err != nil || len(sets) != 2 {
		t.Errorf("with a mark: %v, %v", sets, err)
	}
	for _, mark := range []string{"\xff\xfe", "\xfe\xff"} {
		_, err := zonefile.Parse(strings.NewReader(mark+text), o)
		if want := "f:1: the file is in UTF-16: save it as ASCII or UTF-8"; err == nil || err.Error() != want {
			t.Errorf("mark %x: error %v, want %s", mark, err, want)
		}
	}
	if _, err := zonefile.Parse(strings.NewReader("\xef\xbb"), o); err == nil {
		t.Error("half a mark is a zone")
	}
}
