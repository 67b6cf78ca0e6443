package conformance

import (
	"errors"
	"io/fs"
	"slices"
	"strings"
	"testing"
	"testing/fstest"
)

func TestParseVectorErrors(t *testing.T) {
	tests := []struct{ name, text, want string }{
		{"no struct", "# subject\nhex 00\n", "lacks"},
		{"no subject", "struct answer\n", "lacks"},
		{"unknown key", "# s\nstruct answer\nhxe 00\n", `line 3: unknown key "hxe"`},
		{"odd hex", "# s\nstruct answer\nhex 0\n", "line 3"},
	}
	for _, tt := range tests {
		if _, err := ParseVector("v", tt.text); err == nil || !strings.Contains(err.Error(), tt.want) {
			t.Errorf("%s: got error %v, want one with %q", tt.name, err, tt.want)
		}
	}
}

// TestNoVectors holds that an empty directory is an error: a suite that runs nothing must not pass.
func TestNoVectors(t *testing.T) {
	if _, err := Vectors(fstest.MapFS{}); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("got error %v, want one that is fs.ErrNotExist", err)
	}
}

// TestCasesHaveNames holds that every case of a suite can be told by its name.
func TestCasesHaveNames(t *testing.T) {
	for _, suite := range [][]Case{HostCases, GuestCases} {
		var names []string
		for _, c := range suite {
			names = append(names, c.Name)
		}
		slices.Sort(names)
		for i := 1; i < len(names); i++ {
			if names[i] == names[i-1] {
				t.Errorf("two cases are named %q", names[i])
			}
		}
	}
}

func TestQuoted(t *testing.T) {
	tests := map[byte]string{'a': `"a"`, '"': `"\""`, '\\': `"\\"`, 0: `"\000"`, 255: `"\255"`, ' ': `" "`}
	for b, want := range tests {
		if got := quoted(b); got != want {
			t.Errorf("quoted(%d): got %s, want %s", b, got, want)
		}
	}
}
