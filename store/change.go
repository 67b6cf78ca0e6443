package store

import (
	"context"
	"slices"
	"strings"
	"time"

	"github.com/namelet/namelet/rr"
)

// MaxChanges bounds what one call of Store.Change takes. Content that differs
// more is replaced.
const MaxChanges = 10000

// Change puts an RRset in place of the one of its name and type, or deletes
// that one. A deletion needs name and type of Set alone; rr.TypeANY deletes every
// type at the name, at the apex but SOA and NS (RFC 2136 section 3.4.2.3).
type Change struct {
	Delete bool
	Set    rr.Set
}

// Put is the change that puts a set.
func Put(set rr.Set) Change { return Change{Set: set} }

// Delete is the change that deletes a set.
func Delete(name rr.Name, t rr.Type) Change {
	return Change{Delete: true, Set: rr.Set{Name: name, Type: t}}
}

// WriteOptions go with a change of one zone.
type WriteOptions struct {
	// IfVersion, where it is not 0, is the version that the zone must be at:
	// *VersionError.
	IfVersion uint64

	// RequestID, where it is not empty (128 octets at most), makes a repetition
	// harmless: a change whose id the zone's journal still has is not done again.
	RequestID string
}

func (o *WriteOptions) check() error {
	if len(o.RequestID) > maxRequestID {
		return fail(ErrInvalid, "request id has %d octets, more than %d", len(o.RequestID), maxRequestID)
	}
	return nil
}

// Result is what a write to a zone came to.
type Result struct {
	Zone    Zone   // as of the commit
	Version uint64 // the one that has what was asked for
	Changed bool   // false where everything was so already, and nothing was written
}

// Change does changes to a zone's RRsets, in their order, in one version. The
// serial goes up as the zone's SerialStyle says, or to that of an SOA among the
// changes. A set's rdata are kept in order of their octets, without doubles.
//
// Errors: ErrNotFound (the zone), *VersionError, *SerialError, ErrSigned,
// ErrTooLarge, and ErrInvalid where a set, or what would be at a name, is
// against the rules.
func (s *Store) Change(ctx context.Context, zone rr.Name, changes []Change, o WriteOptions) (Result, error) {
	e, err := s.newEdit(zone, changes, o)
	if err != nil {
		return Result{}, err
	}
	var res Result
	err = s.commit(ctx, weight(2*len(changes)+4, e.octets), func(ctx context.Context, t *tx) error {
		res, err = e.run(ctx, t, s)
		return err
	})
	if err != nil {
		return Result{}, err
	}
	return res, nil
}

// edit is a call of Change, checked as far as it can be without the zone.
type edit struct {
	zone   rr.Name
	steps  []step
	owners []rr.Name
	octets int // of what is put
	o      WriteOptions
}

type step struct {
	owner string // relative key
	t     rr.Type
	row   *setRow // nil: delete
}

func (s *Store) newEdit(zone rr.Name, changes []Change, o WriteOptions) (*edit, error) {
	switch {
	case zone.IsZero():
		return nil, fail(ErrInvalid, "a zone needs a name")
	case len(changes) > MaxChanges:
		return nil, fail(ErrTooLarge, "%d changes at once, more than %d: replace the zone", len(changes), MaxChanges)
	}
	if err := o.check(); err != nil {
		return nil, err
	}
	e := &edit{zone: zone, o: o, owners: []rr.Name{zone}}
	for _, c := range changes {
		st, err := s.newStep(zone, c)
		if err != nil {
			return nil, err
		}
		if st.row != nil {
			e.octets += len(st.row.value)
		}
		e.steps = append(e.steps, st)
		e.owners = append(e.owners, c.Set.Name)
	}
	return e, nil
}

func (s *Store) newStep(zone rr.Name, c Change) (step, error) {
	switch c.Set.Type {
	case rr.TypeRRSIG, rr.TypeNSEC, rr.TypeNSEC3:
		return step{}, fail(ErrInvalid, "%v: signatures come with a whole signed zone only", c.Set)
	}
	if c.Delete {
		if c.Set.Name.IsZero() || !c.Set.Name.IsSubdomainOf(zone) {
			return step{}, fail(ErrInvalid, "%v lies outside zone %v", c.Set, zone)
		}
		return step{owner: relative(zone, c.Set.Name), t: c.Set.Type}, nil
	}
	if c.Set.Type == rr.TypeANY {
		return step{}, fail(ErrInvalid, "%v: the type stands in questions only", c.Set)
	}
	rows, err := rowsOf(zone, c.Set)
	if err == nil {
		err = s.checkWith(zone, c.Set)
	}
	if err != nil {
		return step{}, err
	}
	return step{relative(zone, c.Set.Name), c.Set.Type, &rows[0]}, nil
}

// relative is the key of a name in a zone without the zone's.
func relative(zone, name rr.Name) string { return string(name.Key()[len(zone.Key()):]) }

// run is the plan of a change.
func (e *edit) run(ctx context.Context, t *tx, s *Store) (Result, error) {
	z, err := t.openZone(ctx, e.zone, e.o.IfVersion)
	if err != nil {
		return Result{}, err
	}
	if version, err := t.requested(ctx, z.key(), e.o.RequestID); err != nil || version != 0 {
		return Result{Zone: z.Zone, Version: version}, err
	}
	if z.Signed {
		return Result{}, fail(ErrSigned, "zone %v: its RRsets cannot be changed one by one: sign and import it anew", z.Name)
	}
	prefix := setPrefix(z.key(), z.incarnation)
	before, err := t.rowsAt(ctx, prefix, ownerRanges(z.Name, prefix, e.owners))
	if err != nil {
		return Result{}, err
	}
	after := before.clone()
	for _, st := range e.steps {
		after.do(st)
	}
	if err := after.check(z.Name); err != nil {
		return Result{}, err
	}
	if ns := setKey("", rr.TypeNS, 0); before[ns] != nil && after[ns] == nil {
		return Result{}, fail(ErrInvalid, "zone %v would have no NS at its apex (RFC 1034 section 4.2.1)", z.Name)
	}
	d := before.diff(after)
	if d.rows() == 0 {
		return Result{Zone: z.Zone, Version: z.Version}, nil
	}
	serial, err := raiseSerial(z, after, t.now)
	if err != nil {
		return Result{}, err
	}
	d = before.diff(after)
	if d.tooLarge() {
		return Result{}, fail(ErrTooLarge, "the changes touch %d RRsets, %d octets (limits %d, %d): replace the zone", d.rows(), d.bytes(), maxChangeRows, maxJournalData)
	}
	if err := s.writeVersion(ctx, t, z, serial, &d, e.o.RequestID); err != nil {
		return Result{}, err
	}
	return Result{Zone: z.Zone, Version: z.Version, Changed: true}, nil
}

// openZone guards and reads a zone for writing.
func (t *tx) openZone(ctx context.Context, name rr.Name, ifVersion uint64) (*zoneRow, error) {
	if err := t.guard(ctx, TableZones, string(name.Key())); err != nil {
		return nil, err
	}
	z, err := (&Snapshot{t}).liveZone(ctx, name)
	if err == nil && ifVersion != 0 && z.Version != ifVersion {
		return nil, &VersionError{Zone: name, Want: ifVersion, Have: z.Version}
	}
	return z, err
}

// writeVersion writes the next version of a zone: its rows, its journal, the
// zone's own row, which it changes, and the change log.
func (s *Store) writeVersion(ctx context.Context, t *tx, z *zoneRow, serial uint32, d *delta, request string) error {
	h := &journalHead{}
	h.SerialBefore, h.SerialAfter, h.Time, h.RequestID = z.Serial, serial, t.now, request
	z.Version++
	z.Serial, z.Changed = serial, t.now
	z.Sets += uint64(len(d.added)) - uint64(len(d.removed))
	prefix := setPrefix(z.key(), z.incarnation)
	for _, row := range d.removed {
		t.delete(TableSets, prefix+row.key)
	}
	for _, row := range d.added {
		t.put(TableSets, prefix+row.key, row.value)
	}
	if err := t.journal(ctx, z, h, d, s.keep); err != nil {
		return err
	}
	t.put(TableZones, string(z.key()), encodeZone(z))
	t.announce(Event{Kind: EventZone, Zone: z.Name, Version: z.Version})
	return nil
}

// ownerRanges are the rows of owners in the zone, each once, in order.
func ownerRanges(zone rr.Name, prefix string, owners []rr.Name) []Range {
	var keys []string
	for _, name := range owners {
		if !name.IsZero() && name.IsSubdomainOf(zone) {
			keys = append(keys, relative(zone, name))
		}
	}
	slices.Sort(keys)
	keys = slices.Compact(keys)
	ranges := make([]Range, len(keys))
	for i, key := range keys {
		ranges[i] = ownerRange(prefix, key)
	}
	return ranges
}

// rowMap is the rows of some owners, by set's key.
type rowMap map[string][]byte

func (t *tx) rowsAt(ctx context.Context, prefix string, ranges []Range) (rowMap, error) {
	m := rowMap{}
	err := t.scan(ctx, TableSets, ranges, func(key, value []byte) error {
		m[string(key[len(prefix):])] = slices.Clone(value)
		return nil
	})
	return m, err
}

func (m rowMap) clone() rowMap {
	c := make(rowMap, len(m)+4)
	for k, v := range m {
		c[k] = v
	}
	return c
}

func (m rowMap) do(st step) {
	switch {
	case st.row != nil:
		m[st.row.key] = st.row.value
	case st.t != rr.TypeANY:
		delete(m, setKey(st.owner, st.t, 0))
	default:
		for key := range m {
			owner, t, _, _ := splitSetKey(key)
			if owner == st.owner && (owner != "" || t != rr.TypeSOA && t != rr.TypeNS) {
				delete(m, key)
			}
		}
	}
}

// check holds what is at each owner against itself.
func (m rowMap) check(zone rr.Name) error {
	owners := map[string]*ownerCheck{"": {}}
	for key := range m {
		owner, t, _, ok := splitSetKey(key)
		if !ok {
			return corruptWhy(TableSets, []byte(key), "key is malformed")
		}
		if owners[owner] == nil {
			owners[owner] = &ownerCheck{}
		}
		owners[owner].add(t)
	}
	for owner, c := range owners {
		if err := c.verdict(zone, owner); err != nil {
			return err
		}
	}
	return nil
}

func (m rowMap) diff(after rowMap) delta {
	var d delta
	for key, value := range m {
		if now, has := after[key]; !has || string(now) != string(value) {
			d.removed = append(d.removed, setRow{key, value})
		}
	}
	for key, value := range after {
		if was, had := m[key]; !had || string(was) != string(value) {
			d.added = append(d.added, setRow{key, value})
		}
	}
	for _, rows := range [][]setRow{d.removed, d.added} {
		slices.SortFunc(rows, func(a, b setRow) int { return strings.Compare(a.key, b.key) })
	}
	return d
}

// raiseSerial puts the next serial into the SOA of after: what the zone's style
// makes of the time, unless the changes have raised it themselves.
func raiseSerial(z *zoneRow, after rowMap, now time.Time) (uint32, error) {
	soa, err := decodeSet(z.key(), soaKey, after[soaKey])
	if err != nil {
		return 0, corrupt(TableSets, []byte(soaKey), err)
	}
	given, ok := soaSerial(soa.Data[0])
	if !ok {
		return 0, corruptWhy(TableSets, []byte(soaKey), "SOA is malformed")
	}
	switch {
	case given == z.Serial:
		given = z.ZoneSettings.Serial.next(given, now)
	case !serialHigher(z.Serial, given):
		return 0, &SerialError{Zone: z.Name, Have: z.Serial, Got: given}
	}
	data, _ := withSerial(soa.Data[0], given)
	soa.Data = []rr.Rdata{data}
	after[soaKey] = encodeSet(soa)
	return given, nil
}
