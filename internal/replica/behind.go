package replica

import (
	"context"
	"log/slog"
	"time"

	"github.com/namelet/namelet/internal/resolve"
)

// behindTime is how long a change may wait, about, for versions before to be prepared:
// no more are begun after it.
const behindTime = 100 * time.Millisecond

// catchUpBehind prepares versions that answer nothing, but that a rollback would go
// back to: after a start those that do answer come first, and nothing waits for these.
// It does so for a while, and reports whether there may be more to do.
func (r *Replica) catchUpBehind(ctx context.Context) (more bool) {
	if !r.guests.behind {
		return false
	}
	found, more := r.guests.readyBehind(ctx, time.Now().Add(behindTime), r.Log)
	if found && ctx.Err() == nil {
		_ = r.publish(ctx, true) // its error is that of ctx
	}
	return more && found
}

// readyBehind lets versions before rest where the next routing finds them.
func (g *guests) readyBehind(ctx context.Context, until time.Time, log *slog.Logger) (found, more bool) {
	g.behind = false
	for at, s := range g.inForce {
		if s.row.Previous == nil || s.falls == resolve.FallbackLastGood || g.find(at, *s.row.Previous, s.falls) != nil {
			continue
		}
		g.behind = true
		if time.Now().After(until) || ctx.Err() != nil {
			return found, true
		}
		var e *entry
		if e, s.trouble[previous] = g.ready(ctx, s.row, *s.row.Previous, s.falls, previous, log); e != nil {
			g.last[at] = append(g.last[at], resting{e, time.Now().Add(lastKept)})
			found = true
		}
	}
	return found, false
}
