package authority_test

import (
	"errors"
	"fmt"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/namelet/namelet/internal/authority"
	"github.com/namelet/namelet/rr"
)

// script draws a test's choices from bytes, so that the fuzzer can steer them.
// A script that is used up draws zeros.
type script struct{ bytes []byte }

func (s *script) n(n int) int {
	if len(s.bytes) == 0 {
		return 0
	}
	b := s.bytes[0]
	s.bytes = s.bytes[1:]
	return int(b) % n
}

var (
	scriptLabels = []string{"a", "b", "c", "*", "B", "\x00", "long-label-1", "long-label-2"}
	scriptTypes  = []rr.Type{rr.TypeA, rr.TypeA, rr.TypeNS, rr.TypeCNAME, rr.TypeDNAME, rr.TypeMX, rr.TypeTXT, rr.TypeDS, rr.TypeAAAA}
	scriptApexes = []rr.Name{rr.MustParseName("z."), rr.MustParseName("a.z."), rr.MustParseName("y.")}
)

// under draws a name at or below an apex.
func (s *script) under(apex rr.Name, depth int) rr.Name {
	for n := s.n(depth + 1); n > 0; n-- {
		if child, err := apex.Child(scriptLabels[s.n(len(scriptLabels))]); err == nil {
			apex = child
		}
	}
	return apex
}

func (s *script) name() rr.Name { return s.under(scriptApexes[s.n(len(scriptApexes))], 4) }

// set draws an RRset at or below an apex.
func (s *script) set(apex rr.Name) rr.Set {
	out := rr.Set{Name: s.under(apex, 3), Type: scriptTypes[s.n(len(scriptTypes))], TTL: uint32(60 + s.n(3))}
	for n := 1 + s.n(2); n > 0; n-- {
		out.Data = append(out.Data, s.rdata(out.Type))
	}
	return out
}

func (s *script) rdata(t rr.Type) rr.Rdata {
	switch t {
	case rr.TypeA:
		return string([]byte{192, 0, 2, byte(s.n(4))})
	case rr.TypeAAAA:
		return strings.Repeat("\x20", 15) + string([]byte{byte(s.n(4))})
	case rr.TypeMX:
		return "\x00\x0a" + s.name().Wire()
	case rr.TypeTXT:
		return "\x01" + string([]byte{byte('a' + s.n(4))})
	case rr.TypeDS:
		return "\x00\x01\x0d\x02" + string([]byte{byte(s.n(4))})
	}
	return s.name().Wire()
}

// zone draws a zone that can be built, signed or not.
func (s *script) zone(t testing.TB, apex rr.Name) *reference {
	z := s.unsigned(t, apex)
	switch s.n(4) {
	case 1:
		z.sign()
	case 2:
		z.signHashed(false)
	case 3:
		z.signHashed(true)
	}
	return z
}

func (s *script) unsigned(t testing.TB, apex rr.Name) *reference {
	numbers := strings.Repeat("\x00\x00\x00\x3d", 5)
	z := &reference{apex: apex, sets: []rr.Set{
		{Name: apex, Type: rr.TypeSOA, TTL: uint32(60 + s.n(3)), Data: []rr.Rdata{apex.Wire() + apex.Wire() + numbers}},
		{Name: apex, Type: rr.TypeNS, TTL: 60, Data: []rr.Rdata{s.name().Wire()}},
	}}
	for n := s.n(14); n > 0; n-- {
		set := s.set(apex)
		if _, taken := z.get(set.Name, set.Type); !taken {
			set.Data = unique(set.Data)
			z.sets = append(z.sets, set)
		}
	}
	z.settle(t)
	return z
}

func unique(data []rr.Rdata) []rr.Rdata {
	var out []rr.Rdata
	for _, d := range data {
		if !slices.Contains(out, d) {
			out = append(out, d)
		}
	}
	return out
}

// settle drops what Build refuses, until it refuses nothing.
func (z *reference) settle(t testing.TB) {
	for {
		_, err := z.build(1)
		if err == nil {
			return
		}
		var bad *authority.Error
		if !errors.As(err, &bad) {
			t.Fatalf("Build returned %v, which is no *Error", err)
		}
		at := slices.IndexFunc(z.sets, func(s rr.Set) bool { return s.Type == bad.Type && s.Name.Equal(bad.Name) })
		if at < 0 {
			t.Fatalf("%v: no such set was given", err)
		}
		z.sets = slices.Delete(z.sets, at, at+1)
	}
}

func (z *reference) build(version uint64) (*authority.Snapshot, error) {
	return authority.Build(z.apex, version, slices.Values(z.sets))
}

// authoritative returns the owner names that have data of the zone or are zone
// cuts: not those below cuts and DNAMEs.
func (z *reference) authoritative() (owners []rr.Name) {
	for _, set := range z.sets {
		found, redirected := z.redirection(set.Name, rr.TypeA)
		if redirected && !found.Name.Equal(set.Name) {
			continue
		}
		if !slices.ContainsFunc(owners, set.Name.Equal) {
			owners = append(owners, set.Name)
		}
	}
	return owners
}

func (z *reference) addKey() {
	z.signed = true
	z.sets = append(z.sets, rr.Set{Name: z.apex, Type: rr.TypeDNSKEY, TTL: 60, Data: []rr.Rdata{"\x01\x00\x03\x0dkey"}})
}

// sign adds an NSEC chain and signatures of the right form.
func (z *reference) sign() {
	z.addKey()
	owners := z.authoritative()
	slices.SortFunc(owners, rr.Name.Compare)
	for i, owner := range owners {
		next := owners[(i+1)%len(owners)]
		z.sets = append(z.sets, rr.Set{Name: owner, Type: rr.TypeNSEC, TTL: 60, Data: []rr.Rdata{next.Wire()}})
		z.addSignatures(owner)
	}
}

// addSignatures signs the sets of a name. At a cut the NS is not signed (RFC 4035
// section 2.2).
func (z *reference) addSignatures(owner rr.Name) {
	sigs := rr.Set{Name: owner, Type: rr.TypeRRSIG, TTL: 60}
	_, atCut := z.redirection(owner, rr.TypeA)
	for _, set := range z.sets {
		if set.Name.Equal(owner) && (!atCut || set.Type == rr.TypeDS || set.Type == rr.TypeNSEC) {
			sigs.Data = append(sigs.Data, signature(set.Type, z.apex))
		}
	}
	if len(sigs.Data) > 0 {
		z.sets = append(z.sets, sigs)
	}
}

func signature(covered rr.Type, apex rr.Name) rr.Rdata {
	return string([]byte{byte(covered >> 8), byte(covered)}) + strings.Repeat("\x00", 16) + apex.Wire() + "sig"
}

// question draws a question about names near the zones.
func (s *script) question() authority.Question {
	types := append(scriptTypes, rr.TypeSOA, rr.TypeNSEC, rr.TypeDNSKEY, rr.TypeNSEC3)
	return authority.Question{Name: s.name(), Type: types[s.n(len(types))], DO: s.n(2) == 1}
}

// seeds gives a fuzz target scripts of random bytes.
func seeds(f *testing.F, count int) {
	random := rand.New(rand.NewPCG(1, 2))
	for range count {
		data := make([]byte, 40+random.IntN(400))
		for i := range data {
			data[i] = byte(random.Uint32())
		}
		f.Add(data)
	}
}

// FuzzLookup compares lookups in random zones with the reference.
func FuzzLookup(f *testing.F) {
	seeds(f, 500)
	f.Fuzz(func(t *testing.T, data []byte) {
		s := &script{data}
		var references []*reference
		zones := authority.NewZones(nil)
		for _, apex := range scriptApexes[:1+s.n(len(scriptApexes))] {
			z := s.zone(t, apex)
			snapshot, err := z.build(1)
			if err != nil {
				t.Fatalf("signed zone: %v", err)
			}
			if snapshot.Signed() != z.signed {
				t.Fatalf("Signed: got %v, want %v", snapshot.Signed(), z.signed)
			}
			references = append(references, z)
			zones = zones.With(&authority.Zone{Apex: apex, Snapshot: snapshot})
		}
		var got authority.Answer
		for range 40 {
			q := s.question()
			zones.Lookup(q, &got)
			compare(t, references, q, &got)
		}
	})
}

func compare(t *testing.T, zones []*reference, q authority.Question, got *authority.Answer) {
	t.Helper()
	want := referenceLookup(zones, q)
	proofs := takeNSEC3(got)
	checkDebts(t, want.debts, proofs)
	if diff := cmp.Diff(plain(&want.Answer), plain(got)); diff != "" {
		for _, z := range zones {
			for _, set := range z.sets {
				t.Logf("%v: %v %q", z.apex, set, set.Data)
			}
		}
		t.Fatalf("%v %v do=%v: -want +got:\n%s", q.Name, q.Type, q.DO, diff)
	}
}

// plain is an answer as text, its sections as sorted lines.
func plain(a *authority.Answer) []string {
	out := []string{fmt.Sprintf("%v %v %v required %d", a.RCode, a.Authoritative, a.Outcome, a.RequiredAdditional)}
	for i, section := range [][]rr.Set{a.Answer, a.Authority, a.Additional} {
		var lines []string
		for _, set := range section {
			lines = append(lines, strings.ToLower(fmt.Sprintf("%d %v %d %q", i, set, set.TTL, set.Data)))
		}
		slices.Sort(lines)
		out = append(out, lines...)
	}
	return out
}

// FuzzApply compares a snapshot that came by changes with one built from the
// same data: everything in it, and what it answers.
func FuzzApply(f *testing.F) {
	seeds(f, 300)
	f.Fuzz(func(t *testing.T, data []byte) {
		s := &script{data}
		apex := scriptApexes[0]
		z := s.zone(t, apex)
		snapshot, err := z.build(1)
		if err != nil {
			t.Fatal(err)
		}
		for version := uint64(2); version < 20; version++ {
			next := &reference{apex: apex, sets: slices.Clone(z.sets)}
			changes := s.changes(next)
			built, buildErr := next.build(version)
			applied, applyErr := snapshot.Apply(version, changes)
			if (buildErr == nil) != (applyErr == nil) {
				t.Fatalf("changes %v: Build says %v, Apply %v", changes, buildErr, applyErr)
			}
			if buildErr != nil {
				continue
			}
			z, snapshot = next, applied
			sameSnapshot(t, built, applied)
			sameAnswers(t, s, built, applied)
		}
	})
}

// changes draws a batch and makes it in the reference too.
func (s *script) changes(z *reference) []authority.Change {
	var changes []authority.Change
	for n := s.n(4); n >= 0; n-- {
		change := s.set(z.apex)
		if len(z.sets) > 0 && s.n(2) == 1 {
			old := z.sets[s.n(len(z.sets))]
			change = rr.Set{Name: old.Name, Type: old.Type}
		}
		changes = append(changes, change)
		z.sets = slices.DeleteFunc(z.sets, func(s rr.Set) bool {
			return s.Type == change.Type && s.Name.Equal(change.Name)
		})
		if len(change.Data) > 0 {
			z.sets = append(z.sets, change)
		}
	}
	return changes
}

func sameSnapshot(t *testing.T, want, got *authority.Snapshot) {
	t.Helper()
	if diff := cmp.Diff(everything(want), everything(got)); diff != "" {
		t.Fatalf("-built +applied:\n%s", diff)
	}
	if want.Names() != got.Names() || want.Sets() != got.Sets() || want.Signed() != got.Signed() {
		t.Fatalf("built: %d names, %d sets, signed %v; applied: %d, %d, %v", want.Names(), want.Sets(), want.Signed(), got.Names(), got.Sets(), got.Signed())
	}
}

func everything(s *authority.Snapshot) []string {
	var out []string
	for set := range s.All() {
		data := slices.Sorted(slices.Values(set.Data))
		out = append(out, strings.ToLower(fmt.Sprintf("%v %d %q", set, set.TTL, data)))
	}
	return out
}

func sameAnswers(t *testing.T, s *script, built, applied *authority.Snapshot) {
	t.Helper()
	var want, got authority.Answer
	one := authority.NewZones([]*authority.Zone{{Apex: built.Apex(), Snapshot: built}})
	two := authority.NewZones([]*authority.Zone{{Apex: applied.Apex(), Snapshot: applied}})
	for range 5 {
		q := s.question()
		one.Lookup(q, &want)
		two.Lookup(q, &got)
		if diff := cmp.Diff(plain(&want), plain(&got)); diff != "" {
			t.Fatalf("%v %v: -built +applied:\n%s", q.Name, q.Type, diff)
		}
	}
}
