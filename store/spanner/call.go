package spanner

import (
	"context"
	"errors"
	"time"

	"google.golang.org/grpc/codes"

	"github.com/namelet/namelet/store"
)

const deadline = codes.DeadlineExceeded

// watch ends a context when nothing is heard for attemptTime while it waits.
type watch struct {
	ctx    context.Context
	cancel context.CancelCauseFunc
	timer  *time.Timer
}

func newWatch(ctx context.Context) *watch {
	w := &watch{}
	w.ctx, w.cancel = context.WithCancelCause(ctx)
	w.timer = time.AfterFunc(attemptTime, func() { w.cancel(errSilent) })
	return w
}

// wait starts the time anew; rest stops it while there is nothing to wait for.
func (w *watch) wait() { w.timer.Reset(attemptTime) }
func (w *watch) rest() { w.timer.Stop() }

// end returns err, or errSilent where that is why.
func (w *watch) end(err error) error {
	w.timer.Stop()
	if err != nil && errors.Is(context.Cause(w.ctx), errSilent) {
		err = errSilent
	}
	w.cancel(nil)
	return err
}

// read makes attempts of a call that changes nothing, until one comes to its end or
// readTime is over.
func (d *Driver) read(ctx context.Context, do func(context.Context, *connection) error) error {
	return d.attempts(ctx, func() time.Time { return time.Time{} }, func(ctx context.Context, _ *watch, c *connection) error { return do(ctx, c) })
}

// attempts is read for calls that come forward in steps: readTime counts from the
// last one.
func (d *Driver) attempts(ctx context.Context, progress func() time.Time, do func(context.Context, *watch, *connection) error) error {
	started := time.Now()
	for again := pause; ; {
		err := d.attempt(ctx, do)
		if last := progress(); last.After(started) {
			started = last
		}
		if err == nil || ctx.Err() != nil || !errors.Is(err, errSilent) && !passing(err) || time.Since(started) > readTime {
			return d.explain(ctx, err)
		}
		if !sleep(ctx, again.Pause()) {
			return d.explain(ctx, err)
		}
	}
}

func (d *Driver) attempt(ctx context.Context, do func(context.Context, *watch, *connection) error) error {
	w := newWatch(ctx)
	c, err := d.acquire(w.ctx)
	if err != nil {
		return w.end(err)
	}
	w.wait()
	err = w.end(do(w.ctx, w, c))
	d.release(c, err)
	return err
}

// sleep reports whether it came to its end.
func sleep(ctx context.Context, t time.Duration) bool {
	select {
	case <-time.After(t):
		return true
	case <-ctx.Done():
		return false
	}
}

var _ store.Driver = (*Driver)(nil)
