package trial

import (
	"cmp"
	"errors"
	"fmt"
	"net/netip"
	"slices"
	"strings"

	"github.com/namelet/namelet/hostabi"
	"github.com/namelet/namelet/internal/authority"
	"github.com/namelet/namelet/internal/resolve"
	"github.com/namelet/namelet/rr"
	"github.com/namelet/namelet/runtime"
	"github.com/namelet/namelet/store/zonefile"
)

// Scenario is questions to a guest with the answers that must come, and what it runs in.
type Scenario struct {
	Name   string            `json:"name"`
	Zones  []Zone            `json:"zones"`            // what it may look up; the first is the one it is attached to
	At     string            `json:"at,omitempty"`     // attachment point; the first zone's apex when empty
	Grants []string          `json:"grants,omitempty"` // apexes of further zones that it may read
	Config map[string]string `json:"config,omitempty"`
	Site   string            `json:"site,omitempty"`
	Fuel   uint64            `json:"fuel,omitempty"`   // units a question; 0 for the default
	Memory uint32            `json:"memory,omitempty"` // pages of 64 KiB; 0 for the default
	Cases  []Case            `json:"cases"`
}

// Zone is a zone in presentation form (RFC 1035 section 5).
type Zone struct {
	Apex    string `json:"apex"`
	Text    string `json:"text,omitempty"`    // the zone, or
	File    string `json:"file,omitempty"`    // in a folder of scenarios, the file that holds it
	Private bool   `json:"private,omitempty"` // looked up by guests only, never answered from
}

// Case is one question, the values of the inputs that the guest may ask for, and the answer that must come.
type Case struct {
	Ask       string `json:"ask"`                 // qname and qtype: "www.example A"
	Client    string `json:"client,omitempty"`    // address; 192.0.2.1 when empty
	Transport string `json:"transport,omitempty"` // udp, tcp, tls or https; udp when empty
	Now       int64  `json:"now,omitempty"`       // seconds since 1970; 1,700,000,000 when zero
	Picks     []int  `json:"picks,omitempty"`     // the k-th draw, modulo its n; zero past the end

	// Want is the answer: its records, "www.example. 60 A 192.0.2.1", in any order; or NODATA, NXDOMAIN,
	// REFUSED or SERVFAIL, before the records where there are some too. FAILED first says that the guest
	// must fail.
	Want []string `json:"want"`

	// Reads is what the answer may depend on: "client 24/56", "pick 10", "lookup www.example. A". It is not
	// looked at where it is left out; empty is for answers made from the question alone.
	Reads *[]string `json:"reads,omitempty"`
}

// Bounds of the scenarios of a push.
const (
	MaxScenarios = 100
	MaxCases     = 1000 // in all
)

const (
	defaultNow    = 1_700_000_000
	defaultClient = "192.0.2.1"
)

// Check holds scenarios to their bounds.
func Check(scenarios []Scenario) error {
	if len(scenarios) > MaxScenarios {
		return fmt.Errorf("%d scenarios: want at most %d", len(scenarios), MaxScenarios)
	}
	cases := 0
	for _, s := range scenarios {
		cases += len(s.Cases)
	}
	if cases > MaxCases {
		return fmt.Errorf("the scenarios have %d cases: want at most %d", cases, MaxCases)
	}
	return nil
}

// places are the parsed names of a Scenario.
type places struct {
	zones    *authority.Zones
	zone, at rr.Name
	grants   []rr.Name
	asked    []asked
}

// asked is a Case taken apart.
type asked struct {
	Case
	question authority.Question
	client   resolve.Client
}

func (s Scenario) parse() (*places, error) {
	if len(s.Zones) == 0 || len(s.Cases) == 0 {
		return nil, errors.New("it wants at least one zone and one case")
	}
	if len(s.Site) > hostabi.MaxSite {
		return nil, fmt.Errorf("the site has %d bytes, want at most %d", len(s.Site), hostabi.MaxSite)
	}
	var p places
	var zones []*authority.Zone
	for _, z := range s.Zones {
		zone, err := z.parse()
		if err != nil {
			return nil, fmt.Errorf("zone %s: %w", z.Apex, err)
		}
		if slices.ContainsFunc(zones, func(other *authority.Zone) bool { return other.Apex.Equal(zone.Apex) }) {
			return nil, fmt.Errorf("zone %s: is there twice", z.Apex)
		}
		zones = append(zones, zone)
	}
	p.zones = authority.NewZones(zones)
	p.zone, p.at = zones[0].Apex, zones[0].Apex
	if err := p.parse(s); err != nil {
		return nil, err
	}
	return &p, nil
}

// parse reads the names and cases.
func (p *places) parse(s Scenario) (err error) {
	if s.At != "" {
		if p.at, err = rr.ParseName(s.At); err != nil {
			return fmt.Errorf("attachment point %q: %w", s.At, err)
		}
		if !p.at.IsSubdomainOf(p.zone) {
			return fmt.Errorf("attachment point %s is not in zone %s", p.at, p.zone)
		}
	}
	for _, text := range s.Grants {
		grant, err := rr.ParseName(text)
		if err != nil {
			return fmt.Errorf("grant %q: %w", text, err)
		}
		p.grants = append(p.grants, grant)
	}
	for _, c := range s.Cases {
		a, err := c.parse()
		if err != nil {
			return fmt.Errorf("case %q: %w", c.Ask, err)
		}
		p.asked = append(p.asked, a)
	}
	return nil
}

func (z Zone) parse() (*authority.Zone, error) {
	if z.File != "" {
		return nil, errors.New("a file is of a folder of scenarios only")
	}
	apex, err := rr.ParseName(z.Apex)
	if err != nil {
		return nil, err
	}
	sets, err := zonefile.Parse(strings.NewReader(z.Text), zonefile.Options{Origin: apex})
	if err != nil {
		return nil, err
	}
	snapshot, err := authority.Build(apex, 1, slices.Values(sets))
	if err != nil {
		return nil, err
	}
	return &authority.Zone{Apex: apex, Private: z.Private, Snapshot: snapshot}, nil
}

func (c Case) parse() (asked, error) {
	words := strings.Fields(c.Ask)
	if len(words) != 2 {
		return asked{}, errors.New("want a name and a type")
	}
	name, err := rr.ParseName(words[0])
	if err != nil {
		return asked{}, err
	}
	qtype, err := rr.ParseType(words[1])
	if err != nil {
		return asked{}, err
	}
	text := c.Client
	if text == "" {
		text = defaultClient
	}
	addr, err := netip.ParseAddr(text)
	if err != nil || addr.Zone() != "" {
		return asked{}, fmt.Errorf("client %q: want an IP address", text)
	}
	transport, ok := hostabi.ParseTransport(cmp.Or(c.Transport, "udp"))
	if !ok {
		return asked{}, fmt.Errorf("transport %q: want udp, tcp, tls or https", c.Transport)
	}
	for _, pick := range c.Picks {
		if pick < 0 {
			return asked{}, fmt.Errorf("pick %d: want 0 or more", pick)
		}
	}
	return asked{c, authority.Question{Name: name, Type: qtype}, resolve.Client{Addr: addr.Unmap(), Transport: transport}}, nil
}

// config is what a generation is made with. Its start may take what the server allows, which no scenario says.
func (s Scenario) config(most runtime.Limits) runtime.GenerationConfig {
	return runtime.GenerationConfig{Values: s.Config, Limits: runtime.Limits{Fuel: s.Fuel, MemoryPages: s.Memory, InitFuel: most.InitFuel}}
}
