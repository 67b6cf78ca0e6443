package wasm

// Types of values, functions, tables, memories and globals (core specification 2.0 section 5.3).

func (r *reader) valueType() ValueType {
	at := r.offset()
	switch t := ValueType(r.byte()); t {
	case I32, I64, F32, F64, V128, FuncRef, ExternRef:
		return t
	case 0x63, 0x64:
		r.fail(&FeatureError{Feature: FeatureFunctionReferences, Offset: at})
	case 0x69, 0x74:
		r.fail(&FeatureError{Feature: FeatureExceptions, Offset: at})
	case 0x65, 0x66, 0x67, 0x68, 0x6a, 0x6b, 0x6c, 0x6d, 0x6e, 0x71, 0x72, 0x73:
		r.fail(&FeatureError{Feature: FeatureGC, Offset: at})
	default:
		r.fail(&FormatError{Offset: at, What: "unknown value type"})
	}
	return I32
}

func (r *reader) refType() ValueType {
	at := r.offset()
	t := r.valueType()
	if r.err == nil && !t.IsReference() {
		r.fail(&FormatError{Offset: at, What: "not a reference type"})
	}
	return t
}

func (d *decoder) valueType() ValueType { return d.r.valueType() }

func (d *decoder) funcType() FuncType {
	at := d.r.offset()
	switch form := d.r.byte(); {
	case d.r.err != nil:
	case form == 0x4e || form == 0x4f || form == 0x50 || form == 0x5e || form == 0x5f:
		d.r.fail(&FeatureError{Feature: FeatureGC, Offset: at})
	case form != 0x60:
		d.r.fail(&FormatError{Offset: at, What: "not a function type"})
	}
	return FuncType{
		Params:  vector(d, "parameters", d.m.bounds.Params, (*decoder).valueType),
		Results: vector(d, "results", d.m.bounds.Results, (*decoder).valueType),
	}
}

func (d *decoder) limits() Limits {
	at := d.r.offset()
	flag := d.r.byte()
	switch {
	case flag > 0x0f:
		d.r.fail(&FormatError{Offset: at, What: "unknown kind of limits"})
	case flag&2 != 0:
		d.r.fail(&FeatureError{Feature: FeatureThreads, Offset: at})
	case flag&4 != 0:
		d.r.fail(&FeatureError{Feature: FeatureMemory64, Offset: at})
	case flag&8 != 0:
		d.r.fail(&FeatureError{Feature: FeatureCustomPageSizes, Offset: at})
	}
	l := Limits{Min: d.r.u32(), HasMax: flag&1 != 0}
	if l.HasMax {
		l.Max = d.r.u32()
		if d.r.err == nil && l.Max < l.Min {
			d.r.fail(&FormatError{Offset: at, What: "maximum below minimum"})
		}
	}
	return l
}

func (d *decoder) table() Table {
	if d.r.left() > 0 && d.r.b[d.r.pos] == 0x40 {
		d.r.fail(&FeatureError{Feature: FeatureFunctionReferences, Offset: d.r.offset()})
	}
	return Table{Type: d.r.refType(), Limits: d.limits()}
}

func (d *decoder) memory() Limits {
	at := d.r.offset()
	l := d.limits()
	if l.Min > 1<<16 || (l.HasMax && l.Max > 1<<16) {
		d.r.fail(&FormatError{Offset: at, What: "memory beyond 4 GiB"})
	}
	return l
}

func (d *decoder) globalType() GlobalType {
	g := GlobalType{Type: d.r.valueType()}
	at := d.r.offset()
	switch d.r.byte() {
	case 0:
	case 1:
		g.Mutable = true
	default:
		d.r.fail(&FormatError{Offset: at, What: "unknown mutability"})
	}
	return g
}

func (d *decoder) global() Global {
	return Global{GlobalType: d.globalType(), Init: d.constExpr()}
}

// constExpr reads a constant expression: one constant instruction and end.
func (d *decoder) constExpr() ConstExpr {
	var e ConstExpr
	at := d.r.offset()
	d.r.instr(&e.Instr)
	if d.r.err != nil {
		return e
	}
	switch e.Op {
	case OpI32Const, OpI64Const, OpF32Const, OpF64Const, OpV128Const, OpRefNull:
	case OpRefFunc:
		d.check("function", e.A, d.spaces.externs[ExternFunc], at)
	case OpGlobalGet:
		d.check("imported global", e.A, d.spaces.importedGlobals, at)
	default:
		d.r.fail(&FormatError{Offset: at, What: "not a constant expression"})
	}
	d.endOfExpr()
	return e
}

func (d *decoder) endOfExpr() {
	at := d.r.offset()
	switch op := Opcode(d.r.byte()); {
	case d.r.err != nil || op == OpEnd:
	case op == OpI32Const || op == OpI64Const || op == OpGlobalGet:
		d.r.fail(&FeatureError{Feature: FeatureExtendedConst, Offset: at})
	default:
		d.r.fail(&FormatError{Offset: at, What: "constant expression of more than one instruction"})
	}
}

func (d *decoder) check(space string, index, count uint32, at int) {
	if index >= count {
		d.r.fail(&IndexError{Space: space, Index: index, Count: count, Offset: at})
	}
}
