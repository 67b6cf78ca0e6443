// Package conformance says whether a host or a guest SDK keeps to the guest ABI (hostabi/SPEC.md).
//
// It has two parts. [Vectors] reads the language-neutral vectors in hostabi/testdata/vectors, and
// [Describe] renders what this repository's codec makes of one, in the vectors' own words: an SDK
// in another language compares its reader with the same lines. [Cases] is a list of questions with
// the answers that the conformance guests must give: [RunHost] asks them of a host that runs the
// raw guest in guests/conformance, which tries every import with good and bad arguments, and
// [RunGuest] asks the part that an SDK can express of a guest written with that SDK.
//
// The package runs no guest itself; a [Host] given by the caller does.
package conformance
