package resolve

import (
	"slices"
	"testing"
	"time"
)

// still is a holder that gives nothing back.
type still struct{ tenancy tenant }

func (s *still) tenant() *tenant { return &s.tenancy }
func (s *still) idle() bool      { return true }
func (s *still) evict() int64    { return 0 }

// Instances that were asked once go first, code goes last, and not at all while something else is due before it.
func TestDue(t *testing.T) {
	m := &memory{most: 1, pictures: func() int64 { return 0 }}
	add := func(asked, stays time.Duration) *still {
		s := &still{}
		s.tenancy.asked.Store(int64(time.Minute + asked))
		s.tenancy.stays.Store(int64(stays))
		s.tenancy.bytes.Store(1)
		m.join(s)
		return s
	}
	due := func(every bool) (all []holder) {
		if !m.look(every) {
			t.Fatal("nothing is due")
		}
		for _, v := range slices.Backward(m.victims) {
			all = append(all, v.holder)
		}
		return all
	}
	want := func(what string, got []holder, want ...*still) {
		t.Helper()
		same := len(got) == len(want)
		for i := range want {
			same = same && got[i] == holder(want[i])
		}
		if !same {
			t.Errorf("%s: %d are due, or not in order, want %d", what, len(got), len(want))
		}
	}
	old := add(-20*time.Second, 0)
	once := add(0, -onceGoes)
	young := add(-time.Second, 0)
	code := add(-15*time.Second, codeStays) // before young
	newer := add(0, codeStays)
	want("others first", due(false), once, old)
	want("all", due(true), once, old, code, young, newer)
	m.leave(once)
	m.leave(old)
	want("code that is due before others", due(false), code)
	m.leave(young)
	want("code alone", due(false), code, newer)
}
