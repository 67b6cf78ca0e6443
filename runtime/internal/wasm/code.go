package wasm

// CodeReader walks the instructions of one function and checks what they name: locals, globals,
// functions, types, tables, segments and labels exist; blocks nest and close; the last end is the last
// byte. It does not check operand types.
type CodeReader struct {
	r      reader
	m      *Module
	counts counts
	open   []Opcode // block, loop, if or else of each open block; the function's own frame is not listed
	locals uint32
	done   bool
}

// counts are the sizes of the index spaces that code can name.
type counts struct {
	types, funcs, tables, globals, elems, data, memories uint32
}

// NewCodeReader makes a reader for the functions of m. Reset points it at one.
func NewCodeReader(m *Module) *CodeReader {
	c := &CodeReader{m: m}
	c.counts = counts{
		types: uint32(len(m.Types)), funcs: m.NumFuncs(), tables: m.NumTables(), globals: m.NumGlobals(),
		elems: uint32(len(m.Elements)), memories: m.NumMemories(),
	}
	if m.DataCount != nil { // without the count no code may name a segment (section 5.5.16)
		c.counts.data = *m.DataCount
	}
	return c
}

// Reset points the reader at the function that m.Functions[i] declares.
func (c *CodeReader) Reset(i int) {
	body := &c.m.Code[i]
	c.r = reader{b: body.Code, base: body.Offset}
	c.open = c.open[:0]
	c.done = false
	c.locals = uint32(len(c.m.Types[c.m.Functions[i]].Params))
	for _, run := range body.Locals {
		c.locals += run.Count
	}
}

// NumLocals counts the locals of the function, parameters included.
func (c *CodeReader) NumLocals() uint32 { return c.locals }

// Depth gives the number of blocks that are open after the last instruction, the function's own
// frame left out. It is the label of that frame.
func (c *CodeReader) Depth() uint32 { return uint32(len(c.open)) }

// Done says whether the last instruction was the end of the function.
func (c *CodeReader) Done() bool { return c.done }

// Err gives the first error, of a type that [Decode] gives too.
func (c *CodeReader) Err() error { return c.r.err }

// Next reads the next instruction into in. It returns false after the end of the function, and on an
// error, which Err gives.
func (c *CodeReader) Next(in *Instr) (Info, bool) {
	if c.done || c.r.err != nil {
		return Info{}, false
	}
	info := c.r.instr(in)
	if c.r.err == nil {
		c.checkIndices(in, info.Imm)
		c.checkStructure(in)
	}
	return info, c.r.err == nil
}

func (c *CodeReader) checkIndices(in *Instr, imm Immediate) {
	n := &c.counts
	switch imm {
	case ImmBlock:
		if in.Block.Kind == BlockFunc {
			c.check("type", in.Block.Index, n.types, in)
		}
	case ImmLabel:
		c.check("label", in.A, c.Depth()+1, in)
	case ImmLabels:
		for _, label := range in.Labels {
			c.check("label", label, c.Depth()+1, in)
		}
	case ImmFunc:
		c.check("function", in.A, n.funcs, in)
	case ImmIndirect:
		c.check("type", in.A, n.types, in)
		c.check("table", in.B, n.tables, in)
	case ImmLocal:
		c.check("local", in.A, c.locals, in)
	case ImmGlobal:
		c.check("global", in.A, n.globals, in)
	case ImmTable:
		c.check("table", in.A, n.tables, in)
	case ImmElemTable:
		c.check("element segment", in.A, n.elems, in)
		c.check("table", in.B, n.tables, in)
	case ImmElem:
		c.check("element segment", in.A, n.elems, in)
	case ImmTableTable:
		c.check("table", in.A, n.tables, in)
		c.check("table", in.B, n.tables, in)
	case ImmDataMemory:
		c.check("data segment", in.A, n.data, in)
		c.check("memory", 0, n.memories, in)
	case ImmData:
		c.check("data segment", in.A, n.data, in)
	case ImmMemArg, ImmMemArgLane, ImmMemory, ImmMemoryMemory:
		c.check("memory", 0, n.memories, in)
	}
}

func (c *CodeReader) check(space string, index, count uint32, in *Instr) {
	if index >= count {
		c.r.fail(&IndexError{Space: space, Index: index, Count: count, Offset: in.Offset})
	}
}

func (c *CodeReader) checkStructure(in *Instr) {
	switch in.Op {
	case OpBlock, OpLoop, OpIf:
		if most := c.m.bounds.Nesting; c.Depth() >= most {
			c.r.fail(&BoundError{What: "nested blocks", Got: uint64(c.Depth()) + 1, Max: uint64(most), Offset: in.Offset})
			return
		}
		c.open = append(c.open, in.Op)
	case OpElse:
		if len(c.open) == 0 || c.open[len(c.open)-1] != OpIf {
			c.r.fail(&FormatError{Offset: in.Offset, What: "else outside of if"})
			return
		}
		c.open[len(c.open)-1] = OpElse
	case OpEnd:
		if len(c.open) > 0 {
			c.open = c.open[:len(c.open)-1]
			return
		}
		if c.r.left() > 0 {
			c.r.malformed("code after the end of the function")
			return
		}
		c.done = true
	}
}
