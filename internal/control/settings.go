package control

import (
	"context"
	"math"
	"strconv"
	"time"

	"github.com/namelet/namelet/store"
)

// ZoneSettings are settings of a zone as a request gives them; what is absent or
// empty stays as the zone has it, or is the default of a new zone.
type ZoneSettings struct {
	Private      *bool    `json:"private,omitempty"`           // never answered, only looked up by guests
	Fallback     string   `json:"fallback,omitempty"`          // static, servfail or last-good: what is answered where a guest fails
	SerialStyle  string   `json:"serial_style,omitempty"`      // increment, date or unix: how a change raises the serial
	MaxStale     *float64 `json:"max_stale_seconds,omitempty"` // how long the zone is served while the store is away; 0 for without end
	Residency    string   `json:"residency,omitempty"`         // memory or lookup
	ClientSubnet *bool    `json:"client_subnet,omitempty"`     // whether client subnets (RFC 7871) are believed where the server does
}

// ZoneSet asks for a zone to have other settings and the content that it has.
type ZoneSet struct {
	Zone string `json:"zone"`
	ZoneSettings
	IfVersion uint64 `json:"if_version,omitempty"` // of the zone; 0 for any
}

// SetZone changes a zone's settings, and no content. CodeNotFound, CodeConflict,
// CodeInUse, CodeInvalid.
func (s *Service) SetZone(ctx context.Context, q ZoneSet) (Zone, error) {
	name, err := parseName("zone", q.Zone)
	if err != nil {
		return Zone{}, err
	}
	edit, err := q.edit()
	if err != nil {
		return Zone{}, err
	}
	res, err := s.store.SetZone(ctx, name, edit, store.WriteOptions{IfVersion: q.IfVersion})
	if err != nil {
		return Zone{}, classify(err)
	}
	return zoneOf(res.Zone), nil
}

// Check refuses settings that no zone can have; CodeInvalid.
func (q ZoneSettings) Check() error {
	_, err := q.edit()
	return err
}

// edit reads the settings and returns what makes a zone's of them.
func (q ZoneSettings) edit() (func(*store.ZoneSpec) error, error) {
	var asked store.ZoneSpec
	var err error
	if asked.Fallback, err = parseFallback(q.Fallback); err != nil {
		return nil, err
	}
	if q.SerialStyle != "" {
		if asked.Serial, err = store.ParseSerialStyle(q.SerialStyle); err != nil {
			return nil, invalid("serial style " + quoted(q.SerialStyle) + ": want increment, date or unix")
		}
	}
	if q.Residency != "" {
		if asked.Residency, err = store.ParseResidency(q.Residency); err != nil {
			return nil, invalid("residency " + quoted(q.Residency) + ": want memory or lookup")
		}
	}
	if q.MaxStale != nil {
		if asked.MaxStale, err = staleTime(*q.MaxStale); err != nil {
			return nil, err
		}
	}
	return func(z *store.ZoneSpec) error {
		if q.Private != nil {
			z.Private = *q.Private
		}
		if q.Fallback != "" {
			z.Fallback = asked.Fallback
		}
		if q.SerialStyle != "" {
			z.Serial = asked.Serial
		}
		if q.MaxStale != nil {
			z.MaxStale = asked.MaxStale
		}
		if q.Residency != "" {
			z.Residency = asked.Residency
		}
		if q.ClientSubnet != nil {
			z.IgnoreClientSubnet = !*q.ClientSubnet
		}
		return nil
	}, nil
}

// staleTime reads seconds. The store has the bound that is for people; this one
// keeps the number from running over.
func staleTime(seconds float64) (time.Duration, error) {
	if !(seconds >= 0 && seconds < math.MaxInt64/float64(time.Second)) {
		return 0, invalid("max stale " + strconv.FormatFloat(seconds, 'g', -1, 64) + ": want seconds, or 0 for without end")
	}
	d := time.Duration(math.Round(seconds*1000)) * time.Millisecond
	if d == 0 && seconds > 0 {
		return 0, invalid("max stale " + strconv.FormatFloat(seconds, 'g', -1, 64) + ": want a millisecond at least, or 0 for without end")
	}
	return d, nil
}
