package meter

import (
	"bytes"
	"testing"

	"github.com/tetratelabs/wazero"

	"github.com/namelet/namelet/runtime/internal/wasm"
)

// FuzzRewrite takes any bytes for a module. What the rewriter accepts, the engine accepts after the
// rewriting exactly if it did before: nothing is made invalid, and nothing invalid is made valid.
func FuzzRewrite(f *testing.F) {
	for i := range 40 {
		f.Add(generateModule(stretch([]byte{1, byte(i)})))
	}
	l := newLab(wazero.NewRuntimeConfigInterpreter())
	f.Cleanup(l.close)
	f.Fuzz(func(t *testing.T, module []byte) {
		l.renew()
		out, err := Rewrite(module, DefaultOptions())
		if err != nil {
			return
		}
		m, err := wasm.Decode(module, wasm.DefaultBounds())
		if err != nil {
			t.Fatalf("rewritten, but not decoded: %v", err)
		}
		m.Customs = nil // the engine refuses some custom sections, which are dropped
		before, after := l.compiles(m.Encode()), l.compiles(out)
		if (before == nil) != (after == nil) {
			t.Fatalf("the original: %v; metered: %v", before, after)
		}
		again, err := Rewrite(module, DefaultOptions())
		if err != nil || !bytes.Equal(out, again) {
			t.Fatalf("rewritten again the module differs, error %v", err)
		}
	})
}

func (l *lab) compiles(module []byte) error {
	compiled, err := l.rt.CompileModule(l.ctx, module)
	if err == nil {
		compiled.Close(l.ctx)
	}
	return err
}
