package cache

import "github.com/namelet/namelet/internal/resolve"

// guests gives numbers from 1 to the guests whose answers leaves are, since leaves hold
// no pointers; 0 is for answers of none. A number is in use for as long as a leaf has
// it.
type guests struct {
	all    []guest // by number - 1
	unused []uint32
	number map[*resolve.Reused]uint32
}

type guest struct {
	counts *resolve.Reused
	uses   *resolve.Uses
	leaves int
}

func (g *guests) init() { g.number = make(map[*resolve.Reused]uint32) }

// hold returns the number of a guest for one more leaf; 0 for nil.
func (g *guests) hold(r *resolve.Reused) uint32 {
	if r == nil {
		return 0
	}
	n, ok := g.number[r]
	if !ok {
		if last := len(g.unused) - 1; last >= 0 {
			n, g.unused = g.unused[last], g.unused[:last]
		} else {
			g.all = append(g.all, guest{})
			n = uint32(len(g.all))
		}
		g.all[n-1] = guest{counts: r, uses: r.Join()}
		g.number[r] = n
	}
	g.all[n-1].leaves++
	return n
}

// release frees the number where it was the last leaf that had it.
func (g *guests) release(n uint32) {
	if n == 0 {
		return
	}
	of := &g.all[n-1]
	if of.leaves--; of.leaves == 0 {
		of.counts.Leave(of.uses)
		delete(g.number, of.counts)
		*of = guest{}
		g.unused = append(g.unused, n)
	}
}

// used counts an answer that is given again.
func (g *guests) used(n uint32) {
	if n != 0 {
		g.all[n-1].uses.Add()
	}
}

// of returns what counts a guest's answers; nil for 0.
func (g *guests) of(n uint32) *resolve.Reused {
	if n == 0 {
		return nil
	}
	return g.all[n-1].counts
}
