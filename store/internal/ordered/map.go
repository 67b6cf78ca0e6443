// Package ordered is an ordered map that is never changed: setting or deleting
// a key gives a new map that shares almost all of the old one.
//
// Start with Map; its zero value is empty. A copy of a Map is a snapshot, at
// the price of an assignment. Maps can be read from many goroutines at once.
package ordered

import "hash/maphash"

// Map maps strings to values, in byte order of the strings. It is a treap whose
// priorities are hashes of the keys, so its shape depends on its keys alone and
// its depth is logarithmic whatever order they came in.
type Map[V any] struct {
	root *node[V]
	size int
}

type node[V any] struct {
	key         string
	priority    uint64
	value       V
	left, right *node[V]
}

var seed = maphash.MakeSeed()

// Len counts the keys.
func (m Map[V]) Len() int { return m.size }

// Get returns the value of key, and whether there is one.
func (m Map[V]) Get(key string) (V, bool) {
	for n := m.root; n != nil; {
		switch {
		case key < n.key:
			n = n.left
		case key > n.key:
			n = n.right
		default:
			return n.value, true
		}
	}
	var none V
	return none, false
}

// Set returns the map in which key has value.
func (m Map[V]) Set(key string, value V) Map[V] {
	if _, had := m.Get(key); !had {
		m.size++
	}
	m.root = insert(m.root, &node[V]{key: key, priority: maphash.String(seed, key), value: value})
	return m
}

// Delete returns the map without key.
func (m Map[V]) Delete(key string) Map[V] {
	if _, had := m.Get(key); !had {
		return m
	}
	m.size--
	m.root = remove(m.root, key)
	return m
}

// Ascend calls yield for the keys from, inclusive, to to, exclusive, in order,
// until yield returns false. It reports whether it came to the end.
func (m Map[V]) Ascend(from, to string, yield func(key string, value V) bool) bool {
	return ascend(m.root, from, to, yield)
}

// insert returns n with the new node in it. A node that has the same key has
// the same priority, so it is met before the new node would be placed above it.
func insert[V any](n, fresh *node[V]) *node[V] {
	if n == nil {
		return fresh
	}
	if n.key == fresh.key {
		fresh.left, fresh.right = n.left, n.right
		return fresh
	}
	if fresh.priority > n.priority {
		fresh.left, fresh.right = split(n, fresh.key)
		return fresh
	}
	c := *n
	if fresh.key < n.key {
		c.left = insert(n.left, fresh)
	} else {
		c.right = insert(n.right, fresh)
	}
	return &c
}

// split returns the nodes below key and those above it; key itself is not in n.
func split[V any](n *node[V], key string) (below, above *node[V]) {
	if n == nil {
		return nil, nil
	}
	c := *n
	if n.key < key {
		c.right, above = split(n.right, key)
		return &c, above
	}
	below, c.left = split(n.left, key)
	return below, &c
}

// remove returns n without key, which is in it.
func remove[V any](n *node[V], key string) *node[V] {
	if n.key == key {
		return join(n.left, n.right)
	}
	c := *n
	if key < n.key {
		c.left = remove(n.left, key)
	} else {
		c.right = remove(n.right, key)
	}
	return &c
}

// join returns one tree of both; every key of below is under every key of above.
func join[V any](below, above *node[V]) *node[V] {
	switch {
	case below == nil:
		return above
	case above == nil:
		return below
	}
	if below.priority > above.priority {
		c := *below
		c.right = join(below.right, above)
		return &c
	}
	c := *above
	c.left = join(below, above.left)
	return &c
}

func ascend[V any](n *node[V], from, to string, yield func(string, V) bool) bool {
	if n == nil {
		return true
	}
	if from < n.key && !ascend(n.left, from, to, yield) {
		return false
	}
	if n.key >= to {
		return true
	}
	if n.key >= from && !yield(n.key, n.value) {
		return false
	}
	return ascend(n.right, from, to, yield)
}
