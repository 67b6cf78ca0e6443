package runtime

import (
	"context"
	"errors"
	"fmt"
	goruntime "runtime"
	"sync"
	"time"

	"github.com/tetratelabs/wazero"
)

// ErrNotLoaded is the error of an instance that cannot be made now, since the module's code is not
// loaded. [Module.Hold] loads it.
var ErrNotLoaded = errors.New("runtime: the guest's code is not loaded")

// errClosed is that of a module that is used after it was closed.
var errClosed = errors.New("runtime: the module is closed")

// What loaded code takes, as measured with guests in Go, Rust and C: machine code, and what the engine
// knows of each function. See docs/adr/0017.
const (
	codePerByte = 5.25 // bytes for each of the module's
	codeLeast   = 64 << 10
)

// code is a module's machine code. It can go while nobody uses it, where the module is kept elsewhere,
// and come back.
type code struct {
	engine *Engine
	size   int64   // estimate of what it takes while it is loaded, in bytes
	kept   *extent // the rewritten module; nil where the code cannot come back, and so does not go

	mu       sync.Mutex
	compiled wazero.CompiledModule // nil while it is not loaded; it does not change while there are users
	users    int
	load     *load // that is going on
	closed   bool
}

// asideCode is how many bytes of code are loaded aside. Less takes a millisecond at most, and a place for it costs more than that.
const asideCode = 512 << 10

// load is one loading, for all who want it.
type load struct {
	done chan struct{}
	err  error // set before done is closed
}

// InUse reports whether somebody holds the module's code or an instance uses it.
func (m *Module) InUse() bool {
	c := &m.code
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.users > 0
}

// CodeBytes is an estimate of the memory that the module's code takes while it is loaded.
func (m *Module) CodeBytes() int64 { return m.code.size }

// Hold has the module's code stay loaded until Release is called, and loads it where it is not. Of several
// callers at the same time one does, and the others wait for it, no longer than their contexts last.
// After an error the code is not held.
func (m *Module) Hold(ctx context.Context) error {
	c := &m.code
	for {
		c.mu.Lock()
		switch {
		case c.closed:
			c.mu.Unlock()
			return errClosed
		case c.compiled != nil:
			c.users++
			c.mu.Unlock()
			return nil
		}
		l := c.load
		if l == nil {
			l = &load{done: make(chan struct{})}
			c.load = l
			go c.fetch(l)
		}
		c.mu.Unlock()
		select {
		case <-l.done:
			if l.err != nil {
				return l.err
			}
		case <-ctx.Done():
			return fmt.Errorf("runtime: waiting for a guest's code: %w", ctx.Err())
		}
	}
}

// TryHold is Hold where the code is loaded; else it does nothing and reports false.
func (m *Module) TryHold() bool { return m.code.use() == nil }

// Release ends a Hold or TryHold.
func (m *Module) Release() { m.code.leave() }

// Unload lets go of the module's code, and reports whether it did: not while somebody holds it or an instance
// uses it, and not where it could not come back without being compiled anew.
func (m *Module) Unload() bool {
	c := &m.code
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.compiled == nil || c.users > 0 || c.kept == nil {
		return false
	}
	c.engine.vacancies.drop(context.Background(), m)
	c.engine.discard(c.compiled, c.size)
	c.compiled = nil
	return true
}

// use has the code stay. It loads nothing.
func (c *code) use() error {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.compiled == nil {
		return ErrNotLoaded
	}
	c.users++
	return nil
}

// leave ends a use.
func (c *code) leave() {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.users--
}

// fetch loads the code and says so to all who wait. It goes on when they have gone: the next will want it.
func (c *code) fetch(l *load) {
	var compiled wazero.CompiledModule
	var kept bool
	var err error
	c.engine.collect(mostUnloaded)
	if c.size < asideCode {
		compiled, kept, err = c.restore()
	} else {
		aside(func() { compiled, kept, err = c.restore() })
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	defer close(l.done)
	c.load, l.err = nil, err
	switch {
	case err != nil:
	case c.closed:
		c.engine.discard(compiled, c.size)
		l.err = errClosed
	default:
		c.compiled = compiled
		if !kept {
			c.kept = nil // it took seconds, and would each time
		}
	}
}

// restore makes the code again from what is kept, and reports whether it could be once more.
func (c *code) restore() (compiled wazero.CompiledModule, kept bool, err error) {
	metered, err := c.kept.read()
	if err != nil {
		return nil, false, fmt.Errorf("runtime: reading a guest's code back: %w", err)
	}
	if compiled, kept, err = c.engine.compileKept(context.Background(), metered); err != nil {
		return nil, false, fmt.Errorf("runtime: loading a guest's code: %w", err)
	}
	return compiled, kept, nil
}

// close ends the code for good.
func (c *code) close(ctx context.Context) error {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.closed = true
	compiled := c.compiled
	c.compiled = nil
	if compiled == nil {
		return nil
	}
	c.engine.discard(compiled, c.size)
	return nil
}

// Machine code that is given up goes with the next cycle of the garbage collector, which does not know how much
// memory waits for it there.
const (
	collectUnloaded = 32 << 20            // bytes for which a cycle is begun
	mostUnloaded    = 2 * collectUnloaded // bytes at which who loads more waits for its end

	// Code goes to make room for other code. That is loaded first, for nothing begins to run aside during a cycle, and
	// what runs aside leaves the collector a place that it takes from those who answer.
	collectDelay    = 5 * time.Millisecond
	collectPatience = 200 * time.Millisecond
)

// discard gives machine code up, which nobody uses.
func (e *Engine) discard(compiled wazero.CompiledModule, size int64) {
	unloaded := &e.unloaded
	unloaded.Add(size)
	goruntime.SetFinalizer(compiled, func(wazero.CompiledModule) { unloaded.Add(-size) })
	_ = compiled.Close(context.Background()) // it never fails
	if e.waiting() >= collectUnloaded && e.collecting.TryLock() {
		go func() {
			defer e.collecting.Unlock()
			time.Sleep(collectDelay)
			spare.wait(collectPatience)
			e.cycle()
		}()
	}
}

// collect has the garbage collector free what was given up, where that is more than most bytes.
func (e *Engine) collect(most int64) {
	if e.waiting() < most {
		return
	}
	e.collecting.Lock()
	defer e.collecting.Unlock()
	if e.waiting() >= most {
		e.cycle()
	}
}

// finalizersTime is allowed for finalizers after the cycle that found what they are for.
const finalizersTime = 2 * time.Millisecond

// cycle runs the garbage collector. What is there afterwards has somebody who still refers to it, such as an
// instance of a module that was closed: another cycle would not free it either.
func (e *Engine) cycle() {
	goruntime.GC()
	time.Sleep(finalizersTime)
	e.stuck.Store(e.unloaded.Load())
}

// waiting is what the next cycle may free, in bytes.
func (e *Engine) waiting() int64 {
	unloaded, stuck := e.unloaded.Load(), e.stuck.Load()
	if stuck > unloaded {
		stuck = unloaded
		e.stuck.Store(stuck)
	}
	return unloaded - stuck
}

// PictureBytes is the memory that the pictures of all generations take which are used. It is not the memory of
// any instance: what an instance has written to counts with that.
func (e *Engine) PictureBytes() int64 { return e.pictures.Load() }

// UnloadedBytes is an estimate of the memory of code that was given up and waits for the garbage collector.
func (e *Engine) UnloadedBytes() int64 { return e.unloaded.Load() }
