package sdktest

import (
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

// Case is a question and the answer that must come.
type Case struct {
	Name string // the subtest's; Ask when empty

	// Question. See the type of this name.
	Ask       string
	Client    string
	Transport string
	Now       int64
	Picks     []int

	// Want is the reply as Reply.String gives it, in any order of the records: for an answer its
	// records, a line each, such as "www.example. 60 A 192.0.2.1"; else NODATA, NXDOMAIN or REFUSED. FAILED on a
	// line of its own before it says that the guest must fail. Spaces around lines do not count.
	Want string

	// Reads is what the answer may depend on, parted by commas: "client 24/56, pick 10, lookup a.example. A".
	// Empty is not looked at; "nothing" is for answers made from the question alone.
	Reads string
}

func (c Case) question() Question {
	return Question{Ask: c.Ask, Client: c.Client, Transport: c.Transport, Now: c.Now, Picks: c.Picks}
}

// Run asks every case natively where the guest can be, and compiled: twice of one instance that answers
// all cases and is given time between them, and once of a fresh one. The last two must agree in their
// answers and in the inputs asked.
func Run(t *testing.T, g Guest, setup Setup, cases []Case) {
	t.Helper()
	if g.native {
		t.Run("native", func(t *testing.T) {
			s := NewNativeServer(t, setup)
			for _, c := range cases {
				t.Run(c.name(), func(t *testing.T) { c.check(t, s.Ask(t, c.question())) })
			}
		})
	}
	t.Run("compiled", func(t *testing.T) {
		s := NewServer(t, g, setup)
		for _, c := range cases {
			t.Run(c.name(), func(t *testing.T) { c.runCompiled(t, s) })
		}
	})
}

func (c Case) runCompiled(t *testing.T, s *Server) {
	t.Helper()
	q := c.question()
	fresh := s.AskFresh(t, q)
	c.check(t, fresh)
	for range 2 {
		if diff := difference(fresh, s.Ask(t, q)); diff != "" {
			t.Errorf("%s: an instance that answered before differs (-fresh +warm):\n%s", c.Ask, diff)
		}
		s.Idle(t)
	}
}

// difference says how two replies to one question with the same inputs differ.
func difference(fresh, warm Reply) string {
	return cmp.Diff(lines(fresh.String()), lines(warm.String())) + cmp.Diff(fresh.Reads, warm.Reads)
}

func (c Case) name() string {
	if c.Name != "" {
		return c.Name
	}
	return c.Ask
}

func (c Case) check(t *testing.T, got Reply) {
	t.Helper()
	if diff := cmp.Diff(lines(c.Want), lines(got.String())); diff != "" {
		t.Errorf("%s (-want +got):\n%s", c.Ask, diff)
		if got.Err != nil {
			t.Log(got.Err)
		}
	}
	if c.Reads == "" {
		return
	}
	var want []string
	if c.Reads != "nothing" {
		want = strings.Split(c.Reads, ", ")
	}
	if diff := cmp.Diff(want, got.Reads); diff != "" {
		t.Errorf("%s reads (-want +got):\n%s", c.Ask, diff)
	}
}

// lines splits text into sorted lines without spaces around them.
func lines(text string) []string {
	var out []string
	for line := range strings.Lines(text) {
		if line = strings.TrimSpace(line); line != "" {
			out = append(out, line)
		}
	}
	slices.Sort(out)
	return out
}
