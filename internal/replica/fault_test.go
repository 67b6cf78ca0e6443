package replica_test

import (
	"context"
	"errors"
	"sync"
	"time"

	"github.com/namelet/namelet/store"
)

// errAway is what a store says that cannot be reached.
var errAway = errors.New("the store cannot be reached")

// faulty is a driver between a replica and the store of others, which can be cut
// off, made to hang or to dawdle, and put in the place of another.
type faulty struct {
	mu    sync.Mutex
	under store.Driver
	fault func(context.Context) error // nil for none
	calls int
}

func (f *faulty) set(fault func(context.Context) error) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.fault = fault
}

// swap puts another driver below.
func (f *faulty) swap(under store.Driver) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.under = under
}

func (f *faulty) count() int {
	f.mu.Lock()
	defer f.mu.Unlock()
	return f.calls
}

func fails(context.Context) error { return errAway }

func hangs(ctx context.Context) error {
	<-ctx.Done()
	return ctx.Err()
}

func dawdles(ctx context.Context) error {
	select {
	case <-time.After(50 * time.Millisecond):
		return nil
	case <-ctx.Done():
		return ctx.Err()
	}
}

func (f *faulty) pass(ctx context.Context) (store.Driver, error) {
	f.mu.Lock()
	under, fault := f.under, f.fault
	f.calls++
	f.mu.Unlock()
	if fault != nil {
		if err := fault(ctx); err != nil {
			return nil, err
		}
	}
	return under, nil
}

func (f *faulty) Capabilities() store.Capabilities { return store.Capabilities{} }

func (f *faulty) View(ctx context.Context) (store.View, error) {
	d, err := f.pass(ctx)
	if err != nil {
		return nil, err
	}
	v, err := d.View(ctx)
	if err != nil {
		return nil, err
	}
	return faultyView{v, f}, nil
}

func (f *faulty) Apply(ctx context.Context, b *store.Batch) error {
	d, err := f.pass(ctx)
	if err != nil {
		return err
	}
	return d.Apply(ctx, b)
}

func (f *faulty) Head(ctx context.Context) (string, error) {
	d, err := f.pass(ctx)
	if err != nil {
		return "", err
	}
	return d.Head(ctx)
}

func (f *faulty) Changes(ctx context.Context, after string, limit int) ([]store.LogEntry, string, error) {
	d, err := f.pass(ctx)
	if err != nil {
		return nil, after, err
	}
	return d.Changes(ctx, after, limit)
}

func (f *faulty) Close() error { return nil } // what is below is its owner's

type faultyView struct {
	store.View
	f *faulty
}

// Scan can be cut off in the middle.
func (v faultyView) Scan(ctx context.Context, table store.Table, ranges []store.Range, fn func(key, value []byte) error) error {
	if _, err := v.f.pass(ctx); err != nil {
		return err
	}
	rows := 0
	return v.View.Scan(ctx, table, ranges, func(key, value []byte) error {
		if rows++; rows%100 == 0 {
			if _, err := v.f.pass(ctx); err != nil {
				return err
			}
		}
		return fn(key, value)
	})
}
