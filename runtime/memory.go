package runtime

import (
	"context"

	"github.com/tetratelabs/wazero/experimental"
)

// pageSize is the unit of a guest's memory, in bytes.
const pageSize = 65536

// linearMemory is the memory of one instance. The engine takes it through the allocator hook, so
// that the host has the bytes at hand without a lookup, and so that an attachment's page limit binds
// below the engine's own: growth beyond it fails as memory.grow fails.
//
// Address space for the limit is reserved at once, and pages come into being when they are touched: so
// growing copies nothing, and an instance costs what it uses.
type linearMemory struct {
	space   []byte // all that is reserved
	bytes   []byte // what the guest has
	limit   uint64 // bytes
	refused bool   // growth was refused since the flag was last cleared
	mapped  bool   // bytes are a private view of a picture's file
}

// Allocate reserves the space. Where the system refuses it, the guest has no memory, and its
// instantiation fails.
func (m *linearMemory) Allocate(_, _ uint64) experimental.LinearMemory {
	if m.limit > 0 {
		m.space = reserve(int(m.limit))
	}
	return m
}

// Reallocate grows the memory to size bytes; nil says that it may not. Bytes that it adds are zero: a
// memory never shrinks, so nothing was there before.
func (m *linearMemory) Reallocate(size uint64) []byte {
	if size > uint64(len(m.space)) {
		m.refused = true
		return nil
	}
	m.bytes = m.space[:size:size]
	return m.bytes
}

// Free gives the space back. No view of it may be in use.
func (m *linearMemory) Free() {
	space := m.space
	m.space, m.bytes, m.mapped = nil, nil, false
	release(space)
}

// with gives a context under which an instantiation takes its memory from m.
func (m *linearMemory) with(ctx context.Context) context.Context {
	return experimental.WithMemoryAllocator(ctx, m)
}
