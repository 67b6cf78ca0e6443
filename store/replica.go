package store

import (
	"context"
	"time"
)

// Replica is what a process that serves from a shared store last said of itself.
// It is a row of TableReplicas, whose key is the ID. It is in no backup.
type Replica struct {
	ID       string // of the process, random
	Host     string
	Site     string
	Version  string // of the program
	State    string
	Cursor   string // the place in the change log up to which changes are served
	Mirrored bool   // what it serves comes from its mirror still
	Zones    uint64
	Names    uint64
	Guests   uint64    // attachments in force
	Problems uint64    // things that could not be loaded
	Started  time.Time // by its own clock, as all of these
	Caught   time.Time // when it had last read the change log to its end
	Seen     time.Time // when it said so; PutReplica sets it

	Serving []Serving // what answers at attachment points: of many, those that changed last
}

// Serving is what answers at one attachment point of a replica.
type Serving struct {
	Point
	Guest      string
	Version    uint64 // 0 where none could be prepared and the fallback answers
	Candidate  uint64 // the version on trial; 0 for none
	Compared   uint64 // answers of a shadow that were held against the active version's
	Differ     uint64 // of these, those that were others or failures
	Fell       string // why the replica has taken the candidate back by itself; empty where it has not
	Generation uint64 // of the attachment that the replica has read
	Problem    string // why this is not all that the attachment says; empty where it is
}

const (
	replicaForm = 2    // the newest form of the row
	maxServing  = 1024 // of a row
)

const maxReplicaText = 1024 // octets of each text

func encodeReplica(r *Replica) []byte {
	form := byte(formVersion)
	if len(r.Serving) > 0 {
		form = replicaForm
	}
	b := appendBools([]byte{form}, r.Mirrored)
	for _, text := range []string{r.Host, r.Site, r.Version, r.State, r.Cursor} {
		b = appendString(b, text[:min(len(text), maxReplicaText)])
	}
	for _, n := range []uint64{r.Zones, r.Names, r.Guests, r.Problems} {
		b = appendUint(b, n)
	}
	b = appendTime(appendTime(appendTime(b, r.Started), r.Caught), r.Seen)
	if form < replicaForm {
		return b
	}
	all := r.Serving[:min(len(r.Serving), maxServing)]
	b = appendUint(b, uint64(len(all)))
	for _, s := range all {
		b = append(appendString(appendString(b, s.Zone.Wire()), s.At.Wire()), byte(s.Scope))
		b = appendString(b, s.Guest)
		for _, n := range []uint64{s.Version, s.Candidate, s.Generation, s.Compared, s.Differ} {
			b = appendUint(b, n)
		}
		for _, text := range []string{s.Problem, s.Fell} {
			b = appendString(b, text[:min(len(text), maxReplicaText)])
		}
	}
	return b
}

func (d *decoder) serving() (all []Serving) {
	n := d.count(8)
	if n > maxServing {
		d.fail("more attachments than a row has")
		return nil
	}
	for range n {
		s := Serving{Point: Point{Zone: d.name(), At: d.name(), Scope: Scope(d.byte())}, Guest: d.string(maxGuestName)}
		for _, n := range []*uint64{&s.Version, &s.Candidate, &s.Generation, &s.Compared, &s.Differ} {
			*n = d.uint(maxUint64)
		}
		s.Problem, s.Fell = d.string(maxReplicaText), d.string(maxReplicaText)
		if d.err == nil && (s.Zone.IsZero() || s.At.IsZero() || s.Scope >= scopeCount) {
			d.fail("an attachment point is malformed")
		}
		all = append(all, s)
	}
	return all
}

func decodeReplica(key, row []byte) (Replica, error) {
	d, form := decodeForm(row, replicaForm)
	r := Replica{ID: string(key), Mirrored: d.bools(1) != 0}
	for _, text := range []*string{&r.Host, &r.Site, &r.Version, &r.State, &r.Cursor} {
		*text = d.string(maxReplicaText)
	}
	for _, n := range []*uint64{&r.Zones, &r.Names, &r.Guests, &r.Problems} {
		*n = d.uint(maxUint64)
	}
	r.Started, r.Caught, r.Seen = d.time(), d.time(), d.time()
	if form >= replicaForm {
		r.Serving = d.serving()
	}
	if err := d.end(); err != nil {
		return r, corrupt(TableReplicas, key, err)
	}
	return r, nil
}

// PutReplica writes what a replica says of itself, and sets Seen. Nobody who
// follows the store is woken by it. ErrInvalid where the ID is empty or longer than
// 64 octets.
func (s *Store) PutReplica(ctx context.Context, r Replica) error {
	if r.ID == "" || len(r.ID) > 64 {
		return fail(ErrInvalid, "replica id %q", r.ID)
	}
	return s.commit(ctx, 1, func(_ context.Context, t *tx) error {
		r.Seen = t.now
		t.put(TableReplicas, r.ID, encodeReplica(&r))
		return nil
	})
}

// ForgetReplica deletes what a replica said; that it is not there is no error.
func (s *Store) ForgetReplica(ctx context.Context, id string) error {
	return s.commit(ctx, 1, func(_ context.Context, t *tx) error {
		t.delete(TableReplicas, id)
		return nil
	})
}

// ForgetReplicas deletes what was said before a time, and what cannot be read.
func (s *Store) ForgetReplicas(ctx context.Context, before time.Time) error {
	var old []string
	err := s.Snapshot(ctx, func(v *Snapshot) error {
		return v.scan(ctx, TableReplicas, []Range{{"", allKeys}}, func(key, row []byte) error {
			if r, err := decodeReplica(key, row); err != nil || r.Seen.Before(before) {
				old = append(old, string(key))
			}
			return nil
		})
	})
	if err != nil || len(old) == 0 {
		return err
	}
	return s.commit(ctx, len(old), func(_ context.Context, t *tx) error {
		for _, id := range old {
			t.delete(TableReplicas, id)
		}
		return nil
	})
}

// Replicas returns what all replicas last said of themselves, by ID. Rows of other
// releases are left out.
func (s *Store) Replicas(ctx context.Context) (all []Replica, err error) {
	err = s.Snapshot(ctx, func(v *Snapshot) error {
		return v.scan(ctx, TableReplicas, []Range{{"", allKeys}}, func(key, row []byte) error {
			if r, err := decodeReplica(key, row); err == nil {
				all = append(all, r)
			}
			return nil
		})
	})
	return all, err
}
