package cache

import (
	"hash/maphash"

	"github.com/namelet/namelet/internal/resolve"
)

// Bounds of what is kept.
const (
	DefaultLeaves = 4096 // of one question
	MaxMessage    = 4096 // octets of a message; longer ones are not kept
	maxDeps       = 512  // slots of one answer
	maxDepth      = 8    // inputs that lead to one answer
	leastBytes    = 1 << 17
)

// Config is how large a Cache may be.
type Config struct {
	Bytes  int // all memory of the cache, at least 128 KiB
	Leaves int // answers kept for one question; 0 for DefaultLeaves
}

// Cache keeps answers. One goroutine uses it.
type Cache struct {
	seed   maphash.Seed
	index  index
	small  ring // where entries prove themselves
	main   ring
	ghosts ghosts
	zones  zones
	guests guests
	leaves uint32
	lastID uint64 // of inner nodes

	key    [keyRoom]byte
	groups []group
	moving []byte // an entry between rings
	seen   byte   // what Foresee read
	counts counters
}

// New makes a cache.
func New(config Config) *Cache {
	bytes := max(config.Bytes, leastBytes)
	c := &Cache{seed: maphash.MakeSeed(), leaves: uint32(config.Leaves)}
	if c.leaves == 0 {
		c.leaves = DefaultLeaves
	}
	c.index.init(bytes / bytesPerSlot)
	c.ghosts.init(len(c.index.slots) / 2)
	left := bytes - 8*len(c.index.slots) - 4*len(c.ghosts.hashes)
	c.small.init(left/10, 0)
	c.main.init(left-left/10, mainRing)
	c.zones.init()
	c.guests.init()
	return c
}

// Get returns the answer to q for a query with these inputs. The slices of the
// leaf are the cache's, and good until the next Put.
func (c *Cache) Get(q *Question, in *Inputs) (leaf Leaf, ok bool) {
	key := q.appendKey(c.key[:0])
	e := c.find(c.rootHash(key, in.Routing), key)
	if e == nil || e.stamp() != in.Routing {
		c.counts.misses.Add(1)
		return Leaf{}, false
	}
	scope4, scope6 := e.scopes()
	for picks := 0; e.kind() == kindInner; {
		n := e.inner()
		e.touch()
		key = in.appendKey(c.key[:0], q, n, &picks)
		if e = c.find(c.hash(key), key); e == nil {
			c.counts.misses.Add(1)
			return Leaf{}, false
		}
	}
	if !c.valid(e) {
		c.counts.invalid.Add(1)
		c.counts.misses.Add(1)
		return Leaf{}, false
	}
	e.touch()
	leaf, guest := e.leaf()
	c.guests.used(guest)
	c.counts.hits.Add(1)
	leaf.ScopeV4, leaf.ScopeV6 = scope4, scope6
	return leaf, true
}

// Put keeps an answer by its trace. It reports whether it did: what may not be
// given again, or is beyond the bounds, is not kept. It copies what it keeps.
func (c *Cache) Put(q *Question, t *resolve.Trace, leaf *Leaf) bool {
	if !t.Cacheable || len(t.Inputs) > maxDepth || len(leaf.Msg) > MaxMessage || len(leaf.Options) > MaxMessage || len(t.Deps) > maxDeps {
		c.counts.refused.Add(1)
		return false
	}
	c.group(t.Deps)
	guest := c.guests.hold(t.Guest)
	if !c.put(q, t, leaf, guest) {
		c.ungroup()
		c.guests.release(guest)
		c.counts.refused.Add(1)
		return false
	}
	c.counts.puts.Add(1)
	return true
}

// put keeps an answer that depends on c.groups.
func (c *Cache) put(q *Question, t *resolve.Trace, leaf *Leaf, guest uint32) bool {
	at := position{key: q.appendKey(c.key[:0]), stamp: t.Routing, known: t.Known}
	at.hash = c.rootHash(at.key, t.Routing)
	root, rootID := at.hash, uint64(0)
	for i := range t.Inputs {
		in := &t.Inputs[i]
		if in.Kind == resolve.InputSite {
			continue // the same for all queries of this process
		}
		id, ok := c.descend(&at, in, t)
		if !ok {
			return false
		}
		if rootID == 0 {
			rootID = id
		}
		at = position{key: appendChild(c.key[:0], id, in), parent: at.hash, stamp: id, known: t.Known}
		at.hash = c.hash(at.key)
	}
	e := c.place(&at, kindLeaf, leafLen(leaf, c.groups))
	if e == nil {
		return false
	}
	e.setLeaf(leaf, c.groups, guest)
	if n := c.node(root, rootID); rootID != 0 && n != nil {
		n.setLeaves(n.leaves() + 1)
	}
	return true
}

// position is where an entry belongs.
type position struct {
	key    []byte
	hash   uint32
	parent uint32 // hash of the node above; 0 for a root
	stamp  uint64 // routing generation of a root; else the id of the node above
	known  bool
}

// descend makes sure that the entry at a position is a node for the input, and
// returns its id. A node for another input goes, with all below it: the guest
// asked for it because of something that has changed.
func (c *Cache) descend(at *position, in *resolve.Input, t *resolve.Trace) (id uint64, ok bool) {
	e := c.find(at.hash, at.key)
	if e != nil && e.kind() == kindInner && e.stamp() == at.stamp && e.inner().asks(in) {
		if e.inner().leaves() >= c.leaves {
			c.lastID++
			e.inner().renew(c.lastID)
		}
		e.inner().widen(t.ScopeV4, t.ScopeV6)
		return e.inner().id(), true
	}
	c.lastID++
	if e = c.place(at, kindInner, innerLen); e == nil {
		return 0, false
	}
	e.inner().set(c.lastID, in)
	e.inner().widen(t.ScopeV4, t.ScopeV6)
	return c.lastID, true
}

func (c *Cache) hash(key []byte) uint32 {
	h := maphash.Bytes(c.seed, key)
	return uint32(h>>32 ^ h)
}

// rootHash is the hash of a question's root. It depends on the routing's generation,
// so that the answers of two generations can be kept beside each other: a guest that
// comes back finds its own.
func (c *Cache) rootHash(key []byte, routing uint64) uint32 {
	return c.hash(key) ^ uint32(routing*0x9e3779b97f4a7c15>>32)
}
