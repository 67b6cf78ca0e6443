// Package wasm reads and writes modules in the WebAssembly binary format, as far as a guest may use
// it: release 2.0 of the core specification and nothing later.
//
// Start with [Decode], which gives a [Module]; [Module.Encode] writes it back. The code of a function
// stays bytes until a [CodeReader] walks it. The reader checks every index and every label against
// the module, so that whoever rewrites code knows that it names nothing that it may not. Operand
// types are not checked here: the engine that compiles the rewritten module does that.
//
// The input is hostile. Every length is bounded by the bytes that are left, every count by [Bounds],
// LEB128 numbers by their width, and what is written back is canonical: two decoders that disagree
// about an odd encoding cannot be played against each other.
//
// Decoded values alias the input, which must not change while they are used. There is no global
// state; different modules may be used from different goroutines.
package wasm
