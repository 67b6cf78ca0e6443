package resolve

import (
	"context"
	"errors"
	"log/slog"
	"time"

	"github.com/namelet/namelet/hostabi"
	"github.com/namelet/namelet/internal/authority"
	"github.com/namelet/namelet/runtime"
)

// errSuppressed is the failure of a question whose guest is not called, since it
// failed a moment ago.
var errSuppressed = errors.New("resolve: the guest failed on this question a moment ago")

// report logs a failure, once a minute for each attachment, and tells the journal.
func (r *Resolver) report(a *Attachment, q authority.Question, err error) {
	r.noteFailure(a, q.Name, q.Type, err)
	missed, ok := a.failures.Pass(time.Now())
	if !ok {
		return
	}
	attrs := []any{"guest", a.Label, "zone", a.Zone.String(), "qname", q.Name.String(), "qtype", q.Type.String(),
		"error", err, "unlogged", missed}
	if f, ok := errors.AsType[*runtime.Fault](err); ok {
		attrs = append(attrs, "fuel", f.Fuel, "stack", f.Stack, "output", f.Output)
	}
	r.config.Log.Warn("guest failed", attrs...)
}

// reason words a failure for the extended error on the wire: its kind alone,
// since what a guest says in its messages is not for everybody.
func reason(err error) string {
	if f, ok := errors.AsType[*runtime.Fault](err); ok {
		return f.Kind.String()
	}
	if errors.Is(err, errExhausted) {
		return "over its fuel a second"
	}
	if errors.Is(err, errBusy) {
		return "too many calls at the same time"
	}
	if errors.Is(err, errNoMemory) {
		return "no memory for another instance"
	}
	if errors.Is(err, errLate) {
		return "its code is not loaded"
	}
	if errors.Is(err, errOpen) {
		return "circuit breaker open"
	}
	return "suppressed"
}

var logLevels = map[hostabi.LogLevel]slog.Level{
	hostabi.LogDebug: slog.LevelDebug,
	hostabi.LogInfo:  slog.LevelInfo,
	hostabi.LogWarn:  slog.LevelWarn,
	hostabi.LogError: slog.LevelError,
}

// logLine passes a guest's line on to the journal and to the server's log, within
// bounds.
func (r *Resolver) logLine(a *Attachment, level hostabi.LogLevel, line []byte) {
	r.noteLine(a, level, line)
	severity := logLevels[level]
	if !r.config.Log.Enabled(context.Background(), severity) {
		return
	}
	if _, ok := a.lines.pass(noteLines, sinceStart()); !ok {
		return
	}
	r.config.Log.Log(context.Background(), severity, "guest says", "guest", a.Label, "zone", a.Zone.String(), "line", string(line))
}
