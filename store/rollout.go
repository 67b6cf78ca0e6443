package store

import (
	"context"
	"fmt"
	"reflect"
	"time"

	"github.com/namelet/namelet/rr"
)

// Release is what can be put into the place of another at an attachment: a version
// of a guest with its configuration.
type Release struct {
	Guest   string
	Version uint64
	Grants  []rr.Name
	Values  map[string]string
	Limits  Limits
	Reset   bool
}

// String returns GUEST@VERSION.
func (r Release) String() string { return fmt.Sprintf("%s@%d", r.Guest, r.Version) }

// Same reports whether both are of the same version, configuration, limits and grants.
func (r Release) Same(o Release) bool {
	if len(r.Values) == 0 && len(o.Values) == 0 {
		r.Values, o.Values = nil, nil
	}
	if len(r.Grants) == 0 && len(o.Grants) == 0 {
		r.Grants, o.Grants = nil, nil
	}
	return reflect.DeepEqual(r, o)
}

// Shares are counted in parts of WholeShare.
const WholeShare = 10_000

// Candidate is a release on trial beside the active one.
type Candidate struct {
	Release
	Share  uint32    // of WholeShare: of pairs of a name and a network that are answered by it; 0 for a shadow
	Shadow bool      // it answers beside the active one, and nothing it says is sent
	Salt   uint32    // of the choice; kept while the share changes, so that whoever has it keeps it
	Began  time.Time // when it was put on trial
	Watch  Watch     // what takes it back by itself
}

// SameTrial reports whether both are of one trial, whatever their shares.
func (c *Candidate) SameTrial(o *Candidate) bool {
	return c != nil && o != nil && c.Salt == o.Salt && c.Began.Equal(o.Began) && c.Release.Same(o.Release)
}

// Undone says which release was taken back last.
type Undone struct {
	Guest   string
	Version uint64
	Why     string
	At      time.Time
}

const maxWhy = 512 // octets of Undone.Why

// Release returns what is active.
func (a Attachment) Release() Release {
	return Release{Guest: a.Guest, Version: a.Version, Grants: a.Grants, Values: a.Values, Limits: a.Limits, Reset: a.Reset}
}

// With returns the attachment with another release active.
func (a Attachment) With(r Release) Attachment {
	a.Guest, a.Version, a.Grants, a.Values, a.Limits, a.Reset = r.Guest, r.Version, r.Grants, r.Values, r.Limits, r.Reset
	return a
}

// Point names an attachment.
type Point struct {
	Zone, At rr.Name
	Scope    Scope
}

// Point returns where the attachment is.
func (a Attachment) Point() Point { return Point{a.Zone, a.At, a.Scope} }

// Activation asks for another version of the guest that is attached at a point,
// with the configuration, limits and grants that it has there.
type Activation struct {
	Point   Point
	Guest   string
	Version uint64 // 0 for the newest
	Share   uint32 // of WholeShare, for a candidate beside what is active; WholeShare replaces that at once
	Shadow  bool   // the candidate is a shadow, and Share is not looked at

	Watch    Watch         // what takes the version back by itself
	WatchFor time.Duration // how long one is watched that is in force at once, at most a day; a candidate is for as long as it is one
}

// Activate puts a version on trial or in force. What was active stays as
// Previous where another takes its place. Where all is as asked already, nothing is
// written. A version that is in force at once ends the watch over the one before; where
// there is none before it, it is not watched. ErrNotFound where nothing is attached at
// the point or there is no such version; ErrInvalid where another guest is attached
// there, or the share or what is to be watched is out of range; ErrExists where a trial
// is asked of what is active.
func (s *Store) Activate(ctx context.Context, q Activation) (Attachment, error) {
	if !q.Shadow && (q.Share == 0 || q.Share > WholeShare) {
		return Attachment{}, fail(ErrInvalid, "share %d of %d", q.Share, WholeShare)
	}
	if err := q.Watch.check(); err != nil {
		return Attachment{}, err
	}
	if q.WatchFor < 0 || q.WatchFor > maxWatchFor {
		return Attachment{}, fail(ErrInvalid, "a version is watched for %v, want at most %v", q.WatchFor, maxWatchFor)
	}
	return s.roll(ctx, q.Point, func(ctx context.Context, t *tx, a Attachment) (Attachment, error) {
		if a.Guest != q.Guest {
			return a, fail(ErrInvalid, "at %v guest %s is attached, not %s", a.At, a.Guest, q.Guest)
		}
		g, err := (&Snapshot{t}).Guest(ctx, q.Guest, q.Version)
		if err != nil {
			return a, err
		}
		next := a.Release()
		next.Version = g.Number
		if q.Shadow || q.Share < WholeShare {
			return a.trial(next, q, t.now)
		}
		return a.replaced(next, q, t.now), nil
	})
}

// replaced returns the attachment with next in force, and what was as Previous.
func (a Attachment) replaced(next Release, q Activation, now time.Time) Attachment {
	a.Candidate = nil
	watched := q.Watch != Watch{} && q.WatchFor >= time.Millisecond
	was := a.Release()
	if was.Same(next) {
		if !watched {
			a.Watched = nil
		}
		return a
	}
	a.Previous, a.Undone, a.Watched = &was, nil, nil
	if watched {
		a.Watched = &Watched{q.Watch, now.Add(q.WatchFor.Truncate(time.Millisecond))}
	}
	return a.With(next)
}

// trial returns the attachment with next on trial. The watch over what is active ends.
func (a Attachment) trial(next Release, q Activation, now time.Time) (Attachment, error) {
	if next.Version == a.Version {
		return a, fail(ErrExists, "guest %v on trial at %v, where it is in force", next, a.At)
	}
	c := Candidate{Release: next, Share: q.Share, Shadow: q.Shadow, Salt: uint32(a.Generation)*0x9e3779b9 + uint32(next.Version), Began: now, Watch: q.Watch}
	if c.Shadow {
		c.Share = 0
	}
	if was := a.Candidate; was != nil && was.Release.Same(next) {
		c.Salt, c.Began = was.Salt, was.Began
		if was.Shadow != c.Shadow {
			c.Began = now
		}
	}
	a.Candidate, a.Undone, a.Watched = &c, nil, nil
	return a, nil
}

// Rollback asks for what was before: without the candidate, where there is one;
// else with the previous release.
type Rollback struct {
	Point Point
	Why   string // one line, at most 512 octets are kept

	// Generation, where not 0, is that of the attachment that the caller means:
	// another by now is ErrVersionConflict.
	Generation uint64
}

// Rollback takes back a candidate, or where there is none puts the previous release
// in force. Undone says so in what it returns. ErrNotFound where nothing is attached
// at the point, where there is nothing to go back to, or where a zone that the
// previous release is granted is gone.
func (s *Store) Rollback(ctx context.Context, q Rollback) (Attachment, error) {
	return s.roll(ctx, q.Point, func(ctx context.Context, t *tx, a Attachment) (Attachment, error) {
		if q.Generation != 0 && q.Generation != a.Generation {
			return a, fail(ErrVersionConflict, "attachment at %v has changed", a.At)
		}
		undone := Undone{Guest: a.Guest, Version: a.Version, Why: q.Why[:min(len(q.Why), maxWhy)], At: t.now}
		switch {
		case a.Candidate != nil:
			undone.Guest, undone.Version = a.Candidate.Guest, a.Candidate.Version
			a.Candidate = nil
		case a.Previous == nil:
			return a, fail(ErrNotFound, "attachment at %v: a version before %s@%d", a.At, a.Guest, a.Version)
		default:
			if err := t.grantable(ctx, a.Previous.Grants); err != nil {
				return a, err
			}
			a = a.With(*a.Previous)
			a.Previous = nil
		}
		a.Undone, a.Watched = &undone, nil
		return a, nil
	})
}

// roll changes an attachment that is there.
func (s *Store) roll(ctx context.Context, p Point, change func(context.Context, *tx, Attachment) (Attachment, error)) (Attachment, error) {
	if p.Zone.IsZero() || p.At.IsZero() || !p.At.IsSubdomainOf(p.Zone) || p.Scope >= scopeCount {
		return Attachment{}, fail(ErrInvalid, "no attachment can be at %v in zone %v", p.At, p.Zone)
	}
	key := attachmentKey(p.Zone, p.At, p.Scope)
	var made Attachment
	err := s.commit(ctx, 4, func(ctx context.Context, t *tx) error {
		if err := t.guard(ctx, TableMeta, metaCatalog); err != nil {
			return err
		}
		row, err := t.get(ctx, TableAttachments, key)
		if err != nil {
			return err
		}
		if row == nil {
			return fail(ErrNotFound, "attachment at %v (%v) in zone %v", p.At, p.Scope, p.Zone)
		}
		was, err := decodeAttachment([]byte(key), row)
		if err != nil {
			return err
		}
		if made, err = change(ctx, t, was); err != nil || reflect.DeepEqual(made, was) {
			return err
		}
		made, err = t.putAttachment(ctx, made)
		return err
	})
	return made, err
}

// putAttachment writes an attachment with a generation of its own.
func (t *tx) putAttachment(ctx context.Context, a Attachment) (_ Attachment, err error) {
	if a.Generation, err = t.count(ctx, metaCatalog); err != nil {
		return a, err
	}
	a.Changed = t.now
	t.put(TableAttachments, a.key(), encodeAttachment(&a))
	t.announce(Event{Kind: EventAttachments, Zone: a.Zone})
	return a, nil
}

// grantable reports whether zones are there that a release may read.
func (t *tx) grantable(ctx context.Context, grants []rr.Name) error {
	for _, grant := range grants {
		if _, err := (&Snapshot{t}).liveZone(ctx, grant); err != nil {
			return err
		}
	}
	return nil
}

func appendLimits(b []byte, l Limits) []byte {
	for _, v := range []uint64{l.Fuel, l.FuelPerSecond, l.InitFuel, uint64(l.MemoryPages), uint64(l.Lookups), uint64(l.AnswerBytes)} {
		b = appendUint(b, v)
	}
	return b
}

func (d *decoder) limits() Limits {
	return Limits{
		Fuel: d.uint(maxUint64), FuelPerSecond: d.uint(maxUint64), InitFuel: d.uint(maxUint64),
		MemoryPages: uint32(d.uint(1<<32 - 1)), Lookups: uint32(d.uint(1<<32 - 1)), AnswerBytes: uint32(d.uint(1<<32 - 1)),
	}
}

// What a row of an attachment says of releases beside the active one, in its second form.
const (
	hasPrevious = 1 << iota
	hasCandidate
	hasUndone
	isShadow
	rolloutFlags = iota
)

func appendRollout(b []byte, a *Attachment) []byte {
	b = appendBools(b, a.Previous != nil, a.Candidate != nil, a.Undone != nil, a.Candidate != nil && a.Candidate.Shadow)
	if a.Previous != nil {
		b = appendRelease(b, *a.Previous)
	}
	if c := a.Candidate; c != nil {
		b = appendUint(appendUint(appendRelease(b, c.Release), uint64(c.Share)), uint64(c.Salt))
		b = appendTime(b, c.Began)
	}
	if u := a.Undone; u != nil {
		b = appendString(appendUint(appendString(b, u.Guest), u.Version), u.Why)
		b = appendTime(b, u.At)
	}
	return b
}

func (d *decoder) rollout(a *Attachment) {
	flags := d.bools(rolloutFlags)
	if flags&hasPrevious != 0 {
		r := d.release()
		a.Previous = &r
	}
	if flags&hasCandidate != 0 {
		a.Candidate = &Candidate{Release: d.release(), Share: uint32(d.uint(WholeShare)), Salt: uint32(d.uint(1<<32 - 1)), Began: d.time(), Shadow: flags&isShadow != 0}
	}
	if flags&hasUndone != 0 {
		a.Undone = &Undone{Guest: d.string(maxGuestName), Version: d.uint(maxUint64), Why: d.string(maxWhy), At: d.time()}
	}
}

func appendRelease(b []byte, r Release) []byte {
	b = appendUint(appendString(appendBools(b, r.Reset), r.Guest), r.Version)
	return appendLimits(appendPairs(appendNames(b, r.Grants), r.Values), r.Limits)
}

func (d *decoder) release() Release {
	return Release{Reset: d.bools(1) != 0, Guest: d.string(maxGuestName), Version: d.uint(maxUint64), Grants: d.names(), Values: d.pairs(maxConfig), Limits: d.limits()}
}
