package main

import (
	"strings"
	"testing"

	"github.com/miekg/dns"

	"github.com/namelet/namelet/internal/control"
)

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

// The same holds for what a guest calls its functions.
func TestTraceOfHostileNames(t *testing.T) {
	fault := control.TraceFailure{Kind: "trap", Message: "m\x1b[2J", Stack: []string{"f\x1b[2J"}, Output: "o\x1b[2J"}
	trace := control.QueryTrace{Steps: []control.TraceStep{{Zone: "a.example.", Calls: []control.TraceCall{{Failure: &fault}}}}}
	var b strings.Builder
	writeTrace(&b, new(dns.Msg), &trace)
	if got := b.String(); strings.Contains(got, "\x1b") || !strings.Contains(got, "in f\uFFFD[2J\n") {
		t.Errorf("got %q", got)
	}
}
