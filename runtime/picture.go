package runtime

import (
	"os"

	"github.com/namelet/namelet/hostabi"
)

// picture is the state of an initialised instance: everything that namelet_answer can see. It does not
// change, and any number of instances are copied from it.
type picture struct {
	memory  frozenMemory
	globals []uint64
	wasi    wasiState
	buffers hostabi.Buffers
}

// frozenMemory is the memory of a picture. Where the system can map it, it lies in a file without a
// name: instances then share its pages until they write to them, and going back to it is to drop what
// was written. Elsewhere it is copied.
type frozenMemory struct {
	size int
	file *os.File // nil where bytes hold it
	copy []byte
}

func freeze(memory []byte) frozenMemory {
	if file, err := anonymousFile(memory); err == nil {
		return frozenMemory{size: len(memory), file: file}
	}
	return frozenMemory{size: len(memory), copy: append([]byte(nil), memory...)}
}

// readInto copies the memory. A file of our own that cannot be read leaves no state to go on from.
func (f *frozenMemory) readInto(memory []byte) error {
	if f.file == nil {
		copy(memory, f.copy)
		return nil
	}
	_, err := f.file.ReadAt(memory[:f.size], 0)
	return err
}

// adopt puts the frozen memory in the place of m's bytes, which have its size.
func (m *linearMemory) adopt(f *frozenMemory) error {
	if f.file != nil && f.size > 0 && mapOver(m.bytes, f.file) == nil {
		m.mapped = true
		return nil
	}
	return f.readInto(m.bytes)
}

// restore undoes what was written to m since it adopted f. It still has f's size.
func (m *linearMemory) restore(f *frozenMemory) error {
	if m.mapped && forgetWrites(m.bytes) == nil {
		return nil
	}
	return f.readInto(m.bytes)
}

// picture takes the guest's state.
func (g *guest) picture() *picture {
	p := &picture{memory: freeze(g.mem.bytes), wasi: g.call.wasi, buffers: g.buffers}
	for _, global := range g.globals {
		p.globals = append(p.globals, global.Get())
	}
	return p
}

// adopt makes the state of a new guest that of the picture. Their memories have one size.
func (g *guest) adopt(p *picture) error {
	g.setRest(p)
	return g.mem.adopt(&p.memory)
}

// restore makes the state of a guest that adopted the picture that of the picture again.
func (g *guest) restore(p *picture) error {
	g.setRest(p)
	return g.mem.restore(&p.memory)
}

// setRest sets all state but memory.
func (g *guest) setRest(p *picture) {
	for i, global := range g.globals {
		global.Set(p.globals[i])
	}
	g.call.wasi, g.buffers = p.wasi, p.buffers
}
