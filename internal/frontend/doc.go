// Package frontend is the edge of the server: it receives DNS messages over UDP
// and TCP, hands their questions to a resolver and sends what comes back.
//
// Start with [Listen], which binds every address, then [Server.Serve] and
// [Server.Shutdown]. What answers is a [Handler].
//
// Everything that is about messages, and nothing that is about zones, happens
// here: the header, EDNS, name compression, truncation, limits on connections,
// and the choice of the response code. An outcome or a failure further in
// becomes an RCODE and an extended error in this package only.
//
// A message goes through three steps, each in files of its own: parse (query.go,
// parse*.go) turns octets into a query or a verdict against it, the responder
// (respond.go) looks among the kept answers (kept.go) and asks the Worker, and the
// packer (pack.go, compress.go) turns sets back into octets: a body, which is what
// is kept, and which is completed (complete.go, edns.go) for each query. The
// sockets (udp*.go, tcp.go) know none of that. What may have to wait for the store
// goes to the slow workers (slow.go), whatever it came by.
//
// Server and Metrics are safe for concurrent use. All else belongs to one
// goroutine.
package frontend
