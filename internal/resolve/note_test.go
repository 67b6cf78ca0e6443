package resolve_test

import (
	"strings"
	"sync"
	"testing"

	"github.com/namelet/namelet/hostabi"
	"github.com/namelet/namelet/internal/authority"
	"github.com/namelet/namelet/internal/resolve"
	"github.com/namelet/namelet/rr"
	"github.com/namelet/namelet/runtime"
)

// noted keeps all notes.
type noted struct {
	mu  sync.Mutex
	all []resolve.Note
}

func (n *noted) Note(note resolve.Note) {
	n.mu.Lock()
	defer n.mu.Unlock()
	n.all = append(n.all, note)
}

// A journal is told of lines and failures at a bounded rate, and of how many came too
// fast, whatever the server's log is told.
func TestJournalIsToldWithinBounds(t *testing.T) {
	const asked = 300
	fails := true
	at := attach("apps.example", func(_ string, _ *hostabi.Question, h runtime.Host, a *runtime.Answer) error {
		h.Log(hostabi.LogDebug, []byte("a line with \xff"))
		if fails {
			return &runtime.Fault{Kind: runtime.FaultTrap, Message: "on purpose", Output: strings.Repeat("x", 1<<20), Stack: []string{strings.Repeat("f", 1<<20)}}
		}
		return answer(a)
	})
	journal := &noted{}
	w := serve(t, resolve.Config{Journal: journal}, at)
	var resp resolve.Response
	for i := range asked {
		// Another name each time: a failure is remembered for its question.
		qname := name("x" + strings.Repeat("y", i%50) + strings.Repeat("z", i/50) + ".apps.example")
		w.Resolve(authority.Question{Name: qname, Type: rr.TypeA}, client, &resp)
	}
	lines, failures := 0, 0
	for _, n := range journal.all {
		if n.Label != "test@1" || !n.Zone.Equal(name("apps.example")) {
			t.Fatalf("note %+v", n)
		}
		if n.Failure == nil {
			lines++
			if n.Line != "a line with \uFFFD" || n.Level != hostabi.LogDebug {
				t.Errorf("line %q at %v", n.Line, n.Level)
			}
			continue
		}
		failures++
		if !strings.HasPrefix(n.QName.String(), "x") || n.QType != rr.TypeA || len(n.Failure.Output) > 4096 || len(n.Failure.Stack[0]) > 256 {
			t.Errorf("failure of %v %v with %d octets of output", n.QName, n.QType, len(n.Failure.Output))
		}
	}
	if lines == 0 || lines > 100 || failures == 0 || failures > 50 {
		t.Errorf("%d lines and %d failures of %d calls were noted", lines, failures, asked)
	}
}
