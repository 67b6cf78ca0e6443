package resolve

import (
	"iter"
	"sync/atomic"

	"github.com/namelet/namelet/internal/throttle"
)

// Trial is one trial of a candidate, or of what took the place of another at once, from
// its begin to its end: whatever Routings it is part of. The zero value is ready, and safe for concurrent use.
type Trial struct {
	withdrawn   atomic.Pointer[string]
	compared    atomic.Uint64 // answers of a shadow
	differ      atomic.Uint64 // of these, failures included
	differences throttle.Throttle
}

// Compared counts the answers of a shadow that were held against the active
// version's, and those that were others, failures included.
func (t *Trial) Compared() (all, differ uint64) {
	differ = t.differ.Load() // first, so that it is never more than all
	return t.compared.Load(), differ
}

// Withdrawn returns why Withdraw ended the trial in this process; empty where it goes
// on.
func (t *Trial) Withdrawn() string {
	if why := t.withdrawn.Load(); why != nil {
		return *why
	}
	return ""
}

// Withdraw ends a trial at once, in this process, and says why: what was said by whom
// it was about is not given again, and whom that was held against answers.
func (r *Resolver) Withdraw(t *Trial, why string) {
	t.withdrawn.Store(&why)
	r.renew() // after that: whoever still chooses the candidate does so under the old generation
}

// Trials yields what has somebody on trial, in no order.
func (r *Routing) Trials() iter.Seq[*Beside] {
	return func(yield func(*Beside) bool) {
		for _, b := range r.attachments.beside {
			if tried, _ := b.Tried(); tried != nil && !yield(b) {
				return
			}
		}
	}
}
