package hostabi

import "strconv"

// Problem says in one word what is wrong with a struct.
type Problem uint8

// The problems. The vectors name them by their String.
const (
	ProblemShort       Problem = iota + 1 // the bytes end inside a struct or inside what it announces
	ProblemSize                           // the size field is below version 1's, or beyond the bytes
	ProblemFlags                          // a flag that version 1 does not define, or a reserved field, is not zero
	ProblemDisposition                    // no such disposition
	ProblemCount                          // too many entries, or a number the disposition does not allow
	ProblemKind                           // no such kind
	ProblemName                           // not an uncompressed name in wire form, or an offset that is no label's start
	ProblemData                           // a value out of its range
	ProblemOrder                          // keys not in strictly ascending order
	ProblemTrailing                       // bytes after the last entry
)

var problemNames = [...]string{
	"", "short", "size", "flags", "disposition", "count", "kind", "name", "data", "order", "trailing",
}

// String gives the problem's word.
func (p Problem) String() string {
	if int(p) < len(problemNames) && p > 0 {
		return problemNames[p]
	}
	return "invalid"
}

// MalformedError is the error of every reader in this package: the bytes do not have the form that
// SPEC.md gives to the struct.
type MalformedError struct {
	Struct  string  // the struct's name in SPEC.md: "answer", "question", "config" ...
	Entry   int     // index of the record or entry, -1 for the struct's own header
	Problem Problem // what is wrong
}

// Error says which struct, which entry and what is wrong.
func (e *MalformedError) Error() string {
	text := "hostabi: malformed " + e.Struct
	if e.Entry >= 0 {
		text += ", entry " + strconv.Itoa(e.Entry)
	}
	return text + ": " + e.Problem.String()
}

func malformed(name string, entry int, p Problem) error {
	return &MalformedError{Struct: name, Entry: entry, Problem: p}
}
