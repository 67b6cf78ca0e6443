package sdk

// arena hands out pieces of a static buffer until the next query. When it is used up it falls back
// on the heap, which costs but does not fail.
type arena struct {
	free []byte
}

// Static memory for the names a query builds and the rdata it reads.
var (
	nameArena  [20 << 10]byte // the names of a full LookupMany and some
	rdataArena [16 << 10]byte
)

func (a *arena) reset(buf []byte) { a.free = buf }

// take gives n bytes of any content.
func (a *arena) take(n int) []byte {
	if n > len(a.free) {
		return make([]byte, n)
	}
	b := a.free[:n:n]
	a.free = a.free[n:]
	return b
}
