package store

import "time"

// Watch says when a version is taken back by itself that takes the place of another,
// for a share, in the shadow or at once. A field that is 0 looks at nothing. The zero
// Watch has a version stay whatever it does.
type Watch struct {
	Failures    uint32 // of WholeShare: more of its questions fail, and more than twice as many as of the other version's
	Fuel        uint32 // in hundredths: a call burns more than so many times as much as one of the other version
	Latency     uint32 // in hundredths: a call takes more than so many times as long
	Differences uint32 // of WholeShare: more of what a shadow says differs from what the active version says
}

// DefaultWatch is what is looked at where nothing else is asked for. Differences are
// not: a new version is mostly there to answer otherwise.
func DefaultWatch() Watch {
	return Watch{Failures: WholeShare / 100, Fuel: 3 * onceOver, Latency: 5 * onceOver}
}

// DefaultWatchFor is how long a version is watched that was put in force at once.
const DefaultWatchFor = time.Minute

// Bounds of a Watch.
const (
	onceOver    = 100 // as much as the other version
	maxTimes    = 100_000
	maxWatchFor = 24 * time.Hour
)

// Watched says that the active release took the place of the previous one at once,
// and is watched.
type Watched struct {
	Watch
	Until time.Time
}

// SameWatch reports whether both are of one activation.
func (w *Watched) SameWatch(o *Watched) bool {
	return w != nil && o != nil && w.Watch == o.Watch && w.Until.Equal(o.Until)
}

func (w Watch) check() error {
	for _, share := range []uint32{w.Failures, w.Differences} {
		if share > WholeShare {
			return fail(ErrInvalid, "a version is watched for a share of %d of %d", share, WholeShare)
		}
	}
	for _, times := range []uint32{w.Fuel, w.Latency} {
		if times != 0 && (times < onceOver || times > maxTimes) {
			return fail(ErrInvalid, "a version is watched for %d hundredths of another's fuel or latency, want %d to %d", times, onceOver, maxTimes)
		}
	}
	return nil
}

func appendWatch(b []byte, w Watch) []byte {
	for _, n := range []uint32{w.Failures, w.Fuel, w.Latency, w.Differences} {
		b = appendUint(b, uint64(n))
	}
	return b
}

func (d *decoder) watch() Watch {
	return Watch{
		Failures: uint32(d.uint(WholeShare)), Fuel: uint32(d.uint(maxTimes)),
		Latency: uint32(d.uint(maxTimes)), Differences: uint32(d.uint(WholeShare)),
	}
}

// appendWatches adds what a row says of the watch over its candidate and its active release.
func appendWatches(b []byte, a *Attachment) []byte {
	b = appendBools(b, a.Watched != nil)
	if a.Candidate != nil {
		b = appendWatch(b, a.Candidate.Watch)
	}
	if a.Watched != nil {
		b = appendTime(appendWatch(b, a.Watched.Watch), a.Watched.Until)
	}
	return b
}

func (d *decoder) watches(a *Attachment) {
	watched := d.bools(1) != 0
	if a.Candidate != nil {
		a.Candidate.Watch = d.watch()
	}
	if watched {
		a.Watched = &Watched{Watch: d.watch(), Until: d.time()}
	}
}
