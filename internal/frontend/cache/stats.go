package cache

import "sync/atomic"

// counters count what a cache does. Its goroutine writes them, anybody reads.
type counters struct {
	hits, misses, invalid    atomic.Uint64
	puts, refused, evictions atomic.Uint64
	leaves, nodes, bytes     atomic.Int64
}

func (c *Cache) countKind(k kind, n int64) {
	if k == kindLeaf {
		c.counts.leaves.Add(n)
	} else {
		c.counts.nodes.Add(n)
	}
}

// Stats is what a cache did and holds.
type Stats struct {
	Hits      uint64 // answers given
	Misses    uint64 // answers not there, or not valid
	Invalid   uint64 // of the misses: something that they depended on had changed
	Puts      uint64 // answers kept
	Refused   uint64 // answers not kept
	Evictions uint64 // entries that made room for others
	Leaves    int64  // answers held
	Nodes     int64  // inputs held
	Bytes     int64  // that they take, of Size
	Size      int64  // all memory of the cache
}

// Stats returns the numbers as they are now. It is safe beside the cache's use.
func (c *Cache) Stats() Stats {
	n := &c.counts
	return Stats{
		Hits: n.hits.Load(), Misses: n.misses.Load(), Invalid: n.invalid.Load(),
		Puts: n.puts.Load(), Refused: n.refused.Load(), Evictions: n.evictions.Load(),
		Leaves: n.leaves.Load(), Nodes: n.nodes.Load(), Bytes: n.bytes.Load(),
		Size: int64(8*len(c.index.slots) + 4*len(c.ghosts.hashes) + len(c.small.buf) + len(c.main.buf)),
	}
}

// Add adds the numbers of another cache.
func (s *Stats) Add(o Stats) {
	s.Hits += o.Hits
	s.Misses += o.Misses
	s.Invalid += o.Invalid
	s.Puts += o.Puts
	s.Refused += o.Refused
	s.Evictions += o.Evictions
	s.Leaves += o.Leaves
	s.Nodes += o.Nodes
	s.Bytes += o.Bytes
	s.Size += o.Size
}
