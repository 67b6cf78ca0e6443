package frontend

import (
	"fmt"
	"log/slog"
	"runtime/debug"
	"time"

	"github.com/namelet/namelet/internal/throttle"
	"github.com/namelet/namelet/rr"
)

// panicLog reports panics of Workers, with the stack, once a minute at most.
type panicLog struct {
	logger   *slog.Logger
	throttle throttle.Throttle
}

// report logs a panic while the question was answered; question is empty or has
// its name in front.
func (l *panicLog) report(cause any, question []byte) {
	skipped, ok := l.throttle.Pass(time.Now())
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
