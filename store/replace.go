package store

import (
	"context"
	"errors"
	"iter"

	"github.com/namelet/namelet/rr"
)

// ReplaceOptions go with new content of a zone.
type ReplaceOptions struct {
	IfVersion uint64 // as in WriteOptions

	// Force takes content whose SOA serial is not higher than the zone's.
	// Secondaries will not see such content by themselves.
	Force bool

	// Edit, where given, makes the settings: of those that the zone has at the
	// commit, or of the spec's where it is new. It may be called more than once,
	// and cannot change the name.
	Edit func(*ZoneSpec) error

	// Progress, where given, is called as content that is written beside comes to
	// be in the store: how many RRsets are, of how many.
	Progress func(done, total int)

	mustBeNew bool
}

// CreateZone is ReplaceZone of a zone that must not exist: ErrExists.
func (s *Store) CreateZone(ctx context.Context, spec ZoneSpec, sets iter.Seq2[rr.Set, error]) (Result, error) {
	return s.replace(ctx, spec, sets, ReplaceOptions{mustBeNew: true})
}

// ReplaceZone makes a zone's content and settings what it is given, in one
// version, or changes nothing; a zone that does not exist is created. The
// content keeps its SOA serial. Sets may come in any order, and several of one
// name and type are taken together, under the least of their TTLs. Content that
// has an RRSIG over its SOA makes the zone a signed one.
//
// The whole content is held in memory once. Where it differs little from the
// zone's, the difference is written and entered in the journal; else it is
// written beside, in several transactions, and put in place by the last.
//
// Errors: that of the sequence; *SerialError where the content is other than the
// zone's and its serial is not higher, unless forced; *VersionError; ErrInUse
// where the zone has attachments and would be signed or private; ErrUnsupported
// about the fallback; ErrInvalid and ErrTooLarge about a set; one of Edit as it is.
func (s *Store) ReplaceZone(ctx context.Context, spec ZoneSpec, sets iter.Seq2[rr.Set, error], o ReplaceOptions) (Result, error) {
	return s.replace(ctx, spec, sets, o)
}

// Sequence makes what CreateZone and ReplaceZone take from sets in memory.
func Sequence(sets []rr.Set) iter.Seq2[rr.Set, error] {
	return func(yield func(rr.Set, error) bool) {
		for _, set := range sets {
			if !yield(set, nil) {
				return
			}
		}
	}
}

// content is a zone's new content, checked as far as it can be by itself.
type content struct {
	spec   ZoneSpec
	rows   []setRow // in order
	serial uint32
	signed bool
	o      ReplaceOptions
}

// errMoved is the error of a plan whose ground has changed since it was laid.
var errMoved = errors.New("the zone has changed meanwhile")

// maxDiffs is how often a difference is computed anew because others write to
// the zone, before the content is written beside, which they cannot disturb.
const maxDiffs = 3

func (s *Store) replace(ctx context.Context, spec ZoneSpec, sets iter.Seq2[rr.Set, error], o ReplaceOptions) (Result, error) {
	c, err := s.collect(ctx, spec, sets, o)
	if err != nil {
		return Result{}, err
	}
	for range maxDiffs {
		z, d, err := s.compare(ctx, c)
		if err != nil {
			return Result{}, err
		}
		if d == nil {
			break
		}
		res, err := s.replaceByDiff(ctx, c, z.Version, d)
		if !errors.Is(err, errMoved) {
			return res, err
		}
	}
	if len(c.rows) <= maxChangeRows && size(c.rows) <= maxJournalData {
		return s.replaceWhole(ctx, c, nil)
	}
	return s.replaceStaged(ctx, c)
}

// collect reads the sequence into rows and checks them.
func (s *Store) collect(ctx context.Context, spec ZoneSpec, sets iter.Seq2[rr.Set, error], o ReplaceOptions) (*content, error) {
	if err := spec.check(); err != nil {
		return nil, err
	}
	c := &content{spec: spec, o: o}
	for set, err := range sets {
		if err == nil {
			err = ctx.Err()
		}
		if err == nil {
			err = s.checkWith(spec.Name, set)
		}
		if err != nil {
			return nil, err
		}
		rows, err := rowsOf(spec.Name, set)
		if err != nil {
			return nil, err
		}
		c.rows = append(c.rows, rows...)
	}
	var err error
	if c.rows, err = sortRows(spec.Name.Key(), c.rows); err != nil {
		return nil, err
	}
	c.serial, c.signed, err = checkRows(spec.Name, c.rows)
	return c, err
}

func size(rows []setRow) int { return (&delta{added: rows}).bytes() }

// compare returns the zone and how the content differs from it; no difference
// where there is no zone, or where it is too large for the journal.
func (s *Store) compare(ctx context.Context, c *content) (z *zoneRow, d *delta, err error) {
	err = s.Snapshot(ctx, func(v *Snapshot) error {
		z, err = v.zoneRow(ctx, c.spec.Name)
		if err != nil {
			return err
		}
		if err := c.admit(z); err != nil || z == nil || z.deleted {
			return err
		}
		d, err = v.diff(ctx, z, c.rows)
		return err
	})
	return z, d, err
}

// admit holds the content against the zone that it is to replace. Whether the
// content differs at all is not known here: the serial is looked at later.
func (c *content) admit(z *zoneRow) error {
	name := c.spec.Name
	if z == nil || z.deleted {
		if c.o.IfVersion != 0 {
			return fail(ErrNotFound, "zone %v", name)
		}
		return nil
	}
	switch {
	case c.o.mustBeNew:
		return fail(ErrExists, "zone %v", name)
	case c.o.IfVersion != 0 && c.o.IfVersion != z.Version:
		return &VersionError{Zone: name, Want: c.o.IfVersion, Have: z.Version}
	case c.serial != z.Serial && !serialHigher(z.Serial, c.serial) && !c.o.Force:
		return &SerialError{Zone: name, Have: z.Serial, Got: c.serial}
	}
	return nil
}

// diff merges rows with a zone's; nil where the difference is too large.
func (s *Snapshot) diff(ctx context.Context, z *zoneRow, rows []setRow) (*delta, error) {
	prefix := setPrefix(z.key(), z.incarnation)
	d := &delta{}
	count, bytes := 0, 0
	differ := func(to *[]setRow, row setRow) error {
		count++
		if bytes += len(row.key) + len(row.value) + 8; count > maxChangeRows || bytes > maxJournalData {
			return errStop
		}
		*to = append(*to, row)
		return nil
	}
	addBelow := func(key string, all bool) error {
		for len(rows) > 0 && (all || rows[0].key < key) {
			if err := differ(&d.added, rows[0]); err != nil {
				return err
			}
			rows = rows[1:]
		}
		return nil
	}
	err := s.scan(ctx, TableSets, []Range{prefixed(prefix)}, func(k, value []byte) error {
		key := string(k[len(prefix):])
		if err := addBelow(key, false); err != nil {
			return err
		}
		if len(rows) > 0 && rows[0].key == key {
			same := string(rows[0].value) == string(value)
			fresh := rows[0]
			rows = rows[1:]
			if same {
				return nil
			}
			if err := differ(&d.added, fresh); err != nil {
				return err
			}
		}
		return differ(&d.removed, setRow{key, append([]byte(nil), value...)})
	})
	if err == nil {
		err = addBelow("", true)
	}
	if err == errStop {
		return nil, nil
	}
	return d, err
}

// replaceByDiff writes a difference from a version; errMoved where the zone is
// no longer at it.
func (s *Store) replaceByDiff(ctx context.Context, c *content, version uint64, d *delta) (Result, error) {
	var res Result
	err := s.commit(ctx, weight(d.rows()+4, d.bytes()), func(ctx context.Context, t *tx) error {
		z, err := t.openZone(ctx, c.spec.Name, 0)
		switch {
		case errors.Is(err, ErrNotFound):
			return errMoved
		case err != nil:
			return err
		case z.Version != version:
			return errMoved
		}
		spec, err := c.settings(z)
		if err != nil {
			return err
		}
		if d.rows() == 0 && z.spec() == spec {
			res = Result{Zone: z.Zone, Version: z.Version}
			return nil
		}
		if d.rows() > 0 && c.serial == z.Serial && !c.o.Force {
			return &SerialError{Zone: z.Name, Have: z.Serial, Got: c.serial}
		}
		if err := t.changeSettings(ctx, z, spec, c.signed); err != nil {
			return err
		}
		if err := s.writeVersion(ctx, t, z, c.serial, d, ""); err != nil {
			return err
		}
		res = Result{Zone: z.Zone, Version: z.Version, Changed: true}
		return nil
	})
	return res, err
}

// settings are those that the zone, which may not be there, is to have.
func (c *content) settings(z *zoneRow) (ZoneSpec, error) {
	spec := c.spec
	if c.o.Edit == nil {
		return spec, nil
	}
	if z != nil && !z.deleted {
		spec = z.spec()
	}
	name := spec.Name
	if err := c.o.Edit(&spec); err != nil {
		return spec, err
	}
	spec.Name = name
	return spec, spec.check()
}

// changeSettings gives a zone, of which z may be a new one, other settings.
func (t *tx) changeSettings(ctx context.Context, z *zoneRow, spec ZoneSpec, signed bool) error {
	if signed && spec.Residency == ResidencyLookup {
		return fail(ErrUnsupported, "zone %v is signed and cannot have residency lookup: its proofs of absence need names that are not read", spec.Name)
	}
	if z.Private == spec.Private && z.Signed == signed && !z.deleted {
		z.take(spec)
		return nil
	}
	if _, err := t.count(ctx, metaCatalog); err != nil {
		return err
	}
	attached, err := (&Snapshot{t}).Attachments(ctx, spec.Name)
	if err != nil {
		return err
	}
	if len(attached) > 0 && (spec.Private || signed) {
		return fail(ErrInUse, "zone %v has a guest attached at %v: a signed or private zone can have none: detach it first", spec.Name, attached[0].At)
	}
	z.take(spec)
	z.Signed = signed
	return nil
}

func (z *Zone) take(spec ZoneSpec) {
	z.Name, z.Private, z.Fallback, z.ZoneSettings = spec.Name, spec.Private, spec.Fallback, spec.ZoneSettings
}
