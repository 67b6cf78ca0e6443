package runtime

import (
	"strconv"
	"strings"
)

// FaultKind says what a guest did wrong. The zero value is invalid.
type FaultKind uint8

// The kinds of fault.
const (
	FaultTrap      FaultKind = iota + 1 // an instruction trapped: unreachable, a bad address, a division by zero
	FaultFuel                           // the fuel of the call ran out
	FaultStack                          // calls nested too deeply
	FaultMemory                         // it failed after it was refused more memory
	FaultABI                            // it gave the host a pointer outside its memory
	FaultMalformed                      // the answer does not have the form of SPEC.md section 4.2
	FaultRejected                       // the answer has the form and breaks a rule of that section
	FaultExit                           // it ended itself by proc_exit
	FaultGuest                          // namelet_answer or namelet_init returned a negative status
	FaultInit                           // it could not be started: instantiation, buffers or configuration
	FaultHost                           // the host's own code panicked in a call from the guest
)

var faultNames = [...]string{
	"", "trap", "fuel", "stack", "memory", "abi", "malformed", "rejected", "exit", "guest error", "init", "host",
}

// String gives the kind as one word or two, fit for a metric's label.
func (k FaultKind) String() string {
	if k > 0 && int(k) < len(faultNames) {
		return faultNames[k]
	}
	return "invalid"
}

// Fault is the error of every call into a guest. It is the guest's failure, not the host's: the
// question is then answered from the fallback, and the instance from a fresh picture.
type Fault struct {
	Kind    FaultKind
	Message string   // what happened, in one line
	Status  int32    // for FaultGuest the status, for FaultExit the exit code
	Stack   []string // the guest's functions, innermost first, at most 16; empty where unknown
	Output  string   // the end of what the guest wrote to standard output and error in this call
	Fuel    uint64   // units burnt by the call
	Err     error    // the cause, where there is one: a *hostabi.MalformedError for instance
}

// Error gives kind and message. Stack and output stand in their fields.
func (f *Fault) Error() string {
	return "runtime: guest failed: " + f.Kind.String() + ": " + f.Message
}

// Unwrap gives the cause.
func (f *Fault) Unwrap() error { return f.Err }

// maxStack is how many functions a fault names.
const maxStack = 16

// splitTrace takes apart the text of an error of the engine: its first line, and the names of the
// functions in the trace behind it. Names are the guest's and are cut at 128 bytes.
func splitTrace(text string) (message string, stack []string) {
	message, rest, _ := strings.Cut(text, "\n")
	message = strings.TrimPrefix(message, "wasm error: ")
	message = strings.TrimSuffix(message, " (recovered by wazero)")
	_, rest, _ = strings.Cut(rest, "\n")
	for line := range strings.SplitSeq(rest, "\n") {
		name, isFrame := strings.CutPrefix(line, "\t")
		if !isFrame || len(stack) == maxStack {
			break
		}
		if strings.HasPrefix(name, "\t") { // a source line below its function
			continue
		}
		if at := strings.LastIndexByte(name, '('); at > 0 {
			name = name[:at]
		}
		stack = append(stack, strings.ToValidUTF8(name[:min(len(name), 128)], "?"))
	}
	return message, stack
}

// wantAtMost words a limit that was passed.
func wantAtMost(what string, got, limit int) string {
	return what + " is " + strconv.Itoa(got) + ", the limit " + strconv.Itoa(limit)
}
