package authority_test

import (
	"fmt"
	"math/rand/v2"
	goruntime "runtime"
	"slices"
	"testing"

	"github.com/namelet/namelet/internal/authority"
	"github.com/namelet/namelet/rr"
)

// wide yields a zone with n names below the apex: every tenth is a delegation
// with glue, below *.wild. there is a wildcard.
func wide(n int) func(yield func(rr.Set) bool) {
	apex := rr.MustParseName("example.")
	numbers := "\x00\x00\x00\x3d\x00\x00\x00\x3d\x00\x00\x00\x3d\x00\x00\x00\x3d\x00\x00\x00\x3d"
	return func(yield func(rr.Set) bool) {
		ok := yield(rr.Set{Name: apex, Type: rr.TypeSOA, TTL: 3600, Data: []rr.Rdata{apex.Wire() + apex.Wire() + numbers}}) &&
			yield(rr.Set{Name: apex, Type: rr.TypeNS, TTL: 3600, Data: []rr.Rdata{apex.Wire()}}) &&
			yield(rr.Set{Name: rr.MustParseName("*.wild.example."), Type: rr.TypeA, TTL: 3600, Data: []rr.Rdata{"\xc0\x00\x02\x01"}})
		for i := 0; ok && i < n; i++ {
			ok = yieldName(yield, i)
		}
	}
}

func yieldName(yield func(rr.Set) bool, i int) bool {
	name := wideName(i)
	address := []rr.Rdata{string([]byte{10, byte(i >> 16), byte(i >> 8), byte(i)})}
	if i%10 != 0 {
		return yield(rr.Set{Name: name, Type: rr.TypeA, TTL: 300, Data: address})
	}
	server, err := name.Child("ns")
	if err != nil {
		panic(err)
	}
	return yield(rr.Set{Name: name, Type: rr.TypeNS, TTL: 300, Data: []rr.Rdata{server.Wire()}}) &&
		yield(rr.Set{Name: server, Type: rr.TypeA, TTL: 300, Data: address})
}

func wideName(i int) rr.Name { return rr.MustParseName(fmt.Sprintf("host-%07d.example.", i)) }

func buildWide(t testing.TB, n int) *authority.Snapshot {
	t.Helper()
	s, err := authority.Build(rr.MustParseName("example."), 1, wide(n))
	if err != nil {
		t.Fatal(err)
	}
	return s
}

func served(snapshots ...*authority.Snapshot) *authority.Zones {
	zones := authority.NewZones(nil)
	for _, s := range snapshots {
		zones = zones.With(&authority.Zone{Apex: s.Apex(), Snapshot: s})
	}
	return zones
}

// TestApplyCopiesOnePath: what a change allocates does not grow with the zone.
func TestApplyCopiesOnePath(t *testing.T) {
	s := buildWide(t, 100_000)
	name := wideName(54_321)
	changes := []authority.Change{{Name: name, Type: rr.TypeA, TTL: 60, Data: []rr.Rdata{"\x7f\x00\x00\x01"}}}
	const rounds = 200
	var before, after goruntime.MemStats
	goruntime.ReadMemStats(&before)
	for range rounds {
		next, err := s.Apply(2, changes)
		if err != nil {
			t.Fatal(err)
		}
		s = next
	}
	goruntime.ReadMemStats(&after)
	if got := (after.TotalAlloc - before.TotalAlloc) / rounds; got > 6<<10 {
		t.Errorf("a change of one name among 100,000 siblings allocates %d bytes, want at most 6 KiB", got)
	}
	if got, _ := s.Get(name, rr.TypeA); got.TTL != 60 {
		t.Errorf("got TTL %d, want 60", got.TTL)
	}
}

// TestWideSignedZone finds the NSEC of names between thousands of siblings, and
// in zones that shrink.
func TestWideSignedZone(t *testing.T) {
	random := rand.New(rand.NewPCG(5, 6))
	apex := rr.MustParseName("z.")
	numbers := "\x00\x00\x00\x3d\x00\x00\x00\x3d\x00\x00\x00\x3d\x00\x00\x00\x3d\x00\x00\x00\x3d"
	z := &reference{apex: apex, sets: []rr.Set{
		{Name: apex, Type: rr.TypeSOA, TTL: 60, Data: []rr.Rdata{apex.Wire() + apex.Wire() + numbers}},
		{Name: apex, Type: rr.TypeNS, TTL: 60, Data: []rr.Rdata{apex.Wire()}},
	}}
	for i := range 1500 {
		text := fmt.Sprintf("n%04d.z.", i*4)
		switch i % 5 {
		case 0:
			text = "deep.ent." + text
		case 1:
			z.sets = append(z.sets, rr.Set{Name: name(t, "glue."+text), Type: rr.TypeA, TTL: 60, Data: []rr.Rdata{"\x7f\x00\x00\x01"}})
			z.sets = append(z.sets, rr.Set{Name: name(t, text), Type: rr.TypeNS, TTL: 60, Data: []rr.Rdata{name(t, "glue."+text).Wire()}})
			continue
		}
		z.sets = append(z.sets, rr.Set{Name: name(t, text), Type: rr.TypeTXT, TTL: 60, Data: []rr.Rdata{"\x01x"}})
	}
	z.sign()
	s, err := z.build(1)
	if err != nil {
		t.Fatal(err)
	}
	for round := range 8 {
		zones := served(s)
		var got authority.Answer
		for range 100 {
			text := fmt.Sprintf("n%04d.z.", random.IntN(6010))
			if random.IntN(3) == 0 {
				text = "x." + text
			}
			q := authority.Question{Name: name(t, text), Type: rr.TypeA, DO: true}
			zones.Lookup(q, &got)
			compare(t, []*reference{z}, q, &got)
		}
		s = thinOut(t, z, s, random, uint64(round+2))
	}
}

// thinOut takes a part of the names away, their NSEC with them: lookups then have
// to find the one before.
func thinOut(t *testing.T, z *reference, s *authority.Snapshot, random *rand.Rand, version uint64) *authority.Snapshot {
	var changes []authority.Change
	z.sets = slices.DeleteFunc(z.sets, func(set rr.Set) bool {
		if set.Name.Equal(z.apex) || random.IntN(4) != 0 {
			return false
		}
		changes = append(changes, authority.Change{Name: set.Name, Type: set.Type})
		return true
	})
	next, err := s.Apply(version, changes)
	if err != nil {
		t.Fatal(err)
	}
	return next
}
