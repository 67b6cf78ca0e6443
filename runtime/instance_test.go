package runtime

import (
	"errors"
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

// overrunner has parts too small to test their fuel: on a small budget it comes to its end beyond it.
const overrunner = `(module
	(memory (export "memory") 1)
	(data (i32.const 16) "\00\10\00\00\00\04\00\00\00\20\00\00\00\04\00\00")
	(data (i32.const 0x2000) "\10\00\00\00\02\00\00\00\00\00\00\00\00\00\00\00")
	(func (export "namelet_abi_1"))
	(func (export "namelet_buffers") (result i32) (i32.const 16))
	(func (export "namelet_answer") (param i32) (result i32)
		(if (local.get 0) (then
			(i32.store (i32.const 64) (i32.load (i32.const 68)))
			(i32.store (i32.const 72) (i32.load (i32.const 76)))))
		(i32.const 16)))`

// What a call burns beyond its budget is charged, whether it comes to its end or not.
func TestOverrunIsCharged(t *testing.T) {
	i := newInstance(t, prepare(t, compile(t, newEngine(t, Config{}), watText(t, overrunner)), GenerationConfig{}))
	var got Answer
	if err := i.Answer(question("www.example.org", rr.TypeA), 1000, newHost(), &got); err != nil {
		t.Fatal(err)
	}
	used, ended, stopped := got.Fuel, 0, 0
	for budget := range used {
		err := i.Answer(question("www.example.org", rr.TypeA), budget, newHost(), &got)
		var fault *Fault
		switch {
		case err == nil && got.Fuel == used:
			ended++
		case errors.As(err, &fault) && fault.Kind == FaultFuel && got.Fuel > budget && got.Fuel == fault.Fuel:
			stopped++
		default:
			t.Errorf("on a budget of %d: %d units, error %v; want %d units, or more than the budget and a fault", budget, got.Fuel, err, used)
		}
	}
	if ended == 0 || stopped == 0 {
		t.Errorf("of %d budgets too small, %d were enough and %d were not; want some of both", used, ended, stopped)
	}
}
