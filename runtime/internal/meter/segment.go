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
	parent int // index of the parent, less than the segment's own; -1 for a function's entry and loop headers
	weight int64
}

// foldBelow is the weight below which a segment is charged with its parent, and absorbMost how much a
// parent may take over in all, so that a dispatch loop with many small targets is not charged for all
// of them at every turn.
const (
	foldBelow  = 8
	absorbMost = 16
)

// segments collects the segments of one function, in the order of the code.
type segments struct {
	list    []segment
	open    []int // for each open block the segment in force where it was opened
	current int
}

func (s *segments) reset(entryWeight int64) {
	s.list = append(s.list[:0], segment{parent: -1, weight: entryWeight})
	s.open = s.open[:0]
	s.current = 0
}

// begin starts a segment.
func (s *segments) begin(parent int) {
	s.list = append(s.list, segment{parent: parent})
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

// add adds an instruction to the segment in force and begins the segment behind it, if one does.
func (s *segments) add(op wasm.Opcode, weight int64) {
	s.list[s.current].weight += weight
	switch op {
	case wasm.OpBlock:
		s.open = append(s.open, s.current)
	case wasm.OpLoop:
		s.open = append(s.open, s.current)
		s.begin(-1)
	case wasm.OpIf:
		s.open = append(s.open, s.current)
		s.begin(s.current)
	case wasm.OpElse:
		s.begin(s.open[len(s.open)-1])
	case wasm.OpBrIf:
		s.begin(s.current)
	case wasm.OpEnd:
		if len(s.open) == 0 {
			return // the function's own end
		}
		parent := s.open[len(s.open)-1]
		s.open = s.open[:len(s.open)-1]
		s.begin(parent)
	}
}

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
