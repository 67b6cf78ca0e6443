// Package rr is the vocabulary of Namelet: domain names, types, classes,
// response codes and RRsets, in the terms of RFC 9499.
//
// Start with [Name] and [Set]. A Name is parsed once, at the edge, and is from
// then on compared, ordered and used as a map key without a look at letter
// case; nobody past the edge handles names as text.
//
// The package has no opinion about messages, zones or transports, and knows
// rdata only as bytes in uncompressed wire form. It depends on a handful of
// small packages of the standard library, because guests link it.
//
// All types are values that are not changed after they are made; they can be
// used from many goroutines at once.
package rr
