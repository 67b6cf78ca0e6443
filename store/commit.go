package store

import (
	"context"
	"crypto/rand"
	"errors"
	goruntime "runtime"
	"slices"
	"time"
)

// A plan reads through t and writes to it. It may run more than once, each time
// on a fresh tx, so it sets its results anew each time.
type plan func(ctx context.Context, t *tx) error

// job is a plan that waits for its transaction.
type job struct {
	ctx    context.Context
	plan   plan
	weight int // see weight
	err    error
	done   chan struct{}
}

const (
	maxGroupJobs   = 1024
	maxGroupWeight = maxChangeRows
	maxAttempts    = 64 // of a group whose checks do not hold
)

// weight is what a job adds to its transaction: one a row, and one for each half
// kilobyte. All that share a transaction come to 8 MiB, about; a job that is more
// by itself has one of its own.
func weight(rows, octets int) int { return rows + octets/512 }

// commit runs a plan in a transaction, which other callers may share: the plan
// sees what theirs, that came before, will have written. When it returns nil,
// what the plan wrote is durable. A plan that fails takes nothing but itself
// out of the transaction.
//
// A ctx that ends before the transaction begins takes the plan back; after
// that commit waits, so that its caller knows the outcome.
func (s *Store) commit(ctx context.Context, weight int, p plan) error {
	p, audited := s.audited(ctx, p)
	j := &job{ctx: ctx, plan: p, weight: weight, done: make(chan struct{})}
	if err := ctx.Err(); err != nil {
		return err
	}
	s.mu.Lock()
	if s.closed {
		s.mu.Unlock()
		return ErrClosed
	}
	s.queue = append(s.queue, j)
	s.mu.Unlock()
	wake(s.work)
	select {
	case <-j.done:
	case <-ctx.Done():
		if s.withdraw(j) {
			return ctx.Err()
		}
		<-j.done
	}
	if j.err == nil {
		audited()
	}
	return j.err
}

// withdraw takes a job that has not begun out of the queue.
func (s *Store) withdraw(j *job) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	i := slices.Index(s.queue, j)
	if i < 0 {
		return false
	}
	s.queue = slices.Delete(s.queue, i, i+1)
	return true
}

// take removes the jobs of the next transaction from the queue.
func (s *Store) take() []*job {
	s.mu.Lock()
	defer s.mu.Unlock()
	n, weight := 0, 0
	for n < len(s.queue) && n < maxGroupJobs {
		weight += s.queue[n].weight
		if n > 0 && weight > maxGroupWeight {
			break
		}
		n++
	}
	jobs := slices.Clone(s.queue[:n])
	s.queue = slices.Delete(s.queue, 0, n)
	return jobs
}

// committer is the one goroutine that writes.
func (s *Store) committer() {
	defer close(s.stopped)
	for {
		jobs := s.take()
		if len(jobs) == 0 {
			select {
			case <-s.work:
				continue
			case <-s.quit:
			}
			if jobs = s.take(); len(jobs) == 0 {
				return
			}
		}
		s.commitGroup(jobs)
		for _, j := range jobs {
			close(j.done)
		}
		// Callers who write again at once get to the queue before it is taken.
		goruntime.Gosched()
	}
}

// commitGroup leaves its result in each job. A group that fails as one is tried
// again job by job, so that one that is too big for the disk fails alone, but where
// the store cannot be reached: each job would wait for that anew.
func (s *Store) commitGroup(jobs []*job) {
	err := s.tryGroup(jobs)
	if err == nil {
		return
	}
	if len(jobs) == 1 || errors.Is(err, ErrOutcomeUnknown) || errors.Is(err, ErrUnavailable) {
		for _, j := range jobs {
			if j.err == nil {
				j.err = err
			}
		}
		return
	}
	for _, j := range jobs {
		if j.err != nil {
			continue
		}
		if err := s.tryGroup([]*job{j}); err != nil {
			j.err = err
		}
	}
}

// tryGroup runs plans and applies what they wrote, again where another process
// came in between. An error is that of all jobs that have none of their own.
func (s *Store) tryGroup(jobs []*job) error {
	for attempt := 0; ; attempt++ {
		t, err := s.runPlans(jobs)
		if err != nil {
			return err
		}
		b := t.batch()
		if b == nil {
			return nil
		}
		b.ID = newBatchID()
		err = s.driver.Apply(s.ctx, b)
		switch {
		case err == nil:
			s.committed(len(b.Log) > 0, t.garbage)
			return nil
		case !errors.Is(err, ErrCheckFailed):
			return err
		case attempt == maxAttempts:
			return fail(ErrVersionConflict, "gave up after %d attempts against other writers", attempt)
		}
		time.Sleep(min(time.Duration(attempt)*time.Millisecond, 20*time.Millisecond))
	}
}

func newBatchID() (id [16]byte) {
	rand.Read(id[:])
	return id
}

func (s *Store) runPlans(jobs []*job) (*tx, error) {
	v, err := s.driver.View(s.ctx)
	if err != nil {
		return nil, err
	}
	defer v.Close()
	if s.given {
		identity, err := readIdentity(s.ctx, viewReader{v})
		if err != nil {
			return nil, err
		}
		if err := (Standing{Identity: identity}).Follows(Standing{Identity: s.identity}); err != nil {
			return nil, err
		}
	}
	t := &tx{base: viewReader{v}, now: s.now().UTC().Truncate(time.Millisecond), checks: map[tableKey][]byte{}}
	for _, j := range jobs {
		next := *t
		if j.err = j.ctx.Err(); j.err == nil {
			j.err = j.plan(s.ctx, &next)
		}
		if errors.Is(j.err, ErrUnavailable) {
			return nil, j.err
		}
		if j.err == nil {
			t = &next
		}
	}
	return t, nil
}

// committed wakes those who follow.
func (s *Store) committed(logged, garbage bool) {
	if garbage {
		wake(s.reclaim)
	}
	if !logged {
		return
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	for ch := range s.watchers {
		wake(ch)
	}
}

// wake leaves one token in a channel of one place.
func wake(ch chan struct{}) {
	select {
	case ch <- struct{}{}:
	default:
	}
}

// Watch returns a channel that has a token after commits of this Store that
// entered something in the change log; one token may stand for many. Commits by
// other processes are not seen. The channel is let go when ctx ends.
func (s *Store) Watch(ctx context.Context) <-chan struct{} {
	ch := make(chan struct{}, 1)
	s.mu.Lock()
	s.watchers[ch] = true
	s.mu.Unlock()
	context.AfterFunc(ctx, func() {
		s.mu.Lock()
		delete(s.watchers, ch)
		s.mu.Unlock()
	})
	return ch
}

func sortWrites(w []Write) { slices.SortFunc(w, compareWrites) }
