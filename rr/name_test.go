package rr

import (
	"errors"
	"slices"
	"strings"
	"testing"
)

func TestParseName(t *testing.T) {
	label := strings.Repeat("a", 63)
	longest := strings.Repeat(label+".", 3) + strings.Repeat("b", 61) + "."
	tests := []struct {
		in, wire string
		err      error
	}{
		{".", "\x00", nil},
		{"example", "\x07example\x00", nil},
		{"example.", "\x07example\x00", nil},
		{"www.Example.COM.", "\x03www\x07Example\x03COM\x00", nil},
		{`a\.b.c`, "\x03a.b\x01c\x00", nil},
		{`\000\255.`, "\x02\x00\xff\x00", nil},
		{`\097\A`, "\x02aA\x00", nil},
		{`\..`, "\x01.\x00", nil},
		{`\\`, "\x01\\\x00", nil},
		{label, "\x3f" + label + "\x00", nil},
		{longest, "\x3f" + label + "\x3f" + label + "\x3f" + label + "\x3d" + strings.Repeat("b", 61) + "\x00", nil},
		{longest[:len(longest)-1], "\x3f" + label + "\x3f" + label + "\x3f" + label + "\x3d" + strings.Repeat("b", 61) + "\x00", nil},
		{"", "", ErrEmptyName},
		{"..", "", ErrEmptyLabel},
		{"a..b", "", ErrEmptyLabel},
		{".a", "", ErrEmptyLabel},
		{"a..", "", ErrEmptyLabel},
		{label + "a", "", ErrLabelTooLong},
		{"b" + longest, "", ErrLabelTooLong},
		{"a." + longest, "", ErrNameTooLong},
		{"a." + longest[:len(longest)-1], "", ErrNameTooLong},
		{strings.Repeat("a.", 128), "", ErrNameTooLong},
		{strings.Repeat("a", 300), "", ErrNameTooLong},
		{`a\`, "", ErrBadEscape},
		{`\25`, "", ErrBadEscape},
		{`\256`, "", ErrBadEscape},
		{`\2a5`, "", ErrBadEscape},
	}
	for _, test := range tests {
		got, err := ParseName(test.in)
		if got.Wire() != test.wire || !errors.Is(err, test.err) {
			t.Errorf("ParseName(%q): got %q, %v, want %q, %v", test.in, got.Wire(), err, test.wire, test.err)
		}
	}
}

func TestNameString(t *testing.T) {
	tests := []struct{ wire, want string }{
		{"\x00", "."},
		{"", ""},
		{"\x03www\x07Example\x00", "www.Example."},
		{"\x03a.b\x00", `a\.b.`},
		{"\x08\\\"();@$ \x00", `\\\"\(\)\;\@\$\032.`},
		{"\x03\x00\x7f\xff\x00", `\000\127\255.`},
	}
	for _, test := range tests {
		if got := (Name{test.wire}).String(); got != test.want {
			t.Errorf("%q: got %s, want %s", test.wire, got, test.want)
		}
	}
}

func TestNameFromWire(t *testing.T) {
	long := strings.Repeat("\x01a", 127) // 254 octets, so 255 with the root
	tests := []struct {
		in  string
		n   int
		err error
	}{
		{"\x00", 1, nil},
		{"\x01a\x00", 3, nil},
		{"\x01a\x00rest", 3, nil},
		{long + "\x00", 255, nil},
		{"\x01a" + long + "\x00", 0, ErrNameTooLong},
		{"", 0, ErrNameWire},
		{"\x01a", 0, ErrNameWire},
		{"\x02a", 0, ErrNameWire},
		{"\xc0\x00", 0, ErrNameWire},
		{"\x40" + strings.Repeat("a", 64) + "\x00", 0, ErrNameWire},
	}
	for _, test := range tests {
		got, n, err := NameFromWire([]byte(test.in))
		if n != test.n || !errors.Is(err, test.err) || got.Wire() != test.in[:n] {
			t.Errorf("NameFromWire(%q): got %q, %d, %v, want %d, %v", test.in, got.Wire(), n, err, test.n, test.err)
		}
		whole, err := NameFromWireString(test.in)
		wantErr := test.err
		if err == nil && n != len(test.in) || test.err == nil && test.n != len(test.in) {
			wantErr = ErrNameWire
		}
		if !errors.Is(err, wantErr) || err == nil && whole.Wire() != test.in {
			t.Errorf("NameFromWireString(%q): got %q, %v, want %v", test.in, whole.Wire(), err, wantErr)
		}
	}
}

func TestNameParts(t *testing.T) {
	n := MustParseName("WWW.example.org.")
	if got := []string{n.Suffix(0).String(), n.Suffix(2).String(), n.Suffix(3).String(), n.Suffix(4).String()}; !slices.Equal(got, []string{".", "example.org.", "WWW.example.org.", ""}) {
		t.Errorf("suffixes: got %q", got)
	}
	if n.Labels() != 3 || Root.Labels() != 0 || n.Label() != "WWW" || Root.Label() != "" || n.Len() != 17 {
		t.Errorf("got %d labels, first %q, length %d, want 3, WWW, 17", n.Labels(), n.Label(), n.Len())
	}
	parent, ok := n.Parent()
	if !ok || parent.String() != "example.org." {
		t.Errorf("parent: got %v, %v", parent, ok)
	}
	if _, ok := Root.Parent(); ok {
		t.Error("the root has a parent")
	}
	if _, ok := (Name{}).Parent(); ok {
		t.Error("no name has a parent")
	}
	if got := n.Lower().String(); got != "www.example.org." {
		t.Errorf("lower: got %s", got)
	}
	if !(Name{}).IsZero() || Root.IsZero() || !Root.IsRoot() || n.IsRoot() {
		t.Error("the zero name and the root are confused")
	}
	if !MustParseName("*.example.").IsWildcard() || MustParseName("**.example.").IsWildcard() || MustParseName("a.*.").IsWildcard() || Root.IsWildcard() {
		t.Error("a wildcard is a single asterisk as the leftmost label")
	}
}

func TestIsSubdomainOf(t *testing.T) {
	tests := []struct {
		name, zone string
		want       bool
	}{
		{"example.", "example.", true},
		{"www.EXAMPLE.", "example.", true},
		{"example.", ".", true},
		{".", ".", true},
		{".", "example.", false},
		{"anexample.", "example.", false},
		{"example.", "www.example.", false},
		{`a\007example.`, "example.", false}, // the octet 7 is no label's length here
		{"xample.", "example.", false},
	}
	for _, test := range tests {
		if got := MustParseName(test.name).IsSubdomainOf(MustParseName(test.zone)); got != test.want {
			t.Errorf("%s below %s: got %v, want %v", test.name, test.zone, got, test.want)
		}
	}
	if MustParseName("a.").IsSubdomainOf(Name{}) || (Name{}).IsSubdomainOf(Root) {
		t.Error("the zero name is above or below nothing")
	}
}

func TestChild(t *testing.T) {
	full := MustParseName(strings.Repeat("a.", 127))
	tests := []struct {
		parent Name
		label  string
		want   string
		err    error
	}{
		{Root, "org", "org.", nil},
		{MustParseName("org."), "a.b", `a\.b.org.`, nil},
		{Root, strings.Repeat("x", 63), strings.Repeat("x", 63) + ".", nil},
		{Root, strings.Repeat("x", 64), "", ErrLabelTooLong},
		{Root, "", "", ErrEmptyLabel},
		{full, "a", "", ErrNameTooLong},
	}
	for _, test := range tests {
		got, err := test.parent.Child(test.label)
		if got.String() != test.want || !errors.Is(err, test.err) {
			t.Errorf("%v.Child(%q): got %v, %v, want %s, %v", test.parent, test.label, got, err, test.want, test.err)
		}
	}
}

// TestReplaceSuffix is the table of RFC 6672 section 2.2.
func TestReplaceSuffix(t *testing.T) {
	tests := []struct{ name, owner, target, want string }{
		{"foo.example.com.", "example.com.", "example.net.", "foo.example.net."},
		{"Foo.Bar.EXAMPLE.com.", "example.com.", "y.example.net.", "Foo.Bar.y.example.net."},
		{"x.y.", "y.", ".", "x."},
		{"x.", ".", "y.", "x.y."},
	}
	for _, test := range tests {
		got, err := MustParseName(test.name).ReplaceSuffix(MustParseName(test.owner), MustParseName(test.target))
		if err != nil || got.String() != test.want {
			t.Errorf("%s: got %v, %v, want %s", test.name, got, err, test.want)
		}
	}
	long := MustParseName(strings.Repeat("a.", 126))
	if _, err := long.ReplaceSuffix(MustParseName("a."), MustParseName("bbbb.")); !errors.Is(err, ErrNameTooLong) {
		t.Errorf("got %v, want ErrNameTooLong", err)
	}
	if got, err := long.ReplaceSuffix(MustParseName("a."), MustParseName("bbb.")); err != nil || got.Len() != 255 {
		t.Errorf("got %d octets, %v, want 255", got.Len(), err)
	}
}

func TestNameAllocatesNothing(t *testing.T) {
	a, b := MustParseName("www.Example.org."), MustParseName("WWW.example.ORG.")
	zone, low := MustParseName("example.org."), MustParseName("www.example.org.")
	var buf [2 * MaxNameLen]byte
	tests := map[string]func(){
		"Equal":              func() { sink(a.Equal(b)) },
		"Compare":            func() { sink(a.Compare(b) == 0) },
		"IsSubdomainOf":      func() { sink(a.IsSubdomainOf(zone)) },
		"Parent":             func() { _, ok := a.Parent(); sink(ok) },
		"Suffix":             func() { sink(!a.Suffix(2).IsZero()) },
		"Lower":              func() { sink(low.Lower() == low) },
		"AppendKey":          func() { sink(len(a.AppendKey(buf[:0])) > 0) },
		"AppendText":         func() { sink(len(a.AppendText(buf[:0])) > 0) },
		"NameFromWireString": func() { _, err := NameFromWireString(a.Wire()); sink(err == nil) },
		"RdataName":          func() { sink(!RdataName(a.Wire(), 0).IsZero()) },
	}
	for name, f := range tests {
		if got := testing.AllocsPerRun(100, f); got != 0 {
			t.Errorf("%s: got %v allocations, want 0", name, got)
		}
	}
}

func sink(ok bool) {
	if !ok {
		panic("unexpected")
	}
}

func FuzzParseName(f *testing.F) {
	for _, seed := range []string{".", "a", "www.Example.", `a\.b.\000\255`, `\`, "a..b", strings.Repeat("a.", 127), strings.Repeat("x", 64)} {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, text string) {
		n, err := ParseName(text)
		if err != nil {
			if !n.IsZero() {
				t.Fatalf("%q: an error and the name %v", text, n)
			}
			return
		}
		again, err := ParseName(n.String())
		if err != nil || again != n {
			t.Fatalf("%q: %q is read as %q, %v", text, n.String(), again.Wire(), err)
		}
		wire, err := NameFromWireString(n.Wire())
		if err != nil || wire != n {
			t.Fatalf("%q: the wire form %q is read as %q, %v", text, n.Wire(), wire.Wire(), err)
		}
	})
}

func FuzzNameFromWire(f *testing.F) {
	for _, seed := range []string{"\x00", "\x01a\x00", "\x01a\x00x", "\xc0\x0c", "\x3f", "", "\x02\x00\x01\x01A\x00"} {
		f.Add([]byte(seed))
	}
	f.Fuzz(func(t *testing.T, b []byte) {
		n, used, err := NameFromWire(b)
		if err != nil {
			return
		}
		if n.Wire() != string(b[:used]) || n.Len() > MaxNameLen {
			t.Fatalf("%q: got %q, %d octets used", b, n.Wire(), used)
		}
		again, err := ParseName(n.String())
		if err != nil || again != n {
			t.Fatalf("%q: %s is read as %q, %v", b, n.String(), again.Wire(), err)
		}
		back, err := n.Key().Name()
		if err != nil || back != n.Lower() {
			t.Fatalf("%q: the key %q is read as %q, %v", b, n.Key(), back.Wire(), err)
		}
	})
}
