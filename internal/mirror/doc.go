// Package mirror keeps what a replica serves on the local disk, so that a process
// that starts while its store is away serves what the one before it served.
//
// Start with [Open] and [Mirror.Load], then tell the Mirror what is served by
// [Mirror.Update] and let [Mirror.Run] write it in the background. An Update never
// waits for the disk.
//
// A mirror is a copy that can be thrown away: a damaged one is begun anew. It is a
// bolt file, written by transactions, so that a process killed at any time leaves
// one that loads. A zone is a base, which is its RRsets in canonical order, many to
// a row, and what changed since the base was written; the base is written anew when
// that has become much. A Mirror is safe for concurrent use.
package mirror
