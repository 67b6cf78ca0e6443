package authority_test

import (
	"fmt"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/namelet/namelet/internal/authority"
	"github.com/namelet/namelet/rr"
)

// TestZonesAgainstScan adds and removes zones at random and compares what is
// found with a scan over all of them.
func TestZonesAgainstScan(t *testing.T) {
	random := rand.New(rand.NewPCG(7, 8))
	draw := func() rr.Name {
		var labels []string
		for range random.IntN(5) {
			labels = append(labels, string("abcAB"[random.IntN(5)]))
		}
		return name(t, strings.Join(labels, ".")+".")
	}
	zones := authority.NewZones(nil)
	model := map[rr.Key]*authority.Zone{}
	for range 2000 {
		apex := draw()
		if random.IntN(2) == 0 {
			zone := &authority.Zone{Apex: apex, Private: random.IntN(4) == 0}
			zones, model[apex.Key()] = zones.With(zone), zone
		} else {
			zones = zones.Without(apex)
			delete(model, apex.Key())
		}
		ask := draw()
		if got, want := zones.Find(ask), scan(model, ask); got != want {
			t.Fatalf("Find(%v): got %v, want %v", ask, got, want)
		}
		if got, want := zones.Get(ask), model[ask.Key()]; got != want {
			t.Fatalf("Get(%v): got %v, want %v", ask, got, want)
		}
		if zones.Len() != len(model) {
			t.Fatalf("Len: got %d, want %d", zones.Len(), len(model))
		}
	}
	for zone := range zones.All() {
		if model[zone.Apex.Key()] != zone {
			t.Errorf("All yields %v, which is not there", zone.Apex)
		}
		delete(model, zone.Apex.Key())
	}
	if len(model) != 0 {
		t.Errorf("All left %d zones out", len(model))
	}
}

func scan(model map[rr.Key]*authority.Zone, name rr.Name) (best *authority.Zone) {
	for _, zone := range model {
		if !zone.Private && name.IsSubdomainOf(zone.Apex) && (best == nil || zone.Apex.Labels() > best.Apex.Labels()) {
			best = zone
		}
	}
	return best
}

func TestZonesAreImmutable(t *testing.T) {
	a, b := &authority.Zone{Apex: name(t, "a.")}, &authority.Zone{Apex: name(t, "b.")}
	one := authority.NewZones([]*authority.Zone{a})
	two := one.With(b)
	three := two.Without(a.Apex)
	got := [][]string{}
	for _, zones := range []*authority.Zones{one, two, three} {
		var apexes []string
		for zone := range zones.All() {
			apexes = append(apexes, zone.Apex.String())
		}
		slices.Sort(apexes)
		got = append(got, apexes)
	}
	if diff := cmp.Diff([][]string{{"a."}, {"a.", "b."}, {"b."}}, got); diff != "" {
		t.Errorf("-want +got:\n%s", diff)
	}
	if zones := authority.NewZones([]*authority.Zone{a, {Apex: name(t, "A."), Private: true}}); zones.Len() != 1 || !zones.Get(a.Apex).Private {
		t.Error("of two zones with one apex the later has to count")
	}
}

// TestZoneWithoutData: SERVFAIL, also where an alias leads to it.
func TestZoneWithoutData(t *testing.T) {
	zones := served(build(t, "example.", "@ SOA ns h 1 2 3 4 5\n@ NS ns\na CNAME www.away.test.\n"))
	zones = zones.With(&authority.Zone{Apex: name(t, "away.test.")})
	for _, text := range []string{"www.away.test. A", "a.example. A"} {
		var a authority.Answer
		zones.Lookup(question(t, text), &a)
		want := "SERVFAIL noaa failed\nanswer: none\nauthority: none\nadditional: none\n"
		if got := render(&a); got != want {
			t.Errorf("%s: got %s", text, got)
		}
	}
}

func BenchmarkZonesWith(b *testing.B) {
	var all []*authority.Zone
	for i := range 100_000 {
		all = append(all, &authority.Zone{Apex: name(b, fmt.Sprintf("zone-%d.example.", i))})
	}
	zones := authority.NewZones(all)
	b.ReportAllocs()
	for i := 0; b.Loop(); i++ {
		zones = zones.With(all[i%len(all)])
	}
}
