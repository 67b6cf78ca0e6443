package store

import (
	"context"
	"reflect"
	"slices"
	"time"

	"github.com/namelet/namelet/rr"
)

// Scope says which names below its zone's apex an attachment covers.
type Scope uint8

const (
	ScopeSubtree Scope = iota // the attachment point and every name below it
	ScopeName                 // the attachment point alone
	scopeCount
)

func (s Scope) String() string {
	switch s {
	case ScopeSubtree:
		return "subtree"
	case ScopeName:
		return "name"
	}
	return "invalid"
}

// Limits bound a guest where they are not 0; else the host's defaults do.
type Limits struct {
	Fuel          uint64 // units a query
	FuelPerSecond uint64 // units, over all queries of the attachment
	InitFuel      uint64 // units to start an instance
	MemoryPages   uint32 // of 64 KiB
	Lookups       uint32 // a query
	AnswerBytes   uint32 // of an answer's records, uncompressed
	Concurrency   uint32 // calls at the same time in one process
}

// Attachment lets a version of a guest decide the answers at a name, or at it
// and below it.
type Attachment struct {
	Zone     rr.Name // the zone's apex
	At       rr.Name // the apex or a name below it
	Scope    Scope
	Guest    string
	Version  uint64            // of the guest; Attach takes 0 for the newest
	Grants   []rr.Name         // apexes of the zones it may read beside its own
	Values   map[string]string // its configuration
	Limits   Limits
	Fallback Fallback
	Reset    bool // every answer from the snapshot of a fresh instance

	Previous  *Release   // what was active before; nil where nothing is known of that
	Candidate *Candidate // what is on trial; nil where nothing is
	Watched   *Watched   // the watch over the active release against Previous; nil where there is none
	Undone    *Undone    // the last rollback, until the next Activate or Attach; nil where there was none

	// Generation is greater than that of every attachment made before; Attach
	// gives it.
	Generation uint64
	Changed    time.Time // when it was made as it is
}

const (
	formRollout    = 2 // the form of an attachment's row with releases beside the active one
	formConcurrent = 3 // with limits on concurrency
	attachmentForm = 4 // the newest: with what takes a version back by itself

	zoneAttachments = 1024 // of a zone, where Options do not say

	maxGrants = 64
	maxConfig = 64 << 10 // octets of a configuration as a guest is given it
)

// key is that of the row in TableAttachments: zone key, 00, attachment point
// (its key without the zone's), 00, scope.
func (a *Attachment) key() string { return attachmentKey(a.Zone, a.At, a.Scope) }

func attachmentKey(zone, at rr.Name, scope Scope) string {
	return string(zone.Key()) + "\x00" + relative(zone, at) + "\x00" + string(rune(scope))
}

func encodeAttachment(a *Attachment) []byte {
	form := byte(formVersion)
	if a.Previous != nil || a.Candidate != nil || a.Undone != nil {
		form = formRollout
	}
	limits := a.limits()
	if slices.ContainsFunc(limits, func(l *Limits) bool { return l.Concurrency != 0 }) {
		form = formConcurrent
	}
	if a.Candidate != nil || a.Watched != nil {
		form = attachmentForm
	}
	b := appendBools([]byte{form}, a.Reset)
	b = append(b, byte(a.Scope), byte(a.Fallback))
	b = appendString(appendString(b, a.Zone.Wire()), a.At.Wire())
	b = appendUint(appendString(b, a.Guest), a.Version)
	b = appendPairs(appendNames(b, a.Grants), a.Values)
	b = appendTime(appendUint(appendLimits(b, a.Limits), a.Generation), a.Changed)
	if form >= formRollout {
		b = appendRollout(b, a)
	}
	if form >= formConcurrent {
		for _, l := range limits {
			b = appendUint(b, uint64(l.Concurrency))
		}
	}
	if form >= attachmentForm {
		b = appendWatches(b, a)
	}
	return b
}

// limits are those of the active release, and of the others that the row has.
func (a *Attachment) limits() []*Limits {
	all := []*Limits{&a.Limits}
	if a.Previous != nil {
		all = append(all, &a.Previous.Limits)
	}
	if a.Candidate != nil {
		all = append(all, &a.Candidate.Limits)
	}
	return all
}

func decodeAttachment(key, row []byte) (Attachment, error) {
	d, form := decodeForm(row, attachmentForm)
	a := Attachment{Reset: d.bools(1) != 0, Scope: Scope(d.byte()), Fallback: Fallback(d.byte()), Zone: d.name(), At: d.name()}
	a.Guest, a.Version = d.string(maxGuestName), d.uint(maxUint64)
	a.Grants, a.Values = d.names(), d.pairs(maxConfig)
	a.Limits = d.limits()
	a.Generation, a.Changed = d.uint(maxUint64), d.time()
	if form >= formRollout {
		d.rollout(&a)
	}
	if form >= formConcurrent {
		for _, l := range a.limits() {
			l.Concurrency = uint32(d.uint(1<<32 - 1))
		}
	}
	if form >= attachmentForm {
		d.watches(&a)
	} else if a.Candidate != nil {
		a.Candidate.Watch = DefaultWatch() // put on trial by a release that watched without being asked
	}
	if err := d.end(); err != nil {
		return Attachment{}, corrupt(TableAttachments, key, err)
	}
	if a.Zone.IsZero() || a.At.IsZero() || !a.At.IsSubdomainOf(a.Zone) || a.Scope >= scopeCount || a.Fallback >= fallbackCount || a.key() != string(key) {
		return Attachment{}, corruptWhy(TableAttachments, key, "row is of another attachment")
	}
	return a, nil
}

// check holds an attachment against what needs no store, and puts its grants in
// order.
func (a *Attachment) check() error {
	switch {
	case a.Zone.IsZero() || a.At.IsZero():
		return fail(ErrInvalid, "an attachment needs a zone and a name")
	case !a.At.IsSubdomainOf(a.Zone):
		return fail(ErrInvalid, "attachment at %v lies outside zone %v", a.At, a.Zone)
	case a.Scope >= scopeCount:
		return fail(ErrInvalid, "attachment at %v: unknown scope", a.At)
	case len(a.Grants) > maxGrants:
		return fail(ErrTooLarge, "attachment at %v: %d grants, more than %d", a.At, len(a.Grants), maxGrants)
	}
	if err := a.Fallback.check("attachment at " + a.At.String()); err != nil {
		return err
	}
	config := 8
	for k, v := range a.Values {
		if k == "" {
			return fail(ErrInvalid, "attachment at %v: a configuration value has no key", a.At)
		}
		config += 8 + len(k) + len(v)
	}
	if config > maxConfig {
		return fail(ErrTooLarge, "attachment at %v: the configuration takes %d octets, more than %d", a.At, config, maxConfig)
	}
	var grants []rr.Name
	for _, name := range a.Grants {
		if name.IsZero() {
			return fail(ErrInvalid, "attachment at %v: a grant has no name", a.At)
		}
		if !name.Equal(a.Zone) {
			grants = append(grants, name.Lower())
		}
	}
	slices.SortFunc(grants, rr.Name.Compare)
	a.Grants = slices.CompactFunc(grants, rr.Name.Equal)
	return nil
}

// Attach makes an attachment, in place of the one at its name with its scope,
// and returns it as it is kept, with what was attached there before as Previous. A
// candidate there is given up. Where that one is the same already, it is
// returned and nothing is written. ErrNotFound where the zone, the guest's
// version or a granted zone is not there; ErrSigned; ErrInvalid, also for a
// private zone, which is never asked; ErrUnsupported; ErrTooLarge.
func (s *Store) Attach(ctx context.Context, a Attachment) (Attachment, error) {
	if err := a.check(); err != nil {
		return Attachment{}, err
	}
	a.Previous, a.Candidate, a.Watched, a.Undone = nil, nil, nil, nil
	var made Attachment
	err := s.commit(ctx, 4, func(ctx context.Context, t *tx) (err error) {
		if err := t.guard(ctx, TableMeta, metaCatalog); err != nil {
			return err
		}
		made, err = t.attach(ctx, a, s.attachments)
		return err
	})
	return made, err
}

func (t *tx) attach(ctx context.Context, a Attachment, most int) (Attachment, error) {
	v := &Snapshot{t}
	z, err := v.liveZone(ctx, a.Zone)
	switch {
	case err != nil:
		return a, err
	case z.Signed:
		return a, fail(ErrSigned, "zone %v: a guest's answers would have no signatures", z.Name)
	case z.Private:
		return a, fail(ErrInvalid, "zone %v is private: nobody asks it", z.Name)
	}
	if err := t.grantable(ctx, a.Grants); err != nil {
		return a, err
	}
	g, err := v.Guest(ctx, a.Guest, a.Version)
	if err != nil {
		return a, err
	}
	a.Zone, a.Version = z.Name, g.Number
	row, err := t.get(ctx, TableAttachments, a.key())
	if err != nil {
		return a, err
	}
	if row != nil {
		was, err := decodeAttachment([]byte(a.key()), row)
		if err != nil || a.same(was) {
			return was, err
		}
		a.succeed(was)
	} else if all, err := v.Attachments(ctx, a.Zone); err != nil {
		return a, err
	} else if len(all) >= most {
		return a, fail(ErrTooLarge, "zone %v: it has %d attachments, and can have no more", a.Zone, len(all))
	}
	return t.putAttachment(ctx, a)
}

// succeed takes over from what was attached before what there is to go back to. A
// trial ends with it.
func (a *Attachment) succeed(was Attachment) {
	release := was.Release()
	if a.Release().Same(release) {
		a.Previous, a.Watched, a.Undone = was.Previous, was.Watched, was.Undone
		return
	}
	a.Previous = &release
}

// same compares all but what Attach gives.
func (a Attachment) same(b Attachment) bool {
	a.Generation, a.Changed = b.Generation, b.Changed
	a.Previous, a.Candidate, a.Watched, a.Undone = b.Previous, b.Candidate, b.Watched, b.Undone
	a.Zone, a.At = b.Zone, b.At // their key has been compared
	if len(a.Values) == 0 {
		a.Values = nil
	}
	return reflect.DeepEqual(a, b)
}

// Detach deletes an attachment. ErrNotFound.
func (s *Store) Detach(ctx context.Context, zone, at rr.Name, scope Scope) error {
	if zone.IsZero() || at.IsZero() || !at.IsSubdomainOf(zone) || scope >= scopeCount {
		return fail(ErrInvalid, "no attachment can be at %v in zone %v", at, zone)
	}
	key := attachmentKey(zone, at, scope)
	return s.commit(ctx, 4, func(ctx context.Context, t *tx) error {
		if _, err := t.count(ctx, metaCatalog); err != nil {
			return err
		}
		row, err := t.get(ctx, TableAttachments, key)
		if err != nil {
			return err
		}
		if row == nil {
			return fail(ErrNotFound, "attachment at %v (%v) in zone %v", at, scope, zone)
		}
		t.delete(TableAttachments, key)
		t.announce(Event{Kind: EventAttachments, Zone: zone})
		return nil
	})
}

// Attachments returns the attachments of a zone, or of all zones for the zero
// Name, in order of zone, then of name.
func (s *Snapshot) Attachments(ctx context.Context, zone rr.Name) ([]Attachment, error) {
	r := Range{"", allKeys}
	if !zone.IsZero() {
		r = prefixed(string(zone.Key()) + "\x00")
	}
	var all []Attachment
	err := s.scan(ctx, TableAttachments, []Range{r}, func(key, row []byte) error {
		a, err := decodeAttachment(key, row)
		all = append(all, a)
		return err
	})
	return all, err
}

// Attachments is Snapshot.Attachments now.
func (s *Store) Attachments(ctx context.Context, zone rr.Name) (all []Attachment, err error) {
	err = s.Snapshot(ctx, func(v *Snapshot) error {
		all, err = v.Attachments(ctx, zone)
		return err
	})
	return all, err
}
