package resolve

import (
	"slices"
	"sync"
	"sync/atomic"
)

// Reused counts the answers of an attachment's guest that were kept and given again,
// by whoever keeps them. It is safe for concurrent use, and holds nothing of the
// attachment, which may be gone long before the last of its answers is.
type Reused struct {
	mu   sync.Mutex
	past uint64 // counted by those who left
	now  []*Uses
}

// Uses is the part of one who keeps answers. Only its owner adds to it.
type Uses struct {
	n atomic.Uint64
	_ [56]byte // keeps others' off this cache line
}

// Add counts one answer.
func (u *Uses) Add() { u.n.Add(1) }

// Join makes a part for one more who keeps answers.
func (r *Reused) Join() *Uses {
	u := new(Uses)
	r.mu.Lock()
	defer r.mu.Unlock()
	r.now = append(r.now, u)
	return u
}

// Leave takes over what a part has counted that is not added to any more.
func (r *Reused) Leave(u *Uses) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if i := slices.Index(r.now, u); i >= 0 {
		r.now = slices.Delete(r.now, i, i+1)
		r.past += u.n.Load()
	}
}

// Total returns how many answers were given again.
func (r *Reused) Total() uint64 {
	r.mu.Lock()
	defer r.mu.Unlock()
	sum := r.past
	for _, u := range r.now {
		sum += u.n.Load()
	}
	return sum
}

// Reused returns what counts the attachment's answers that are given again.
func (a *Attachment) Reused() *Reused {
	if r := a.reused.Load(); r != nil {
		return r
	}
	a.reused.CompareAndSwap(nil, new(Reused))
	return a.reused.Load()
}
