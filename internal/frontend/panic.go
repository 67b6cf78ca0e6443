package frontend

import (
	"fmt"
	"log/slog"
	"runtime/debug"
	"sync"
	"time"

	"github.com/namelet/namelet/rr"
)

// throttle lets one event through a minute and counts the others.
type throttle struct {
	mu      sync.Mutex
	next    time.Time
	skipped int
}

// pass reports whether the event may be logged, and how many were not since the
// last one that was.
func (t *throttle) pass(now time.Time) (skipped int, ok bool) {
	t.mu.Lock()
	defer t.mu.Unlock()
	if now.Before(t.next) {
		t.skipped++
		return 0, false
	}
	skipped, t.skipped = t.skipped, 0
	t.next = now.Add(time.Minute)
	return skipped, true
}

// panicLog reports panics of Workers, with the stack, once a minute at most.
type panicLog struct {
	logger *slog.Logger
	throttle
}

// report logs a panic while the question was answered; question is empty or has
// its name in front.
func (l *panicLog) report(cause any, question []byte) {
	skipped, ok := l.pass(time.Now())
	if !ok {
		return
	}
	qname := ""
	if name, _, err := rr.NameFromWire(question); err == nil {
		qname = name.String()
	}
	l.logger.Error("a query failed by a panic and got SERVFAIL",
		"qname", qname, "cause", fmt.Sprint(cause), "unlogged", skipped, "stack", string(debug.Stack()))
}
