package replica

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"sync/atomic"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"golang.org/x/sync/singleflight"

	"github.com/namelet/namelet/internal/authority"
	"github.com/namelet/namelet/rr"
	"github.com/namelet/namelet/store"
)

const (
	// readTime is how long an answer waits for the store, over all that it reads.
	readTime = time.Second

	// awayTime is how long nobody but one waits for a store that did not answer.
	awayTime = 500 * time.Millisecond
)

// reads are what all zones that are not held have in common.
type reads struct {
	store  *store.Store
	log    *slog.Logger
	count  *prometheus.CounterVec // by result
	took   prometheus.Histogram
	away   atomic.Int64 // until when the store is taken to be away, in Unix nanoseconds; 0 while it is not
	logged atomic.Int64 // when a failure last was, likewise

	refused atomic.Bool // the store is not the one whose zones are served
}

func newReads(s *store.Store, log *slog.Logger) *reads {
	r := &reads{store: s, log: log}
	r.count = prometheus.NewCounterVec(prometheus.CounterOpts{
		Name: "responder_zone_reads_total",
		Help: "Answers from zones that are not held, by how their data were had from the store: by a reading (read), by that of another (shared), or not, since it failed (failed) or the store had just failed or is refused (skipped).",
	}, []string{"result"})
	for _, result := range []string{"read", "shared", "failed", "skipped"} {
		r.count.WithLabelValues(result)
	}
	r.took = prometheus.NewHistogram(prometheus.HistogramOpts{
		Name:    "responder_zone_read_seconds",
		Help:    "Time that a reading of a zone that is not held took.",
		Buckets: []float64{.0001, .00025, .0005, .001, .0025, .005, .01, .025, .05, .1, .25, .5, 1},
	})
	return r
}

// unheld is a zone that is read from the store when it is asked for. It is an
// authority.Source.
type unheld struct {
	*reads
	zone    rr.Name
	slots   *authority.Slots
	created time.Time // of the zone that the slots are of
	version uint64    // up to which the slots are raised; Follow's alone, as created is
	flights singleflight.Group
}

var _ authority.Source = (*unheld)(nil)

func (r *reads) newUnheld(z store.Zone) *unheld {
	return &unheld{
		reads: r, zone: z.Name, created: z.Created, version: z.Version,
		slots: authority.NewSlots(int(min(z.Sets, 1<<30)), z.Version),
	}
}

// errAway and errRefused are the failures of reads that were not tried.
var (
	errAway    = errors.New("replica: the store did not answer a moment ago")
	errRefused = errors.New("replica: the store is refused")
)

// Read implements authority.Source. Who asks for the same at the same time shares a
// read.
func (u *unheld) Read(q authority.Question, names []rr.Name) (*authority.Snapshot, error) {
	if u.refused.Load() {
		u.count.WithLabelValues("skipped").Inc()
		return nil, errRefused
	}
	if !u.mayTry(time.Now()) {
		u.count.WithLabelValues("skipped").Inc()
		return nil, errAway
	}
	q.Name, q.DO = q.Name.Clone(), false
	owned := make([]rr.Name, len(names))
	for i, name := range names {
		owned[i] = name.Clone() // what is read outlives the question
	}
	least := u.slots.Newest()
	how := "shared"
	ask := func() (any, error) {
		how = "read"
		return u.read(q, owned)
	}
	result, err, _ := u.flights.Do(flightKey(q, owned), ask)
	if err == nil && result.(*authority.Snapshot).Version() < least {
		// It began before a change that this question may count on.
		result, err = ask()
	}
	if err != nil {
		u.count.WithLabelValues("failed").Inc()
		return nil, err
	}
	u.count.WithLabelValues(how).Inc()
	return result.(*authority.Snapshot).Own(), nil
}

// flightKey names what is read. Questions whose types have no additional data read
// the same, whatever they are.
func flightKey(q authority.Question, names []rr.Name) string {
	var b []byte
	if !q.Name.IsZero() {
		t := q.Type
		switch t {
		case rr.TypeA, rr.TypeAAAA, rr.TypeTXT, rr.TypeCAA:
			t = rr.TypeA
		}
		b = append(q.Name.AppendLower(b), byte(t>>8), byte(t))
	}
	b = append(b, 0xff)
	for _, name := range names {
		b = name.AppendLower(b)
	}
	return string(b)
}

// read reads what q and the names need, all at one moment of the store.
func (u *unheld) read(q authority.Question, names []rr.Name) (*authority.Snapshot, error) {
	began := time.Now()
	ctx, cancel := context.WithTimeoutCause(context.Background(), readTime, fmt.Errorf("no answer within %v", readTime))
	defer cancel()
	var s *authority.Snapshot
	err := u.store.Snapshot(ctx, func(v *store.Snapshot) error {
		var err error
		s, err = u.gather(ctx, v, q, names)
		return err
	})
	u.took.Observe(time.Since(began).Seconds())
	if err != nil {
		if ctx.Err() != nil {
			err = fmt.Errorf("%w: %w", context.Cause(ctx), err)
		}
		return nil, u.failed(err)
	}
	u.away.Store(0)
	return s, nil
}

func (u *unheld) gather(ctx context.Context, v *store.Snapshot, q authority.Question, names []rr.Name) (*authority.Snapshot, error) {
	zone, err := v.Names(ctx, u.zone)
	if err != nil {
		return nil, err
	}
	return authority.Gather(u.zone, zone.Zone().Version, u.slots, q, names, func(owners []rr.Name) (authority.Around, error) {
		found, err := zone.At(ctx, owners)
		return authority.Around(found), err
	})
}

// failed notes that a read failed. That the content is wrong, or the zone gone, is
// no fault of the store's.
func (u *unheld) failed(err error) error {
	now := time.Now()
	var content *authority.Error
	switch {
	case errors.As(err, &content), errors.Is(err, authority.ErrTooMany), errors.Is(err, store.ErrNotFound), errors.Is(err, store.ErrCorrupt):
	default:
		u.away.Store(now.Add(awayTime).UnixNano())
	}
	if last := u.logged.Load(); now.UnixNano()-last > int64(time.Minute) && u.logged.CompareAndSwap(last, now.UnixNano()) {
		u.log.Error("a zone that is not held cannot be read", "zone", u.zone.String(), "error", err)
	}
	return fmt.Errorf("replica: zone %v: %w", u.zone, err)
}

// mayTry reports whether to wait for the store: not for a while after it did not
// answer, and then only one does at first.
func (r *reads) mayTry(now time.Time) bool {
	until := r.away.Load()
	return until == 0 || now.UnixNano() >= until && r.away.CompareAndSwap(until, now.Add(awayTime).UnixNano())
}

// follow finds out what the zone's answers have to be outdated by, now that it is at
// the version of z. Where that cannot be told in parts all of them are.
func (u *unheld) follow(ctx context.Context, v *store.Snapshot, w *watch, z store.Zone) (outdate func(), err error) {
	if !u.created.Equal(z.Created) {
		return func() {
			u.created, u.version = z.Created, z.Version
			u.slots.Renewed(z.Version)
		}, nil
	}
	var steps []store.JournalEntry
	err = v.Journal(ctx, z.Name, u.version, func(e store.JournalEntry) error {
		w.row()
		steps = append(steps, e)
		return nil
	})
	if err != nil && !errors.Is(err, store.ErrGone) && !errors.Is(err, store.ErrForeign) {
		return nil, fmt.Errorf("zone %v: journal: %w", z.Name, err)
	}
	whole := err == nil
	return func() {
		u.version = z.Version
		if !whole {
			u.slots.Renewed(z.Version)
			return
		}
		for i := range steps {
			u.slots.Edited(z.Name, steps[i].Version, edits(&steps[i]))
		}
	}, nil
}

// edits are the RRsets that a version changed.
func edits(e *store.JournalEntry) []authority.Edit {
	type key struct {
		name rr.Key
		t    rr.Type
	}
	count := map[key]int{}
	for _, sets := range [][]rr.Set{e.Removed, e.Added} {
		for _, s := range sets {
			count[key{s.Name.Key(), s.Type}]++
		}
	}
	all := make([]authority.Edit, 0, len(count))
	for _, sets := range [][]rr.Set{e.Removed, e.Added} {
		for _, s := range sets {
			k := key{s.Name.Key(), s.Type}
			if n := count[k]; n > 0 {
				all = append(all, authority.Edit{Name: s.Name, Type: s.Type, CameOrWent: n == 1})
				count[k] = 0
			}
		}
	}
	return all
}
