package store

import (
	"context"
	"time"

	"github.com/namelet/namelet/rr"
)

// ZoneSettings is how a zone is written and served; the zero value is the default
// of each.
type ZoneSettings struct {
	// Serial is how a change of RRsets raises the SOA serial. An import keeps
	// that of its content.
	Serial SerialStyle

	// MaxStale is how long the zone is served while the store cannot be reached,
	// in whole milliseconds; 0 for without end.
	MaxStale time.Duration

	// Residency is where a replica has the zone's RRsets.
	Residency Residency

	// IgnoreClientSubnet makes the zone's answers depend on the packet's source,
	// whatever an RFC 7871 option says and whoever sends it.
	IgnoreClientSubnet bool
}

// SerialStyle is how a change raises the SOA serial.
type SerialStyle uint8

const (
	SerialIncrement SerialStyle = iota // by one
	SerialDate                         // YYYYMMDDnn of the day in UTC (RFC 1912 section 2.2)
	SerialUnix                         // seconds since 1970
	serialStyleCount
)

var serialStyleNames = [serialStyleCount]string{"increment", "date", "unix"}

func (s SerialStyle) String() string {
	if s < serialStyleCount {
		return serialStyleNames[s]
	}
	return "invalid"
}

// ParseSerialStyle reads what String writes; the error is ErrInvalid.
func ParseSerialStyle(text string) (SerialStyle, error) {
	for s, name := range serialStyleNames {
		if text == name {
			return SerialStyle(s), nil
		}
	}
	return 0, fail(ErrInvalid, "serial style %q (want increment, date or unix)", text)
}

// Residency says where a replica has a zone's RRsets.
type Residency uint8

const (
	ResidencyMemory Residency = iota // all of them in memory
	ResidencyLookup                  // in the store, where they are read when they are asked for
	residencyCount
)

var residencyNames = [residencyCount]string{"memory", "lookup"}

func (r Residency) String() string {
	if r < residencyCount {
		return residencyNames[r]
	}
	return "invalid"
}

// ParseResidency reads what String writes; the error is ErrInvalid.
func ParseResidency(text string) (Residency, error) {
	for r, name := range residencyNames {
		if text == name {
			return Residency(r), nil
		}
	}
	return 0, fail(ErrInvalid, "residency %q (want memory or lookup)", text)
}

// maxMaxStale is ten years: longer means without end, which is 0.
const maxMaxStale = 3653 * 24 * time.Hour

func (s ZoneSettings) check(zone rr.Name) error {
	switch {
	case s.Serial >= serialStyleCount:
		return fail(ErrInvalid, "zone %v: unknown serial style", zone)
	case s.Residency >= residencyCount:
		return fail(ErrInvalid, "zone %v: unknown residency", zone)
	case s.MaxStale < 0 || s.MaxStale > maxMaxStale || s.MaxStale%time.Millisecond != 0:
		return fail(ErrInvalid, "zone %v: max stale %v (want whole milliseconds of at most ten years, or 0 for without end)", zone, s.MaxStale)
	}
	return nil
}

// appendSettings and settings are the end of a zone's row from zoneForm 2 on.
func appendSettings(dst []byte, s ZoneSettings) []byte {
	dst = append(appendBools(dst, s.IgnoreClientSubnet), byte(s.Serial), byte(s.Residency))
	return appendUint(dst, uint64(s.MaxStale/time.Millisecond))
}

func (d *decoder) settings() ZoneSettings {
	s := ZoneSettings{IgnoreClientSubnet: d.bools(1) != 0, Serial: SerialStyle(d.byte()), Residency: Residency(d.byte())}
	s.MaxStale = time.Duration(d.uint(uint64(maxMaxStale/time.Millisecond))) * time.Millisecond
	return s
}

// SetZone changes a zone's settings and leaves its content: edit is given the
// settings that the zone has and makes of them those that it is to have; it may be
// called more than once. The name stays. What is so already is no change.
//
// A change of settings is a version of its own, under the same serial. ErrNotFound;
// *VersionError; ErrInUse where the zone has attachments and would be private;
// ErrInvalid and ErrUnsupported about the settings; an error of edit as it is.
func (s *Store) SetZone(ctx context.Context, name rr.Name, edit func(*ZoneSpec) error, o WriteOptions) (Result, error) {
	if err := o.check(); err != nil {
		return Result{}, err
	}
	var res Result
	err := s.commit(ctx, weight(4, 0), func(ctx context.Context, t *tx) error {
		z, err := t.openZone(ctx, name, o.IfVersion)
		if err != nil {
			return err
		}
		if version, err := t.requested(ctx, z.key(), o.RequestID); err != nil || version != 0 {
			res = Result{Zone: z.Zone, Version: version}
			return err
		}
		spec := z.spec()
		if err := edit(&spec); err != nil {
			return err
		}
		spec.Name = z.Name
		if err := spec.check(); err != nil {
			return err
		}
		if spec == z.spec() {
			res = Result{Zone: z.Zone, Version: z.Version}
			return nil
		}
		if err := t.changeSettings(ctx, z, spec, z.Signed); err != nil {
			return err
		}
		if err := s.writeVersion(ctx, t, z, z.Serial, &delta{}, o.RequestID); err != nil {
			return err
		}
		res = Result{Zone: z.Zone, Version: z.Version, Changed: true}
		return nil
	})
	if err != nil {
		return Result{}, err
	}
	return res, nil
}
