package authority

import (
	"cmp"
	"iter"
	"slices"

	"github.com/namelet/namelet/rr"
)

// Snapshot is the data of one zone at one version. It is made by [Build] or
// [Snapshot.Apply] and never changed.
type Snapshot struct {
	apex    rr.Name
	version uint64
	root    *node // the apex
	hashed  *page // the NSEC3 sets, which are no names that one can ask for
	names   int
	sets    int

	partial *partial // nil where the zone is held

	slots  *Slots // shared with the snapshots this one came from, while they suffice
	denial denial // how absence is proved; nil where the zone is not signed
}

// Apex returns the name of the zone.
func (s *Snapshot) Apex() rr.Name { return s.apex }

// Version returns the version the snapshot was made with.
func (s *Snapshot) Version() uint64 { return s.version }

// Names counts the owner names, glue included and empty non-terminals not.
func (s *Snapshot) Names() int { return s.names }

// Sets counts the RRsets. The signatures of a set are counted with it.
func (s *Snapshot) Sets() int { return s.sets }

// Signed reports whether the zone came signed: its apex has DNSKEY, a signed SOA
// and a signed NSEC, or parameters and a chain of NSEC3. Of a zone that is not, no RRSIG and no proof is sent that
// was not asked for by its type.
func (s *Snapshot) Signed() bool { return s.denial != nil }

// SOA returns the zone's SOA.
func (s *Snapshot) SOA() rr.Set { return s.soa().records(s.apex) }

// Serial returns the serial number of the zone's SOA.
func (s *Snapshot) Serial() uint32 { return soaField(s.soa().data[0], soaSerial) }

// NegativeTTL returns for how many seconds an absence may be kept: the TTL of
// the SOA or its minimum field, whichever is less (RFC 2308 section 5).
func (s *Snapshot) NegativeTTL() uint32 {
	soa := s.soa()
	return min(soa.ttl, soaField(soa.data[0], soaMinimum))
}

func (s *Snapshot) soa() *set { return s.root.find(rr.TypeSOA) }

// Where the numbers of a SOA stand, counted in octets from its end (RFC 1035
// section 3.3.13).
const (
	soaSerial  = 20
	soaMinimum = 4
)

func soaField(soa rr.Rdata, fromEnd int) uint32 {
	b := soa[len(soa)-fromEnd:]
	return uint32(b[0])<<24 | uint32(b[1])<<16 | uint32(b[2])<<8 | uint32(b[3])
}

// Get returns the RRset that the zone's data hold under exactly this name and
// type, without regard to zone cuts, aliases and wildcards. For type RRSIG it
// returns all signatures at the name, with the TTL of the first.
func (s *Snapshot) Get(name rr.Name, t rr.Type) (rr.Set, bool) {
	n := s.stored(name)
	if n == nil {
		return rr.Set{}, false
	}
	if t == rr.TypeRRSIG {
		return n.allSignatures()
	}
	if found := n.find(t); found != nil {
		return found.records(n.name), true
	}
	return rr.Set{}, false
}

// stored returns a node with all sets of a name, those of NSEC3 among them; nil
// where there is no such name.
func (s *Snapshot) stored(name rr.Name) *node {
	n, hashed := s.find(name), s.hashedAt(name)
	if n == nil || hashed == nil {
		return cmp.Or(n, hashed)
	}
	return &node{name: n.name, sets: slices.Concat(n.sets, hashed.sets)}
}

// hashedAt returns the node that holds the NSEC3 set of a name, or nil.
func (s *Snapshot) hashedAt(name rr.Name) *node {
	if s.hashed == nil || name.Labels() != s.apex.Labels()+1 || !name.IsSubdomainOf(s.apex) {
		return nil
	}
	return s.hashed.find(name.Label())
}

func (n *node) allSignatures() (rr.Set, bool) {
	all := rr.Set{Name: n.name, Type: rr.TypeRRSIG}
	for i := range n.sets {
		st := &n.sets[i]
		if st.signed() || st.typ == rr.TypeRRSIG {
			if all.Data == nil {
				all.TTL = st.ttl
			}
			all.Data = append(all.Data, st.rrsigs()...)
		}
	}
	return all, all.Data != nil
}

// rrsigs returns the rdata of the signatures kept with the set.
func (s *set) rrsigs() []rr.Rdata {
	if s.typ == rr.TypeRRSIG {
		return s.data
	}
	return s.data[s.count:]
}

// find returns the node of a name, empty non-terminals and names below zone cuts
// included, or nil.
func (s *Snapshot) find(name rr.Name) *node {
	var l labels
	if !l.cut(name, s.apex) {
		return nil
	}
	n := s.root
	for i := 0; i < l.depth && n != nil; i++ {
		n = n.kids.find(l.label(i))
	}
	return n
}

// All yields every RRset in canonical order of the owner names, by type at one
// name. The signatures follow the set they cover as a set of type RRSIG, so that
// a name may yield several of those.
func (s *Snapshot) All() iter.Seq[rr.Set] {
	return func(yield func(rr.Set) bool) {
		var hashed []*node
		s.hashed.each(func(n *node) bool {
			hashed = append(hashed, n)
			return true
		})
		done := s.root.yieldSets(yield) && s.root.kids.each(func(kid *node) bool {
			for len(hashed) > 0 && compareLabels(hashed[0].label(), kid.label()) < 0 {
				if !hashed[0].all(yield) {
					return false
				}
				hashed = hashed[1:]
			}
			return kid.all(yield)
		})
		for i := 0; done && i < len(hashed); i++ {
			done = hashed[i].all(yield)
		}
	}
}

func (n *node) all(yield func(rr.Set) bool) bool {
	return n.yieldSets(yield) && n.kids.each(func(kid *node) bool { return kid.all(yield) })
}

func (n *node) yieldSets(yield func(rr.Set) bool) bool {
	for i := range n.sets {
		st := &n.sets[i]
		if !yield(st.records(n.name)) || st.signed() && !yield(st.signatures(n.name)) {
			return false
		}
	}
	return true
}
