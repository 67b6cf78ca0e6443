package runtime

import (
	"bytes"
	"os"
	goruntime "runtime"

	"github.com/namelet/namelet/hostabi"
)

// picture is the state of an initialised instance: everything that namelet_answer can see. It does not
// change, and any number of instances are copied from it.
type picture struct {
	memory  *frozenMemory
	globals []uint64
	wasi    wasiState
	buffers hostabi.Buffers
}

// frozenMemory is the memory of a picture. Where the system can map it, it lies in a file without a
// name: instances then share its pages until they write to them, and going back to it is to drop what
// was written. Elsewhere it is copied. One that has a base holds only the pages in which it differs.
type frozenMemory struct {
	size  int
	file  *os.File // nil where bytes hold it, or the base and delta do
	copy  []byte
	base  *frozenMemory
	delta delta
}

// sparsePage is what a page of the system holds, or a part of one.
const sparsePage = 4096

// freeze keeps a memory: as what differs from another picture of the module, where that is less than half
// of it, else alone. The bytes that this takes count as pictures of the engine until it is not used any more.
func (m *Module) freeze(memory []byte) *frozenMemory {
	base := m.base(len(memory))
	if base != nil {
		if delta, ok := m.engine.differences(base, memory); ok {
			return m.engine.count(&frozenMemory{size: len(memory), base: base, delta: delta}, delta.bytes())
		}
	}
	f := &frozenMemory{size: len(memory)}
	held := len(memory)
	var err error
	if f.file, err = anonymousFile(memory); err == nil {
		held = filled(memory) * sparsePage
	} else {
		f.copy = append([]byte(nil), memory...)
	}
	if base == nil {
		m.setBase(f)
	}
	return m.engine.count(f, held)
}

// count has the bytes of a picture counted for as long as it is used.
func (e *Engine) count(f *frozenMemory, held int) *frozenMemory {
	pictures := &e.pictures
	pictures.Add(int64(held))
	goruntime.AddCleanup(f, func(held int64) { pictures.Add(-held) }, int64(held))
	return f
}

// filled counts the pages of a memory that are not all zeros.
func filled(memory []byte) (n int) {
	var zeros [sparsePage]byte
	for at := 0; at < len(memory); at += sparsePage {
		if !bytes.Equal(memory[at:at+sparsePage], zeros[:]) {
			n++
		}
	}
	return n
}

// readInto copies the memory. A file of our own that cannot be read leaves no state to go on from.
func (f *frozenMemory) readInto(memory []byte) error {
	switch {
	case f.base != nil:
		if err := f.base.readInto(memory); err != nil {
			return err
		}
		return f.delta.apply(memory)
	case f.file == nil:
		copy(memory, f.copy)
		return nil
	}
	_, err := f.file.ReadAt(memory[:f.size], 0)
	return err
}

// adopt puts the frozen memory in the place of m's bytes, which have its size.
func (m *linearMemory) adopt(f *frozenMemory) error {
	if f.base != nil {
		if err := m.adopt(f.base); err != nil {
			return err
		}
		return f.delta.apply(m.bytes)
	}
	if f.file != nil && f.size > 0 && mapOver(m.bytes, f.file) == nil {
		m.mapped = true
		return nil
	}
	return f.readInto(m.bytes)
}

// empty gives back all that m's bytes take, which are zeros then, and lets go of a picture that they showed: one that is
// mapped stays in memory when nobody uses it any more. The error is that of systems that cannot do so.
func (m *linearMemory) empty() error {
	m.mapped = false
	return mapZeros(m.bytes)
}

// restore undoes what was written to m since it adopted f. It still has f's size.
func (m *linearMemory) restore(f *frozenMemory) error {
	if !m.mapped || forgetWrites(m.bytes) != nil {
		return f.readInto(m.bytes)
	}
	return f.delta.apply(m.bytes)
}

// picture takes the guest's state.
func (g *guest) picture(m *Module) *picture {
	p := &picture{memory: m.freeze(g.mem.bytes), wasi: g.call.wasi, buffers: g.buffers}
	for _, global := range g.globals {
		p.globals = append(p.globals, global.Get())
	}
	return p
}

// adopt makes the state of a new guest that of the picture. Their memories have one size.
func (g *guest) adopt(p *picture) error {
	g.setRest(p)
	return g.mem.adopt(p.memory)
}

// restore makes the state of a guest that adopted the picture that of the picture again.
func (g *guest) restore(p *picture) error {
	g.setRest(p)
	return g.mem.restore(p.memory)
}

// setRest sets all state but memory.
func (g *guest) setRest(p *picture) {
	for i, global := range g.globals {
		global.Set(p.globals[i])
	}
	g.call.wasi, g.buffers = p.wasi, p.buffers
}
