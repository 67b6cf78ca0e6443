package cache

import (
	"slices"

	"github.com/namelet/namelet/internal/authority"
	"github.com/namelet/namelet/internal/resolve"
)

// zones gives numbers to the slots of the zones that leaves depend on, since
// leaves hold no pointers. A number is in use for as long as a leaf has it.
type zones struct {
	slots  []*authority.Slots
	leaves []int // that depend on it
	unused []uint32
	number map[*authority.Slots]uint32
}

func (z *zones) init() { z.number = make(map[*authority.Slots]uint32) }

func (z *zones) at(n uint32) *authority.Slots { return z.slots[n] }

// numbered returns the number of a zone's slots, which is not held yet.
func (z *zones) numbered(s *authority.Slots) uint32 {
	n, ok := z.number[s]
	if ok {
		return n
	}
	if last := len(z.unused) - 1; last >= 0 {
		n, z.unused = z.unused[last], z.unused[:last]
		z.slots[n] = s
	} else {
		n = uint32(len(z.slots))
		z.slots, z.leaves = append(z.slots, s), append(z.leaves, 0)
	}
	z.number[s] = n
	return n
}

// release frees the number where it was the last leaf that had it.
func (z *zones) release(n uint32) {
	if z.leaves[n]--; z.leaves[n] == 0 {
		delete(z.number, z.slots[n])
		z.slots[n] = nil
		z.unused = append(z.unused, n)
	}
}

// group sorts dependencies by zone into c.groups, each slot once. The groups hold
// their zones, until a leaf does that holds them.
func (c *Cache) group(deps []resolve.Dep) {
	c.groups = c.groups[:0]
	for _, d := range deps {
		g := c.groupOf(d)
		if !slices.Contains(g.slots, d.Slot) {
			g.slots = append(g.slots, d.Slot)
		}
	}
}

// ungroup lets go of the groups' zones.
func (c *Cache) ungroup() {
	for i := range c.groups {
		c.zones.release(c.groups[i].zone)
	}
}

// groupOf returns the group of a dependency's zone.
func (c *Cache) groupOf(d resolve.Dep) *group {
	n := c.zones.numbered(d.Slots)
	for i := range c.groups {
		if g := &c.groups[i]; g.zone == n {
			g.version = min(g.version, d.Version)
			return g
		}
	}
	if len(c.groups) < cap(c.groups) { // with the slots' memory of before
		c.groups = c.groups[:len(c.groups)+1]
	} else {
		c.groups = append(c.groups, group{})
	}
	g := &c.groups[len(c.groups)-1]
	g.zone, g.version, g.slots = n, d.Version, g.slots[:0]
	c.zones.leaves[n]++
	return g
}
