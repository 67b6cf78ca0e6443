package authority

import "github.com/namelet/namelet/rr"

// Outdate raises the slots of everything in which next differs from old, the
// snapshot that it took the place of, where changes are all that lies between
// them. It is called after next has been published and before the change is
// acknowledged; see [Slots] for why.
//
// Changes of zone cuts and of DNAMEs, and all changes of a signed zone, whose
// proofs of absence cross names, outdate every answer of the zone. So does a next
// that does not come from old by [Snapshot.Apply]; it may be nil.
func Outdate(old, next *Snapshot, changes []Change) {
	if old == nil || old == next {
		return
	}
	if next == nil || next.slots != old.slots {
		old.slots.retire()
		return
	}
	if old.denial != nil || next.denial != nil {
		next.slots.raise(Epoch, next.version)
	}
	for _, change := range changes {
		outdateSet(old, next, change)
	}
	next.slots.seal(next.version)
}

// Edit says of an RRset of a zone that is not held that a version changed it.
type Edit struct {
	Name       rr.Name
	Type       rr.Type
	CameOrWent bool // it was not there before or is not any more
}

// NewSlots makes the slots of a zone that is not held and has about so many names,
// as of a version.
func NewSlots(names int, version uint64) *Slots {
	const (
		least = 1 << 12 // 128 KiB of slots: such zones grow
		most  = 1 << 18 // 8 MiB; more names share
	)
	s := newSlots(min(max(names, least), most))
	s.seal(version)
	return s
}

// Edited raises the slots of all that edits may have changed in a zone that is not
// held, and that they brought to a version. Whether a name still exists, or did
// before, is not known where one of its RRsets came or went, so its existence counts
// as changed, and that of the names above it.
func (s *Slots) Edited(apex rr.Name, version uint64, edits []Edit) {
	for _, e := range edits {
		hash := hashName(e.Name.Wire())
		switch {
		case e.Type == rr.TypeNS && e.Name.Len() != apex.Len(), e.Type == rr.TypeDNAME:
			s.raise(Epoch, version)
		case e.Type == rr.TypeCNAME:
			s.raise(s.slot(hash, typeExists), version)
		}
		s.raise(s.slot(hash, wholeName(e.Type)), version)
		s.raise(s.slot(hash, rr.TypeANY), version)
		for name := e.Name; e.CameOrWent && name.Len() > apex.Len(); name, _ = name.Parent() {
			s.raise(s.slot(hashName(name.Wire()), typeExists), version)
		}
	}
	s.seal(version)
}

// Renewed outdates every answer from before a version.
func (s *Slots) Renewed(version uint64) {
	s.raise(Epoch, version)
	s.seal(version)
}

// Retire ends the use of the slots of a zone that is not held: no answer that
// depends on them is valid.
func (s *Slots) Retire() { s.retire() }

// outdateSet raises what one changed RRset stands for.
func outdateSet(old, next *Snapshot, change Change) {
	slots, version := next.slots, next.version
	apex := change.Name.Len() == next.apex.Len()
	hash := hashName(change.Name.Wire())
	switch {
	case change.Type == rr.TypeNS && !apex, change.Type == rr.TypeDNAME:
		slots.raise(Epoch, version)
	case change.Type == rr.TypeCNAME:
		slots.raise(slots.slot(hash, typeExists), version)
	}
	slots.raise(slots.slot(hash, wholeName(change.Type)), version)
	slots.raise(slots.slot(hash, rr.TypeANY), version)
	outdateExistence(old, next, change.Name)
}

// outdateExistence raises the existence of a name and of those above it which
// came or went with it: empty non-terminals exist as long as something below
// them does (RFC 4592 section 2.2.2).
func outdateExistence(old, next *Snapshot, name rr.Name) {
	for name.Len() > next.apex.Len() {
		was, is := old.find(name) != nil, next.find(name) != nil
		if was && is {
			return
		}
		if was != is {
			next.slots.raise(next.slots.slot(hashName(name.Wire()), typeExists), next.version)
		}
		name, _ = name.Parent()
	}
}
