package cache

import (
	"sync"

	"github.com/namelet/namelet/internal/resolve"
)

// Shared is a Cache for several goroutines, which take turns.
type Shared struct {
	mu    sync.Mutex
	cache *Cache
}

// NewShared makes a shared cache.
func NewShared(config Config) *Shared { return &Shared{cache: New(config)} }

// Get is [Cache.Get], except that the message and the options of the leaf are
// copied to the end of dst, which may be nil.
func (s *Shared) Get(q *Question, in *Inputs, dst []byte) (leaf Leaf, ok bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.get(q, in, dst)
}

func (s *Shared) get(q *Question, in *Inputs, dst []byte) (leaf Leaf, ok bool) {
	if leaf, ok = s.cache.Get(q, in); !ok {
		return Leaf{}, false
	}
	from, n := len(dst), len(leaf.Msg)
	dst = append(append(dst, leaf.Msg...), leaf.Options...)
	leaf.Msg, leaf.Options = dst[from:from+n:from+n], dst[from+n:]
	return leaf, true
}

// Put is [Cache.Put].
func (s *Shared) Put(q *Question, t *resolve.Trace, leaf *Leaf) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.cache.Put(q, t, leaf)
}

// Stats is [Cache.Stats].
func (s *Shared) Stats() Stats { return s.cache.Stats() }
