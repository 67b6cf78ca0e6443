package sdktest

import (
	"testing"

	"github.com/namelet/namelet/hostabi"
	"github.com/namelet/namelet/rr"
	"github.com/namelet/namelet/runtime"
)

// TestIdle shows that a Go guest that allocates a lot, and is given time between queries, goes on within
// the memory and the fuel of a query: no collection falls into one.
func TestIdle(t *testing.T) {
	generation, err := prepare(t, BuildGo(t, "testdata/greedy"), Setup{})
	if err != nil {
		t.Fatal(err)
	}
	i, err := generation.NewInstance(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	defer closeInstance(t, i)
	name := rr.MustParseName("www.example").Wire()
	q := hostabi.Question{QName: []byte(name), QType: rr.TypeTXT, ZoneOff: 4, AttachOff: 4}
	var a runtime.Answer
	var query, idle uint64
	before := i.MemoryBytes()
	for n := range 2000 { // 32 MiB in all, twice the memory there is
		if err := i.Answer(&q, runtime.DefaultFuel, &flatHost{}, &a); err != nil {
			t.Fatalf("query %d: %v", n, err)
		}
		query = max(query, a.Fuel)
		if n%50 == 49 {
			if err := i.Idle(hostabi.IdleQuiet, idleFuel, sink{t}); err != nil {
				t.Fatalf("idle after query %d: %v", n, err)
			}
			idle = max(idle, i.FuelUsed())
		}
	}
	t.Logf("memory %d KiB, then %d KiB; at most %d units a query and %d idling", before>>10, i.MemoryBytes()>>10, query, idle)
	if i.MemoryBytes() > before+4<<20 {
		t.Errorf("memory grew from %d to %d bytes", before, i.MemoryBytes())
	}
}
