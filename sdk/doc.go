// Package sdk is for guests of Namelet written in Go: programs that decide DNS answers inside the
// server.
//
// A guest registers a handler in init and is otherwise an empty program:
//
//	func main() {}
//
//	func init() {
//		sdk.Handle(func(q *sdk.Query, a *sdk.Answer) {
//			a.TXT("you are in " + q.Client(24, 56).String())
//		})
//	}
//
// Build it with
//
//	GOOS=wasip1 GOARCH=wasm go build -buildmode=c-shared -o guest.wasm .
//
// [Query] is what there is to know, each thing asked for as finely as it is needed: what a guest did
// not ask for, its answer does not depend on, and the host may give that answer again. [Answer] is
// what there is to say. Package sdktest asks a guest questions in a Go test, both natively and as a
// compiled module.
//
// Built for any other system the same source makes a native program without a host; sdktest
// gives it one.
//
// # What a guest should know
//
// A query runs within a budget of fuel. The SDK itself allocates nothing for one, and a handler
// that does not either takes about a microsecond; fmt, net and time are costly to link and to run. Garbage is not
// collected during queries but between them, when the host gives time: what a handler allocates piles up until
// then, and a guest that fills its memory before fails that query and starts afresh.
//
// The same question and inputs must give the same answer. Package variables set in init or OnInit are
// fine; what a handler leaves in them may change no later answer, and the order of a map's
// range must not show.
//
// Strings, Names and RRsets that come from a Query live in buffers that the next query overwrites: a
// handler must not keep them without a copy (strings.Clone).
//
// There is one guest in a program and one query at a time; nothing here is safe for use by
// several goroutines.
package sdk
