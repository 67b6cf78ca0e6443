// Package authority answers questions from zone data in memory, by the
// algorithm of RFC 1034 section 4.3.2 as later RFCs amend it: delegations with
// glue, aliases, DNAME, wildcards, negative answers, additional data, and the
// proofs of a zone that was signed elsewhere.
//
// Start with [Build], which makes a zone's [Snapshot], and [Zones.Lookup], which
// answers from a set of them. [Snapshot.Apply] derives the next snapshot from a
// change and shares with the old one all that did not change. Those who decide
// some answers otherwise take the steps one by one: [Zones.Route],
// [Snapshot.Locate], [Snapshot.Step].
//
// The package knows no messages, sockets, stores or guests, and signs nothing.
//
// A Snapshot and a Zones are never changed after they are made: any number of
// goroutines read them, and no reader takes a lock. An [Answer] is the caller's
// scratch memory and belongs to one goroutine.
package authority
