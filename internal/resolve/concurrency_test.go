package resolve_test

import (
	"strings"
	"testing"

	"github.com/namelet/namelet/hostabi"
	"github.com/namelet/namelet/internal/resolve"
	"github.com/namelet/namelet/rr"
	"github.com/namelet/namelet/runtime"
)

func TestConcurrency(t *testing.T) {
	began, end := make(chan struct{}), make(chan struct{})
	a := attach("www.apps.example", func(n string, q *hostabi.Question, _ runtime.Host, a *runtime.Answer) error {
		if rr.Type(q.QType) == rr.TypeTXT {
			began <- struct{}{}
			<-end
		}
		return answer(a, set(n, rr.Type(q.QType), 5, "\x03\x02\x03\x04"))
	})
	a.Concurrency = 2
	routing, errs := resolve.NewRouting(zones(t), []*resolve.Attachment{a})
	if errs != nil {
		t.Fatal(errs)
	}
	r := resolve.New(resolve.Config{})
	r.SetRouting(t.Context(), routing)
	done := make(chan string)
	for range 2 {
		go func() { done <- ask(r.NewWorker(), "www.apps.example", rr.TypeTXT) }()
		<-began
	}
	third := r.NewWorker()
	if got := ask(third, "www.apps.example", rr.TypeA); !strings.Contains(got, "192.0.2.80") || !strings.Contains(got, "too many calls at the same time") {
		t.Errorf("the third at the same time: got %q, want the fallback and why", got)
	}
	close(end)
	for range 2 {
		if got := <-done; !strings.HasPrefix(got, "NOERROR aa\n= www.apps.example. 5 TXT") {
			t.Errorf("one of two: got %q, want the guest's answer", got)
		}
	}
	if got := ask(third, "www.apps.example", rr.TypeA); !strings.Contains(got, "3.2.3.4") {
		t.Errorf("after them: got %q, want the guest's answer", got)
	}
	if got := a.Stats.Totals(); got.Busy != 1 || got.Calls != 3 {
		t.Errorf("got %+v, want 3 calls and 1 that was too many", got)
	}
}
