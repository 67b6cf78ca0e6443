package store

import (
	"context"
	"time"

	"github.com/namelet/namelet/rr"
)

// Kind says where a zone's content comes from.
type Kind uint8

// KindPrimary is a zone whose content is written here: its serial is ours.
const KindPrimary Kind = 0

// Fallback says what is answered where a guest fails.
type Fallback uint8

const (
	FallbackDefault  Fallback = iota // an attachment: as its zone says; a zone: static
	FallbackStatic                   // what the zone's own RRsets say
	FallbackServFail                 // SERVFAIL
	FallbackLastGood                 // the previous version of the guest; where there is none or it fails too, as static
	fallbackCount
)

var fallbackNames = [fallbackCount]string{"default", "static", "servfail", "last-good"}

func (f Fallback) String() string {
	if f < fallbackCount {
		return fallbackNames[f]
	}
	return "invalid"
}

// ParseFallback reads what String writes; the error is ErrInvalid.
func ParseFallback(s string) (Fallback, error) {
	for f, name := range fallbackNames {
		if s == name {
			return Fallback(f), nil
		}
	}
	return 0, fail(ErrInvalid, "fallback %q (want default, static, servfail or last-good)", s)
}

// check refuses what is no fallback, and what no server does; of says whose it is.
func (f Fallback) check(of string) error {
	if f >= fallbackCount {
		return fail(ErrInvalid, "%s: unknown fallback", of)
	}
	return nil
}

// Zone is a zone as of one version.
type Zone struct {
	Name     rr.Name
	Private  bool // never answered or transferred: guests look it up
	Kind     Kind
	Fallback Fallback
	ZoneSettings

	Version     uint64 // raised by every commit that changes the zone
	Serial      uint32 // of its SOA
	Signed      bool   // its content came with signatures
	Sets        uint64 // how many RRsets it has; the RRSIGs of each covered type are one
	JournalFrom uint64 // the journal holds every version after this one

	Created time.Time // of this zone, not of one of the name that was deleted
	Changed time.Time // when this version was committed
}

// ZoneSpec is what a caller says about a zone; the rest follows from its content.
type ZoneSpec struct {
	Name     rr.Name
	Private  bool
	Fallback Fallback
	ZoneSettings
}

func (s ZoneSpec) check() error {
	if s.Name.IsZero() {
		return fail(ErrInvalid, "a zone needs a name")
	}
	if err := s.ZoneSettings.check(s.Name); err != nil {
		return err
	}
	return s.Fallback.check("zone " + s.Name.String())
}

func (z Zone) spec() ZoneSpec { return ZoneSpec{z.Name, z.Private, z.Fallback, z.ZoneSettings} }

// zoneRow is a row of TableZones. The row of a deleted zone stays, so that a
// zone of its name continues above its version.
type zoneRow struct {
	Zone
	deleted      bool
	incarnation  uint64 // which rows of TableSets are the zone's
	journalBytes uint64 // what its journal takes, about
}

func (z *zoneRow) key() rr.Key { return z.Name.Key() }

// zoneForm is the form of a zone's row that has settings. One without is written
// in formVersion, so that a release that knows no settings reads what uses none,
// and refuses what it would serve otherwise than it was told.
const zoneForm = 2

func encodeZone(z *zoneRow) []byte {
	form := byte(formVersion)
	if z.ZoneSettings != (ZoneSettings{}) {
		form = zoneForm
	}
	b := appendBools([]byte{form}, z.Private, z.Signed, z.deleted)
	b = append(b, byte(z.Kind), byte(z.Fallback))
	b = appendString(b, z.Name.Wire())
	b = appendUint(b, z.Version)
	b = appendUint(b, uint64(z.Serial))
	b = appendUint(b, z.Sets)
	b = appendUint(b, z.JournalFrom)
	b = appendUint(b, z.incarnation)
	b = appendUint(b, z.journalBytes)
	b = appendTime(appendTime(b, z.Created), z.Changed)
	if form >= zoneForm {
		b = appendSettings(b, z.ZoneSettings)
	}
	return b
}

func decodeZone(key, row []byte) (*zoneRow, error) {
	d, form := decodeForm(row, zoneForm)
	flags := d.bools(3)
	z := &zoneRow{deleted: flags&4 != 0}
	z.Private, z.Signed = flags&1 != 0, flags&2 != 0
	z.Kind, z.Fallback = Kind(d.byte()), Fallback(d.byte())
	z.Name = d.name()
	z.Version = d.uint(maxUint64)
	z.Serial = uint32(d.uint(1<<32 - 1))
	z.Sets = d.uint(maxUint64)
	z.JournalFrom = d.uint(maxUint64)
	z.incarnation = d.uint(maxUint64)
	z.journalBytes = d.uint(maxUint64)
	z.Created, z.Changed = d.time(), d.time()
	if form >= zoneForm {
		z.ZoneSettings = d.settings()
	}
	if err := d.end(); err != nil {
		return nil, corrupt(TableZones, key, err)
	}
	switch {
	case z.Name.IsZero() || string(z.Name.Key()) != string(key):
		return nil, corruptWhy(TableZones, key, "row is of another zone")
	case z.Kind != KindPrimary || z.Fallback >= fallbackCount || z.JournalFrom > z.Version || z.ZoneSettings.check(z.Name) != nil:
		return nil, corruptWhy(TableZones, key, "field is out of range")
	}
	return z, nil
}

const maxUint64 = 1<<64 - 1

// Times are kept in milliseconds since 1970, UTC; 0 is the zero time.
func appendTime(dst []byte, t time.Time) []byte {
	if t.IsZero() {
		return append(dst, 0)
	}
	return appendUint(dst, uint64(t.UnixMilli()))
}

func (d *decoder) time() time.Time {
	ms := d.uint(1 << 50)
	if ms == 0 {
		return time.Time{}
	}
	return time.UnixMilli(int64(ms)).UTC()
}

func corrupt(t Table, key []byte, err error) error { return corruptWhy(t, key, err.Error()) }

func corruptWhy(t Table, key []byte, why string) error {
	return &CorruptError{Table: t, Key: string(key), Why: why}
}

// zoneRow reads the row of a zone, deleted or not; nil where there never was one.
func (s *Snapshot) zoneRow(ctx context.Context, name rr.Name) (*zoneRow, error) {
	key := string(name.Key())
	row, err := s.get(ctx, TableZones, key)
	if err != nil || row == nil {
		return nil, err
	}
	return decodeZone([]byte(key), row)
}

// liveZone is zoneRow for a zone that must be there: ErrNotFound.
func (s *Snapshot) liveZone(ctx context.Context, name rr.Name) (*zoneRow, error) {
	if name.IsZero() {
		return nil, fail(ErrInvalid, "a zone needs a name")
	}
	z, err := s.zoneRow(ctx, name)
	if err == nil && (z == nil || z.deleted) {
		return nil, fail(ErrNotFound, "zone %v", name)
	}
	return z, err
}

// Zone returns a zone; ErrNotFound.
func (s *Snapshot) Zone(ctx context.Context, name rr.Name) (Zone, error) {
	z, err := s.liveZone(ctx, name)
	if err != nil {
		return Zone{}, err
	}
	return z.Zone, nil
}

// Zones returns all zones in canonical order of their names.
func (s *Snapshot) Zones(ctx context.Context) ([]Zone, error) {
	var zones []Zone
	err := s.scan(ctx, TableZones, []Range{{"", allKeys}}, func(key, row []byte) error {
		z, err := decodeZone(key, row)
		if err == nil && !z.deleted {
			zones = append(zones, z.Zone)
		}
		return err
	})
	return zones, err
}

// allKeys is above every key of every table: a key begins with a name's key,
// which has no such run of ff octets, or is shorter than this.
const allKeys = "\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff" +
	"\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff" +
	"\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff" +
	"\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff"
