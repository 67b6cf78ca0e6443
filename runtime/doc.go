// Package runtime runs guests: it inspects, meters and compiles their modules, starts them, and asks
// them questions inside a sandbox that bounds work, memory and stack.
//
// The way through it is [New], [Engine.Compile], [Module.Prepare], [Generation.NewInstance],
// [Instance.Answer]. An Engine belongs to the process. A Module is one guest's code. A Generation is
// a module with its configuration and limits, initialised once and kept as a picture. An Instance is
// a copy of that picture: a worker has its own and asks it one question after the other.
//
// What a guest asks for comes from a [Host], which the package declares and does not implement. What
// it asked stands in the instance's trace, so that an answer can be kept for as long as the same
// questions to the host would have the same replies.
//
// The package knows no zones, stores, sockets or messages. An answer that it gives has the form and
// the rules of hostabi/SPEC.md section 4.2; whether it is right is the guest's affair.
//
// Engine, Module and Generation may be used by many goroutines at once; an Instance by one at a time.
package runtime
