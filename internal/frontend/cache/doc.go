// Package cache keeps answers by what they depended on, so that an answer is
// given again for exactly as long as computing it anew would give the same.
//
// Start with [New]: one [Cache] for each goroutine that answers, or a [Shared]
// one for several. [Cache.Get] finds an answer to a [Question] for the [Inputs]
// of one query; [Cache.Put] keeps one by the trace that the resolver made.
//
// # What is kept
//
// An entry is a leaf, which is an answer, or an inner node, which is an input that
// a guest asked for with its grain, such as the client's address to 24 bits or a
// draw from 100. A question leads to its root; an inner node and the value that
// its input has for the query at hand lead to the next entry, down to a leaf. What
// asked for nothing is one leaf. Where a candidate is on trial beside the version
// that is active, which of them answers is such an input, and the first. All entries lie in one table, under their
// question, or under the node above and the value.
//
// A leaf is valid while the routing is of the generation that it was made under,
// and while no slot of a zone that it depends on has been raised past the version
// of the zone that it was made from (see authority.Slots).
//
// # Memory
//
// Entries are bytes in two rings, found by a table of numbers: nothing that a
// garbage collector has to follow. Answers whose name and type the zone itself
// holds enter the main ring. All others, which a flood of random names could make
// without end, enter a small one, and get into the main ring only when they are
// asked for again while they are there, or soon after (S3-FIFO). What is not asked
// for again leaves the main ring, oldest first.
//
// The package knows no sockets and does not look into messages. A Cache is for one
// goroutine; its Stats may be read from others. Hits take no lock and allocate
// nothing.
package cache
