package wasm

// NameSection is the name of the custom section that names things (core specification 2.0 section 7.4.1).
const NameSection = "name"

// Subsections of the name section.
const (
	subsectionModule    = 0
	subsectionFunctions = 1
)

// Names are the names of the module and of its functions. The names of locals and the like are not
// kept.
type Names struct {
	Module    string
	Functions []FuncName // ascending by Index
}

// FuncName names a function.
type FuncName struct {
	Index uint32
	Name  string
}

// Names reads the name section. It is false if there is none or if it is malformed, which does not
// make the module invalid.
func (m *Module) Names() (Names, bool) {
	for i := range m.Customs {
		if m.Customs[i].Name == NameSection {
			return decodeNames(m.Customs[i].Bytes, m.NumFuncs())
		}
	}
	return Names{}, false
}

func decodeNames(b []byte, funcs uint32) (Names, bool) {
	var names Names
	r := reader{b: b}
	last := -1
	for r.left() > 0 {
		id := r.byte()
		sub := reader{b: r.bytes(r.u32())}
		if r.err != nil || int(id) <= last {
			return Names{}, false
		}
		last = int(id)
		switch id {
		case subsectionModule:
			names.Module = sub.name(uint32(sub.left()))
		case subsectionFunctions:
			names.Functions = sub.funcNames(funcs)
		default:
			continue
		}
		if sub.err != nil || sub.left() > 0 {
			return Names{}, false
		}
	}
	return names, true
}

func (r *reader) funcNames(funcs uint32) []FuncName {
	n := r.count("function names", funcs)
	out := make([]FuncName, 0, n)
	for range n {
		f := FuncName{Index: r.u32(), Name: r.name(uint32(r.left()))}
		if f.Index >= funcs || (len(out) > 0 && f.Index <= out[len(out)-1].Index) {
			r.malformed("function names out of order")
		}
		if r.err != nil {
			return nil
		}
		out = append(out, f)
	}
	return out
}

// Custom gives the names as a custom section.
func (n Names) Custom() Custom {
	var e encoder
	if n.Module != "" {
		e.section(subsectionModule, func() { e.name(n.Module) })
	}
	e.counted(subsectionFunctions, len(n.Functions), func(i int) {
		e.u32(n.Functions[i].Index)
		e.name(n.Functions[i].Name)
	})
	return Custom{Name: NameSection, Bytes: e.out}
}
