package runtime

import (
	"context"
	"slices"
	"sync"
)

// A guest whose instance was closed can be that of another generation of the module: it adopts another picture, which is all
// the state there is. To make one anew takes the engine ten times as long for a module that has a table
// of thousands of functions, as every one in Go has. So the last few are kept, without their memory.

// vacantMost is how many bytes all of an engine may take.
const vacantMost = 8 << 20

// vacancies are the guests of an engine that no instance has, those that were left last at the end.
type vacancies struct {
	mu     sync.Mutex
	guests []vacancy
	bytes  int64
}

type vacancy struct {
	guest *guest
	of    *Module
}

// vacate has the guest of an instance, whose last call did not fail and whose memory has not grown, be another's, or ends
// it. The caller uses the module's code.
func (m *Module) vacate(ctx context.Context, g *guest) error {
	m.code.mu.Lock()
	defer m.code.mu.Unlock()
	if m.code.closed || !m.engine.vacancies.put(ctx, vacancy{g, m}) {
		return g.module.Close(ctx)
	}
	return nil
}

// put keeps a guest, and reports whether it does: not where its memory cannot be given back. The oldest have to go for it.
func (v *vacancies) put(ctx context.Context, one vacancy) bool {
	if one.of.beside > vacantMost || one.guest.strip() != nil {
		return false
	}
	v.mu.Lock()
	defer v.mu.Unlock()
	v.guests = append(v.guests, one)
	v.bytes += one.of.beside
	for v.bytes > vacantMost {
		v.end(ctx, 0)
	}
	return true
}

// strip takes from a guest what the last who had it left with it: its memory, the picture that this showed, the sets that it
// looked up, and native stacks that may have grown to megabytes.
func (g *guest) strip() error {
	g.answer, g.idle = nil, nil
	g.call.begin(nil, discard{})
	return g.mem.empty()
}

// take gives a guest of the module that has so much space for memory, and no more memory than size; nil where there
// is none. Its memory holds zeros, and it is not bound.
func (v *vacancies) take(m *Module, space uint64, size int) *guest {
	v.mu.Lock()
	defer v.mu.Unlock()
	for at, one := range slices.Backward(v.guests) {
		if g := one.guest; one.of == m && g.mem.limit == space && len(g.mem.bytes) <= size {
			v.remove(at)
			return g
		}
	}
	return nil
}

// drop ends those of a module, whose code is to go.
func (v *vacancies) drop(ctx context.Context, m *Module) {
	v.mu.Lock()
	defer v.mu.Unlock()
	for at := len(v.guests) - 1; at >= 0; at-- {
		if v.guests[at].of == m {
			v.end(ctx, at)
		}
	}
}

func (v *vacancies) end(ctx context.Context, at int) {
	_ = v.guests[at].guest.module.Close(ctx) // nothing of it is used again
	v.remove(at)
}

func (v *vacancies) remove(at int) {
	v.bytes -= v.guests[at].of.beside
	v.guests = slices.Delete(v.guests, at, at+1)
}
