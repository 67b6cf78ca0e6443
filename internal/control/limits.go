package control

import (
	"strconv"

	"github.com/namelet/namelet/store"
)

// Allow bounds the limits that an attachment may be given. A zero field bounds
// nothing.
func (s *Service) Allow(most store.Limits) { s.most = most }

// checkLimits refuses limits beyond what the server allows. It names the first, the
// most that is allowed, and the setting that says so.
func (s *Service) checkLimits(l store.Limits) error {
	for _, limit := range []struct {
		name        string
		value, most uint64
		setting     string
	}{
		{"fuel", l.Fuel, s.most.Fuel, "FUEL"},
		{"fuel-per-second", l.FuelPerSecond, s.most.FuelPerSecond, "FUEL_PER_SECOND"},
		{"init-fuel", l.InitFuel, s.most.InitFuel, "INIT_FUEL"},
		{"memory", uint64(l.MemoryPages), uint64(s.most.MemoryPages), "PAGES"},
		{"lookups", uint64(l.Lookups), uint64(s.most.Lookups), "LOOKUPS"},
		{"answer-bytes", uint64(l.AnswerBytes), uint64(s.most.AnswerBytes), "ANSWER_BYTES"},
		{"concurrency", uint64(l.Concurrency), uint64(s.most.Concurrency), "CONCURRENCY"},
	} {
		if limit.most > 0 && limit.value > limit.most {
			return invalid(limit.name + " " + strconv.FormatUint(limit.value, 10) + ": this server allows at most " +
				strconv.FormatUint(limit.most, 10) + " (RESPONDER_GUEST_MAX_" + limit.setting + ")")
		}
	}
	return nil
}
