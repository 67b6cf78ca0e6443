package rr

import "testing"

func TestNameView(t *testing.T) {
	b := []byte("\x03www\x07example\x00rest")
	view, n, err := NameView(b)
	if err != nil || n != 13 || view.String() != "www.example." {
		t.Fatalf("got %v, %d, %v", view, n, err)
	}
	kept := view.Clone()
	b[1] = 'x'
	if view.String() != "xww.example." || kept.String() != "www.example." {
		t.Errorf("got view %v and clone %v, want xww.example. and www.example.", view, kept)
	}
	for _, bad := range []string{"", "\x03ww", "\xc0\x0c", "\x03www"} {
		if _, _, err := NameView([]byte(bad)); err == nil {
			t.Errorf("%q: got no error", bad)
		}
	}
	if !view.Equal(MustParseName("xww.example")) || !(Name{}).Clone().IsZero() {
		t.Error("a view or a clone is another name")
	}
	if allocs := testing.AllocsPerRun(100, func() { NameView(b) }); allocs != 0 {
		t.Errorf("got %v allocations, want none", allocs)
	}
}
