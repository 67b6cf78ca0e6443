package wasm

import "encoding/binary"

// Instr is one instruction. Which fields are meaningful is said by the immediate of its opcode.
type Instr struct {
	Op     Opcode
	Offset int       // byte offset in the module
	Block  BlockType // ImmBlock
	// A is the first index: the label, function, type of call_indirect, local, global, table,
	// segment, or the alignment's exponent.
	A      uint32
	B      uint32   // the second index, or the offset of a memory access
	Const  uint64   // ImmI32 and ImmI64, sign-extended; the bits of ImmF32 and ImmF64
	Labels []uint32 // ImmLabels, the default last; valid until the next instruction is read
	Type   ValueType
	Lane   byte
	Bytes  [16]byte
}

// BlockType is the type of a block: none, one result, or a function type (section 5.4.1).
type BlockType struct {
	Kind  BlockKind
	Value ValueType // BlockValue
	Index uint32    // BlockFunc
}

// BlockKind says which form a block type has.
type BlockKind byte

// The forms of a block type.
const (
	BlockEmpty BlockKind = iota
	BlockValue           // no parameters, one result
	BlockFunc            // a function type
)

// opcode reads an opcode and refuses what is unknown or not allowed.
func (r *reader) opcode() (Opcode, Info) {
	at := r.offset()
	c := r.byte()
	if r.err != nil {
		return 0, Info{}
	}
	if c == prefixMisc || c == prefixVector {
		return r.prefixed(c, at)
	}
	info := plainTable[c]
	if info.Class != ClassNone {
		return Opcode(c), info
	}
	if f, ok := plainFeatures[c]; ok {
		r.fail(&FeatureError{Feature: f, Offset: at})
	} else {
		r.fail(&OpcodeError{Opcode: uint32(c), Offset: at})
	}
	return 0, Info{}
}

func (r *reader) prefixed(prefix byte, at int) (Opcode, Info) {
	n := r.u32()
	if r.err != nil {
		return 0, Info{}
	}
	if n <= 0xff {
		op := Opcode(prefix)<<8 | Opcode(n)
		if info := op.Info(); info.Class != ClassNone {
			return op, info
		}
	}
	switch {
	case prefix == prefixVector && n >= 0x100 && n <= 0x113:
		r.fail(&FeatureError{Feature: FeatureRelaxedSIMD, Offset: at})
	case prefix == prefixMisc && n >= 19 && n <= 22:
		r.fail(&FeatureError{Feature: FeatureWideArithmetic, Offset: at})
	default:
		r.fail(&OpcodeError{Opcode: n, Prefix: prefix, Offset: at})
	}
	return 0, Info{}
}

// instr reads one instruction into in, whose Labels are reused.
func (r *reader) instr(in *Instr) Info {
	in.Offset = r.offset()
	op, info := r.opcode()
	in.Op = op
	switch info.Imm {
	case ImmNone:
	case ImmBlock:
		in.Block = r.blockType()
	case ImmLabel, ImmFunc, ImmLocal, ImmGlobal, ImmTable, ImmElem, ImmData:
		in.A = r.u32()
	case ImmLabels:
		in.Labels = r.labels(in.Labels[:0])
	case ImmIndirect, ImmElemTable, ImmTableTable:
		in.A, in.B = r.u32(), r.u32()
	case ImmSelect:
		if r.u32() != 1 {
			r.malformed("select with other than one type")
		}
		in.Type = r.valueType()
	case ImmMemArg:
		in.A, in.B = r.memArg()
	case ImmMemArgLane:
		in.A, in.B = r.memArg()
		in.Lane = r.byte()
	case ImmLane:
		in.Lane = r.byte()
	case ImmMemory:
		r.zeroMemory()
	case ImmMemoryMemory:
		r.zeroMemory()
		r.zeroMemory()
	case ImmDataMemory:
		in.A = r.u32()
		r.zeroMemory()
	case ImmI32:
		in.Const = uint64(r.signed(32))
	case ImmI64:
		in.Const = uint64(r.signed(64))
	case ImmF32:
		if b := r.bytes(4); b != nil {
			in.Const = uint64(binary.LittleEndian.Uint32(b))
		}
	case ImmF64:
		if b := r.bytes(8); b != nil {
			in.Const = binary.LittleEndian.Uint64(b)
		}
	case ImmRefType:
		in.Type = r.refType()
	case ImmBytes16:
		copy(in.Bytes[:], r.bytes(16))
	}
	return info
}

func (r *reader) labels(dst []uint32) []uint32 {
	n := r.u32()
	if uint64(n) > uint64(r.left()) {
		r.malformed("count of labels beyond the end")
		return dst
	}
	for range uint64(n) + 1 {
		dst = append(dst, r.u32())
	}
	return dst
}

// memArg reads alignment and offset. Bit 6 of the alignment announces a memory index.
func (r *reader) memArg() (align, offset uint32) {
	at := r.offset()
	align = r.u32()
	if align&^0x3f == 0x40 {
		r.fail(&FeatureError{Feature: FeatureMultiMemory, Offset: at})
	} else if align > 4 {
		r.fail(&FormatError{Offset: at, What: "alignment beyond 16 bytes"})
	}
	return align, r.u32()
}

func (r *reader) zeroMemory() {
	at := r.offset()
	if r.byte() != 0 {
		r.fail(&FeatureError{Feature: FeatureMultiMemory, Offset: at})
	}
}

// blockType reads a block type: a value type's byte, 0x40, or a type index as a positive signed
// number of 33 bits.
func (r *reader) blockType() BlockType {
	if r.left() == 0 {
		r.malformed("unexpected end")
		return BlockType{}
	}
	c := r.b[r.pos]
	if c == 0x40 {
		r.pos++
		return BlockType{}
	}
	if c&0xc0 == 0x40 { // one byte, negative: a value type
		return BlockType{Kind: BlockValue, Value: r.valueType()}
	}
	at := r.offset()
	n := r.signed(33)
	if n < 0 {
		r.fail(&FormatError{Offset: at, What: "negative type index"})
	}
	return BlockType{Kind: BlockFunc, Index: uint32(n)}
}

// Append appends the instruction in its shortest encoding.
func (in *Instr) Append(dst []byte) []byte {
	if in.Op > 0xff {
		dst = AppendUint(append(dst, byte(in.Op>>8)), uint64(in.Op&0xff))
	} else {
		dst = append(dst, byte(in.Op))
	}
	u := func(v uint32) { dst = AppendUint(dst, uint64(v)) }
	switch in.Op.Info().Imm {
	case ImmNone:
	case ImmBlock:
		dst = in.Block.Append(dst)
	case ImmLabel, ImmFunc, ImmLocal, ImmGlobal, ImmTable, ImmElem, ImmData:
		u(in.A)
	case ImmLabels:
		u(uint32(len(in.Labels) - 1))
		for _, l := range in.Labels {
			u(l)
		}
	case ImmIndirect, ImmElemTable, ImmTableTable, ImmMemArg:
		u(in.A)
		u(in.B)
	case ImmMemArgLane:
		u(in.A)
		u(in.B)
		dst = append(dst, in.Lane)
	case ImmSelect:
		dst = append(dst, 1, byte(in.Type))
	case ImmLane:
		dst = append(dst, in.Lane)
	case ImmMemory:
		dst = append(dst, 0)
	case ImmMemoryMemory:
		dst = append(dst, 0, 0)
	case ImmDataMemory:
		u(in.A)
		dst = append(dst, 0)
	case ImmI32, ImmI64:
		dst = AppendInt(dst, int64(in.Const))
	case ImmF32:
		dst = binary.LittleEndian.AppendUint32(dst, uint32(in.Const))
	case ImmF64:
		dst = binary.LittleEndian.AppendUint64(dst, in.Const)
	case ImmRefType:
		dst = append(dst, byte(in.Type))
	case ImmBytes16:
		dst = append(dst, in.Bytes[:]...)
	}
	return dst
}

// Append appends the block type in its shortest encoding.
func (b BlockType) Append(dst []byte) []byte {
	switch b.Kind {
	case BlockValue:
		return append(dst, byte(b.Value))
	case BlockFunc:
		return AppendInt(dst, int64(b.Index))
	}
	return append(dst, 0x40)
}
