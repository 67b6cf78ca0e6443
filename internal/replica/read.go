package replica

import (
	"context"
	"fmt"
	"sync/atomic"
	"time"

	"github.com/namelet/namelet/store"
)

// What a store may take. One that is slower is as good as away: a call that hangs
// must not outlast the store's return.
const (
	probeTime  = 1500 * time.Millisecond // to answer a small question
	stallTime  = 1500 * time.Millisecond // from one row to the next
	moduleTime = 20 * time.Second        // to give a guest's module
)

// within calls ask with a bound on its time. What is too slow is an error that
// says so.
func within[T any](ctx context.Context, bound time.Duration, ask func(context.Context) (T, error)) (T, error) {
	limited, cancel := context.WithTimeoutCause(ctx, bound, fmt.Errorf("no answer within %v", bound))
	defer cancel()
	v, err := ask(limited)
	if err != nil && limited.Err() != nil && ctx.Err() == nil {
		err = fmt.Errorf("%w: %w", context.Cause(limited), err)
	}
	return v, err
}

// watch ends a reading in which nothing comes any more.
type watch struct {
	moved atomic.Int64 // rows that came
	held  atomic.Bool  // we are at work ourselves
}

func (w *watch) row()           { w.moved.Add(1) }
func (w *watch) hold(held bool) { w.held.Store(held); w.moved.Add(1) }

// run cancels when nothing has moved for stallTime.
func (w *watch) run(ctx context.Context, cancel context.CancelCauseFunc) {
	const every = stallTime / 10
	ticker := time.NewTicker(every)
	defer ticker.Stop()
	last, still := int64(-1), 0
	for {
		select {
		case <-ctx.Done():
			return
		case <-ticker.C:
		}
		if now := w.moved.Load(); now != last || w.held.Load() {
			last, still = now, 0
			continue
		}
		if still++; still*int(every) >= int(stallTime) {
			cancel(fmt.Errorf("nothing came for %v", stallTime))
			return
		}
	}
}

// read calls use with a snapshot of the store that what is held can come from, and
// gives up when no row of it has come for a while.
func (r *Replica) read(ctx context.Context, use func(context.Context, *store.Snapshot, *watch) error) error {
	watched, cancel := context.WithCancelCause(ctx)
	defer cancel(nil)
	w := &watch{}
	go w.run(watched, cancel)
	err := r.Store.Snapshot(watched, func(v *store.Snapshot) error {
		w.row()
		standing, err := v.Standing(watched)
		if err != nil {
			return err
		}
		if err := standing.Follows(r.standing); err != nil {
			return err
		}
		w.row()
		if err := use(watched, v, w); err != nil {
			return err
		}
		r.standing, r.checked = standing, time.Now()
		return nil
	})
	if err != nil && watched.Err() != nil && ctx.Err() == nil {
		err = fmt.Errorf("%w: %w", context.Cause(watched), err)
	}
	return err
}
