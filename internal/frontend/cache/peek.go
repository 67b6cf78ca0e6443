package cache

import "github.com/namelet/namelet/internal/resolve"

// Standing says whether an answer is kept.
type Standing uint8

const (
	Absent   Standing = iota // none is
	Outdated                 // one is, and something that it depends on has changed
	Kept                     // one is, and would be given again
)

// Sight is what a cache has for a question and the inputs of a query.
type Sight struct {
	Standing Standing
	Inputs   []resolve.Input // that lead to the answer, with their values for the query; where it is absent as far as there are any
	Leaves   int             // answers put below the question since it was last cleared, where its answers depend on inputs
	Size     int             // octets that the answer takes
}

// Peek looks for the answer that Get would give. It counts nothing and makes nothing
// stay longer.
func (c *Cache) Peek(q *Question, in *Inputs) (s Sight) {
	key := q.appendKey(c.key[:0])
	e := c.find(c.rootHash(key, in.Routing), key)
	if e == nil || e.stamp() != in.Routing {
		return s
	}
	if e.kind() == kindInner {
		s.Leaves = int(e.inner().leaves())
	}
	for picks := 0; e.kind() == kindInner; {
		n := e.inner()
		s.Inputs = append(s.Inputs, in.of(q, n, picks))
		key = in.appendKey(c.key[:0], q, n, &picks)
		if e = c.find(c.hash(key), key); e == nil {
			return s
		}
	}
	s.Standing, s.Size = Kept, e.size()
	if !c.valid(e) {
		s.Standing = Outdated
	}
	return s
}

// Peek is [Cache.Peek].
func (s *Shared) Peek(q *Question, in *Inputs) Sight {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.cache.Peek(q, in)
}
