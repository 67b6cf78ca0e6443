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
)

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
	loader   Loader
	memory   *memory
	tenancy  tenant
	fetching atomic.Bool // somebody has it loaded ahead

	mu      sync.Mutex
	closed  bool
	counted bool // it is loaded, or being loaded
	failed  error
	again   time.Time // until then it fails as before
}

// NewCode counts a guest's code from now on, which is loaded. It may cost others theirs,
// and be let go at once.
func (r *Resolver) NewCode(l Loader) *Code {
	c := &Code{loader: l, memory: &r.memory}
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
	c.uncount()
}

// Hold has the code stay loaded until Release, and loads it where it is not. The error is
// that of a context which ends before, of the Loader, or of memory that is in use.
func (c *Code) Hold(ctx context.Context) error {
	if c.loader.TryHold() {
		return nil
	}
	if err := c.failure(); err != nil {
		return err
	}
	first, began := c.count(), time.Now() // before it is there: others who load must not take the room as well
	if first && !c.memory.room(0) {
		c.mu.Lock()
		defer c.mu.Unlock()
		c.uncount()
		return errNoMemory
	}
	if err := c.loader.Hold(ctx); err != nil {
		return c.fail(ctx, err)
	}
	c.count() // it may have come and gone in between
	if first {
		c.memory.loads.observe(time.Since(began))
	}
	return nil
}

// Release ends a Hold.
func (c *Code) Release() {
	c.touch(sinceStart())
	c.loader.Release()
}

// failure returns that of the last loading, for a while.
func (c *Code) failure() error {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.failed != nil && time.Now().Before(c.again) {
		return c.failed
	}
	return nil
}

// fail keeps the error of a loading, unless somebody only had no time to wait for it:
// the loading goes on then, and somebody else sees what comes of it.
func (c *Code) fail(ctx context.Context, err error) error {
	if ctx.Err() != nil {
		c.fetch()
		return errLate
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	c.uncount()
	c.failed, c.again = err, time.Now().Add(loadAgain)
	return err
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

// fetch has the code loaded, and waits for nothing.
func (c *Code) fetch() {
	if !c.fetching.CompareAndSwap(false, true) {
		return
	}
	go func() {
		defer c.fetching.Store(false)
		if c.Hold(context.Background()) == nil { // whoever asks next says why not
			c.Release()
		}
	}()
}

// touch notes that the code was used at a time.
func (c *Code) touch(at int64) {
	for asked := &c.tenancy.asked; ; {
		if before := asked.Load(); before >= at || asked.CompareAndSwap(before, at) {
			return
		}
	}
}

// count has the code count, and reports whether it did not before.
func (c *Code) count() bool {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.counted || c.closed {
		return false
	}
	c.counted = true
	bytes := c.loader.CodeBytes()
	c.memory.charge(nil, &c.tenancy, bytes)
	c.memory.code.Add(bytes)
	return true
}

// uncount undoes that. The lock is held.
func (c *Code) uncount() (freed int64) {
	if !c.counted {
		return 0
	}
	c.counted = false
	freed = c.loader.CodeBytes()
	c.memory.charge(nil, &c.tenancy, -freed)
	c.memory.code.Add(-freed)
	return freed
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
	return c.uncount()
}
