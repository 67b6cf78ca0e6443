package frontend

import (
	"log/slog"
	"strings"
	"sync/atomic"
	"time"

	"golang.org/x/time/rate"

	"github.com/namelet/namelet/internal/inputtext"
	"github.com/namelet/namelet/internal/resolve"
	"github.com/namelet/namelet/rr"
)

// tardyRate is how many answers are logged a second, and how many at once.
const (
	tardyRate  = 1
	tardyBurst = 10
)

// tardyLog logs answers that took long to compute, with what they depend on.
type tardyLog struct {
	after   time.Duration
	log     *slog.Logger
	limit   *rate.Limiter
	skipped atomic.Uint64
}

// newTardyLog makes the log; nil where after is 0 and none is wanted.
func newTardyLog(after time.Duration, log *slog.Logger) *tardyLog {
	if after == 0 {
		return nil
	}
	return &tardyLog{after: after, log: log, limit: rate.NewLimiter(tardyRate, tardyBurst)}
}

// note logs the answer that r has made to q, which began at a time and had waited
// before, where both together were long.
func (l *tardyLog) note(r *responder, q *query, rcode rr.RCode, began time.Time) {
	took := time.Since(began)
	if took+r.waited < l.after {
		return
	}
	if !l.limit.Allow() {
		l.skipped.Add(1)
		return
	}
	name, _, err := rr.NameFromWire(q.question)
	if err != nil {
		panic(err) // parse let a bad name through
	}
	t := &r.resp.Trace
	l.log.Warn("a slow answer", "qname", name.String(), "qtype", q.qtype.String(), "client", q.sender.addr.String(),
		"transport", r.transport.String(), "rcode", rcode.String(), "took", took, "waited", r.waited,
		"zone", t.Zone.String(), "class", t.Class.String(), "guest", t.Asked, "inputs", inputsText(t.Inputs), "dependencies", len(t.Deps), "keepable", t.Cacheable, "unlogged", l.skipped.Swap(0))
}

// inputsText words what guests asked for, in order.
func inputsText(inputs []resolve.Input) string {
	words := make([]string, len(inputs))
	for i := range inputs {
		words[i] = inputtext.Of(&inputs[i], "this server's").String()
	}
	return strings.Join(words, ", ")
}
