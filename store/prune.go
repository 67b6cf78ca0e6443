package store

import (
	"context"
	"slices"

	"github.com/namelet/namelet/rr"
)

// keptVersions is how many versions of a guest are kept where Options do not say.
const keptVersions = 100

// pruneAtOnce bounds how many versions one push drops.
const pruneAtOnce = 8

// DeleteGuest deletes a version of a guest, and its module where no other version has
// it. ErrNotFound; ErrInUse where an attachment has the version, as the active one, the
// one before or the candidate, and of the newest one, whose number would be given again.
func (s *Store) DeleteGuest(ctx context.Context, name string, number uint64) error {
	if err := checkGuestName(name); err != nil {
		return err
	}
	return s.commit(ctx, weight(4+MaxGuestBytes/chunkBytes, 0), func(ctx context.Context, t *tx) error {
		if _, err := t.count(ctx, metaCatalog); err != nil {
			return err
		}
		v := &Snapshot{t}
		g, err := v.Guest(ctx, name, number)
		if err != nil {
			return err
		}
		latest, err := v.lastGuest(ctx, name)
		if err != nil {
			return err
		}
		if g.Number == latest.Number {
			return fail(ErrInUse, "guest %s, version %d: it is the newest, from which the next one has its number: push another first", name, g.Number)
		}
		held, err := v.heldVersions(ctx, name)
		if err != nil {
			return err
		}
		if point, ok := held[g.Number]; ok {
			return fail(ErrInUse, "guest %s, version %d: it is attached at %v (%v), or is what a rollback goes back to there", name, g.Number, point.At, point.Scope)
		}
		t.told = true
		return t.dropGuests(ctx, []GuestVersion{g})
	})
}

// heldVersions are the versions of a guest that attachments have, each with one of these.
func (s *Snapshot) heldVersions(ctx context.Context, name string) (map[uint64]Point, error) {
	all, err := s.Attachments(ctx, rr.Name{})
	held := map[uint64]Point{}
	for _, a := range all {
		for _, r := range a.Releases() {
			if r.Guest == name {
				held[r.Version] = a.Point()
			}
		}
	}
	return held, err
}

// Releases are the active one, the one before and the candidate, where there are any.
func (a Attachment) Releases() []Release {
	all := []Release{a.Release()}
	if a.Previous != nil {
		all = append(all, *a.Previous)
	}
	if a.Candidate != nil {
		all = append(all, a.Candidate.Release)
	}
	return all
}

// prune drops the versions of a guest that are older than its newest ones, and that no
// attachment has: whoever pushes without end does not fill the store.
func (t *tx) prune(ctx context.Context, newest GuestVersion, keep uint64) error {
	if newest.Number <= keep {
		return nil
	}
	v := &Snapshot{t}
	var old []GuestVersion
	err := v.scan(ctx, TableGuests, []Range{{newest.Name + "\x00", guestKey(newest.Name, newest.Number-keep+1)}}, func(key, row []byte) error {
		g, err := decodeGuest(key, row)
		old = append(old, g)
		return err
	})
	if err != nil || len(old) == 0 {
		return err
	}
	held, err := v.heldVersions(ctx, newest.Name)
	if err != nil {
		return err
	}
	old = slices.DeleteFunc(old, func(g GuestVersion) bool { _, ok := held[g.Number]; return ok })
	return t.dropGuests(ctx, old[:min(len(old), pruneAtOnce)])
}

// dropGuests deletes versions, and their modules where no other version has them.
func (t *tx) dropGuests(ctx context.Context, versions []GuestVersion) error {
	if len(versions) == 0 {
		return nil
	}
	for _, g := range versions {
		t.delete(TableGuests, guestKey(g.Name, g.Number))
	}
	left, err := (&Snapshot{t}).Guests(ctx)
	if err != nil {
		return err
	}
	used := map[Digest]bool{}
	for _, g := range left {
		used[g.Digest] = true
	}
	for _, g := range versions {
		if used[g.Digest] {
			continue
		}
		t.delete(TableBlobs, string(g.Digest[:]))
		for i := range chunksOf(g.Size) {
			t.delete(TableChunks, chunkKey(g.Digest, i))
		}
	}
	return nil
}

// chunksOf is how many chunks a module of a size has.
func chunksOf(size int64) uint32 { return uint32((size + chunkBytes - 1) / chunkBytes) }
