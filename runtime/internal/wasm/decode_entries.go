package wasm

// Entries of the sections (core specification 2.0 sections 5.5.5 to 5.5.14).

func (d *decoder) importEntry() Import {
	i := Import{Module: d.r.name(d.m.bounds.NameLength), Name: d.r.name(d.m.bounds.NameLength)}
	i.Kind = d.externKind()
	switch i.Kind {
	case ExternFunc:
		i.Func = d.typeIndex()
	case ExternTable:
		i.Table = d.table()
	case ExternMemory:
		i.Memory = d.memory()
	case ExternGlobal:
		i.Global = d.globalType()
	}
	return i
}

func (d *decoder) externKind() ExternKind {
	at := d.r.offset()
	k := ExternKind(d.r.byte())
	switch {
	case k <= ExternGlobal:
		return k
	case k == 4:
		d.r.fail(&FeatureError{Feature: FeatureExceptions, Offset: at})
	default:
		d.r.fail(&FormatError{Offset: at, What: "unknown kind of import or export"})
	}
	return ExternFunc
}

func (d *decoder) export() Export {
	e := Export{Name: d.r.name(d.m.bounds.NameLength), Kind: d.externKind()}
	e.Index = d.index(e.Kind.String(), d.spaces.externs[e.Kind])
	return e
}

// element reads an element segment in one of its eight forms: bit 0 of the flags is set for passive
// and declarative segments, bit 1 for an explicit table or for a declarative segment, bit 2 for
// expressions in place of function indices (section 5.5.12).
func (d *decoder) element() Element {
	at := d.r.offset()
	flags := d.r.u32()
	if flags > 7 {
		d.r.fail(&FormatError{Offset: at, What: "unknown kind of element segment"})
		return Element{}
	}
	e := Element{Type: FuncRef}
	switch {
	case flags&1 == 0:
		if flags&2 != 0 {
			e.Table = d.r.u32()
		}
		d.check("table", e.Table, d.spaces.externs[ExternTable], at)
		e.Offset = d.constExpr()
	case flags&2 != 0:
		e.Mode = SegmentDeclarative
	default:
		e.Mode = SegmentPassive
	}
	if flags&3 != 0 {
		e.Type = d.elementType(flags&4 != 0)
	}
	if flags&4 != 0 {
		e.Exprs = vector(d, "element entries", d.m.bounds.ElemItems, (*decoder).constExpr)
	} else {
		e.Funcs = vector(d, "element entries", d.m.bounds.ElemItems, (*decoder).funcIndex)
	}
	return e
}

// elementType reads a reference type, or the element kind 0 that stands for functions.
func (d *decoder) elementType(exprs bool) ValueType {
	if exprs {
		return d.r.refType()
	}
	at := d.r.offset()
	if d.r.byte() != 0 {
		d.r.fail(&FormatError{Offset: at, What: "unknown element kind"})
	}
	return FuncRef
}

func (d *decoder) funcIndex() uint32 { return d.index("function", d.spaces.externs[ExternFunc]) }

// body reads a function's locals and takes its code as it is.
func (d *decoder) body() Body {
	at := d.r.offset()
	size := d.r.u32()
	if size > d.m.bounds.BodyBytes {
		d.r.fail(&BoundError{What: "bytes in a function body", Got: uint64(size), Max: uint64(d.m.bounds.BodyBytes), Offset: at})
		return Body{}
	}
	content := d.r.bytes(size)
	if d.r.err != nil {
		return Body{}
	}
	outer := d.r
	d.r = reader{b: content, base: outer.offset() - len(content)}
	b := Body{Size: len(content)}
	b.Locals = vector(d, "runs of locals", d.m.bounds.BodyBytes, (*decoder).localRun)
	b.Offset = d.r.offset()
	b.Code = d.r.bytes(uint32(d.r.left()))
	d.checkLocals(b.Locals)
	outer.err = d.r.err
	d.r = outer
	return b
}

func (d *decoder) localRun() LocalRun {
	return LocalRun{Count: d.r.u32(), Type: d.r.valueType()}
}

func (d *decoder) checkLocals(runs []LocalRun) {
	total := uint64(0)
	for _, run := range runs {
		total += uint64(run.Count)
	}
	if most := uint64(d.m.bounds.Locals); total > most {
		d.r.fail(&BoundError{What: "locals in a function", Got: total, Max: most, Offset: d.r.offset()})
	}
}

func (d *decoder) data() Data {
	at := d.r.offset()
	flags := d.r.u32()
	var s Data
	switch flags {
	case 0:
	case 1:
		s.Mode = SegmentPassive
	case 2:
		if d.r.u32() != 0 {
			d.r.fail(&FeatureError{Feature: FeatureMultiMemory, Offset: at})
		}
	default:
		d.r.fail(&FormatError{Offset: at, What: "unknown kind of data segment"})
	}
	if s.Mode == SegmentActive {
		d.check("memory", 0, d.spaces.externs[ExternMemory], at)
		s.Offset = d.constExpr()
	}
	s.Bytes = d.r.bytes(d.r.u32())
	return s
}
