package store

import (
	"errors"
)

// modules holds each module against its digest, and looks for chunks of none.
func (v *verifier) modules() error {
	v.digests = map[Digest]bool{}
	err := v.rows(TableBlobs, func(key string, _ []byte) error {
		v.digests[Digest([]byte(key))] = false
		return nil
	})
	if err != nil {
		return err
	}
	for digest := range v.digests {
		v.seen.Modules++
		if _, err := v.LoadBlob(v.ctx, digest); err != nil {
			if err := v.bad(err); err != nil {
				return err
			}
		}
	}
	return v.rows(TableChunks, func(key string, _ []byte) error {
		if _, known := v.digests[Digest([]byte(key[:len(Digest{})]))]; !known {
			return v.report("chunks %q: of no module", key)
		}
		return nil
	})
}

// guests looks for the modules of all versions, and for versions of all modules.
func (v *verifier) guests() error {
	v.versions = map[string]bool{}
	err := v.rows(TableGuests, func(key string, value []byte) error {
		g, err := decodeGuest([]byte(key), value)
		if err != nil {
			return err
		}
		v.versions[key] = true
		if _, known := v.digests[g.Digest]; !known {
			return v.report("guest %s, version %d: its module %v is not there", g.Name, g.Number, g.Digest)
		}
		v.digests[g.Digest] = true
		return nil
	})
	if err != nil {
		return err
	}
	for digest, used := range v.digests {
		if !used {
			if err := v.report("module %v: of no guest", digest); err != nil {
				return err
			}
		}
	}
	return nil
}

func (v *verifier) attachments() error {
	return v.rows(TableAttachments, func(key string, value []byte) error {
		a, err := decodeAttachment([]byte(key), value)
		if err != nil {
			return err
		}
		wrong := func(what string) error {
			return v.report("attachment at %v (%v) in zone %v: %s", a.At, a.Scope, a.Zone, what)
		}
		z := v.zones[string(a.Zone.Key())]
		var all []error
		if z == nil || z.deleted {
			all = append(all, wrong("there is no such zone"))
		} else if z.Private || z.Signed {
			all = append(all, wrong("the zone is private or signed, and can have none"))
		}
		if !v.versions[guestKey(a.Guest, a.Version)] {
			all = append(all, wrong("its guest's version is not there"))
		}
		if p := a.Previous; p != nil && !v.versions[guestKey(p.Guest, p.Version)] {
			all = append(all, wrong("the version before it is not there"))
		}
		if c := a.Candidate; c != nil && !v.versions[guestKey(c.Guest, c.Version)] {
			all = append(all, wrong("its candidate's version is not there"))
		}
		if a.Generation > v.catalog {
			all = append(all, wrong("its generation was never given"))
		}
		for _, grant := range a.Grants {
			if g := v.zones[string(grant.Key())]; g == nil || g.deleted {
				all = append(all, wrong("the granted zone "+grant.String()+" is not there"))
			}
		}
		return errors.Join(all...)
	})
}
