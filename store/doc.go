// Package store is the system of record of Namelet: zones and their RRsets, the
// journal and the log of their changes, guests and their attachments.
//
// Start with New over a Driver (store/bolt, store/memory,
// store/spanner), then Store. Meaning
// lives here once: a driver only keeps ordered tables of bytes, gives consistent
// snapshots of them, and applies a batch whole or not at all.
//
// # Versions
//
// A zone has a version. Every commit that changes the zone raises it by one, and
// it never restarts, not even over a deletion. Between Zone.JournalFrom and
// Zone.Version the journal holds what each version removed and added; a zone
// that was replaced by content too different to be worth a journal entry begins
// its journal anew, and whoever holds an older version loads the zone again.
//
// # Following the store
//
// Take Head, load what is wanted (Snapshot.Zones, Snapshot.LoadZone), then ask
// Changes for what came after the head and Journal for what it was. Watch wakes
// a follower in the same process.
//
// # Concurrency
//
// A Store can be used from many goroutines at once. Writers are put together:
// those that wait while a transaction is on its way share the next one, each
// with its own version, serial and result.
package store
