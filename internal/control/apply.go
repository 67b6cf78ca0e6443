package control

import (
	"context"
	"strconv"

	"github.com/namelet/namelet/rr"
	"github.com/namelet/namelet/store"
)

// RecordChange is one of the changes of a RecordApply: it has one of the two.
type RecordChange struct {
	Set    *RecordSet  `json:"set,omitempty"`    // puts the RRset in the place of the one with its name and type
	Delete *RecordName `json:"delete,omitempty"` // removes an RRset, or all of a name; nothing where there is none
}

// RecordName names an RRset, or with an empty Type all of a name.
type RecordName struct {
	Name string `json:"name"` // as in RecordSet
	Type string `json:"type,omitempty"`
}

// RecordApply asks for changes to the records of a zone, done in their order, all in
// one version or none.
type RecordApply struct {
	Zone      string         `json:"zone"`
	Changes   []RecordChange `json:"changes"`
	IfVersion uint64         `json:"if_version,omitempty"` // of the zone; 0 for any
}

// maxApply bounds the request of ApplyRecords in bytes.
const maxApply = 8 << 20

// ApplyRecords does many changes at once; where all is so already it changes nothing,
// and gives the version that has it. CodeNotFound (the zone), CodeConflict,
// CodeSigned, CodeTooLarge, CodeInvalid, which names the change.
func (s *Service) ApplyRecords(ctx context.Context, q RecordApply) (Change, error) {
	zone, err := parseName("zone", q.Zone)
	if err != nil {
		return Change{}, err
	}
	if len(q.Changes) > store.MaxChanges {
		return Change{}, &Error{Code: CodeTooLarge, Detail: strconv.Itoa(len(q.Changes)) + " changes at once, more than " + strconv.Itoa(store.MaxChanges)}
	}
	changes := make([]store.Change, len(q.Changes))
	for i, c := range q.Changes {
		if changes[i], err = c.parse(zone); err != nil {
			return Change{}, invalid("change " + strconv.Itoa(i+1) + ": " + err.Error())
		}
	}
	res, err := s.change(ctx, zone, changes, q.IfVersion)
	if err != nil {
		return Change{}, classify(err)
	}
	return changeOf(res), nil
}

func (c RecordChange) parse(zone rr.Name) (store.Change, error) {
	switch {
	case (c.Set == nil) == (c.Delete == nil):
		return store.Change{}, invalid("want one of set and delete")
	case c.Set != nil:
		set, err := c.Set.parse(zone)
		return store.Put(set), err
	}
	return c.Delete.parse(zone)
}

// parse makes the deletion.
func (r RecordName) parse(zone rr.Name) (store.Change, error) {
	owner, err := parseOwner(r.Name, zone)
	if err != nil {
		return store.Change{}, err
	}
	t, err := parseType(r.Type)
	if err != nil {
		return store.Change{}, err
	}
	if t == 0 {
		t = rr.TypeANY // all types, in store.Change
	}
	return store.Delete(owner, t), nil
}
