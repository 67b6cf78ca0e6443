package frontend

import (
	"github.com/namelet/namelet/internal/authority"
	"github.com/namelet/namelet/internal/resolve"
)

// Handler makes Workers. It is safe for concurrent use.
//
// Generation says under what answers are made: one that was kept is given again
// only while Generation returns what it did (see resolve.Trace).
//
// Shadows reports whether some questions that have a kept answer are to be put to a
// Worker nevertheless, and Shadowed whether this one is, of those that are sampled: a
// version of a guest in the shadow is to hear what clients ask, and not only what is
// asked first.
//
// The Worker of NewWorker waits for nothing: where an answer may have to wait, for
// the store that a zone is read from, it sets Waits in the response and says nothing
// else. That of NewSlowWorker waits, up to a deadline of its own.
type Handler interface {
	NewWorker() Worker
	NewSlowWorker() Worker
	Generation() uint64
	Shadows() bool
	Shadowed(q authority.Question) bool
}

// Worker answers one question at a time; the frontend calls each from one
// goroutine only.
//
// Resolve fills resp, which comes empty and belongs to the frontend: the Worker
// keeps nothing of it. The name in q lies in memory that the next question will
// have: what outlives the call keeps a clone.
//
// Idle is called after answers have been sent, for what can be done between
// questions.
//
// A Worker that panicked is closed and not asked again: the question is answered
// with SERVFAIL and a new Worker takes its place.
type Worker interface {
	Resolve(q authority.Question, c resolve.Client, resp *resolve.Response)
	Idle()
	Close()
}
