package meter

// Frames of the native stack are weighed in slots of about 8 bytes. The compiler gives each value that
// lives across a call a slot of its own, so a frame can grow with the number of instructions, not only
// with locals and operands.
const (
	frameBase       = 12  // return address, saved registers, arguments of the callee
	instrsPerSlot   = 2   // an instruction gives at most one value; not all need a slot
	freeLeaf        = 256 // a function that calls nothing and needs no more is not counted
	vectorSlotScale = 2
)

// frame gives the weight of the function's frame. It is at most about a million, far from what an i32
// holds, because locals, results and instructions are bounded.
func (f *function) frame() uint32 {
	slots := frameBase + f.locals + uint32(len(f.typ.Results)) + f.instrs/instrsPerSlot
	if f.vector {
		slots *= vectorSlotScale
	}
	return slots
}

// framed says whether the frame is counted. Then the body is put in a block, so that all ways out of
// it lead past the place where the frame is given back.
func (f *function) framed() bool { return f.calls || f.frame() > freeLeaf }
