// Package hostabi is the contract between the Namelet host and its guests, version 1, as Go.
//
// SPEC.md in this directory is normative; this package gives its names, numbers and signatures, and a
// codec for every struct that crosses the boundary. A host starts with [AppendQuestion] and
// [ReadAnswer]; a guest SDK starts with [ParseQuestion] and [AnswerWriter]. The vectors in
// testdata/vectors are run through the same codec, and hostabi/conformance turns them and a
// behaviour suite into tests for a host or an SDK.
//
// The package moves bytes and checks their form. It does not run guests, read zones, or decide
// whether a well-formed answer is an allowed one: those checks need the zone and belong to the host.
//
// Nothing here allocates on a path that is taken for each query, and nothing keeps state: all
// functions may be called from many goroutines, readers and writers belong to one.
package hostabi
