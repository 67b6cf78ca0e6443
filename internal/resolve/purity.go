package resolve

import (
	"bytes"
	"net/netip"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"github.com/namelet/namelet/hostabi"
	"github.com/namelet/namelet/rr"
	"github.com/namelet/namelet/runtime"
)

// A guest is pure where its answer depends on the question and the inputs it asks
// for alone, and not on what its instance did before. That cannot be seen from
// one call, so samples are replayed, off the path of queries: the same question
// and the same inputs, on an instance that is fresh.
const (
	auditFirst = 100  // the first calls of an attachment are all replayed
	auditEvery = 1000 // then one in so many of a Worker's
	auditQueue = 32   // replays that wait; more are dropped
)

// purity is what is known of an attachment's guest.
type purity struct {
	impure  atomic.Bool
	replays atomic.Uint64 // taken into the queue
	differs atomic.Uint64 // came out different
}

// replay is one call with all that went into it and came out of it, in memory of
// its own.
type replay struct {
	attachment *Attachment
	question   hostabi.Question
	client     netip.Prefix
	transport  hostabi.Transport
	site       string
	now        int64
	events     []runtime.Event
	lookups    []runtime.Lookup
	answer     runtime.Answer
}

// audit takes a sample of the guests' calls. The call that out came from is the
// slot's last.
func (w *Worker) audit(s *slot, out *runtime.Answer) {
	if !w.resolver.config.Audit || w.explainer != nil {
		return
	}
	s.unaudited++
	p := &s.attachment.purity
	if p.impure.Load() || s.unaudited < auditEvery && p.replays.Load() >= auditFirst {
		return
	}
	s.unaudited = 0
	w.resolver.auditor.offer(w.resolver, func() *replay { return w.record(s, out) })
}

func (w *Worker) record(s *slot, out *runtime.Answer) *replay {
	p := &replay{
		attachment: s.attachment,
		question:   w.question,
		client:     w.host.Client(),
		transport:  w.host.Transport(),
		site:       w.host.Site(),
		now:        w.host.now,
		events:     slices.Clone(s.instance.Trace()),
		lookups:    slices.Clone(s.instance.Lookups()),
		answer:     cloneAnswer(out),
	}
	p.question.QName = bytes.Clone(w.question.QName)
	for i := range p.lookups {
		l := &p.lookups[i]
		l.Name = cloneName(l.Name)
		l.Set.Name = cloneName(l.Set.Name)
	}
	return p
}

// cloneName gives a name memory of its own.
func cloneName(n rr.Name) rr.Name {
	if n.IsZero() {
		return n
	}
	return rr.RdataName(rr.Rdata(strings.Clone(n.Wire())), 0)
}

// auditor replays one call after another, in a goroutine that lives as long as
// there are some, and a little longer.
type auditor struct {
	mu      sync.Mutex
	queue   []*replay
	more    chan struct{} // has a token where the queue has something, or is closed
	running chan struct{} // closed when the goroutine ends; nil where there is none
	ended   chan struct{} // closed when the goroutine is to end
	closed  bool
}

const (
	auditLinger    = time.Second // how long instances are kept for the next replay
	auditInstances = 8           // instances kept
	auditShare     = 32          // of the time, one in so much goes into replays: queries do not wait for them
)

// offer puts what record makes into the queue, unless that is full.
func (a *auditor) offer(r *Resolver, record func() *replay) {
	a.mu.Lock()
	defer a.mu.Unlock()
	if a.closed || len(a.queue) >= auditQueue {
		return
	}
	p := record()
	p.attachment.purity.replays.Add(1)
	a.queue = append(a.queue, p)
	if a.running == nil {
		a.running, a.ended, a.more = make(chan struct{}), make(chan struct{}), make(chan struct{}, 1)
		go a.run(r, a.running)
	}
	a.wake()
}

// wake leaves a token for the goroutine, if there is one.
func (a *auditor) wake() {
	select {
	case a.more <- struct{}{}:
	default:
	}
}

func (a *auditor) run(r *Resolver, done chan struct{}) {
	defer close(done)
	fresh := freshInstances{}
	defer fresh.close()
	for p := a.next(); p != nil; p = a.next() {
		began := time.Now()
		r.check(p, fresh)
		select {
		case <-time.After((auditShare - 1) * time.Since(began)):
		case <-a.ended:
		}
	}
}

// next waits for a replay. Where none comes it is nil, and the goroutine is to end.
func (a *auditor) next() *replay {
	linger := time.NewTimer(auditLinger)
	defer linger.Stop()
	for waited := false; ; {
		a.mu.Lock()
		if len(a.queue) > 0 {
			p := a.queue[0]
			a.queue = a.queue[1:]
			a.mu.Unlock()
			return p
		}
		if a.closed || waited {
			a.queue, a.running = nil, nil
			a.mu.Unlock()
			return nil
		}
		a.mu.Unlock()
		select {
		case <-a.more:
		case <-linger.C:
			waited = true
		}
	}
}

// freshInstances are instances that begin each call from the beginning. To make one
// takes a hundred times as long as to put one back.
type freshInstances map[*Attachment]*freshInstance

// of returns the attachment's as good as new, for a call, after which its lock is given
// back. The error is errNoMemory, errUnloaded or the guest's.
func (f freshInstances) of(r *Resolver, a *Attachment) (*freshInstance, error) {
	i := f[a]
	if i == nil {
		if len(f) >= auditInstances {
			f.close()
		}
		i = &freshInstance{seat{attachment: a, memory: &r.memory, log: r.config.Log}}
		r.memory.join(i)
		f[a] = i
	}
	i.mu.Lock()
	if err := i.renew(); err != nil {
		i.mu.Unlock()
		return nil, err
	}
	return i, nil
}

func (f freshInstances) close() {
	for a, i := range f {
		i.evict()
		i.memory.leave(i)
		delete(f, a)
	}
}

// freshInstance is one of them. It counts like those that answer, and goes before them:
// nobody waits for what it says.
type freshInstance struct{ seat }

// renew puts the instance back to the beginning, or makes one.
func (i *freshInstance) renew() error {
	if i.instance != nil {
		i.instance.Reset()
		return nil
	}
	return i.fill()
}

// idle implements holder.
func (i *freshInstance) idle() bool { return true }

// evict implements holder.
func (i *freshInstance) evict() int64 { return i.empty() }

// Close ends the replays and waits for the one that runs. Workers go on without.
// It comes before the end of what the guests run on.
func (r *Resolver) Close() {
	a := &r.auditor
	a.mu.Lock()
	a.queue = nil
	running := a.running
	if running != nil && !a.closed {
		close(a.ended)
		a.wake()
	}
	a.closed = true
	a.mu.Unlock()
	if running != nil {
		<-running
	}
}

// check replays a call. Where it comes out different, the attachment's answers
// are given once only from now on, and those that were kept are not given again.
func (r *Resolver) check(p *replay, fresh freshInstances) {
	why, err := p.run(r, fresh)
	if err == errUnloaded || err == errNoMemory {
		return // there are other questions: nothing is loaded for this one, and no call ended
	}
	if err != nil {
		r.config.Log.Warn("guest could not be checked", "guest", p.attachment.Label, "error", err)
		return
	}
	if why == "" {
		return
	}
	p.attachment.purity.differs.Add(1)
	if p.attachment.purity.impure.Swap(true) {
		return
	}
	r.config.Log.Error("guest is impure: a fresh instance gave another answer to the same question and inputs; its answers are not kept",
		"guest", p.attachment.Label, "zone", p.attachment.Zone.String(), "qtype", rr.Type(p.question.QType).String(), "difference", why)
	r.renew()
}

// run asks a fresh instance and says what came out different, if anything did.
// The error is that of an instance that cannot be made.
func (p *replay) run(r *Resolver, fresh freshInstances) (why string, err error) {
	i, err := fresh.of(r, p.attachment)
	if err != nil {
		return "", err
	}
	defer i.mu.Unlock()
	defer i.weigh()
	instance := i.instance
	host := &replayHost{replay: p}
	var again runtime.Answer
	failed := instance.Answer(&p.question, p.attachment.Fuel, host, &again)
	switch {
	case host.strayed:
		why = "it asked for something else"
	case failed != nil:
		why = "it failed: " + reason(failed)
	case !slices.Equal(p.events, instance.Trace()):
		why = "it asked for something else"
	case !sameAnswer(&p.answer, &again):
		why = "it answered something else"
	}
	return why, nil
}

func sameAnswer(a, b *runtime.Answer) bool {
	return a.Disposition == b.Disposition && a.NegativeTTL == b.NegativeTTL &&
		slices.EqualFunc(a.Sets, b.Sets, func(x, y rr.Set) bool {
			return x.Type == y.Type && x.TTL == y.TTL && x.Name.Equal(y.Name) && slices.Equal(x.Data, y.Data)
		})
}

// replayHost gives a guest what another instance of it was given.
type replayHost struct {
	*replay
	asked   int  // lookups answered
	strayed bool // it was asked for what it does not have
}

var _ runtime.Host = (*replayHost)(nil)

func (h *replayHost) Lookup(batch []runtime.Lookup) {
	for i := range batch {
		l := &batch[i]
		if h.asked == len(h.lookups) || h.lookups[h.asked].Type != l.Type || !h.lookups[h.asked].Name.Equal(l.Name) {
			h.strayed = true
			l.Status = hostabi.StatusUnavailable
			continue
		}
		*l = h.lookups[h.asked]
		h.asked++
	}
}

func (h *replayHost) Client() netip.Prefix { return h.client }

func (h *replayHost) Now() int64 { return h.now }

func (h *replayHost) Pick(k, n int) int {
	for i := range h.events {
		if e := &h.events[i]; e.Kind == InputPick {
			if k == 0 && e.Arg == int64(n) {
				return int(e.Value)
			}
			k--
		}
	}
	h.strayed = true
	return 0
}

func (h *replayHost) Transport() hostabi.Transport { return h.transport }

func (h *replayHost) Site() string { return h.site }

func (h *replayHost) Log(hostabi.LogLevel, []byte) {}

func (h *replayHost) MetricAdd([]byte, int64) {}

// Purity is what the replays of an attachment's calls have shown.
type Purity struct {
	Impure      bool   // its answers are not kept
	Replays     uint64 // calls replayed, or about to be
	Differences uint64 // replays that came out different
}

// Purity returns what is known now.
func (a *Attachment) Purity() Purity {
	p := &a.purity
	return Purity{Impure: p.impure.Load(), Replays: p.replays.Load(), Differences: p.differs.Load()}
}
