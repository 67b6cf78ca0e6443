package replica

import (
	"github.com/namelet/namelet/runtime"
	"github.com/namelet/namelet/store"
)

// Limits words the limits of an attachment for the runtime, which lowers them to
// what the engine allows.
func Limits(l store.Limits) runtime.Limits {
	return runtime.Limits{
		Fuel:        l.Fuel,
		InitFuel:    l.InitFuel,
		MemoryPages: l.MemoryPages,
		Lookups:     int(l.Lookups),
		AnswerBytes: int(l.AnswerBytes),
	}
}

// lowered is a limit that is 0 for none, below one that is 0 for none.
func lowered[N uint32 | uint64](limit, most N) N {
	if most > 0 && (limit == 0 || limit > most) {
		return most
	}
	return limit
}
