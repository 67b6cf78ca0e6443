// Package resolve turns a question and where it came from into an answer. It
// finds the zone, asks the guest that is attached there, completes what the
// guest says, and falls back to the zone's own data when a guest fails.
//
// Start with [New], give the Resolver a [Routing] by [Resolver.SetRouting], and
// let every goroutine that serves make its own [Worker].
//
// The package knows neither sockets nor messages nor stores. A Resolver is safe
// for concurrent use, a Worker is not; a query waits for no other and sees one
// Routing from its beginning to its end.
package resolve

import (
	"context"
	"errors"
	"log/slog"
	"math/rand/v2"
	goruntime "runtime"
	"slices"
	"sync"
	"sync/atomic"
	"time"

	"github.com/namelet/namelet/internal/authority"
)

// Config is what a Resolver needs beside its routing. The zero Config is usable.
type Config struct {
	Site    string           // name of the place where this process runs, for guests that ask; at most 255 bytes
	Audit   bool             // replay samples of what guests say, to find those that are not pure; see [Resolver.Close]
	Workers int              // how many Workers are to find an instance of each guest ready; others make theirs at their first question
	Memory  int64            // bytes that the instances of all guests may take together, with their code and pictures; 0 for no bound
	Log     *slog.Logger     // failures of guests and what guests log; nil discards
	Journal Journal          // is told what guests log and how they fail; nil for nobody
	Now     func() time.Time // nil for the real clock

	// Pictures gives the bytes that the pictures of all guests take; nil for none.
	Pictures func() int64

	// Draw gives the k-th pick of a query, from 0 to n-1; nil for chance.
	Draw func(k, n int) int
}

// Resolver holds what all Workers answer from.
type Resolver struct {
	config  Config
	routing atomic.Pointer[Routing]

	discards atomic.Uint64 // calls of Discard

	memory memory // that instances take

	mu      sync.Mutex // held by SetRouting
	newest  uint64     // the last generation of a routing
	past    []*Routing // of the same zones as now, whose generations may come back
	auditor auditor
}

// New makes a Resolver that refuses every question until it has a Routing.
func New(config Config) *Resolver {
	if config.Log == nil {
		config.Log = slog.New(slog.DiscardHandler)
	}
	if config.Now == nil {
		config.Now = time.Now
	}
	r := &Resolver{config: config}
	if config.Pictures == nil {
		config.Pictures = func() int64 { return 0 }
	}
	r.memory.most, r.memory.pictures = config.Memory, config.Pictures
	turns := max(1, goruntime.GOMAXPROCS(0)/2)
	r.memory.turns = make(chan *loadPace, turns)
	for range turns {
		r.memory.turns <- &loadPace{}
	}
	r.routing.Store(&Routing{zones: &authority.Zones{}, attachments: newCoverage()})
	return r
}

// Generation returns the generation of the routing: it changes with the set of
// zones and with the attachments, and not with the zones' data. What was answered
// under another is not to be given again while this one lasts. One may come back, with
// the attachments that it had.
func (r *Resolver) Generation() uint64 { return r.routing.Load().generation }

// Routing returns what questions are answered from now.
func (r *Resolver) Routing() *Routing { return r.routing.Load() }

// SetRouting makes the next question of every Worker be answered from routing.
// Before that it makes the instances that the Workers will need of what is to answer, so
// that no question waits for one. Attachments whose guest gives no instance are kept:
// their questions get the fallback. Calls do not run beside each other.
func (r *Resolver) SetRouting(ctx context.Context, routing *Routing) {
	r.mu.Lock()
	defer r.mu.Unlock()
	old := r.routing.Load()
	if !old.sameAttachments(routing) {
		for a := range routing.Attachments() {
			if !routing.attachments.rests[a] {
				r.warm(ctx, a)
			}
		}
	}
	next := *routing // the caller's may be in use under another generation
	next.generation = r.generation(old, routing)
	r.routing.Store(&next)
}

// mostPast bounds the routings whose generations may come back.
const mostPast = 4

// generation gives the generation of a routing that follows another. Where the same
// attachments answered for the same zones lately it is the one that they had, and so
// what was answered then is given again, as far as no record that it depends on has
// changed: a guest that is swapped back has nothing to compute anew.
func (r *Resolver) generation(old, next *Routing) uint64 {
	switch {
	case !old.zones.SameNames(next.zones):
		r.past = nil
	case old.sameAttachments(next):
		return old.generation
	default:
		r.past = slices.Insert(r.past, 0, old)
		for i, before := range r.past {
			if before.attachments.equal(next.attachments) {
				r.past = slices.Delete(r.past, i, i+1)
				return before.generation
			}
		}
		r.past = r.past[:min(len(r.past), mostPast)]
	}
	r.newest++
	return r.newest
}

// renew begins another generation of the same routing, so that nothing that has
// been answered before is given again.
func (r *Resolver) renew() {
	r.mu.Lock()
	defer r.mu.Unlock()
	next := *r.routing.Load()
	r.newest++
	r.past, next.generation = nil, r.newest
	r.routing.Store(&next)
}

// warm fills an attachment's reserve up to one instance for each of the Workers
// that have none yet, for as long as there is memory that nobody has. Code that is not
// loaded waits for the first question.
func (r *Resolver) warm(ctx context.Context, a *Attachment) {
	if a.reserve.memory == nil {
		a.reserve.memory, a.reserve.attachment = &r.memory, a
		r.memory.join(&a.reserve)
	}
	if a.Code.hold(false) != nil {
		return
	}
	defer a.Code.release()
	for a.reserve.size() < r.config.Workers-a.Stats.joined() && r.memory.free(a.weight.Load()) {
		instance, err := a.Guest.NewInstance(ctx)
		if err != nil && ctx.Err() != nil {
			return
		}
		if err != nil {
			r.config.Log.Error("guest gives no instance; its questions get the fallback",
				"guest", a.Label, "zone", a.Zone.String(), "error", err)
			return
		}
		a.weight.Store(weight(instance))
		a.instances.Add(1)
		a.reserve.put(instance)
		r.memory.room(0)
	}
}

// NewWorker makes a Worker.
func (r *Resolver) NewWorker() *Worker {
	w := &Worker{
		resolver: r,
		slots:    map[*Attachment]*slot{},
		random:   rand.New(rand.NewPCG(rand.Uint64(), rand.Uint64())),
	}
	w.host.worker = w
	return w
}

// NewSlowWorker makes a Worker that may wait: for a zone that is not held and is
// read from where it is kept. It waits no longer than the zone's Source does.
func (r *Resolver) NewSlowWorker() *Worker {
	w := r.NewWorker()
	w.mayWait = true
	return w
}

// Discard gives up an attachment that is in no Routing any more and will be in none
// again: it closes the instances that were made for it and never taken, and has the
// Workers close theirs, each before its next question.
func (r *Resolver) Discard(ctx context.Context, a *Attachment) error {
	a.discarded.Store(true)
	r.discards.Add(1)
	r.forget(a)
	var errs []error
	for i := a.reserve.take(); i != nil; i = a.reserve.take() {
		errs = append(errs, i.Close(ctx))
		a.instances.Add(-1)
	}
	r.memory.leave(&a.reserve)
	return errors.Join(errs...)
}

// forget lets go of the past routings that have an attachment, which will not come back.
func (r *Resolver) forget(a *Attachment) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.past = slices.DeleteFunc(r.past, func(before *Routing) bool { return before.attachments.has(a) })
}
