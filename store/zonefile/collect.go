package zonefile

import (
	"errors"
	"slices"
	"strings"

	"github.com/namelet/namelet/rr"
)

// setID tells RRsets apart. Signatures make one set for each type they cover:
// each has the TTL of the set it covers (RFC 4034 section 3).
type setID struct {
	owner   rr.Key
	t       rr.Type
	covered rr.Type
}

// collector gathers records into RRsets.
type collector struct {
	apex    rr.Key
	sets    map[setID]*collected
	lastID  setID // most records follow one of their own set
	last    *collected
	lastKey rr.Key
	lastOwn rr.Name
}

type collected struct {
	set  rr.Set
	seen map[rr.Rdata]struct{} // made once a set has more than a few records
}

func newCollector(apex rr.Name) *collector {
	return &collector{apex: apex.Key(), sets: make(map[setID]*collected)}
}

// add puts a record into its RRset.
func (c *collector) add(owner rr.Name, t rr.Type, ttl uint32, data rr.Rdata) error {
	if owner != c.lastOwn {
		c.lastOwn, c.lastKey = owner, owner.Key()
	}
	id := setID{owner: c.lastKey, t: t}
	if t == rr.TypeRRSIG {
		id.covered = rr.Covered(data)
	}
	if c.last == nil || c.lastID != id {
		c.last, c.lastID = c.sets[id], id
	}
	if c.last == nil {
		if t == rr.TypeSOA && id.owner != c.apex {
			return errorf("%s SOA: stands below the zone's apex", owner)
		}
		if err := c.checkCNAME(id, owner); err != nil {
			return err
		}
		c.last = &collected{set: rr.Set{Name: owner, Type: t, TTL: ttl}}
		c.sets[id] = c.last
	}
	return c.last.add(ttl, data)
}

// checkCNAME refuses a CNAME beside other data (RFC 1034 section 3.6.2), those
// of DNSSEC excepted (RFC 4035 section 2.5). id is about to be added.
func (c *collector) checkCNAME(id setID, owner rr.Name) error {
	if besideCNAME(id.t) {
		return nil
	}
	if id.t != rr.TypeCNAME {
		if _, ok := c.sets[setID{owner: id.owner, t: rr.TypeCNAME}]; ok {
			return errorf("%s %s: the name has a CNAME, which tolerates no other data", owner, id.t)
		}
		c.noteOther(id.owner)
		return nil
	}
	if _, ok := c.sets[setID{owner: id.owner}]; ok {
		return errorf("%s CNAME: the name has other data", owner)
	}
	return nil
}

// noteOther marks, under type 0, that the name has data which no CNAME may stand
// beside.
func (c *collector) noteOther(owner rr.Key) { c.sets[setID{owner: owner}] = &collected{} }

func besideCNAME(t rr.Type) bool {
	switch t {
	case rr.TypeRRSIG, rr.TypeNSEC, rr.TypeNSEC3, rr.TypeSIG, rr.TypeKEY, rr.TypeNXT:
		return true
	}
	return false
}

// few is the size of a set up to which it is searched from end to end.
const few = 16

// add puts a record into the set, unless it is there.
func (c *collected) add(ttl uint32, data rr.Rdata) error {
	folded := fold(c.set.Type, data)
	c.set.TTL = min(c.set.TTL, ttl)
	if c.has(folded) {
		return nil
	}
	if len(c.set.Data) > 0 {
		switch c.set.Type {
		case rr.TypeSOA, rr.TypeCNAME, rr.TypeDNAME:
			return errorf("%s: a second one, which differs", c.set)
		}
	}
	c.set.Data = append(c.set.Data, data)
	if c.seen != nil {
		c.seen[folded] = struct{}{}
	}
	return nil
}

func (c *collected) has(folded rr.Rdata) bool {
	if c.seen == nil && len(c.set.Data) > few {
		c.seen = make(map[rr.Rdata]struct{}, 2*few)
		for _, d := range c.set.Data {
			c.seen[fold(c.set.Type, d)] = struct{}{}
		}
	}
	if c.seen != nil {
		_, ok := c.seen[folded]
		return ok
	}
	return slices.ContainsFunc(c.set.Data, func(d rr.Rdata) bool { return fold(c.set.Type, d) == folded })
}

// fold gives the form under which two rdata are the same record: names in it
// have no letter case (RFC 4034 section 6.2).
func fold(t rr.Type, data rr.Rdata) rr.Rdata {
	if t == rr.TypeSOA {
		mname := rr.RdataName(data, 0)
		rname := rr.RdataName(data, mname.Len())
		return mname.Lower().Wire() + rname.Lower().Wire() + data[mname.Len()+rname.Len():]
	}
	at, ok := rr.TargetOffset(t)
	if !ok || at > len(data) {
		return data
	}
	name := rr.RdataName(data, at)
	if low := name.Lower(); low != name {
		return data[:at] + low.Wire() + data[at+name.Len():]
	}
	return data
}

var errNoSOA = errors.New("the zone has no SOA")

// finish gives the RRsets in order.
func (c *collector) finish() ([]rr.Set, error) {
	if _, ok := c.sets[setID{owner: c.apex, t: rr.TypeSOA}]; !ok {
		return nil, errNoSOA
	}
	ids := make([]setID, 0, len(c.sets))
	for id := range c.sets {
		if id.t != 0 {
			ids = append(ids, id)
		}
	}
	slices.SortFunc(ids, compareIDs)
	sets := make([]rr.Set, len(ids))
	for i, id := range ids {
		sets[i] = c.sets[id].set
	}
	return sets, nil
}

// compareIDs orders by owner, then SOA first, then by type; signatures follow by
// the type they cover.
func compareIDs(a, b setID) int {
	if a.owner != b.owner {
		return strings.Compare(string(a.owner), string(b.owner))
	}
	if a.t != b.t {
		return typeRank(a.t) - typeRank(b.t)
	}
	return int(a.covered) - int(b.covered)
}

func typeRank(t rr.Type) int {
	if t == rr.TypeSOA {
		return 0
	}
	return int(t)
}
