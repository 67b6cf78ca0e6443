package authority

import (
	"errors"
	"fmt"
	"maps"
	"slices"

	"github.com/namelet/namelet/rr"
)

// Source reads from where a zone is kept that is not held. It is safe for concurrent
// use.
//
// Read waits for at most a time of its own. It returns a snapshot of the zone at one
// version that has what the names need, see [Snapshot.Missing], and what the answer
// to q needs as far as it lies in the zone; a q without a name asks for nothing. The
// version is none that was changed before the call began, and its Deps are of
// [Slots] that every snapshot of the Source shares.
type Source interface {
	Read(q Question, names []rr.Name) (*Snapshot, error)
}

// Around is what a zone has at some names: their RRsets, and which of them have
// none and exist all the same, since something below them has.
type Around struct {
	Sets  []rr.Set
	Inner []rr.Name
}

// partial is what makes a snapshot one of some names only. The names are shared by
// all copies, and what is missing is the copy's own.
type partial struct {
	names   map[rr.Key]rr.Name // what is known of the zone
	missing []rr.Name
}

// Bounds of one partial snapshot. An RRset that fills a message points to fewer
// names; the rounds are those of a chain of aliases and one of services.
const (
	maxPartialNames = 1 << 14
	maxReads        = 3 * MaxHops
)

// ErrTooMany is the error of an answer that needs more names than are read for one.
var ErrTooMany = errors.New("authority: the answer needs too many names of a zone that is not held")

// Gather makes a snapshot of what the names need, and the answer to q as far as it
// lies in the zone; a q without a name is none. read gives what the zone has at
// names, all of one version, and is called until nothing is missing. The snapshot's
// Deps are of slots. The error is that of read, an [*Error] about the content, or
// ErrTooMany.
func Gather(apex rr.Name, version uint64, slots *Slots, q Question, names []rr.Name, read func([]rr.Name) (Around, error)) (*Snapshot, error) {
	known := &partial{names: map[rr.Key]rr.Name{}}
	var all Around
	var scratch Answer
	wanted := slices.Clone(names)
	if !q.Name.IsZero() {
		wanted = append(wanted, q.Name)
	}
	for range maxReads {
		more := known.add(apex, wanted)
		if len(known.names) > maxPartialNames {
			break
		}
		found, err := read(more)
		if err != nil {
			return nil, err
		}
		all.Sets, all.Inner = append(all.Sets, found.Sets...), append(all.Inner, found.Inner...)
		s, err := buildPartial(apex, version, slots, known, all)
		if err != nil {
			return nil, err
		}
		if !q.Name.IsZero() {
			scratch.Reset()
			s.follow(q, &scratch)
		}
		if wanted = s.Missing(); len(wanted) == 0 {
			return s, nil
		}
	}
	return nil, fmt.Errorf("%w: %v in zone %v", ErrTooMany, q.Name, apex)
}

// add makes names known, with all that decides about them: the names above them, and
// the wildcards there. It returns those that were not known before.
func (p *partial) add(apex rr.Name, names []rr.Name) (more []rr.Name) {
	note := func(name rr.Name) (known bool) {
		key := name.Key()
		if _, known = p.names[key]; !known {
			p.names[key] = name
			more = append(more, name)
		}
		return known
	}
	note(apex)
	for _, name := range names {
		for name.Len() > apex.Len() && !note(name) {
			name, _ = name.Parent()
			if wildcard, err := name.Child(asterisk); err == nil {
				note(wildcard)
			}
		}
	}
	return more
}

// buildPartial makes the snapshot of what is known.
func buildPartial(apex rr.Name, version uint64, slots *Slots, known *partial, all Around) (*Snapshot, error) {
	sets := slices.Clone(all.Sets)
	for _, name := range all.Inner {
		sets = append(sets, rr.Set{Name: name, Type: typeExists})
	}
	s := &Snapshot{apex: apex, version: version, slots: slots, partial: &partial{names: known.names}}
	if err := s.build(slices.Values(sets)); err != nil {
		return nil, err
	}
	return s, nil
}

// follow answers q as far as the zone goes, to see what that needs.
func (s *Snapshot) follow(q Question, a *Answer) {
	for {
		next := s.Step(q, s.Locate(q.Name, q.Type), a)
		if !a.MayFollow(next) || !next.IsSubdomainOf(s.apex) {
			return
		}
		q.Name = next
	}
}

// knows reports whether a snapshot of some names can tell a name's place, and
// remembers it where not.
func (s *Snapshot) knows(name rr.Name) bool {
	if _, ok := s.partial.names[name.Key()]; ok {
		return true
	}
	s.partial.missing = append(s.partial.missing, name)
	return false
}

// Has reports whether a name's place can be told from the snapshot.
func (s *Snapshot) Has(name rr.Name) bool {
	if s.partial == nil || !name.IsSubdomainOf(s.apex) {
		return true
	}
	_, ok := s.partial.names[name.Key()]
	return ok
}

// Missing returns the names whose place was asked for and could not be told, since
// the snapshot is one of some names only: all that was said of them, and so of what
// led to them, is void. It forgets them. A snapshot of a whole zone misses nothing.
func (s *Snapshot) Missing() []rr.Name {
	if s.partial == nil {
		return nil
	}
	missing := s.partial.missing
	s.partial.missing = nil
	return missing
}

// Known returns the names that a snapshot of some names only has been asked for and
// those that decide about them, in no order.
func (s *Snapshot) Known() []rr.Name {
	if s.partial == nil {
		return nil
	}
	return slices.Collect(maps.Values(s.partial.names))
}

// Own returns the same snapshot for a goroutine of its own: what it misses is noted
// there and nowhere else. One of a whole zone is anybody's already.
func (s *Snapshot) Own() *Snapshot {
	if s.partial == nil {
		return s
	}
	own := *s
	own.partial = &partial{names: s.partial.names}
	return &own
}

// Agrees reports whether a later snapshot of some names has the same as an earlier
// one at all names of that: then what was said by the earlier one holds at the
// version of the later one, too.
func (s *Snapshot) Agrees(earlier *Snapshot) bool {
	if s.version == earlier.version {
		return true
	}
	for key, name := range earlier.partial.names {
		if _, known := s.partial.names[key]; !known || !sameNode(s.find(name), earlier.find(name)) {
			return false
		}
	}
	return true
}

func sameNode(a, b *node) bool {
	if a == nil || b == nil {
		return a == b
	}
	return slices.EqualFunc(a.sets, b.sets, func(a, b set) bool {
		return a.typ == b.typ && a.count == b.count && a.ttl == b.ttl && slices.Equal(a.data, b.data)
	})
}
