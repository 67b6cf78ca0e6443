package cache

import (
	"encoding/binary"

	"github.com/namelet/namelet/internal/authority"
	"github.com/namelet/namelet/internal/resolve"
)

// Fetch is [Shared.Get] for somebody who keeps the answer elsewhere: it sets t to
// what [Cache.Put] needs to know there.
func (s *Shared) Fetch(q *Question, in *Inputs, dst []byte, t *resolve.Trace) (leaf Leaf, ok bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if leaf, ok = s.get(q, in, dst); ok {
		s.cache.retrace(q, in, t)
	}
	return leaf, ok
}

// retrace sets t to the trace of the answer that Get has just found: the inputs on
// the way to it with the values that they have for this query, and what it depends
// on as of the version up to which that is known not to have changed.
func (c *Cache) retrace(q *Question, in *Inputs, t *resolve.Trace) {
	*t = resolve.Trace{Cacheable: true, Routing: in.Routing, Inputs: t.Inputs[:0], Deps: t.Deps[:0]}
	key := q.appendKey(c.key[:0])
	e, at := c.locate(c.rootHash(key, in.Routing), key)
	t.ScopeV4, t.ScopeV6 = e.scopes()
	for picks := 0; e.kind() == kindInner; {
		n := e.inner()
		t.Inputs = append(t.Inputs, in.of(q, n, picks))
		key = in.appendKey(c.key[:0], q, n, &picks)
		e, at = c.locate(c.hash(key), key)
	}
	t.Known = at&mainRing != 0 // or as good as that
	t.Deps, t.Guest = c.appendDeps(t.Deps, e), c.guests.of(e.guest())
}

// of gives the input that a node stands for, with its value. picks is how many
// draws came before.
func (in *Inputs) of(q *Question, n inner, picks int) resolve.Input {
	out := resolve.Input{Kind: n.input(), V4: uint8(n.v4()), V6: uint8(n.v6()), Arg: n.arg()}
	var client bool
	if out.Prefix, client = in.prefix(n); !client {
		out.Value = in.value(q, n, picks)
	}
	return out
}

// appendDeps appends what a leaf depends on.
func (c *Cache) appendDeps(deps []resolve.Dep, e entry) []resolve.Dep {
	b := e.body()
	le := binary.LittleEndian
	groups := le.Uint32(b[4:])
	for b = b[leafHeaderLen:]; groups > 0; groups-- {
		slots, count, version := c.zones.at(le.Uint32(b)), int(le.Uint32(b[4:])), le.Uint64(b[8:])
		b = b[groupHeaderLen:]
		for range count {
			deps = append(deps, authority.Dep{Slots: slots, Version: version, Slot: le.Uint32(b)})
			b = b[4:]
		}
	}
	return deps
}
