package control

import (
	"context"

	"github.com/namelet/namelet/rr"
	"github.com/namelet/namelet/store"
	"github.com/namelet/namelet/store/zonefile"
)

// Records lists RRsets of a zone; CodeNotFound where there is no such zone. Names
// and types that are not there have none.
func (s *Service) Records(ctx context.Context, q RecordQuery) (Records, error) {
	zone, err := parseName("zone", q.Zone)
	if err != nil {
		return Records{}, err
	}
	t, err := parseType(q.Type)
	if err != nil {
		return Records{}, err
	}
	var owners []rr.Name
	if q.Name != "" {
		owner, err := parseOwner(q.Name, zone)
		if err != nil {
			return Records{}, err
		}
		owners = append(owners, owner)
	}
	z, sets, err := s.store.Sets(ctx, zone, owners...)
	if err != nil {
		return Records{}, classify(err)
	}
	found := Records{Zone: z.Name.String(), Version: z.Version, Sets: []RecordSet{}}
	for _, set := range sets {
		if t == 0 || set.Type == t {
			found.Sets = append(found.Sets, RecordSetOf(set))
		}
	}
	return found, nil
}

// RecordSetOf writes a set as results have it.
func RecordSetOf(set rr.Set) RecordSet {
	r := RecordSet{Name: set.Name.String(), Type: set.Type.String(), TTL: set.TTL}
	for _, data := range set.Data {
		r.Data = append(r.Data, zonefile.FormatRdata(set.Type, data))
	}
	return r
}

// SetRecords puts an RRset in the place of the one with its name and type.
// CodeNotFound, CodeConflict, CodeSigned, CodeInvalid.
func (s *Service) SetRecords(ctx context.Context, q RecordSetRequest) (Change, error) {
	zone, err := parseName("zone", q.Zone)
	if err != nil {
		return Change{}, err
	}
	set, err := q.Set.parse(zone)
	if err != nil {
		return Change{}, err
	}
	res, err := s.change(ctx, zone, []store.Change{store.Put(set)}, q.IfVersion)
	if err != nil {
		return Change{}, classify(err)
	}
	return changeOf(res), nil
}

// parse reads the set's texts, in which names are as a zone file has them.
func (r RecordSet) parse(zone rr.Name) (rr.Set, error) {
	owner, err := parseOwner(r.Name, zone)
	if err != nil {
		return rr.Set{}, err
	}
	t, err := parseType(r.Type)
	if err != nil {
		return rr.Set{}, err
	}
	if t == 0 || len(r.Data) == 0 {
		return rr.Set{}, invalid("a set of records wants a type and data")
	}
	set := rr.Set{Name: owner, Type: t, TTL: r.TTL}
	for _, text := range r.Data {
		data, err := zonefile.ParseRdata(t, text, zone)
		if err != nil {
			return rr.Set{}, invalid(set.String() + ": " + err.Error())
		}
		set.Data = append(set.Data, data)
	}
	return set, nil
}

// DeleteRecords removes an RRset, or all of a name. CodeNotFound where there is
// none to remove; CodeConflict, CodeSigned, CodeInvalid.
func (s *Service) DeleteRecords(ctx context.Context, q RecordDeleteRequest) (Change, error) {
	zone, err := parseName("zone", q.Zone)
	if err != nil {
		return Change{}, err
	}
	c, err := RecordName{q.Name, q.Type}.parse(zone)
	if err != nil {
		return Change{}, err
	}
	res, err := s.change(ctx, zone, []store.Change{c}, q.IfVersion)
	if err != nil {
		return Change{}, classify(err)
	}
	if !res.Changed {
		what := c.Set.Name.String()
		if q.Type != "" {
			what += " " + c.Set.Type.String()
		}
		return Change{}, &Error{Code: CodeNotFound, Detail: what + ": not found"}
	}
	return changeOf(res), nil
}

func changeOf(res store.Result) Change {
	return Change{Zone: res.Zone.Name.String(), Serial: res.Zone.Serial, Version: res.Version}
}
