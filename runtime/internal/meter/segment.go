package meter

import "github.com/namelet/namelet/runtime/internal/wasm"

// A function is cut into segments: pieces of code without a place that a jump can enter. A segment's
// weight is charged where it begins, before its first instruction runs. A light segment is not worth a
// charge of its own; it is charged with another segment, its parent, that has always run before it,
// and runs again before it runs again. This holds because a parent
//
//   - dominates the segment: control flow is structured, so the code after a block, or an arm of an
//     if, is reached only through the code before it;
//   - lies in the same loop: the segment that follows a loop header has no parent.
//
// So at every moment the fuel taken is at least the weight of what has run.
type segment struct {
	parent  int // index of the parent, less than the segment's own; -1 for a function's entry and loop headers
	weight  int64
	checked bool // the fuel is tested here, not only taken
}

// foldBelow is the weight below which a segment is charged with its parent, and absorbMost how much a
// parent may take over in all: without it the header of a dispatch loop, as std Go makes for every
// function, would be charged for all its small targets at every turn.
const (
	foldBelow  = 16
	absorbMost = 64
)

// A test of the fuel costs more than taking it, so light segments leave it to those that follow. Every
// function entry and every loop header tests, and so a run goes on without a test at most to the end
// of the function's code. What the segments of a function that do not test weigh together is bounded
// by Overrun, and so is the fuel that a guest can use beyond what it has.
const testFrom = 64

// Overrun is the most fuel, in units, that can be used beyond what there was. A call may even return
// with the fuel that much below zero; the host should treat it as having run out.
const Overrun = 20_000

// Where paths meet, the compiler moves values: each local that one of the paths wrote, each operand
// that a branch carries. No instruction stands for these moves, and there can be thousands of them, so
// they are weighed where they happen: localsPerUnit or operandsPerUnit moves make a unit.
const (
	localsPerUnit   = 8
	operandsPerUnit = 4
)

// block is an open block.
type block struct {
	segment int // the segment in force where it was opened
	header  int // for a loop the segment of its header, else -1
	touched int // value of segments.touched where it was opened
	written int // value of segments.written where it was opened
	label   int // operands that a branch to it carries
	results int // operands that are left when it ends
}

// segments collects the segments of one function, in the order of the code.
type segments struct {
	types   []wasm.FuncType
	list    []segment
	open    []block // the function's own frame first
	current int
	locals  int // of the function
	touched int // instructions so far that name a local
	written int // of them, those that write it
	moves   int // an upper bound for the values that the compiler considers where paths meet
	forks   int // see effort
	merged  int // an upper bound for the values that it really merges there
	values  int // values that calls, blocks and branches hand over, see effort
}

// reset begins a function.
func (s *segments) reset(typ *wasm.FuncType, locals uint32) {
	entry := functionEntry + int64(locals) + int64(len(typ.Results))
	results := len(typ.Results)
	*s = segments{
		types: s.types, locals: int(locals),
		list: append(s.list[:0], segment{parent: -1, weight: entry}),
		open: append(s.open[:0], block{header: -1, label: results, results: results}),
	}
}

// begin starts a segment of this weight.
func (s *segments) begin(parent int, weight int64) {
	s.list = append(s.list, segment{parent: parent, weight: weight})
	s.current = len(s.list) - 1
}

// beginsSegment says whether a segment begins behind an instruction, unless it is the function's end.
func beginsSegment(op wasm.Opcode) bool {
	switch op {
	case wasm.OpLoop, wasm.OpIf, wasm.OpElse, wasm.OpBrIf, wasm.OpEnd:
		return true
	}
	return false
}

// add adds an instruction to the segment in force and begins the segment behind it, if one does. The
// structure of the code has been checked.
func (s *segments) add(in *wasm.Instr, weight int64) {
	s.list[s.current].weight += weight + s.branchMoves(in)
	s.forks += forks(in)
	switch in.Op {
	case wasm.OpLocalGet:
		s.touched++
	case wasm.OpLocalSet, wasm.OpLocalTee:
		s.touched++
		s.written++
	case wasm.OpReturn:
		s.values += s.open[0].results
	case wasm.OpBlock:
		s.push(in, s.current)
	case wasm.OpLoop:
		s.push(in, s.current)
		s.begin(-1, 0)
		s.open[len(s.open)-1].header = s.current
	case wasm.OpIf:
		s.push(in, s.current)
		s.begin(s.current, 0)
	case wasm.OpElse:
		s.begin(s.open[len(s.open)-1].segment, 0)
	case wasm.OpBrIf:
		s.begin(s.current, 0)
	case wasm.OpEnd:
		s.end()
	}
}

func (s *segments) push(in *wasm.Instr, current int) {
	params, results := 0, 0
	switch in.Block.Kind {
	case wasm.BlockValue:
		results = 1
	case wasm.BlockFunc:
		params, results = len(s.types[in.Block.Index].Params), len(s.types[in.Block.Index].Results)
	}
	s.values += params + results
	b := block{segment: current, header: -1, touched: s.touched, written: s.written, label: results, results: results}
	if in.Op == wasm.OpLoop {
		b.label = params
	}
	s.open = append(s.open, b)
}

// end closes a block, now that it is known what was written in it: that may have to be moved at its
// end, and in a loop at the header too.
func (s *segments) end() {
	last := len(s.open) - 1
	b := s.open[last]
	s.open = s.open[:last]
	locals := min(s.written-b.written, s.locals)
	touched := min(s.touched-b.touched, s.locals)
	s.moves += touched + b.results
	s.merged += locals + b.results
	if b.header >= 0 {
		s.moves += touched + b.label
		s.merged += locals + b.label
		s.list[b.header].weight += perUnit(locals, localsPerUnit) + perUnit(b.label, operandsPerUnit)
	}
	if last > 0 { // behind the function's own end there is nothing
		s.begin(b.segment, perUnit(locals, localsPerUnit)+perUnit(b.results, operandsPerUnit))
	}
}

// branchMoves weighs what a branch carries.
func (s *segments) branchMoves(in *wasm.Instr) int64 {
	switch in.Op {
	case wasm.OpBr, wasm.OpBrIf:
		return s.carry(in.A, 1)
	case wasm.OpBrTable: // all labels carry the same number
		return s.carry(in.Labels[0], len(in.Labels))
	}
	return 0
}

func (s *segments) carry(label uint32, targets int) int64 {
	operands := s.open[len(s.open)-1-int(label)].label
	s.moves += (operands + 1) * targets
	s.values += operands * targets
	return perUnit(operands, operandsPerUnit)
}

// perUnit rounds up: a block that ends a thousand others must not be free.
func perUnit(n, unit int) int64 { return int64((n + unit - 1) / unit) }

// fold charges light segments with their parents. Children come after their parents in the list, so
// going backwards every segment is complete when it is folded.
func (s *segments) fold(absorbed []int64) []int64 {
	absorbed = append(absorbed[:0], make([]int64, len(s.list))...)
	for i := len(s.list) - 1; i > 0; i-- {
		seg := &s.list[i]
		if seg.parent < 0 || seg.weight >= foldBelow || absorbed[seg.parent]+seg.weight > absorbMost {
			continue
		}
		s.list[seg.parent].weight += seg.weight
		absorbed[seg.parent] += seg.weight
		seg.weight = 0
	}
	return absorbed
}

// chooseChecks says which segments test the fuel. It comes after fold.
func (s *segments) chooseChecks() {
	untested := int64(0)
	for i := range s.list {
		seg := &s.list[i]
		seg.checked = seg.parent < 0 || seg.weight >= testFrom || untested+seg.weight > Overrun
		if !seg.checked {
			untested += seg.weight
		}
	}
}
