package store

import (
	"context"
	"sync"
)

// Deferred is a Driver that opens another when it is first used, and again at the
// next use where that failed. With Options.Identity it makes a Store of what
// cannot be reached yet.
type Deferred struct {
	can  Capabilities
	open func(context.Context) (Driver, error)

	turn   chan struct{} // held by whoever opens
	mu     sync.Mutex
	driver Driver
	closed bool
}

// NewDeferred makes a Deferred; can are the capabilities of what open opens. Calls
// of open do not run beside each other, and end with the call that they are for.
func NewDeferred(can Capabilities, open func(context.Context) (Driver, error)) *Deferred {
	return &Deferred{can: can, open: open, turn: make(chan struct{}, 1)}
}

// get returns the driver. The error is that of opening it.
func (d *Deferred) get(ctx context.Context) (Driver, error) {
	if driver, err := d.opened(); driver != nil || err != nil {
		return driver, err
	}
	select {
	case d.turn <- struct{}{}:
		defer func() { <-d.turn }()
	case <-ctx.Done():
		return nil, ctx.Err()
	}
	if driver, err := d.opened(); driver != nil || err != nil {
		return driver, err
	}
	driver, err := d.open(ctx)
	if err != nil {
		return nil, err
	}
	d.mu.Lock()
	defer d.mu.Unlock()
	if d.closed {
		driver.Close()
		return nil, ErrClosed
	}
	d.driver = driver
	return driver, nil
}

// opened returns the driver, nil where it is not open yet.
func (d *Deferred) opened() (Driver, error) {
	d.mu.Lock()
	defer d.mu.Unlock()
	if d.closed {
		return nil, ErrClosed
	}
	return d.driver, nil
}

// Capabilities are those that were announced.
func (d *Deferred) Capabilities() Capabilities { return d.can }

// View implements Driver.
func (d *Deferred) View(ctx context.Context) (View, error) {
	driver, err := d.get(ctx)
	if err != nil {
		return nil, err
	}
	return driver.View(ctx)
}

// Apply implements Driver.
func (d *Deferred) Apply(ctx context.Context, b *Batch) error {
	driver, err := d.get(ctx)
	if err != nil {
		return err
	}
	return driver.Apply(ctx, b)
}

// Head implements Driver.
func (d *Deferred) Head(ctx context.Context) (string, error) {
	driver, err := d.get(ctx)
	if err != nil {
		return "", err
	}
	return driver.Head(ctx)
}

// Changes implements Driver.
func (d *Deferred) Changes(ctx context.Context, after string, limit int) ([]LogEntry, string, error) {
	driver, err := d.get(ctx)
	if err != nil {
		return nil, after, err
	}
	return driver.Changes(ctx, after, limit)
}

// Close closes the driver, where it was opened.
func (d *Deferred) Close() error {
	d.mu.Lock()
	driver := d.driver
	d.closed, d.driver = true, nil
	d.mu.Unlock()
	if driver == nil {
		return nil
	}
	return driver.Close()
}
