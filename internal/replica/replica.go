// Package replica keeps what this process serves in step with the store: it
// loads every zone and prepares every attached guest, then follows the store's
// change feed and hands a [resolve.Resolver] the next routing.
//
// Start with [Open], which returns when all that can be served is served, and
// let [Replica.Follow] run until the process ends.
//
// What cannot be loaded takes nothing else down: a zone keeps its last good
// content, or is answered with SERVFAIL where it never had any; a guest that
// cannot be prepared leaves the one before it in place, or the fallback. Both
// are logged, shown by [Replica.Status], and tried again.
//
// A store that cannot be read changes nothing of what is served, and neither does
// one that is empty, another, or an older state of the one that was followed: it
// is refused until it is itself again.
package replica

import (
	"context"
	"fmt"
	"log/slog"
	"sync"
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"github.com/namelet/namelet/internal/authority"
	"github.com/namelet/namelet/internal/mirror"
	"github.com/namelet/namelet/internal/resolve"
	"github.com/namelet/namelet/internal/signing"
	"github.com/namelet/namelet/internal/throttle"
	"github.com/namelet/namelet/rr"
	"github.com/namelet/namelet/runtime"
	"github.com/namelet/namelet/store"
)

// Config is what a Replica works with; Self and Mirror need not be given.
type Config struct {
	Store    *store.Store
	Engine   *runtime.Engine
	Resolver *resolve.Resolver
	Most     store.Limits // that attachments get here beside what the Engine bounds; zero fields bound nothing
	Keys     signing.Keys // that have to have signed what is loaded, where there are any
	Log      *slog.Logger

	// Self says who this is, for the store's list of replicas: ID, Host, Site and
	// Version. Without an ID it is not told.
	Self store.Replica

	// Mirror, where given, is told what is served, and Content is what it had:
	// Open serves that where the store cannot be read or is another one. The store
	// needs to have the identity of the content.
	Mirror  *mirror.Mirror
	Content *mirror.Content
}

// Replica holds what the store held when it was last read. Follow alone changes
// it; Status and Latency are safe beside.
type Replica struct {
	Config
	began     time.Time
	cursor    store.Cursor
	applied   int            // events
	standing  store.Standing // of the store that what is held comes from
	checked   time.Time      // when the store's was last seen to follow it
	lost      time.Time      // when the store could last be followed, while it cannot
	reported  time.Time      // when that was last logged
	zones     *authority.Zones
	held      map[rr.Key]heldZone
	failing   map[rr.Key]bool // of held, those whose newest version is not served
	names     int             // owner names of all zones
	rows      []store.Attachment
	guests    *guests
	steps     []step // that the resolver has not been given yet, or their answers not outdated
	expiry    *expiry
	news      mirror.Update // for the mirror, at the next publication
	latency   prometheus.Histogram
	takenBack *prometheus.CounterVec
	reads     *reads // of the zones that are not held

	fell  chan struct{}     // has a token where a trial was ended here
	stuck throttle.Throttle // rollbacks that cannot be

	mu      sync.Mutex
	status  Status
	serving []said
	trials  map[*resolve.Trial]watched // that there are
}

// heldZone is what is known of a zone that is served.
type heldZone struct {
	zone   store.Zone
	failed error // why its newest version is not served
	retry  retry
}

// retry says when something that could not be loaded is tried again.
type retry struct {
	at    time.Time
	delay time.Duration
}

// How long that takes, doubled each time. A change of the thing itself does not wait.
const (
	againFirst = time.Second
	againMost  = time.Minute
)

func (r retry) next(now time.Time) retry {
	delay := min(max(2*r.delay, againFirst), againMost)
	return retry{now.Add(delay), delay}
}

// step is what happened to a zone that was served before. next is nil where it is
// served no more, and changes are empty where it was read anew.
type step struct {
	old, next *authority.Snapshot
	changes   []authority.Change
	unheld    func() // does what is to be done, of a zone that is not held
}

// outdate ends the answers that the step concerns.
func (s *step) outdate() {
	if s.unheld != nil {
		s.unheld()
		return
	}
	authority.Outdate(s.old, s.next, s.changes)
}

// ended is the step of a zone that is served no more as it was.
func ended(z *authority.Zone) step {
	if source, ok := z.Source.(*unheld); ok {
		return step{unheld: source.slots.Retire}
	}
	return step{old: z.Snapshot}
}

// startPatience is how long a start from the mirror waits for the store.
const startPatience = 2 * time.Second

// Open loads all zones and prepares all guests, and sets the resolver's routing.
// The error is that of a store that cannot be read, where there is no content of a
// mirror that could be served; a zone or a guest that cannot be loaded is none.
func Open(ctx context.Context, config Config) (*Replica, error) {
	r := &Replica{
		Config: config, fell: make(chan struct{}, 1), began: time.Now(), zones: authority.NewZones(nil), latency: newLatency(), takenBack: newTakenBack(), expiry: newExpiry(),
		guests: newGuests(config.Engine, config.Resolver, library{config.Store, config.Mirror}, config.Most, config.Keys), reads: newReads(config.Store, config.Log),
	}
	r.status.Problems = map[string]string{}
	if config.Content != nil {
		return r, r.resume(ctx)
	}
	if err := r.reload(ctx); err != nil {
		return nil, fmt.Errorf("replica: %w", err)
	}
	return r, ctx.Err() // guests that were not prepared because of it are no failures
}

// resume serves what the mirror has, then looks whether the store has news.
func (r *Replica) resume(ctx context.Context) error {
	if err := r.restore(ctx, r.Content); err != nil {
		return err
	}
	r.Content = nil
	patient, cancel := context.WithTimeout(ctx, startPatience)
	defer cancel()
	err := r.reload(patient)
	if ctx.Err() != nil {
		return ctx.Err()
	}
	if err != nil {
		r.lost = time.Now()
		r.judge(err)
	}
	return nil
}

// restore makes the mirror's content what is held, and serves it.
func (r *Replica) restore(ctx context.Context, c *mirror.Content) error {
	r.standing, r.rows = c.Standing, c.Attachments
	r.held, r.failing = make(map[rr.Key]heldZone, len(c.Zones)), map[rr.Key]bool{}
	loaded := make([]*authority.Zone, 0, len(c.Zones))
	for _, z := range c.Zones {
		served := newServed(z.Zone)
		served.Snapshot = z.Snapshot
		if z.Zone.Residency == store.ResidencyLookup {
			served.Source = r.reads.newUnheld(z.Zone)
		}
		r.hold(z.Zone.Name.Key(), heldZone{zone: z.Zone}, nil, served)
		loaded = append(loaded, served)
	}
	r.zones = authority.NewZones(loaded)
	r.expiry.inStep(c.Caught)
	r.note(func(s *Status) {
		s.Mirrored, s.Cursor, s.Caught, s.Watermark = true, c.Cursor, c.Caught, c.Caught
	})
	return r.publish(ctx, true)
}

// newLatency makes the histogram of how long commits took to be served.
func newLatency() prometheus.Histogram {
	return prometheus.NewHistogram(prometheus.HistogramOpts{
		Name:    "responder_replica_commit_to_served_seconds",
		Help:    "Time from a commit in the store until its change was served here, by both clocks; 0 where they contradict.",
		Buckets: []float64{.005, .01, .025, .05, .1, .15, .2, .25, .3, .4, .5, .75, 1, 1.5, 2, 3, 5, 10, 60},
	})
}

// Latency collects how long commits took to be served. Those from before this
// process began do not count.
func (r *Replica) Latency() prometheus.Collector { return r.latency }

// Reads collects what the zones that are not held took from the store.
func (r *Replica) Reads() []prometheus.Collector {
	return []prometheus.Collector{r.reads.count, r.reads.took}
}

// observe counts events whose changes are served now.
func (r *Replica) observe(events []store.Event) {
	now := time.Now()
	for _, e := range events {
		if at := e.Committed; at.After(r.began) {
			r.latency.Observe(max(0, now.Sub(at).Seconds()))
		}
	}
}
