package ordered

import (
	"fmt"
	"math/rand/v2"
	"slices"
	"testing"
)

// The map against a Go map and a sorted slice, with every tenth state kept to
// see that later changes leave it alone.
func TestMapAgainstModel(t *testing.T) {
	rng := rand.New(rand.NewPCG(1, 2))
	var m Map[int]
	model := map[string]int{}
	type kept struct {
		m     Map[int]
		model map[string]int
	}
	var snapshots []kept
	for step := range 4000 {
		key := fmt.Sprintf("k%03d", rng.IntN(300))
		if rng.IntN(3) == 0 {
			m = m.Delete(key)
			delete(model, key)
		} else {
			m = m.Set(key, step)
			model[key] = step
		}
		if step%400 == 0 {
			c := map[string]int{}
			for k, v := range model {
				c[k] = v
			}
			snapshots = append(snapshots, kept{m, c})
		}
	}
	snapshots = append(snapshots, kept{m, model})
	for _, s := range snapshots {
		compare(t, s.m, s.model, "", "l")
		compare(t, s.m, s.model, "k100", "k1005")
		compare(t, s.m, s.model, "k250", "k100")
	}
}

func compare(t *testing.T, m Map[int], model map[string]int, from, to string) {
	t.Helper()
	var want []string
	for k := range model {
		if k >= from && k < to {
			want = append(want, k)
		}
		if v, ok := m.Get(k); !ok || v != model[k] {
			t.Errorf("Get(%s) = %d, %v, want %d", k, v, ok, model[k])
		}
	}
	slices.Sort(want)
	var got []string
	m.Ascend(from, to, func(k string, v int) bool {
		got = append(got, k)
		return true
	})
	if !slices.Equal(got, want) {
		t.Errorf("Ascend(%q, %q) = %v, want %v", from, to, got, want)
	}
	if m.Len() != len(model) {
		t.Errorf("Len = %d, want %d", m.Len(), len(model))
	}
}

func TestAscendStops(t *testing.T) {
	var m Map[int]
	for i := range 100 {
		m = m.Set(fmt.Sprintf("%02d", i), i)
	}
	n := 0
	ended := m.Ascend("", "~", func(string, int) bool { n++; return n < 7 })
	if ended || n != 7 {
		t.Errorf("Ascend went on to %d keys, ended %v; want 7, false", n, ended)
	}
}
