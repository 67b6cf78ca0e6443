// Package trial proves a pushed module before it becomes a version of a guest: it inspects, meters and
// compiles it, starts it, asks it questions and says in a [Report] what came of that.
//
// A server uses a [Child]: another process of its own program, of low priority and with bounds on time,
// processor and memory, so that a module that brings down the compiler or eats the machine brings down
// nothing but its own trial. [Serve] is that process's side, and [Run] the trial itself.
//
// The questions go the way they go in the server, through its resolver and runtime. The package knows no
// store and no network; what the guest looks up comes from the zones of a [Scenario].
package trial
