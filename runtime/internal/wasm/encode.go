package wasm

// Encode writes the module in canonical form: every number in its shortest encoding, no empty section,
// custom sections last.
func (m *Module) Encode() []byte {
	e := encoder{out: append(make([]byte, 0, m.sizeHint()), header...)}
	e.counted(sectionType, len(m.Types), func(i int) { e.funcType(&m.Types[i]) })
	e.counted(sectionImport, len(m.Imports), func(i int) { e.importEntry(&m.Imports[i]) })
	e.counted(sectionFunction, len(m.Functions), func(i int) { e.u32(m.Functions[i]) })
	e.counted(sectionTable, len(m.Tables), func(i int) { e.table(m.Tables[i]) })
	e.counted(sectionMemory, len(m.Memories), func(i int) { e.limits(m.Memories[i]) })
	e.counted(sectionGlobal, len(m.Globals), func(i int) { e.global(&m.Globals[i]) })
	e.counted(sectionExport, len(m.Exports), func(i int) { e.export(&m.Exports[i]) })
	if m.Start != nil {
		e.section(sectionStart, func() { e.u32(*m.Start) })
	}
	e.counted(sectionElement, len(m.Elements), func(i int) { e.element(&m.Elements[i]) })
	if m.DataCount != nil {
		e.section(sectionDataCount, func() { e.u32(*m.DataCount) })
	}
	e.counted(sectionCode, len(m.Code), func(i int) { e.body(&m.Code[i]) })
	e.counted(sectionData, len(m.Data), func(i int) { e.data(&m.Data[i]) })
	for i := range m.Customs {
		e.section(sectionCustom, func() {
			e.out = append(appendName(e.out, m.Customs[i].Name), m.Customs[i].Bytes...)
		})
	}
	return e.out
}

func (m *Module) sizeHint() int {
	n := 4096
	for i := range m.Code {
		n += len(m.Code[i].Code) + 16
	}
	for i := range m.Data {
		n += len(m.Data[i].Bytes) + 16
	}
	return n
}

type encoder struct{ out []byte }

func (e *encoder) byte(b byte) { e.out = append(e.out, b) }

func (e *encoder) u32(v uint32) { e.out = AppendUint(e.out, uint64(v)) }

func (e *encoder) name(s string) { e.out = appendName(e.out, s) }

// sized writes what content writes behind its length, moving it once when the length is known.
func (e *encoder) sized(content func()) {
	start := len(e.out)
	content()
	n := len(e.out) - start
	shift := uintLen(uint64(n))
	e.out = append(e.out, make([]byte, shift)...)
	copy(e.out[start+shift:], e.out[start:start+n])
	AppendUint(e.out[:start], uint64(n))
}

func (e *encoder) section(id byte, content func()) {
	e.byte(id)
	e.sized(content)
}

func (e *encoder) counted(id byte, n int, item func(i int)) {
	if n == 0 {
		return
	}
	e.section(id, func() {
		e.u32(uint32(n))
		for i := range n {
			item(i)
		}
	})
}

func (e *encoder) valueTypes(types []ValueType) {
	e.u32(uint32(len(types)))
	for _, t := range types {
		e.byte(byte(t))
	}
}

func (e *encoder) funcType(t *FuncType) {
	e.byte(0x60)
	e.valueTypes(t.Params)
	e.valueTypes(t.Results)
}

func (e *encoder) importEntry(i *Import) {
	e.name(i.Module)
	e.name(i.Name)
	e.byte(byte(i.Kind))
	switch i.Kind {
	case ExternFunc:
		e.u32(i.Func)
	case ExternTable:
		e.table(i.Table)
	case ExternMemory:
		e.limits(i.Memory)
	case ExternGlobal:
		e.globalType(i.Global)
	}
}

func (e *encoder) table(t Table) {
	e.byte(byte(t.Type))
	e.limits(t.Limits)
}

func (e *encoder) limits(l Limits) {
	if !l.HasMax {
		e.byte(0)
		e.u32(l.Min)
		return
	}
	e.byte(1)
	e.u32(l.Min)
	e.u32(l.Max)
}

func (e *encoder) globalType(g GlobalType) {
	e.byte(byte(g.Type))
	if g.Mutable {
		e.byte(1)
	} else {
		e.byte(0)
	}
}

func (e *encoder) global(g *Global) {
	e.globalType(g.GlobalType)
	e.constExpr(&g.Init)
}

func (e *encoder) constExpr(c *ConstExpr) {
	e.out = append(c.Append(e.out), byte(OpEnd))
}

func (e *encoder) export(x *Export) {
	e.name(x.Name)
	e.byte(byte(x.Kind))
	e.u32(x.Index)
}

// element writes an element segment in the form that says it all: with an explicit table and type if
// the short form, which means table 0 and functions, would not do.
func (e *encoder) element(s *Element) {
	flags := uint32(0)
	if s.Exprs != nil {
		flags |= 4
	}
	switch {
	case s.Mode == SegmentPassive:
		flags |= 1
	case s.Mode == SegmentDeclarative:
		flags |= 3
	case s.Table != 0 || s.Type != FuncRef:
		flags |= 2
	}
	e.u32(flags)
	if s.Mode == SegmentActive {
		if flags&2 != 0 {
			e.u32(s.Table)
		}
		e.constExpr(&s.Offset)
	}
	if flags&3 != 0 {
		if flags&4 != 0 {
			e.byte(byte(s.Type))
		} else {
			e.byte(0)
		}
	}
	e.u32(uint32(s.Len()))
	for i := range s.Exprs {
		e.constExpr(&s.Exprs[i])
	}
	for _, f := range s.Funcs {
		e.u32(f)
	}
}

func (e *encoder) body(b *Body) {
	e.sized(func() {
		e.u32(uint32(len(b.Locals)))
		for _, run := range b.Locals {
			e.u32(run.Count)
			e.byte(byte(run.Type))
		}
		e.out = append(e.out, b.Code...)
	})
}

func (e *encoder) data(d *Data) {
	if d.Mode == SegmentPassive {
		e.byte(1)
	} else {
		e.byte(0)
		e.constExpr(&d.Offset)
	}
	e.u32(uint32(len(d.Bytes)))
	e.out = append(e.out, d.Bytes...)
}
