// Package doh speaks DNS over HTTPS: messages by GET and POST (RFC 8484), and the
// JSON form that public resolvers offer to people and scripts.
//
// [New] makes an http.Handler of a function that answers messages. Connections,
// TLS and HTTP/2 are the server's that the handler runs in.
//
// The handler is safe for concurrent use.
package doh
