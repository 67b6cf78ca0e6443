package meter

import (
	"cmp"
	"slices"

	"github.com/namelet/namelet/runtime/internal/wasm"
)

// Instances that are copies of another need no data segments, and writing them is most of what an
// instance costs. So active segments are merged to few passive ones, and an exported function writes
// them. It holds memory to what it would have been, and is left out where that is not sure.

const (
	pageBytes = 65536
	// leastGap is how many zeros between two segments cost about as much as another segment.
	leastGap = 64
	// maxRuns bounds the function, which the compiler would take too long for. The Go linker makes some
	// ten thousand segments, most of them a few bytes apart.
	maxRuns = 1024
	// maxPadding is the most zeros that are put in for one byte of data, but for freePadding.
	maxPadding  = 1
	freePadding = 64 << 10
)

// dataRun is a piece of memory from start to end, in bytes, that segments write to.
type dataRun struct {
	start, end uint64
	bytes      []byte
}

// moveData has an exported function do what the active data segments do. It leaves the module as it is
// where an instantiation would fail or may not be so simple: segments outside of the memory or at places that
// are not plain numbers, and where they lie too far apart. Nothing in the code may name a data segment: their
// indices change.
func moveData(m *wasm.Module) {
	runs, ok := dataRuns(m)
	if !ok {
		return
	}
	runs, ok = mergeRuns(runs)
	if !ok {
		return
	}
	fillRuns(runs, m.Data)
	m.Data = m.Data[:0:0]
	var code []byte
	for i := range runs {
		m.Data = append(m.Data, wasm.Data{Mode: wasm.SegmentPassive, Bytes: runs[i].bytes})
		code = appendInit(code, uint32(i), &runs[i])
	}
	count := uint32(len(m.Data))
	m.DataCount = &count
	m.Exports = append(m.Exports, wasm.Export{Name: DataExport, Kind: wasm.ExternFunc, Index: m.NumFuncs()})
	m.Functions = append(m.Functions, uint32(len(m.Types)))
	m.Types = append(m.Types, wasm.FuncType{})
	m.Code = append(m.Code, wasm.Body{Code: append(code, byte(wasm.OpEnd))})
}

// dataRuns gives the place of every active segment that has bytes, in order of place. It reports false where
// there are none, and where one is not within the memory as it is at first.
func dataRuns(m *wasm.Module) ([]dataRun, bool) {
	var runs []dataRun
	for i := range m.Data {
		d := &m.Data[i]
		if d.Mode != wasm.SegmentActive {
			continue
		}
		if d.Offset.Op != wasm.OpI32Const || len(m.Memories) == 0 {
			return nil, false
		}
		start := uint64(uint32(d.Offset.Const))
		end := start + uint64(len(d.Bytes))
		if end > uint64(m.Memories[0].Min)*pageBytes {
			return nil, false
		}
		if end > start {
			runs = append(runs, dataRun{start: start, end: end})
		}
	}
	slices.SortFunc(runs, func(a, b dataRun) int { return cmp.Compare(a.start, b.start) })
	return runs, len(runs) > 0
}

// mergeRuns makes one of runs that overlap or are near each other: as near as it takes to have no more than
// maxRuns. It reports false where that takes too many zeros.
func mergeRuns(runs []dataRun) ([]dataRun, bool) {
	filled, padded := uint64(0), uint64(0)
	runs, _ = mergeWithin(runs, 0)
	for i := range runs {
		filled += runs[i].end - runs[i].start
	}
	for gap := uint64(leastGap); ; gap *= 2 {
		var more uint64
		runs, more = mergeWithin(runs, gap)
		padded += more
		if padded > filled*maxPadding+freePadding {
			return nil, false
		}
		if len(runs) <= maxRuns {
			return runs, true
		}
	}
}

// mergeWithin merges runs, which are in order, that are at most gap bytes apart. It says how many bytes
// were between those.
func mergeWithin(runs []dataRun, gap uint64) (merged []dataRun, between uint64) {
	merged = runs[:1]
	for _, run := range runs[1:] {
		last := &merged[len(merged)-1]
		if run.start > last.end+gap {
			merged = append(merged, run)
			continue
		}
		if run.start > last.end {
			between += run.start - last.end
		}
		last.end = max(last.end, run.end)
	}
	return merged, between
}

// fillRuns writes the active segments to the runs in their order: of two that overlap the later counts.
func fillRuns(runs []dataRun, data []wasm.Data) {
	for i := range runs {
		runs[i].bytes = make([]byte, runs[i].end-runs[i].start)
	}
	for i := range data {
		d := &data[i]
		if d.Mode != wasm.SegmentActive || len(d.Bytes) == 0 {
			continue
		}
		start := uint64(uint32(d.Offset.Const))
		at, found := slices.BinarySearchFunc(runs, start, func(r dataRun, start uint64) int { return cmp.Compare(r.start, start) })
		if !found {
			at-- // the run that begins before it
		}
		copy(runs[at].bytes[start-runs[at].start:], d.Bytes)
	}
}

// appendInit appends the instructions that write a run.
func appendInit(code []byte, index uint32, run *dataRun) []byte {
	for _, operand := range []uint64{run.start, 0, run.end - run.start} {
		in := wasm.Instr{Op: wasm.OpI32Const, Const: uint64(int64(int32(uint32(operand))))}
		code = in.Append(code)
	}
	in := wasm.Instr{Op: wasm.OpMemoryInit, A: index}
	return in.Append(code)
}
