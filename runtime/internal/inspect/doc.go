// Package inspect checks whether a WebAssembly module can be a guest, and says what it is.
//
// Start with [Module]: it gives a [Report], or a [*Refusal] that names the export, import, feature or
// limit at fault. It checks the shape: the contract of package hostabi, the features of WebAssembly
// that guests may use, and sizes. It does not check operand types, which the engine does, and it
// changes nothing, which package meter does. Both refuse by themselves what is dangerous to them.
//
// There is no state; any number of modules may be inspected at once.
package inspect
