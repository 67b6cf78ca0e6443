package wasm

// Opcode is an instruction's opcode: the byte itself, or the prefix byte in the upper half and the
// number after it in the lower.
type Opcode uint16

// Prefix bytes (core specification 2.0 section 5.4.6 to 5.4.8).
const (
	prefixMisc   = 0xfc
	prefixVector = 0xfd
)

// The opcodes that are named somewhere in code. The rest are known by the table alone.
const (
	OpUnreachable  Opcode = 0x00
	OpNop          Opcode = 0x01
	OpBlock        Opcode = 0x02
	OpLoop         Opcode = 0x03
	OpIf           Opcode = 0x04
	OpElse         Opcode = 0x05
	OpEnd          Opcode = 0x0b
	OpBr           Opcode = 0x0c
	OpBrIf         Opcode = 0x0d
	OpBrTable      Opcode = 0x0e
	OpReturn       Opcode = 0x0f
	OpCall         Opcode = 0x10
	OpCallIndirect Opcode = 0x11
	OpDrop         Opcode = 0x1a
	OpSelect       Opcode = 0x1b
	OpLocalGet     Opcode = 0x20
	OpLocalSet     Opcode = 0x21
	OpLocalTee     Opcode = 0x22
	OpGlobalGet    Opcode = 0x23
	OpGlobalSet    Opcode = 0x24
	OpTableGet     Opcode = 0x25
	OpTableSet     Opcode = 0x26
	OpMemorySize   Opcode = 0x3f
	OpMemoryGrow   Opcode = 0x40
	OpI32Const     Opcode = 0x41
	OpI64Const     Opcode = 0x42
	OpF32Const     Opcode = 0x43
	OpF64Const     Opcode = 0x44
	OpI32Eqz       Opcode = 0x45
	OpI32LtS       Opcode = 0x48
	OpI64LtS       Opcode = 0x53
	OpI32Add       Opcode = 0x6a
	OpI32Sub       Opcode = 0x6b
	OpI64Add       Opcode = 0x7c
	OpI64Sub       Opcode = 0x7d
	OpI64Mul       Opcode = 0x7e
	OpI64Or        Opcode = 0x84
	OpI64ShrU      Opcode = 0x88
	OpI64ExtendS   Opcode = 0xac // i64.extend_i32_s
	OpI64ExtendU   Opcode = 0xad // i64.extend_i32_u
	OpRefNull      Opcode = 0xd0
	OpRefIsNull    Opcode = 0xd1
	OpRefFunc      Opcode = 0xd2
	OpMemoryInit   Opcode = 0xfc08
	OpDataDrop     Opcode = 0xfc09
	OpMemoryCopy   Opcode = 0xfc0a
	OpMemoryFill   Opcode = 0xfc0b
	OpTableInit    Opcode = 0xfc0c
	OpElemDrop     Opcode = 0xfc0d
	OpTableCopy    Opcode = 0xfc0e
	OpTableGrow    Opcode = 0xfc0f
	OpTableSize    Opcode = 0xfc10
	OpTableFill    Opcode = 0xfc11
	OpV128Const    Opcode = 0xfd0c
)

// Immediate says what follows an opcode.
type Immediate byte

// The immediates (section 5.4).
const (
	ImmNone         Immediate = iota
	ImmBlock                  // a block type
	ImmLabel                  // a label
	ImmLabels                 // labels and a default label
	ImmFunc                   // a function
	ImmIndirect               // a type, a table
	ImmSelect                 // one value type in a vector
	ImmLocal                  // a local
	ImmGlobal                 // a global
	ImmTable                  // a table
	ImmMemArg                 // alignment, offset
	ImmMemory                 // a zero byte
	ImmI32                    // a signed number
	ImmI64                    // a signed number
	ImmF32                    // four bytes
	ImmF64                    // eight bytes
	ImmRefType                // a reference type
	ImmElemTable              // an element segment, a table
	ImmElem                   // an element segment
	ImmTableTable             // two tables
	ImmDataMemory             // a data segment, a zero byte
	ImmData                   // a data segment
	ImmMemoryMemory           // two zero bytes
	ImmBytes16                // sixteen bytes: a constant or the lanes of a shuffle
	ImmLane                   // a lane
	ImmMemArgLane             // alignment, offset, a lane
)

// Class groups instructions that cost alike. What a class costs is decided by who counts; see package
// meter.
type Class byte

// The classes. The zero class marks an opcode that does not exist.
const (
	ClassNone         Class = iota
	ClassFree               // structure without machine code of its own: block, end, nop
	ClassSimple             // one or two machine instructions on registers
	ClassBranch             // a jump that may be mispredicted
	ClassBrTable            // a jump through a table
	ClassCall               // a call of a known function
	ClassCallIndirect       // a call through a table
	ClassGlobal             // a global read or written
	ClassLoad               // memory read
	ClassStore              // memory written
	ClassMul                // integer multiplication and bit counting
	ClassDiv                // integer division and remainder
	ClassFloat              // addition, multiplication and comparison of floats
	ClassFloatRound         // rounding, minimum, maximum
	ClassFloatDiv           // division of floats
	ClassSqrt               // square root
	ClassConvert            // conversion between integers and floats
	ClassTable              // a table entry read or written
	ClassBulk               // an instruction whose work depends on an operand
	ClassVector             // a vector instruction
	ClassVectorSlow         // a vector instruction of several machine instructions
	ClassVectorDiv          // division and square root of vectors
)

// Info describes an opcode.
type Info struct {
	Imm   Immediate
	Class Class // ClassNone: the opcode does not exist
}

// span gives one description to the opcodes first..last.
type span struct {
	first, last byte
	info        Info
}

// Plain opcodes, section 5.4.1 to 5.4.6.
var plainSpans = []span{
	{0x00, 0x01, Info{ImmNone, ClassFree}},             // unreachable nop
	{0x02, 0x03, Info{ImmBlock, ClassFree}},            // block loop
	{0x04, 0x04, Info{ImmBlock, ClassBranch}},          // if
	{0x05, 0x05, Info{ImmNone, ClassSimple}},           // else
	{0x0b, 0x0b, Info{ImmNone, ClassFree}},             // end
	{0x0c, 0x0c, Info{ImmLabel, ClassSimple}},          // br
	{0x0d, 0x0d, Info{ImmLabel, ClassBranch}},          // br_if
	{0x0e, 0x0e, Info{ImmLabels, ClassBrTable}},        // br_table
	{0x0f, 0x0f, Info{ImmNone, ClassSimple}},           // return
	{0x10, 0x10, Info{ImmFunc, ClassCall}},             // call
	{0x11, 0x11, Info{ImmIndirect, ClassCallIndirect}}, // call_indirect
	{0x1a, 0x1a, Info{ImmNone, ClassFree}},             // drop
	{0x1b, 0x1b, Info{ImmNone, ClassSimple}},           // select
	{0x1c, 0x1c, Info{ImmSelect, ClassSimple}},         // select t
	{0x20, 0x22, Info{ImmLocal, ClassSimple}},          // local.get local.set local.tee
	{0x23, 0x24, Info{ImmGlobal, ClassGlobal}},         // global.get global.set
	{0x25, 0x26, Info{ImmTable, ClassTable}},           // table.get table.set
	{0x28, 0x35, Info{ImmMemArg, ClassLoad}},           // i32.load ... i64.load32_u
	{0x36, 0x3e, Info{ImmMemArg, ClassStore}},          // i32.store ... i64.store32
	{0x3f, 0x3f, Info{ImmMemory, ClassGlobal}},         // memory.size
	{0x40, 0x40, Info{ImmMemory, ClassBulk}},           // memory.grow
	{0x41, 0x41, Info{ImmI32, ClassSimple}},            // i32.const
	{0x42, 0x42, Info{ImmI64, ClassSimple}},            // i64.const
	{0x43, 0x43, Info{ImmF32, ClassSimple}},            // f32.const
	{0x44, 0x44, Info{ImmF64, ClassSimple}},            // f64.const
	{0x45, 0x5a, Info{ImmNone, ClassSimple}},           // integer comparisons
	{0x5b, 0x66, Info{ImmNone, ClassFloat}},            // float comparisons
	{0x67, 0x69, Info{ImmNone, ClassMul}},              // i32.clz i32.ctz i32.popcnt
	{0x6a, 0x6b, Info{ImmNone, ClassSimple}},           // i32.add i32.sub
	{0x6c, 0x6c, Info{ImmNone, ClassMul}},              // i32.mul
	{0x6d, 0x70, Info{ImmNone, ClassDiv}},              // i32.div_s ... i32.rem_u
	{0x71, 0x78, Info{ImmNone, ClassSimple}},           // i32.and ... i32.rotr
	{0x79, 0x7b, Info{ImmNone, ClassMul}},              // i64.clz i64.ctz i64.popcnt
	{0x7c, 0x7d, Info{ImmNone, ClassSimple}},           // i64.add i64.sub
	{0x7e, 0x7e, Info{ImmNone, ClassMul}},              // i64.mul
	{0x7f, 0x82, Info{ImmNone, ClassDiv}},              // i64.div_s ... i64.rem_u
	{0x83, 0x8a, Info{ImmNone, ClassSimple}},           // i64.and ... i64.rotr
	{0x8b, 0x8c, Info{ImmNone, ClassFloat}},            // f32.abs f32.neg
	{0x8d, 0x90, Info{ImmNone, ClassFloatRound}},       // f32.ceil ... f32.nearest
	{0x91, 0x91, Info{ImmNone, ClassSqrt}},             // f32.sqrt
	{0x92, 0x94, Info{ImmNone, ClassFloat}},            // f32.add f32.sub f32.mul
	{0x95, 0x95, Info{ImmNone, ClassFloatDiv}},         // f32.div
	{0x96, 0x97, Info{ImmNone, ClassFloatRound}},       // f32.min f32.max
	{0x98, 0x9a, Info{ImmNone, ClassFloat}},            // f32.copysign f64.abs f64.neg
	{0x9b, 0x9e, Info{ImmNone, ClassFloatRound}},       // f64.ceil ... f64.nearest
	{0x9f, 0x9f, Info{ImmNone, ClassSqrt}},             // f64.sqrt
	{0xa0, 0xa2, Info{ImmNone, ClassFloat}},            // f64.add f64.sub f64.mul
	{0xa3, 0xa3, Info{ImmNone, ClassFloatDiv}},         // f64.div
	{0xa4, 0xa5, Info{ImmNone, ClassFloatRound}},       // f64.min f64.max
	{0xa6, 0xa6, Info{ImmNone, ClassFloat}},            // f64.copysign
	{0xa7, 0xa7, Info{ImmNone, ClassSimple}},           // i32.wrap_i64
	{0xa8, 0xab, Info{ImmNone, ClassConvert}},          // i32.trunc_f32_s ... i32.trunc_f64_u
	{0xac, 0xad, Info{ImmNone, ClassSimple}},           // i64.extend_i32_s i64.extend_i32_u
	{0xae, 0xbb, Info{ImmNone, ClassConvert}},          // i64.trunc_f32_s ... f64.promote_f32
	{0xbc, 0xbf, Info{ImmNone, ClassSimple}},           // reinterpretations
	{0xc0, 0xc4, Info{ImmNone, ClassSimple}},           // sign extensions
	{0xd0, 0xd0, Info{ImmRefType, ClassSimple}},        // ref.null
	{0xd1, 0xd1, Info{ImmNone, ClassSimple}},           // ref.is_null
	{0xd2, 0xd2, Info{ImmFunc, ClassTable}},            // ref.func
}

// Opcodes after the prefix 0xfc, section 5.4.4 to 5.4.6.
var miscSpans = []span{
	{0, 7, Info{ImmNone, ClassConvert}},        // saturating truncations
	{8, 8, Info{ImmDataMemory, ClassBulk}},     // memory.init
	{9, 9, Info{ImmData, ClassTable}},          // data.drop
	{10, 10, Info{ImmMemoryMemory, ClassBulk}}, // memory.copy
	{11, 11, Info{ImmMemory, ClassBulk}},       // memory.fill
	{12, 12, Info{ImmElemTable, ClassBulk}},    // table.init
	{13, 13, Info{ImmElem, ClassTable}},        // elem.drop
	{14, 14, Info{ImmTableTable, ClassBulk}},   // table.copy
	{15, 15, Info{ImmTable, ClassBulk}},        // table.grow
	{16, 16, Info{ImmTable, ClassTable}},       // table.size
	{17, 17, Info{ImmTable, ClassBulk}},        // table.fill
}

// Opcodes after the prefix 0xfd, section 5.4.8. The numbers left out are not assigned.
var vectorSpans = []span{
	{0, 10, Info{ImmMemArg, ClassLoad}},         // v128.load ... v128.load64_splat
	{11, 11, Info{ImmMemArg, ClassStore}},       // v128.store
	{12, 12, Info{ImmBytes16, ClassVector}},     // v128.const
	{13, 13, Info{ImmBytes16, ClassVectorSlow}}, // i8x16.shuffle
	{14, 14, Info{ImmNone, ClassVectorSlow}},    // i8x16.swizzle
	{15, 20, Info{ImmNone, ClassVector}},        // splats
	{21, 34, Info{ImmLane, ClassVector}},        // lanes extracted and replaced
	{35, 76, Info{ImmNone, ClassVectorSlow}},    // comparisons
	{77, 81, Info{ImmNone, ClassVector}},        // v128.not ... v128.xor
	{82, 83, Info{ImmNone, ClassVectorSlow}},    // v128.bitselect v128.any_true
	{84, 87, Info{ImmMemArgLane, ClassLoad}},    // v128.load8_lane ...
	{88, 91, Info{ImmMemArgLane, ClassStore}},   // v128.store8_lane ...
	{92, 93, Info{ImmMemArg, ClassLoad}},        // v128.load32_zero v128.load64_zero
	{94, 153, Info{ImmNone, ClassVectorSlow}},   // conversions, i8x16, i16x8
	{155, 161, Info{ImmNone, ClassVectorSlow}},  // i16x8, i32x4
	{163, 164, Info{ImmNone, ClassVectorSlow}},  // i32x4.all_true i32x4.bitmask
	{167, 174, Info{ImmNone, ClassVectorSlow}},  // i32x4 extensions, shifts, add
	{177, 177, Info{ImmNone, ClassVectorSlow}},  // i32x4.sub
	{181, 186, Info{ImmNone, ClassVectorSlow}},  // i32x4.mul ... dot
	{188, 193, Info{ImmNone, ClassVectorSlow}},  // i32x4 extended multiplications, i64x2.abs, neg
	{195, 196, Info{ImmNone, ClassVectorSlow}},  // i64x2.all_true i64x2.bitmask
	{199, 206, Info{ImmNone, ClassVectorSlow}},  // i64x2 extensions, shifts, add
	{209, 209, Info{ImmNone, ClassVectorSlow}},  // i64x2.sub
	{213, 225, Info{ImmNone, ClassVectorSlow}},  // i64x2.mul ... f32x4.neg
	{227, 227, Info{ImmNone, ClassVectorDiv}},   // f32x4.sqrt
	{228, 230, Info{ImmNone, ClassVectorSlow}},  // f32x4.add sub mul
	{231, 231, Info{ImmNone, ClassVectorDiv}},   // f32x4.div
	{232, 237, Info{ImmNone, ClassVectorSlow}},  // f32x4.min ... f64x2.neg
	{239, 239, Info{ImmNone, ClassVectorDiv}},   // f64x2.sqrt
	{240, 242, Info{ImmNone, ClassVectorSlow}},  // f64x2.add sub mul
	{243, 243, Info{ImmNone, ClassVectorDiv}},   // f64x2.div
	{244, 255, Info{ImmNone, ClassVectorSlow}},  // f64x2.min ... conversions
}

// Opcodes of features that guests may not use, to be refused by name.
var plainFeatures = map[byte]Feature{
	0x06: FeatureExceptions, 0x07: FeatureExceptions, 0x08: FeatureExceptions, 0x09: FeatureExceptions,
	0x0a: FeatureExceptions, 0x18: FeatureExceptions, 0x19: FeatureExceptions, 0x1f: FeatureExceptions,
	0x12: FeatureTailCall, 0x13: FeatureTailCall, 0x15: FeatureTailCall,
	0x14: FeatureFunctionReferences, 0xd4: FeatureFunctionReferences, 0xd5: FeatureFunctionReferences,
	0xd6: FeatureFunctionReferences, 0xd3: FeatureGC, 0xfb: FeatureGC, 0xfe: FeatureThreads,
}

var (
	plainTable  = expand(plainSpans)
	miscTable   = expand(miscSpans)
	vectorTable = expand(vectorSpans)
)

func expand(spans []span) *[256]Info {
	table := new([256]Info)
	for _, s := range spans {
		for op := int(s.first); op <= int(s.last); op++ {
			table[op] = s.info
		}
	}
	return table
}

// Info looks the opcode up. The class is ClassNone if it does not exist.
func (op Opcode) Info() Info {
	switch op >> 8 {
	case 0:
		return plainTable[op]
	case prefixMisc:
		return miscTable[op&0xff]
	case prefixVector:
		return vectorTable[op&0xff]
	}
	return Info{}
}

// IsVector says whether the opcode is one of the vector instructions.
func (op Opcode) IsVector() bool { return op>>8 == prefixVector }
