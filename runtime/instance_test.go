package runtime

import (
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/namelet/namelet/hostabi"
	"github.com/namelet/namelet/rr"
)

func TestAnswer(t *testing.T) {
	for _, interpreter := range []bool{false, true} {
		e := newEngine(t, Config{Interpreter: interpreter})
		i := newInstance(t, prepare(t, compile(t, e, wat(t, "testdata/fixed.wat")), GenerationConfig{}))
		var got Answer
		if err := i.Answer(question("www.example.org", rr.TypeA), 1000, newHost(), &got); err != nil {
			t.Fatal(err)
		}
		want := []rr.Set{{Name: rr.MustParseName("www.example.org"), Type: rr.TypeA, TTL: 60, Data: []rr.Rdata{"\xc0\x00\x02\x01"}}}
		if got.Disposition != hostabi.DispositionAnswer {
			t.Errorf("disposition %v, want answer", got.Disposition)
		}
		if diff := cmp.Diff(want, got.Sets, cmp.Comparer(rr.Set.Equal)); diff != "" {
			t.Errorf("sets, want -, got +:\n%s", diff)
		}
		if got.Fuel == 0 || got.Fuel > 100 || got.Fuel != i.FuelUsed() {
			t.Errorf("fuel %d, instance says %d; want the same, some, and at most 100", got.Fuel, i.FuelUsed())
		}
	}
}
