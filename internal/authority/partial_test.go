package authority_test

import (
	"errors"
	"fmt"
	"slices"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/namelet/namelet/internal/authority"
	"github.com/namelet/namelet/rr"
)

// around gives what the reference has at names.
func (z *reference) around(names []rr.Name) (authority.Around, error) {
	var out authority.Around
	for _, name := range names {
		own := slices.ContainsFunc(z.sets, func(set rr.Set) bool {
			if set.Name.Equal(name) {
				out.Sets = append(out.Sets, set)
				return true
			}
			return false
		})
		for _, set := range z.sets {
			if set.Name.Equal(name) && !slices.ContainsFunc(out.Sets, func(s rr.Set) bool { return s.Type == set.Type && s.Name.Equal(set.Name) }) {
				out.Sets = append(out.Sets, set)
			}
		}
		if !own && z.exists(name) {
			out.Inner = append(out.Inner, name)
		}
	}
	return out, nil
}

// FuzzGather compares what a zone answers from all its names with what it answers
// from those alone that the question needs.
func FuzzGather(f *testing.F) {
	seeds(f, 200)
	f.Fuzz(func(t *testing.T, data []byte) {
		s := &script{data}
		apex := scriptApexes[s.n(len(scriptApexes))]
		z := s.unsigned(t, apex)
		held, err := z.build(1)
		if err != nil {
			t.Fatal(err)
		}
		whole := authority.NewZones([]*authority.Zone{{Apex: apex, Snapshot: held}})
		slots := authority.NewSlots(10, 1)
		var want, got authority.Answer
		for range 15 {
			q := authority.Question{Name: s.under(apex, 4), Type: s.question().Type}
			some, err := authority.Gather(apex, 1, slots, q, nil, z.around)
			if err != nil {
				t.Fatal(err)
			}
			zones := authority.NewZones([]*authority.Zone{{Apex: apex, Snapshot: some}})
			whole.Lookup(q, &want)
			zones.Lookup(q, &got)
			if missing := some.Missing(); len(missing) > 0 {
				t.Fatalf("%v %v: %v missing", q.Name, q.Type, missing)
			}
			if diff := cmp.Diff(plain(&want), plain(&got)); diff != "" {
				t.Fatalf("%v %v: -all +some:\n%s", q.Name, q.Type, diff)
			}
			sameReads(t, s, held, some)
		}
	})
}

// sameReads compares what a guest would read of names that were gathered.
func sameReads(t *testing.T, s *script, held, some *authority.Snapshot) {
	t.Helper()
	for _, name := range some.Known() {
		typ := s.question().Type
		one, oneSet, oneWild := held.Read(name, typ, nil)
		two, twoSet, twoWild := some.Read(name, typ, nil)
		if a, b := fmt.Sprintf("%v %q %v", one, oneSet.Data, oneWild), fmt.Sprintf("%v %q %v", two, twoSet.Data, twoWild); a != b {
			t.Fatalf("%v %v: all has %s, some %s", name, typ, a, b)
		}
	}
}

// A snapshot of some names tells what it cannot tell, and each copy for itself.
func TestPartialSnapshotMisses(t *testing.T) {
	z := &reference{apex: rr.MustParseName("z."), sets: []rr.Set{
		{Name: rr.MustParseName("z."), Type: rr.TypeSOA, TTL: 60, Data: []rr.Rdata{"\x00\x00" + fmt.Sprintf("%020d", 0)}},
		{Name: rr.MustParseName("z."), Type: rr.TypeNS, TTL: 60, Data: []rr.Rdata{"\x00"}},
		{Name: rr.MustParseName("b.z."), Type: rr.TypeA, TTL: 60, Data: []rr.Rdata{"\x01\x02\x03\x04"}},
	}}
	slots := authority.NewSlots(1, 1)
	gathered := func(version uint64, names ...rr.Name) *authority.Snapshot {
		s, err := authority.Gather(z.apex, version, slots, authority.Question{}, names, z.around)
		if err != nil {
			t.Fatal(err)
		}
		return s
	}
	a, b := rr.MustParseName("a.z."), rr.MustParseName("b.z.")
	s := gathered(1, a)
	own := s.Own()
	own.Read(b, rr.TypeA, nil)
	if got := s.Missing(); got != nil {
		t.Errorf("got %v missing in the other copy", got)
	}
	if got := own.Missing(); len(got) != 1 || !got[0].Equal(b) {
		t.Errorf("got %v missing, want %v", got, b)
	}
	if got := own.Missing(); got != nil {
		t.Errorf("got %v missing once more", got)
	}
	if later := gathered(2, a, b); !later.Agrees(s) {
		t.Error("nothing changed, and the later one does not agree")
	}
	z.sets = append(z.sets, rr.Set{Name: rr.MustParseName("x.a.z."), Type: rr.TypeA, TTL: 60, Data: []rr.Rdata{"\x01\x02\x03\x04"}})
	if later := gathered(2, a, b); later.Agrees(s) {
		t.Error("a name came, and the later one agrees")
	}
	if later := gathered(2, b); later.Agrees(s) {
		t.Error("a name is not known, and the later one agrees")
	}
	boom := errors.New("boom")
	if _, err := authority.Gather(z.apex, 1, slots, authority.Question{}, []rr.Name{a}, func([]rr.Name) (authority.Around, error) {
		return authority.Around{}, boom
	}); !errors.Is(err, boom) {
		t.Errorf("got %v, want %v", err, boom)
	}
}
