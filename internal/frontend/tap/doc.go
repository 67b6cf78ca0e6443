// Package tap takes copies of queries and responses away from those who answer them:
// to a stream of dnstap, or to a log.
//
// Whoever answers calls [Tap.Take], which never waits: what a [Queue] has no room for
// is dropped and counted. [Dnstap] and [QueryLog] each have a Queue, and a Run that
// empties it on a goroutine of its own.
//
// All is safe for concurrent use.
package tap
