package main

import "testing"

// What others wrote, a tenant's reason or a guest's last words, commands no terminal.
func TestOneLine(t *testing.T) {
	for in, want := range map[string]string{
		"one\ntwo\r\nthree":                 "one; two; three",
		"\x1b]0;owned\x07\x1b[2J":           "\uFFFD]0;owned\uFFFD\uFFFD[2J",
		"right \u202e to left\u0085 \u2028": "right \uFFFD to left\uFFFD \uFFFD",
		"not UTF-8: \xff":                   "not UTF-8: \uFFFD",
		"Zürich, 東京\tkept":                  "Zürich, 東京\tkept",
	} {
		if got := oneLine(in); got != want {
			t.Errorf("%q: got %q, want %q", in, got, want)
		}
	}
}
