package sdktest

import (
	"os"
	"slices"
	"strings"
	"testing"

	"github.com/namelet/namelet/internal/authority"
	"github.com/namelet/namelet/rr"
	"github.com/namelet/namelet/runtime"
	"github.com/namelet/namelet/store/zonefile"
)

// Setup is what a guest runs in.
type Setup struct {
	Zones  []Zone
	Zone   string            // apex of the zone the guest is attached to; the first of Zones when empty
	At     string            // attachment point; the zone's apex when empty
	Grants []string          // apexes of further zones the guest may read
	Config map[string]string // the guest's configuration
	Site   string            // what the site import gives
	Limits runtime.Limits    // zero fields stand for the server's defaults
}

// Zone is a zone in presentation form (RFC 1035 section 5).
type Zone struct {
	Apex    string
	Text    string // the zone, or
	File    string // the file that holds it
	Private bool   // looked up by guests only, never answered from
}

// places are the parsed names of a Setup.
type places struct {
	zones    *authority.Zones
	zone, at rr.Name
	grants   []rr.Name
}

func (s Setup) parse(tb testing.TB) places {
	tb.Helper()
	if len(s.Zones) == 0 {
		tb.Fatal("sdktest: the setup has no zone")
	}
	var p places
	var zones []*authority.Zone
	for _, z := range s.Zones {
		zones = append(zones, z.parse(tb))
	}
	p.zones = authority.NewZones(zones)
	p.zone, p.at = zones[0].Apex, zones[0].Apex
	if s.Zone != "" {
		p.zone = parseName(tb, s.Zone)
		p.at = p.zone
	}
	if s.At != "" {
		p.at = parseName(tb, s.At)
	}
	for _, grant := range s.Grants {
		p.grants = append(p.grants, parseName(tb, grant))
	}
	return p
}

func (z Zone) parse(tb testing.TB) *authority.Zone {
	tb.Helper()
	apex := parseName(tb, z.Apex)
	text := z.Text
	if z.File != "" {
		b, err := os.ReadFile(z.File)
		if err != nil {
			tb.Fatalf("sdktest: zone %s: %v", z.Apex, err)
		}
		text = string(b)
	}
	sets, err := zonefile.Parse(strings.NewReader(text), zonefile.Options{Origin: apex, File: z.File})
	if err != nil {
		tb.Fatalf("sdktest: zone %s: %v", z.Apex, err)
	}
	snapshot, err := authority.Build(apex, 1, slices.Values(sets))
	if err != nil {
		tb.Fatalf("sdktest: zone %s: %v", z.Apex, err)
	}
	return &authority.Zone{Apex: apex, Private: z.Private, Snapshot: snapshot}
}

func parseName(tb testing.TB, s string) rr.Name {
	tb.Helper()
	name, err := rr.ParseName(s)
	if err != nil {
		tb.Fatalf("sdktest: name %q: %v", s, err)
	}
	return name
}
