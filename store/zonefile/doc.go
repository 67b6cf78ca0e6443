// Package zonefile reads and writes zone files: RFC 1035 section 5 with $TTL
// (RFC 2308 section 4), $INCLUDE, $GENERATE and the unknown types of RFC 3597.
//
// Start with [ParseFile] or [Parse], which give the RRsets of a zone with their
// rdata in uncompressed wire form, and [Write], whose output Parse reads back
// into the very same RRsets. [ParseRdata] and [FormatRdata] do the same for one
// record's rdata.
//
// The package splits a file into entries and acts on the directives itself, so
// that every error names a file and a line and no directive leads out of the
// file's folder; what stands in an entry's rdata is left to the parser of
// github.com/miekg/dns. It does not judge a zone as a whole, beyond what an
// RRset must be: whether there are name servers or good signatures is not its
// business.
//
// All functions can be called from many goroutines at once.
package zonefile
