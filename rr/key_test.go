package rr

import (
	"errors"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"
)

// canonical is the example of RFC 4034 section 6.1.
var canonical = []string{
	"example.",
	"a.example.",
	"yljkjljk.a.example.",
	"Z.a.example.",
	"zABC.a.EXAMPLE.",
	"z.example.",
	`\001.z.example.`,
	"*.z.example.",
	`\200.z.example.`,
}

func TestKeyOrder(t *testing.T) {
	for i, a := range canonical {
		for j, b := range canonical {
			x, y := MustParseName(a), MustParseName(b)
			if got, want := strings.Compare(string(x.Key()), string(y.Key())), sign(i-j); got != want {
				t.Errorf("keys of %s and %s: got %d, want %d", a, b, got, want)
			}
			if got, want := sign(x.Compare(y)), sign(i-j); got != want {
				t.Errorf("%s.Compare(%s): got %d, want %d", a, b, got, want)
			}
		}
	}
}

func sign(n int) int {
	switch {
	case n < 0:
		return -1
	case n > 0:
		return 1
	}
	return 0
}

func TestKey(t *testing.T) {
	tests := []struct{ name, key string }{
		{".", ""},
		{"Example.", "example\x00"},
		{"www.example.", "example\x00www\x00"},
		{`a\000b.example.`, "example\x00a\x01\x01b\x00"},
		{`\001.`, "\x01\x02\x00"},
	}
	for _, test := range tests {
		if got := MustParseName(test.name).Key(); string(got) != test.key {
			t.Errorf("%s: got %q, want %q", test.name, got, test.key)
		}
	}
}

func TestKeyNameErrors(t *testing.T) {
	tests := []struct {
		key Key
		err error
	}{
		{"example", ErrNameWire},
		{"\x00", ErrEmptyLabel},
		{"a\x00\x00", ErrEmptyLabel},
		{"a\x01", ErrNameWire},
		{"a\x01\x03\x00", ErrNameWire},
		{"a\x01\x00\x00", ErrNameWire},
		{Key(strings.Repeat("a", 64) + "\x00"), ErrLabelTooLong},
		{Key(strings.Repeat("a\x00", 128)), ErrNameTooLong},
	}
	for _, test := range tests {
		if got, err := test.key.Name(); !errors.Is(err, test.err) || !got.IsZero() {
			t.Errorf("%q: got %v, %v, want %v", test.key, got, err, test.err)
		}
	}
}

// TestKeyRange: a name's subtree is exactly the range from its key to its end.
func TestKeyRange(t *testing.T) {
	names := append([]string{".", "x.", `\000.`, `\001.`, `\255.`, `example\000.`, `example\001.`, `a.example\000.`, "examplf.", "exampl.", strings.Repeat(`\255`, 63) + "."}, canonical...)
	for _, a := range names {
		zone := MustParseName(a)
		key := zone.Key()
		for _, b := range names {
			name := MustParseName(b)
			want := name.IsSubdomainOf(zone)
			if got := name.Key() >= key && name.Key() < key.End(); got != want {
				t.Errorf("%s in the range of %s: got %v, want %v", b, a, got, want)
			}
			if got := key.Contains(name.Key()); got != want {
				t.Errorf("%s.Contains(%s): got %v, want %v", a, b, got, want)
			}
		}
	}
}

// TestKeyOrderAgainstLabels compares key order with the definition: labels from
// the right, as lowercase octet strings.
func TestKeyOrderAgainstLabels(t *testing.T) {
	random := rand.New(rand.NewPCG(1, 1))
	draw := func() Name {
		n := Root
		for range random.IntN(4) {
			label := make([]byte, 1+random.IntN(3))
			for i := range label {
				label[i] = "\x00\x01\x02aAbB*.\xff"[random.IntN(10)]
			}
			n, _ = n.Child(string(label))
		}
		return n
	}
	for range 20000 {
		a, b := draw(), draw()
		want := slices.Compare(labelsFromRight(a), labelsFromRight(b))
		if got := a.Compare(b); sign(got) != want {
			t.Fatalf("%v and %v: got %d, want %d", a, b, got, want)
		}
		if got := a.Equal(b); got != (want == 0) {
			t.Fatalf("%v equals %v: got %v, want %v", a, b, got, want == 0)
		}
		if (a.Key() == b.Key()) != (want == 0) {
			t.Fatalf("%v and %v: keys %q and %q", a, b, a.Key(), b.Key())
		}
	}
}

func labelsFromRight(n Name) (labels []string) {
	for ok := !n.IsRoot(); ok && !n.IsRoot(); n, ok = n.Parent() {
		labels = append(labels, strings.ToLower(n.Label()))
	}
	slices.Reverse(labels)
	return labels
}

func FuzzKey(f *testing.F) {
	for _, seed := range []string{"", "example\x00", "a\x01\x02\x00", "a\x00b\x00", "\x01", "A\x00"} {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, key string) {
		n, err := Key(key).Name()
		if err != nil {
			return
		}
		if lower := n.Lower(); lower.Key() != n.Key() {
			t.Fatalf("%q: keys of %v and %v differ", key, n, lower)
		}
		if n.Key() != Key(key) && n.Lower() == n {
			t.Fatalf("%q is a second key of %v, whose key is %q", key, n, n.Key())
		}
	})
}
