package control

import (
	"context"
	"iter"

	"github.com/namelet/namelet/rr"
	"github.com/namelet/namelet/store"
)

func zoneOf(z store.Zone) Zone {
	f := z.Fallback
	if f == store.FallbackDefault {
		f = store.FallbackStatic
	}
	return Zone{
		Name: z.Name.String(), Private: z.Private, Signed: z.Signed, Fallback: f.String(),
		SerialStyle: z.ZoneSettings.Serial.String(), MaxStale: z.MaxStale.Seconds(), Residency: z.Residency.String(), ClientSubnet: !z.IgnoreClientSubnet,
		Serial: z.Serial, Version: z.Version, RRsets: z.Sets, Changed: z.Changed,
	}
}

// Zones lists the zones in canonical order of their names.
func (s *Service) Zones(ctx context.Context) ([]Zone, error) {
	found, err := s.store.Zones(ctx)
	if err != nil {
		return nil, classify(err)
	}
	zones := make([]Zone, len(found))
	for i, z := range found {
		zones[i] = zoneOf(z)
	}
	return zones, nil
}

// Zone shows a zone; CodeNotFound.
func (s *Service) Zone(ctx context.Context, q ZoneName) (Zone, error) {
	name, err := parseName("zone", q.Zone)
	if err != nil {
		return Zone{}, err
	}
	z, err := s.store.Zone(ctx, name)
	if err != nil {
		return Zone{}, classify(err)
	}
	return zoneOf(z), nil
}

// ImportZone makes the sets the zone's content, as a whole or not at all. A zone
// that is not there is made. CodeSerialLower, CodeInvalid, CodeInUse.
func (s *Service) ImportZone(ctx context.Context, q ZoneImport, sets []rr.Set) (Zone, error) {
	return s.ImportZoneWatched(ctx, q, sets, func(ImportProgress) {})
}

// ImportZoneWatched is ImportZone, and calls watch as it goes on.
func (s *Service) ImportZoneWatched(ctx context.Context, q ZoneImport, sets []rr.Set, watch func(ImportProgress)) (Zone, error) {
	name, err := parseName("zone", q.Zone)
	if err != nil {
		return Zone{}, err
	}
	edit, err := q.edit()
	if err != nil {
		return Zone{}, err
	}
	if err := servable(name, sets); err != nil {
		return Zone{}, classify(err)
	}
	spec := store.ZoneSpec{Name: name}
	if err := edit(&spec); err != nil {
		return Zone{}, err
	}
	res, err := s.store.ReplaceZone(ctx, spec, store.Sequence(sets), store.ReplaceOptions{
		Force: q.Force, Edit: edit,
		Progress: func(done, total int) { watch(ImportProgress{ImportStoring, done, total}) },
	})
	if err != nil {
		return Zone{}, classify(err)
	}
	return zoneOf(res.Zone), nil
}

// ExportZone gives all RRsets of a zone at one version; CodeNotFound.
func (s *Service) ExportZone(ctx context.Context, q ZoneName) ([]rr.Set, error) {
	name, err := parseName("zone", q.Zone)
	if err != nil {
		return nil, err
	}
	var sets []rr.Set
	err = s.store.LoadZone(ctx, name, func(_ store.Zone, rows iter.Seq2[rr.Set, error]) error {
		for set, err := range rows {
			if err != nil {
				return err
			}
			sets = append(sets, set)
		}
		return nil
	})
	return sets, classify(err)
}

// DeleteZone deletes a zone with its records and attachments; CodeNotFound.
func (s *Service) DeleteZone(ctx context.Context, q ZoneName) error {
	name, err := parseName("zone", q.Zone)
	if err != nil {
		return err
	}
	return classify(s.store.DeleteZone(ctx, name, store.WriteOptions{}))
}
