// Package meter rewrites a WebAssembly module so that what it does is counted and bounded.
//
// [Rewrite] is the only entry. The rewritten module keeps its fuel in a hidden global: every piece of
// code subtracts what it is about to cost and ends in unreachable when the fuel has become negative.
// A second hidden global holds what is left of the native stack. Both are exported under reserved
// names ([FuelExport], [DepthExport]), so that the host can fill them before a call and, after a trap,
// tell by a negative value why it came. Both begin at zero: a host that forgets to fill them gets a
// trap at the first instruction.
//
// The package trusts nothing in the module. It refuses code that names an index that does not exist in
// the original, so that no guest reaches the hidden globals or the hidden locals; it refuses start
// functions and imported globals, tables and memories; and it writes every instruction anew from its
// decoded form. It leaves the check of operand types to the engine: what it inserts is neutral to the
// operand stack, so the rewritten code is valid only if the original was.
//
// What a unit of fuel is, and the measurements behind the weights, is in docs/FUEL.md. There is no
// state; modules may be rewritten at once.
package meter
