package resolve

import (
	"context"
	"errors"
	"sync"
	"sync/atomic"
	"time"
)

// errUnloaded is the failure of a question whose guest has no instance here, and whose
// code is not loaded: a slow Worker loads it.
var errUnloaded = errors.New("resolve: the code of the guest is not loaded")

// errLate is that of one whose guest's code was not loaded in time.
var errLate = errors.New("resolve: the code of the guest was not loaded in time")

const (
	// loadPatience is how long a question waits for its guest's code.
	loadPatience = time.Second

	// loadAgain is how long code that could not be loaded is not tried again.
	loadAgain = time.Second

	// codeStays is how much longer than an instance code stays that is not used: to load
	// it takes a hundred times as long as to make an instance, for five times the memory.
	codeStays = 10 * time.Second

	// loadShare is how much of the time may go into loading in the long run, as one in so
	// many, and loadBurst how much at once: whoever asks in turn for what was let go has
	// others who do so wait, and nobody else.
	loadShare = 4
	loadBurst = time.Second
)

// loadPace says how long loads have to wait for each other. Who has a turn uses it.
type loadPace struct {
	spent time.Duration // of the burst
	last  time.Time     // when that was so
}

// after returns how long nothing is to be loaded, after something that took so long.
func (p *loadPace) after(took time.Duration, now time.Time) time.Duration {
	p.spent = max(0, p.spent-now.Sub(p.last)/loadShare) + took
	p.last = now
	return max(0, p.spent-loadBurst) * loadShare
}

// Loader has the code of a guest, which all its instances share and which can go while
// there are none. It is safe for concurrent use. *runtime.Module is one.
type Loader interface {
	CodeBytes() int64               // what the code takes while it is loaded
	Hold(ctx context.Context) error // loads it if need be, and has it stay until Release
	TryHold() bool                  // has it stay until Release, if it is loaded
	Release()
	InUse() bool  // it is held, or has instances
	Unload() bool // lets it go, if it is not in use
}

// Code is a guest's code as a Resolver counts it, beside the instances: it goes where
// memory is needed, nothing uses it, and it was used the longest ago. Attachments whose
// guests run the same module share one. It is safe for concurrent use.
type Code struct {
	loader  Loader
	memory  *memory
	tenancy tenant

	newest atomic.Pointer[slot] // that got an instance of it last; nil where that is gone

	mu      sync.Mutex
	loading *loading // that is going on
	closed  bool
	counted bool // it is loaded, or being loaded
	failed  error
	again   time.Time // until then it fails as before
}

// NewCode counts a guest's code from now on, which is loaded. It may cost others theirs,
// and be let go at once.
func (r *Resolver) NewCode(l Loader) *Code {
	c := &Code{loader: l, memory: &r.memory}
	c.tenancy.stays.Store(int64(codeStays))
	c.touch(sinceStart())
	r.memory.join(c)
	c.count()
	r.memory.room(0)
	return c
}

// Close counts the code no more, which is in no Attachment any more.
func (c *Code) Close() {
	c.memory.leave(c)
	c.mu.Lock()
	defer c.mu.Unlock()
	c.closed = true
	c.forget()
}

// loading is one load of a Code, for all who want it.
type loading struct {
	done chan struct{}
	err  error // set before done is closed

	// Under the Code's lock: the code is held until who has waited is through. The last of
	// them lets go of it, since nobody else may have a turn for long.
	waiters int
	landed  bool
}

// Hold has the code stay loaded until Release, and loads it where it is not. The error is
// errLate where the context ends before, that of the Loader, or errNoMemory.
func (c *Code) Hold(ctx context.Context) error {
	if c.loader.TryHold() {
		return nil
	}
	l, err := c.join()
	if err != nil {
		return err
	}
	defer c.leave(l)
	select {
	case <-l.done:
	case <-ctx.Done():
		return errLate
	}
	if l.err == nil && !c.loader.TryHold() {
		return errLate // it was closed
	}
	return l.err
}

// join returns the load that is going on, and begins one where there is none. The caller
// is one of its waiters. The error is that of the last, for a while.
func (c *Code) join() (*loading, error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.failed != nil && time.Now().Before(c.again) {
		return nil, c.failed
	}
	if c.loading == nil {
		c.loading = &loading{done: make(chan struct{})}
		go c.load(c.loading)
	}
	c.loading.waiters++
	return c.loading, nil
}

// load loads the code when its turn has come, whoever still waits for it then: others
// will, and it counts.
func (c *Code) load(l *loading) {
	pace := <-c.memory.turns
	began := time.Now()
	l.err = c.bring()
	took := time.Since(began)
	go func() {
		time.Sleep(pace.after(took, time.Now()))
		c.memory.turns <- pace
	}()
	c.mu.Lock()
	c.loading, c.failed = nil, nil
	if l.err != nil && l.err != errNoMemory {
		c.failed, c.again = l.err, time.Now().Add(loadAgain)
	}
	l.landed = true
	l.waiters++
	c.mu.Unlock()
	close(l.done)
	c.leave(l)
}

// leave ends the waiting for a load.
func (c *Code) leave(l *loading) {
	c.mu.Lock()
	l.waiters--
	last := l.landed && l.err == nil && l.waiters == 0
	c.mu.Unlock()
	if last {
		c.Release()
	}
}

// bring makes room for the code, loads it and holds it. It counts before it is there, so
// that nobody else takes the room.
func (c *Code) bring() error {
	if c.loader.TryHold() {
		return nil // for who had waited for the load before
	}
	c.count()
	if !c.memory.room(0) {
		c.uncount()
		return errNoMemory
	}
	began := time.Now()
	if err := c.loader.Hold(context.Background()); err != nil {
		c.uncount()
		return err
	}
	c.memory.loads.observe(time.Since(began))
	return nil
}

// Release ends a Hold.
func (c *Code) Release() {
	c.touch(sinceStart())
	c.loader.Release()
}

// hold is Hold for a Worker, which may not wait unless it is a slow one. A guest without a
// Code needs none.
func (c *Code) hold(mayWait bool) error {
	switch {
	case c == nil || c.loader.TryHold():
		return nil
	case !mayWait:
		return errUnloaded
	}
	ctx, cancel := context.WithTimeout(context.Background(), loadPatience)
	defer cancel()
	return c.Hold(ctx)
}

// release ends a hold.
func (c *Code) release() {
	if c != nil {
		c.Release()
	}
}

// filled notes that a slot got an instance.
func (c *Code) filled(s *slot) {
	if c != nil {
		c.newest.Store(s)
	}
}

// reclaim evicts the instance that was made last, where that was asked no more than once: the next one is made from it in a
// tenth of the time. So whoever asks all guests in turn takes from himself, and those that are asked again stay.
func (c *Code) reclaim() {
	if c == nil {
		return
	}
	if s := c.newest.Swap(nil); s != nil {
		s.reclaim()
	}
}

// gone notes that a slot is given up.
func (c *Code) gone(s *slot) {
	if c != nil {
		c.newest.CompareAndSwap(s, nil)
	}
}

// fetch has the code loaded, and waits for nothing.
func (c *Code) fetch() {
	if l, err := c.join(); err == nil { // else whoever asks next says why not
		c.leave(l)
	}
}

// touch notes that the code was used at a time.
func (c *Code) touch(at int64) {
	for asked := &c.tenancy.asked; ; {
		if before := asked.Load(); before >= at || asked.CompareAndSwap(before, at) {
			return
		}
	}
}

// count has the code count, unless it does already.
func (c *Code) count() {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.counted || c.closed {
		return
	}
	c.counted = true
	c.charge(c.loader.CodeBytes())
}

// uncount undoes that, and returns what it gave back.
func (c *Code) uncount() int64 {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.forget()
}

// forget is uncount for who has the lock.
func (c *Code) forget() (freed int64) {
	if !c.counted {
		return 0
	}
	c.counted = false
	freed = c.loader.CodeBytes()
	c.charge(-freed)
	return freed
}

func (c *Code) charge(bytes int64) {
	c.memory.charge(nil, &c.tenancy, bytes)
	c.memory.code.Add(bytes)
}

// tenant implements holder.
func (c *Code) tenant() *tenant { return &c.tenancy }

// idle implements holder.
func (c *Code) idle() bool { return !c.loader.InUse() }

// evict implements holder.
func (c *Code) evict() (freed int64) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if !c.loader.Unload() {
		return 0
	}
	c.memory.unloaded.Add(1)
	return c.forget()
}
