// Package control is what can be done to zones, records and guests: one set of
// operations, [Service], over the store, and the loopback endpoint that a running
// server offers them by.
//
// A command uses a Service itself where no server has the store, and a [Client]
// where one has: both have the same methods, take the same requests, give the same
// results, and fail with the same [Error].
//
// The endpoint speaks HTTP: POST /v1/zone/list and so on, with a JSON request and
// a JSON result; a zone's content is text/dns (RFC 4027), a guest's module is
// application/wasm, and an error is application/problem+json (RFC 9457). It is for
// programs on this machine: [Handler] answers to a loopback Host only, refuses what
// a page in a browser could send, and wants a bearer token where one is set.
//
// Requests and results hold names and rdata as text, since they are the outer
// edge. All types can be used from many goroutines at once.
package control
