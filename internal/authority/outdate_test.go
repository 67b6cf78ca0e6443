package authority_test

import (
	"fmt"
	"math/rand/v2"
	"slices"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/namelet/namelet/internal/authority"
	"github.com/namelet/namelet/rr"
)

// kept is something that was found in the zones, and what it depended on.
type kept struct {
	what string
	ask  func(z *authority.Zones) ([]string, authority.Deps)
	said []string
	deps authority.Deps
}

// keep asks and remembers.
func keep(z *authority.Zones, what string, ask func(z *authority.Zones) ([]string, authority.Deps)) kept {
	k := kept{what: what, ask: ask}
	k.said, k.deps = ask(z)
	return k
}

func lookedUp(q authority.Question) func(z *authority.Zones) ([]string, authority.Deps) {
	return func(z *authority.Zones) ([]string, authority.Deps) {
		var a authority.Answer
		z.Lookup(q, &a)
		return plain(&a), a.Deps
	}
}

func read(apex, n rr.Name, t rr.Type) func(z *authority.Zones) ([]string, authority.Deps) {
	return func(z *authority.Zones) ([]string, authority.Deps) {
		var deps authority.Deps
		status, set, wildcard := z.Get(apex).Snapshot.Read(n, t, &deps)
		return []string{fmt.Sprint(status, set, wildcard)}, deps
	}
}

// stir draws changes of all kinds: mostly one set, there or gone, and often the
// SOA, which may be the only thing that an absence depends on.
func (s *script) stir(z *reference) []authority.Change {
	if s.n(6) > 0 {
		return s.changes(z)
	}
	at := slices.IndexFunc(z.sets, func(set rr.Set) bool { return set.Type == rr.TypeSOA })
	soa := z.sets[at]
	soa.TTL = uint32(50 + s.n(50))
	if s.n(2) == 0 {
		service := rr.Set{Name: s.under(z.apex, 3), Type: rr.TypeHTTPS, TTL: uint32(60 + s.n(3))}
		service.Data = []rr.Rdata{"\x00" + string([]byte{byte(s.n(2))}) + s.name().Wire()}
		z.sets = slices.DeleteFunc(z.sets, func(set rr.Set) bool { return set.Type == service.Type && set.Name.Equal(service.Name) })
		z.sets = append(z.sets, service)
		return []authority.Change{service}
	}
	z.sets[at] = soa
	return []authority.Change{soa}
}

// FuzzOutdate changes zones and checks that what depends on nothing that was
// outdated is still found as it was.
func FuzzOutdate(f *testing.F) {
	random := rand.New(rand.NewPCG(5, 6))
	for range 150 {
		data := make([]byte, 4000)
		for i := range data {
			data[i] = byte(random.Uint32())
		}
		f.Add(data)
	}
	defer authority.SetFewestLines(1 << 10)()
	f.Fuzz(func(t *testing.T, data []byte) {
		s := &script{data}
		zones := authority.NewZones(nil)
		references := map[int]*reference{}
		apexes := scriptApexes[:1+s.n(len(scriptApexes))]
		draw := s.unsigned
		if s.n(4) == 0 {
			draw = s.zone
		}
		for i, apex := range apexes {
			z := draw(t, apex)
			snapshot, err := z.build(1)
			if err != nil {
				t.Fatal(err)
			}
			references[i] = z
			zones = zones.With(&authority.Zone{Apex: apex, Snapshot: snapshot})
		}
		types := append(scriptTypes, rr.TypeANY, rr.TypeRRSIG, rr.TypeHTTPS, rr.TypeMX)
		var all []kept
		for version := uint64(2); version < 60 && len(s.bytes) > 0; version++ {
			for range 8 {
				q := s.question()
				q.Type = types[s.n(len(types))]
				all = append(all, keep(zones, fmt.Sprint(q), lookedUp(q)))
				apex := apexes[s.n(len(apexes))]
				n, qtype := s.under(apex, 4), types[s.n(len(types))]
				all = append(all, keep(zones, fmt.Sprint("read ", n, qtype), read(apex, n, qtype)))
			}
			at := s.n(len(apexes))
			next := &reference{apex: apexes[at], sets: slices.Clone(references[at].sets)}
			changes := s.stir(next)
			old := zones.Get(apexes[at]).Snapshot
			applied, err := old.Apply(version, changes)
			if err != nil {
				continue
			}
			references[at] = next
			zones = zones.With(&authority.Zone{Apex: apexes[at], Snapshot: applied})
			authority.Outdate(old, applied, changes)
			all = slices.DeleteFunc(all, func(k kept) bool { return !k.deps.Valid() })
			for _, k := range all {
				if now, _ := k.ask(zones); !slices.Equal(k.said, now) {
					t.Fatalf("%s is outdated by %v, and counts as valid:\n%s", k.what, changes, cmp.Diff(k.said, now))
				}
			}
		}
	})
}

// A change outdates what it concerns, and little else.
func TestOutdateIsPrecise(t *testing.T) {
	const zone = `
example. 60 IN SOA ns.example. host.example. 1 2 3 4 60
example. 60 IN NS ns.example.
ns.example. 60 IN A 192.0.2.1
www.example. 60 IN A 192.0.2.2
www.example. 60 IN TXT "www"
mail.example. 60 IN MX 10 www.example.
a.deep.example. 60 IN A 192.0.2.3
*.wild.example. 60 IN A 192.0.2.4
cut.example. 60 IN NS ns.cut.example.
ns.cut.example. 60 IN A 192.0.2.5
alias.example. 60 IN HTTPS 0 service.example.
service.example. 60 IN HTTPS 1 .
`
	set := func(owner string, typ rr.Type, data ...rr.Rdata) authority.Change {
		return authority.Change{Name: name(t, owner), Type: typ, TTL: 60, Data: data}
	}
	everything := []string{
		"www.example. A", "www.example. TXT", "www.example. AAAA", "www.example. ANY", "mail.example. MX", "gone.example. A", "deep.example. A",
		"x.wild.example. A", "x.y.wild.example. A", "x.cut.example. A",
		"alias.example. HTTPS",
	}
	tests := []struct {
		change   authority.Change
		outdated []string
	}{
		{set("www.example.", rr.TypeTXT, "\x01x"), []string{"www.example. TXT", "www.example. ANY"}},
		{set("www.example.", rr.TypeA, "\x01\x02\x03\x04"), []string{"www.example. A", "www.example. ANY", "mail.example. MX"}},
		{set("gone.example.", rr.TypeTXT, "\x01x"), []string{"gone.example. A"}},
		{set("a.gone.example.", rr.TypeTXT, "\x01x"), []string{"gone.example. A"}},
		{set("a.deep.example.", rr.TypeA), []string{"deep.example. A"}},
		{set("x.wild.example.", rr.TypeTXT, "\x01x"), []string{"x.wild.example. A"}},
		{set("y.wild.example.", rr.TypeTXT, "\x01x"), []string{"x.y.wild.example. A"}},
		{set("*.wild.example.", rr.TypeA, "\x01\x02\x03\x04"), []string{"x.wild.example. A", "x.y.wild.example. A"}},
		{set("*.wild.example.", rr.TypeTXT, "\x01x"), nil},
		{set("*.wild.example.", rr.TypeA), []string{"x.wild.example. A", "x.y.wild.example. A"}},
		{set("*.example.", rr.TypeTXT, "\x01x"), []string{"gone.example. A"}},
		{set("ns.cut.example.", rr.TypeA, "\x01\x02\x03\x04"), []string{"x.cut.example. A"}},
		{set("ns.cut.example.", rr.TypeAAAA, "0123456789abcdef"), []string{"x.cut.example. A"}},
		{set("service.example.", rr.TypeHTTPS, "\x00\x02\x00"), []string{"alias.example. HTTPS"}},
		{set("other.example.", rr.TypeNS, "\x01x\x00"), everything},
		{set("other.example.", rr.TypeDNAME, "\x01x\x00"), everything},
		{set("example.", rr.TypeSOA, "\x01x\x00\x01y\x000123456789abcdefghij"), []string{"gone.example. A", "deep.example. A", "www.example. AAAA"}},
	}
	defer authority.SetFewestLines(1 << 12)()
	for _, test := range tests {
		t.Run(fmt.Sprint(test.change.Name, test.change.Type, len(test.change.Data)), func(t *testing.T) {
			old := build(t, "example.", zone)
			zones := served(old)
			var all []kept
			for _, text := range everything {
				all = append(all, keep(zones, text, lookedUp(question(t, text))))
			}
			next, err := old.Apply(2, []authority.Change{test.change})
			if err != nil {
				t.Fatal(err)
			}
			authority.Outdate(old, next, []authority.Change{test.change})
			var outdated []string
			for _, k := range all {
				if !k.deps.Valid() {
					outdated = append(outdated, k.what)
				}
			}
			want := slices.Sorted(slices.Values(test.outdated))
			slices.Sort(outdated)
			if diff := cmp.Diff(want, outdated); diff != "" {
				t.Errorf("outdated: -want +got:\n%s", diff)
			}
		})
	}
}

func TestAZoneReadAnewOutdatesAll(t *testing.T) {
	const zone = "example. 60 IN SOA ns.example. host.example. 1 2 3 4 60\nexample. 60 IN NS ns.example.\n"
	old := build(t, "example.", zone)
	answered := keep(served(old), "", lookedUp(question(t, "example. NS")))
	authority.Outdate(old, build(t, "example.", zone), nil)
	if answered.deps.Valid() {
		t.Error("an answer of the zone before is valid")
	}
	if late := keep(served(old), "", lookedUp(question(t, "example. NS"))); late.deps.Valid() {
		t.Error("an answer that was late is valid")
	}
}

func TestSlotsGrowWithTheZone(t *testing.T) {
	s := build(t, "example.", "example. 60 IN SOA ns.example. host.example. 1 2 3 4 60\nexample. 60 IN NS ns.example.\n")
	first := keep(served(s), "", lookedUp(question(t, "example. NS"))).deps[0].Slots
	for version := uint64(2); version < 200; version++ {
		change := []authority.Change{{Name: name(t, fmt.Sprintf("n%d.example.", version)), Type: rr.TypeA, TTL: 60, Data: []rr.Rdata{"\x01\x02\x03\x04"}}}
		next, err := s.Apply(version, change)
		if err != nil {
			t.Fatal(err)
		}
		authority.Outdate(s, next, change)
		s = next
	}
	if last := keep(served(s), "", lookedUp(question(t, "example. NS"))).deps[0].Slots; last == first {
		t.Error("a zone a hundred times as large has the same slots")
	}
	if first.At(authority.Epoch) != ^uint64(0) {
		t.Error("the slots that it outgrew are still in use")
	}
}
