package main

import (
	"strings"
	"testing"

	"github.com/namelet/namelet/rr"
	"github.com/namelet/namelet/store/zonefile"
)

// Whatever a file of changes holds is refused or read into changes that a server
// takes as they are.
func FuzzChanges(f *testing.F) {
	apex := rr.MustParseName("apps.example")
	f.Add("set www 300 A 192.0.2.1\nset www 300 A 192.0.2.2\ndelete old\n")
	f.Add("; c\n\n\tset @ 1h TXT \"a b\" c\r\ndelete @ TXT\nset x 1 TYPE731 \\# 1 ff")
	f.Fuzz(func(t *testing.T, text string) {
		changes, err := parseChanges(strings.NewReader(text), "f", apex)
		if err != nil {
			if !strings.HasPrefix(err.Error(), "f:") {
				t.Fatalf("error %q does not name the file", err)
			}
			return
		}
		for _, c := range changes {
			if c.Set == nil {
				continue
			}
			of, err := zonefile.ParseType(c.Set.Type)
			if err != nil || len(c.Set.Data) == 0 {
				t.Fatalf("set %+v: %v", c.Set, err)
			}
			for _, data := range c.Set.Data {
				if _, err := zonefile.ParseRdata(of, data, apex); err != nil {
					t.Fatalf("set %+v is not read again: %v", c.Set, err)
				}
			}
		}
	})
}
