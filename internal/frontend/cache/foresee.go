package cache

// foreseen is how many questions are foreseen at a time.
const foreseen = 32

// Hash returns what Foresee takes of a question, for a query under a routing's
// generation.
func (c *Cache) Hash(q *Question, routing uint64) uint32 {
	return c.rootHash(q.appendKey(c.key[:0]), routing)
}

// Foresee reads what Get is about to read for questions with these hashes, and
// does nothing with it. What a cache keeps is too much for the caches of the
// processor, so Get mostly waits for memory; here the reads of all questions wait
// together.
func (c *Cache) Foresee(hashes []uint32) {
	var at [foreseen]place
	for len(hashes) > 0 {
		n := min(len(hashes), foreseen)
		for i, hash := range hashes[:n] {
			at[i] = 0
			if slot := c.index.slots[hash&c.index.mask]; uint32(slot>>32) == hash {
				at[i] = place(slot)
			}
		}
		for _, p := range at[:n] {
			if p != 0 {
				c.seen += lines(c.at(p))
			}
		}
		hashes = hashes[n:]
	}
}

// lines reads from the lines of memory that an entry of the usual size lies in.
func lines(e entry) (sum byte) {
	for at := 0; at < min(len(e), 256); at += 64 {
		sum += e[at]
	}
	return sum
}
