package store

import (
	"context"

	"github.com/namelet/namelet/rr"
)

// Standing tells a store from another one and from an earlier state of itself.
type Standing struct {
	Identity string // as of Store.Identity; empty where the store is empty
	Catalog  uint64 // rises with the list of zones, the guests and the attachments
}

// Follows returns nil where what has the standing s can be what has the standing
// before, later: it has the same identity and is not behind. Else the error wraps
// ErrForeign and says what it is instead.
func (s Standing) Follows(before Standing) error {
	switch {
	case before.Identity == "":
		return nil
	case s.Identity == "":
		return fail(ErrForeign, "the store is empty, and what is served comes from store %s", before.Identity)
	case s.Identity != before.Identity:
		return fail(ErrForeign, "the store is %s, and what is served comes from store %s", s.Identity, before.Identity)
	case s.Catalog < before.Catalog:
		return fail(ErrForeign, "the store is at change %d of its catalog, and what is served at %d: it is an older state of itself", s.Catalog, before.Catalog)
	}
	return nil
}

// Standing returns the store's at the snapshot, as it is kept and not as it was
// when the Store was opened: a store can be replaced while it is in use.
func (s *Snapshot) Standing(ctx context.Context) (Standing, error) {
	var st Standing
	var err error
	if st.Identity, err = readIdentity(ctx, s); err != nil {
		return st, err
	}
	st.Catalog, err = number(ctx, s, metaCatalog)
	return st, err
}

// LastVersion returns the newest version that a zone of this name has or had: it
// is that of the deletion where the zone was deleted, 0 where there never was one.
func (s *Snapshot) LastVersion(ctx context.Context, name rr.Name) (uint64, error) {
	z, err := s.zoneRow(ctx, name)
	if err != nil || z == nil {
		return 0, err
	}
	return z.Version, nil
}

// readIdentity returns the identity that is kept; empty where there is none.
// ErrSchema.
func readIdentity(ctx context.Context, r reader) (string, error) {
	row, err := r.get(ctx, TableMeta, metaStore)
	if err != nil || row == nil {
		return "", err
	}
	return readIdentityRow(row)
}

func readIdentityRow(row []byte) (string, error) {
	d := decode(row)
	schema := d.uint(maxUint64)
	if d.err == nil && schema == schemaRestoring {
		return "", fail(ErrSchema, "a restore of this store did not come to its end: restore it again")
	}
	if d.err == nil && schema != schemaVersion {
		return "", fail(ErrSchema, "schema is %d, and this release knows %d", schema, schemaVersion)
	}
	identity := d.string(64)
	if err := d.end(); err != nil {
		return "", corrupt(TableMeta, []byte(metaStore), err)
	}
	return identity, nil
}
