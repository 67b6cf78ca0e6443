// Package integration runs the whole program as its users do, beside other
// servers on the same machine, and compares what they say. It holds tests only.
package integration
