package authority

import "github.com/namelet/namelet/rr"

// Dep is one thing that an answer depends on: it holds for as long as the slot is
// at most at the version that the answer was made from.
type Dep struct {
	Slots   *Slots
	Version uint64
	Slot    uint32
}

// Valid reports whether what is depended on has not changed.
func (d Dep) Valid() bool { return d.Slots.At(d.Slot) <= d.Version }

// Deps collects what an answer depends on, some of it more than once. That a zone
// is or is not served is not among it. A nil *Deps collects nothing.
type Deps []Dep

// Valid reports whether nothing has changed.
func (d Deps) Valid() bool {
	for _, dep := range d {
		if !dep.Valid() {
			return false
		}
	}
	return true
}

func (d *Deps) add(s *Snapshot, slot uint32) {
	*d = append(*d, Dep{s.slots, s.version, slot})
}

// Epoch notes that the answer depends on the zone cuts and DNAMEs of a zone, as
// all that comes out of one does.
func (d *Deps) Epoch(s *Snapshot) {
	if d == nil {
		return
	}
	if n := len(*d); n > 0 && (*d)[n-1].Slots == s.slots {
		return // what was noted last is of the same zone, and so its epoch was
	}
	d.add(s, Epoch)
}

// set notes an RRset, there or not.
func (d *Deps) set(s *Snapshot, name rr.Name, t rr.Type) {
	if d != nil {
		d.add(s, s.slots.slot(hashName(name.Wire()), wholeName(t)))
	}
}

// exists notes that a name exists or does not, and that it is an alias or not.
func (d *Deps) exists(s *Snapshot, name rr.Name) { d.set(s, name, typeExists) }

// wholeName gives the type that stands for t: the answer to a question for ANY or
// RRSIG depends on all sets of the name, which is kept as a type of its own.
func wholeName(t rr.Type) rr.Type {
	if t == rr.TypeRRSIG {
		return rr.TypeANY
	}
	return t
}

// DependOn notes all that makes a name's place for a question of type t what it
// is, and the RRset there.
func (s *Snapshot) DependOn(d *Deps, name rr.Name, t rr.Type, p Place) {
	s.dependOnPlace(d, name, p)
	switch p.Kind {
	case PlaceExact:
		d.set(s, name, t)
	case PlaceWildcard:
		d.set(s, p.at.name, t)
	}
}

// dependOnPlace notes what could move a name elsewhere.
//
// A name that does not exist depends on its next closer name, which would come
// nearer, on its closest encloser, without which another wildcard would count,
// and on the wildcard below that (RFC 4592 section 3.3.1).
func (s *Snapshot) dependOnPlace(d *Deps, name rr.Name, p Place) {
	if d == nil || p.Kind == PlaceOutside {
		return
	}
	d.Epoch(s)
	switch p.Kind {
	case PlaceExact:
		d.exists(s, name)
	case PlaceWildcard, PlaceNothing:
		encloser := p.encloser.name
		d.exists(s, name.Suffix(encloser.Labels()+1))
		if encloser.Len() > s.apex.Len() { // the apex exists for ever
			d.exists(s, encloser)
		}
		d.add(s, s.slots.slot(hashWildcard(encloser), typeExists))
	}
}

// hashWildcard hashes the asterisk label below a name.
func hashWildcard(name rr.Name) uint64 {
	var buf [rr.MaxNameLen + 2]byte
	wire := name.AppendWire(append(buf[:0], 1, '*'))
	return hashName(wire)
}
