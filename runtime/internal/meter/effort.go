package meter

import (
	"fmt"

	"github.com/namelet/namelet/runtime/internal/wasm"
)

// effort estimates how long the compiler will take. For most code that is a matter of its length, but
// a few megabytes can be made to take hours: the compiler's time grows with the square of the number
// of places in a function where paths fork, and with the product of such places and the locals in use.
type effort struct {
	moves int // values that the compiler considers where paths meet, of all functions so far
	forks int // sum over the functions so far of the square of their forks

	values  int // parameters and results of calls and blocks, operands of branches, of all functions so far
	crossed int // sum over the functions so far of their forks times their values
}

// A guest in std Go of 4 MB has 0.6 million moves and 20 million squared forks. A module at either bound
// takes about ten seconds to compile, as does one of 8 MB of straight code.
const (
	maxMoves = 4_000_000
	maxForks = 500_000_000
)

// Each call names its type in two bytes, and can hand over hundreds of values, each of which takes the
// compiler some 400 bytes of memory; a block is as short, and takes it time too. A guest in std Go of 2 MB
// has 26,000 values and 3 million of them times forks. A module at either bound takes less than ten seconds
// and 1 GB.
const (
	maxValues  = 2_000_000
	maxCrossed = 10_000_000_000
)

// add adds a function.
func (e *effort) add(s *segments) error {
	e.moves += s.moves
	e.forks += s.forks * s.forks
	if e.moves > maxMoves || e.forks > maxForks {
		return &Error{What: fmt.Sprintf(
			"its control flow would take too long to compile: %d values where paths meet, at most %d are allowed; %d squared forks, at most %d are allowed",
			e.moves, maxMoves, e.forks, maxForks)}
	}
	e.values += s.values
	e.crossed += s.forks * s.values
	if e.values > maxValues || e.crossed > maxCrossed {
		return &Error{What: fmt.Sprintf(
			"its calls and blocks would take too long to compile: %d values handed over, at most %d are allowed; %d values times forks, at most %d are allowed",
			e.values, maxValues, e.crossed, maxCrossed)}
	}
	return nil
}

// forks weighs an instruction by what it adds to the number of forks. A loop takes the compiler as
// long as four other blocks, and of a table of labels eight take as long as one.
func forks(in *wasm.Instr) int {
	switch in.Op {
	case wasm.OpLoop:
		return 4
	case wasm.OpBlock, wasm.OpIf, wasm.OpElse, wasm.OpBrIf:
		return 1
	case wasm.OpBrTable:
		return 1 + len(in.Labels)/8
	}
	if _, ok := sizeWeights[in.Op]; ok { // its charge is tested
		return 1
	}
	return 0
}
