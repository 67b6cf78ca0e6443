package meter

import (
	"slices"

	"github.com/namelet/namelet/runtime/internal/wasm"
)

// statements writes a few statements.
func (g *generator) statements(depth int) {
	for range g.pick(4) {
		g.statement(depth)
	}
}

// statement writes code that leaves nothing. What follows a jump is written all the same: code that
// is never reached must survive the rewriting too.
func (g *generator) statement(depth int) {
	g.budget--
	if depth <= 0 || g.budget <= 0 {
		g.op(wasm.OpNop)
		return
	}
	depth--
	switch g.pick(20) {
	case 0:
		g.op(wasm.OpNop)
	case 1, 2, 3:
		t := append(numbers, v28)[g.pick(5)]
		g.expr(t, depth)
		if i, ok := g.localOf(t); ok {
			g.emit(wasm.Instr{Op: wasm.OpLocalSet, A: i})
		} else {
			g.op(wasm.OpDrop)
		}
	case 4, 5:
		t := append(numbers, v28)[g.pick(5)]
		g.expr(t, depth)
		g.emit(wasm.Instr{Op: wasm.OpGlobalSet, A: g.global(t)})
	case 6, 7:
		g.store(depth)
	case 8:
		g.inBlock(wasm.OpBlock, wasm.BlockType{}, nil, func() { g.statements(depth) })
	case 9, 10:
		g.turns(depth)
	case 11, 12:
		g.when(depth)
	case 13:
		g.branch(depth)
	case 14, 15:
		g.branchIf(depth)
	case 16:
		g.branchTable(depth)
	case 17:
		index := uint32(g.pick(len(g.types)))
		g.exprs(g.types[index].Params, depth)
		g.call(index, depth)
		g.drop(len(g.types[index].Results))
	case 18:
		g.bulk(depth)
	case 19:
		g.leave(depth)
	}
}

// turns writes a loop that goes on while a condition holds.
func (g *generator) turns(depth int) {
	g.inBlock(wasm.OpLoop, wasm.BlockType{}, nil, func() {
		g.statements(depth)
		g.expr(i32, depth)
		g.emit(wasm.Instr{Op: wasm.OpBrIf, A: 0})
	})
}

func (g *generator) when(depth int) {
	g.expr(i32, depth)
	g.inBlock(wasm.OpIf, wasm.BlockType{}, nil, func() {
		g.statements(depth)
		if g.chance(50) {
			g.op(wasm.OpElse)
			g.statements(depth)
		}
	})
}

// label picks a label and gives what a branch to it takes.
func (g *generator) label() (uint32, []wasm.ValueType) {
	index := g.pick(len(g.labels))
	return uint32(index), g.labels[len(g.labels)-1-index]
}

func (g *generator) branch(depth int) {
	label, types := g.label()
	g.exprs(types, depth)
	g.emit(wasm.Instr{Op: wasm.OpBr, A: label})
}

func (g *generator) branchIf(depth int) {
	label, types := g.label()
	g.exprs(types, depth)
	g.expr(i32, depth)
	g.emit(wasm.Instr{Op: wasm.OpBrIf, A: label})
	g.drop(len(types))
}

// branchTable writes a br_table over labels that all take the same.
func (g *generator) branchTable(depth int) {
	_, types := g.label()
	var same []uint32
	for i := range g.labels {
		if slices.Equal(g.labels[len(g.labels)-1-i], types) {
			same = append(same, uint32(i))
		}
	}
	in := wasm.Instr{Op: wasm.OpBrTable}
	for range 1 + g.pick(5) {
		in.Labels = append(in.Labels, same[g.pick(len(same))])
	}
	g.exprs(types, depth)
	g.small(depth)
	g.emit(in)
}

func (g *generator) leave(depth int) {
	switch g.pick(8) {
	case 0:
		g.op(wasm.OpNop)
	case 1:
		g.op(wasm.OpUnreachable)
	default:
		g.exprs(g.expect, depth)
		g.op(wasm.OpReturn)
	}
}

// bulk writes the instructions about memory, tables and segments that give no value.
func (g *generator) bulk(depth int) {
	table := uint32(g.pick(len(g.m.Tables)))
	switch g.pick(9) {
	case 0:
		g.address(depth)
		g.expr(i32, depth)
		g.address(depth)
		g.op(wasm.OpMemoryFill)
	case 1:
		g.address(depth)
		g.address(depth)
		g.address(depth)
		g.op(wasm.OpMemoryCopy)
	case 2:
		g.address(depth)
		g.small(depth)
		g.small(depth)
		g.emit(wasm.Instr{Op: wasm.OpMemoryInit, A: uint32(g.pick(2))})
	case 3:
		g.emit(wasm.Instr{Op: wasm.OpDataDrop, A: uint32(g.pick(2))})
	case 4:
		g.small(depth)
		g.funcRef()
		g.emit(wasm.Instr{Op: wasm.OpTableSet, A: table})
	case 5:
		g.small(depth)
		g.funcRef()
		g.small(depth)
		g.emit(wasm.Instr{Op: wasm.OpTableFill, A: table})
	case 6:
		g.small(depth)
		g.small(depth)
		g.small(depth)
		g.emit(wasm.Instr{Op: wasm.OpTableCopy, A: table, B: 0})
	case 7:
		g.small(depth)
		g.small(depth)
		g.small(depth)
		g.emit(wasm.Instr{Op: wasm.OpTableInit, A: uint32(g.pick(2)), B: table})
	case 8:
		g.emit(wasm.Instr{Op: wasm.OpElemDrop, A: uint32(g.pick(2))})
	}
}
