package resolve_test

import (
	"bytes"
	"fmt"
	"log/slog"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/namelet/namelet/hostabi"
	"github.com/namelet/namelet/internal/resolve"
	"github.com/namelet/namelet/rr"
	"github.com/namelet/namelet/runtime"
)

// failing is a guest that fails where fails says so, and counts its calls.
type failing struct {
	calls int
	fails func(n string) bool
}

func (f *failing) answer(n string, _ *hostabi.Question, _ runtime.Host, a *runtime.Answer) error {
	f.calls++
	if f.fails(n) {
		return &runtime.Fault{Kind: runtime.FaultTrap, Message: "unreachable"}
	}
	a.Disposition = hostabi.DispositionStatic
	return nil
}

const breakerWindow = 10 * time.Second

func always(string) bool { return true }
func never(string) bool  { return false }

// asks puts n questions, each of another name.
func asks(w *resolve.Worker, prefix string, n int) (last string) {
	for i := range n {
		last = ask(w, fmt.Sprintf("%s%d.apps.example", prefix, i), rr.TypeA)
	}
	return last
}

func TestBreakerOpensAndCloses(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var log bytes.Buffer
		guest := &failing{fails: always}
		a := attach("apps.example", guest.answer)
		w := serve(t, resolve.Config{Log: slog.New(slog.NewTextHandler(&log, nil))}, a)
		state := func(want resolve.BreakerState, opened uint64, calls int) {
			t.Helper()
			if got := a.Breaker(); got.State != want || got.Opened != opened || guest.calls != calls {
				t.Fatalf("got %v, opened %d times, after %d calls; want %v, %d, %d", got.State, got.Opened, guest.calls, want, opened, calls)
			}
		}
		asks(w, "a", 20)
		state(resolve.BreakerClosed, 0, 20) // so far it is a burst
		time.Sleep(time.Second)
		if got := asks(w, "b", 100); !strings.Contains(got, "circuit breaker open") {
			t.Errorf("got %q, want the breaker named", got)
		}
		state(resolve.BreakerOpen, 1, 21)

		time.Sleep(time.Second)
		state(resolve.BreakerHalfOpen, 1, 21)
		asks(w, "c", 100)
		state(resolve.BreakerOpen, 1, 22)
		time.Sleep(time.Second)
		state(resolve.BreakerOpen, 1, 22) // for two now
		for range 10 {
			time.Sleep(30 * time.Second)
			asks(w, "d", 3)
		}
		state(resolve.BreakerOpen, 1, 32)
		time.Sleep(30 * time.Second) // not for longer than that

		guest.fails = never
		asks(w, "e", 4)
		state(resolve.BreakerHalfOpen, 1, 36)
		asks(w, "f", 100)
		state(resolve.BreakerClosed, 1, 136)
		for _, line := range []string{"its circuit breaker opened", "its circuit breaker closed"} {
			if n := strings.Count(log.String(), line); n != 1 {
				t.Errorf("logged %d times, want once: %s\n%s", n, line, log.String())
			}
		}
	})
}

// One name that fails is not a guest that fails, however few others are asked.
func TestBreakerCountsQuestions(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		guest := &failing{fails: func(n string) bool { return n == "bad.apps.example" }}
		a := attach("apps.example", guest.answer)
		w := serve(t, resolve.Config{}, a)
		for range 300 {
			ask(w, "bad.apps.example", rr.TypeA)
			time.Sleep(time.Second)
		}
		if got := a.Breaker(); got.State != resolve.BreakerClosed || got.Opened != 0 || guest.calls != 300 {
			t.Errorf("got %+v after %d calls", got, guest.calls)
		}
	})
}

// A guest that fails on less than half is asked on, unless its failures cost too much.
func TestBreakerByRateAndByCost(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		guest := &failing{fails: func(n string) bool { return strings.HasPrefix(n, "bad") }}
		a := attach("apps.example", guest.answer)
		w := serve(t, resolve.Config{}, a)
		for i := range 50 {
			asks(w, fmt.Sprintf("good%d-", i), 21)
			asks(w, fmt.Sprintf("bad%d-", i), 10)
			time.Sleep(200 * time.Millisecond)
		}
		if got := a.Breaker(); got.Opened != 0 {
			t.Fatalf("opened at a third of failures: %+v", got)
		}
		time.Sleep(breakerWindow)
		asks(w, "badly", 99)
		if got := a.Breaker(); got.Opened != 0 {
			t.Fatalf("opened by 99 failures a second: %+v", got)
		}
		asks(w, "bad", 1)
		if got := a.Breaker(); got.State != resolve.BreakerOpen {
			t.Errorf("got %+v after 100 failures within a second, want it open", got)
		}
	})
}
