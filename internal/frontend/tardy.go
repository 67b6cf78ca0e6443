package frontend

import (
	"log/slog"
	"strconv"
	"strings"
	"sync/atomic"
	"time"

	"golang.org/x/time/rate"

	"github.com/namelet/namelet/hostabi"
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
		"transport", strings.ToLower(r.transport.String()), "rcode", rcode.String(), "took", took, "waited", r.waited,
		"zone", t.Zone.String(), "inputs", inputsText(t.Inputs), "dependencies", len(t.Deps), "keepable", t.Cacheable, "unlogged", l.skipped.Swap(0))
}

// inputsText words what guests asked for, in order.
func inputsText(inputs []resolve.Input) string {
	words := make([]string, len(inputs))
	for i := range inputs {
		words[i] = inputText(&inputs[i])
	}
	return strings.Join(words, ", ")
}

func inputText(in *resolve.Input) string {
	switch in.Kind {
	case resolve.InputClient, resolve.InputSource:
		return "client " + in.Prefix.String()
	case resolve.InputNow:
		return "time " + time.Unix(in.Value, 0).UTC().Format(time.RFC3339) + " in steps of " + (time.Duration(in.Arg) * time.Second).String()
	case resolve.InputBefore:
		return "before " + time.Unix(in.Arg, 0).UTC().Format(time.RFC3339) + ": " + strconv.FormatBool(in.Value == 1)
	case resolve.InputPick:
		return "pick " + strconv.FormatInt(in.Value, 10) + " of " + strconv.FormatInt(in.Arg, 10)
	case resolve.InputTransport:
		return "transport " + strings.ToLower(hostabi.Transport(in.Value).String())
	case resolve.InputSite:
		return "site"
	case resolve.InputRelease:
		if in.Value == 1 {
			return "release candidate"
		}
		return "release active"
	}
	return in.Kind.String() + " " + strconv.FormatInt(in.Value, 10)
}
