package replica

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"time"

	"github.com/namelet/namelet/store"
)

const (
	eventsAtOnce = 1000
	checkEvery   = 2 * time.Second  // between looks at the store's standing
	shortAbsence = 10 * time.Second // after which the feed alone is trusted to tell what was missed
	reportEvery  = time.Minute      // while a store cannot be followed
)

// Follow reads the change feed until ctx ends, and returns then. Trouble with the
// store is logged, shown by Status, and tried again.
func (r *Replica) Follow(ctx context.Context) {
	var beside sync.WaitGroup
	defer beside.Wait()
	beside.Go(func() { r.watchExpiry(ctx) })
	beside.Go(func() { r.beat(ctx) })
	beside.Go(func() { r.watchTrials(ctx) })
	beside.Go(func() { r.decide(ctx) })
	woken := r.Store.Watch(ctx)
	pace := pace{alone: r.Store.Capabilities().Exclusive, wait: pollBusy, changed: time.Now()}
	timer := time.NewTimer(0)
	defer timer.Stop()
	for {
		select {
		case <-ctx.Done():
			return
		case <-woken:
		case <-timer.C:
		}
		before := r.applied
		err := r.follow(ctx)
		if ctx.Err() != nil {
			return
		}
		r.judge(err)
		wait := pace.after(time.Now(), r.applied != before, err)
		if r.applied == before && r.catchUpBehind(ctx) {
			wait = 0
		}
		timer.Reset(wait)
	}
}

// follow brings what is served up to the store.
func (r *Replica) follow(ctx context.Context) error {
	if !r.lost.IsZero() {
		if _, err := within(ctx, probeTime, r.check); err != nil {
			return err
		}
		if r.cursor == (store.Cursor{}) || time.Since(r.lost) > shortAbsence || r.state() == Refused {
			return r.reload(ctx)
		}
	}
	err := r.catchUp(ctx)
	if errors.Is(err, store.ErrGone) {
		r.Log.Warn("the change log no longer reaches back to what is served: loading everything", "error", err)
		err = r.reload(ctx)
	}
	if err == nil && time.Since(r.checked) > checkEvery {
		_, err = within(ctx, probeTime, r.check)
	}
	return err
}

// check makes sure that the store is the one that what is held comes from, and no
// older state of it.
func (r *Replica) check(ctx context.Context) (struct{}, error) {
	return struct{}{}, r.read(ctx, func(context.Context, *store.Snapshot, *watch) error { return nil })
}

func (r *Replica) caught() time.Time {
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.status.Caught
}

func (r *Replica) state() State {
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.status.State
}

// judge takes note of what an attempt to follow the store came to, and logs what
// is new about it.
func (r *Replica) judge(err error) {
	was := r.state()
	now := time.Now()
	if err == nil {
		if !r.lost.IsZero() { // the state may be Following already, by a reload
			r.Log.Info("the store is followed again", "after", now.Sub(r.lost).Round(time.Millisecond))
		}
		r.lost = time.Time{}
		r.reads.refused.Store(false)
		r.note(func(s *Status) { s.enter(Following, "") })
		return
	}
	state := Away
	if errors.Is(err, store.ErrForeign) || errors.Is(err, store.ErrSchema) {
		state = Refused
	}
	if r.lost.IsZero() {
		r.lost = now
	}
	r.reads.refused.Store(state == Refused)
	r.note(func(s *Status) {
		s.enter(state, err.Error())
		s.Errors++
	})
	if state == was && now.Sub(r.reported) < reportEvery {
		return
	}
	r.reported = now
	if state == Refused {
		r.Log.Error("the store is refused; what was served before stays", "error", err)
	} else {
		r.Log.Error("cannot follow the store; what is served stays", "error", err)
	}
}

// catchUp applies all events that there are. The cursor moves past a batch only
// when the batch has been applied.
func (r *Replica) catchUp(ctx context.Context) error {
	for {
		began := time.Now()
		page, err := within(ctx, probeTime, func(ctx context.Context) (p page, err error) {
			p.events, p.next, err = r.Store.Changes(ctx, r.cursor, eventsAtOnce)
			return p, err
		})
		if errors.Is(err, store.ErrForeign) {
			return r.explain(ctx, err)
		}
		if err != nil {
			return err
		}
		if len(page.events) > 0 || r.retryable(time.Now()) {
			if err := r.apply(ctx, page.events); err != nil {
				return err
			}
			r.observe(page.events)
			r.applied += len(page.events)
		}
		r.cursor = page.next
		last := len(page.events) < eventsAtOnce
		r.note(func(s *Status) {
			s.Cursor = page.next
			if last {
				s.Caught, s.Watermark = began, began
			} else {
				s.Watermark = page.events[len(page.events)-1].Committed
			}
		})
		r.inform(r.caught())
		if last {
			if r.expiry.inStep(began) {
				r.expire(ctx)
			}
			r.guests.release(ctx, time.Now(), r.Resolver, r.Log)
			return nil
		}
	}
}

// explain says what a store is that never had the place up to which its feed was
// read.
func (r *Replica) explain(ctx context.Context, err error) error {
	if _, other := within(ctx, probeTime, r.check); errors.Is(other, store.ErrForeign) {
		return other
	}
	return fmt.Errorf("the store never had the change %v, which is served: it is an older state of itself: %w", r.cursor, err)
}

// page is what one look at the feed gives.
type page struct {
	events []store.Event
	next   store.Cursor
}
