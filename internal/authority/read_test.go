package authority_test

import (
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/namelet/namelet/internal/authority"
	"github.com/namelet/namelet/rr"
)

const readZone = `
@        SOA   ns hostmaster 7 3600 600 604800 1800
@        NS    ns
ns       A     192.0.2.1
alias    CNAME ns
*.wild   A     192.0.2.2
*.walias CNAME ns
a.ent    A     192.0.2.3
cut      NS    ns.cut
cut      DS    1 13 2 00
ns.cut   A     192.0.2.4
old 300  DNAME new
@        DNSKEY 256 3 5 AQOy
@        RRSIG SOA 5 1 3600 20040509183619 20040409183619 38519 example. c29h
`

func TestRead(t *testing.T) {
	s := build(t, "example.", readZone)
	tests := []struct {
		name, qtype string
		status      authority.ReadStatus
		owner, data string
		wildcard    bool
	}{
		{"ns.example.", "A", authority.ReadFound, "ns.example.", "192.0.2.1", false},
		{"NS.example.", "A", authority.ReadFound, "NS.example.", "192.0.2.1", false},
		{"ns.example.", "AAAA", authority.ReadNoData, "", "", false},
		{"ent.example.", "A", authority.ReadNoData, "", "", false},
		{"none.example.", "A", authority.ReadNXDomain, "", "", false},
		{"x.ns.example.", "A", authority.ReadNXDomain, "", "", false},
		{"x.wild.example.", "A", authority.ReadFound, "x.wild.example.", "192.0.2.2", true},
		{"x.wild.example.", "TXT", authority.ReadNoData, "", "", true},
		{"*.wild.example.", "A", authority.ReadFound, "*.wild.example.", "192.0.2.2", false},
		{"alias.example.", "A", authority.ReadCNAME, "", "", false},
		{"alias.example.", "CNAME", authority.ReadFound, "alias.example.", "ns.example.", false},
		{"x.walias.example.", "A", authority.ReadCNAME, "", "", true},
		{"x.walias.example.", "CNAME", authority.ReadFound, "x.walias.example.", "ns.example.", true},
		{"cut.example.", "NS", authority.ReadDelegated, "", "", false},
		{"ns.cut.example.", "A", authority.ReadDelegated, "", "", false},
		{"cut.example.", "DS", authority.ReadFound, "cut.example.", "1 13 2 00", false},
		{"old.example.", "DNAME", authority.ReadFound, "old.example.", "new.example.", false},
		{"x.old.example.", "A", authority.ReadCNAME, "", "", false},
		{"x.old.example.", "CNAME", authority.ReadFound, "x.old.example.", "x.new.example.", false},
		{"example.", "RRSIG", authority.ReadFound, "example.", "SOA 5 1 3600 20040509183619 20040409183619 38519 example. c29h", false},
		{"example.org.", "A", authority.ReadOutside, "", "", false},
		{"org.", "A", authority.ReadOutside, "", "", false},
	}
	for _, test := range tests {
		t.Run(test.name+" "+test.qtype, func(t *testing.T) {
			qtype, err := rr.ParseType(test.qtype)
			if err != nil {
				t.Fatal(err)
			}
			status, found, wildcard := s.Read(name(t, test.name), qtype, nil)
			if status != test.status || wildcard != test.wildcard {
				t.Errorf("got status %d, wildcard %v, want %d, %v", status, wildcard, test.status, test.wildcard)
			}
			var want rr.Set
			if test.owner != "" {
				want = set(t, test.owner+" "+test.qtype+" "+test.data)
				want.TTL = found.TTL
			}
			if diff := cmp.Diff(want.Data, found.Data); diff != "" || found.Name != want.Name || found.Type != want.Type {
				t.Errorf("got %v %q, want %v %q", found, found.Data, want, want.Data)
			}
		})
	}
}

func TestLocate(t *testing.T) {
	s := build(t, "example.", readZone)
	tests := []struct {
		name, qtype string
		want        authority.PlaceKind
		exists      bool
	}{
		{"example.", "A", authority.PlaceExact, true},
		{"ns.example.", "A", authority.PlaceExact, true},
		{"ent.example.", "A", authority.PlaceExact, true},
		{"none.example.", "A", authority.PlaceNothing, false},
		{"x.wild.example.", "A", authority.PlaceWildcard, false},
		{"cut.example.", "A", authority.PlaceCut, false},
		{"cut.example.", "DS", authority.PlaceExact, true},
		{"x.cut.example.", "DS", authority.PlaceCut, false},
		{"old.example.", "A", authority.PlaceExact, true},
		{"x.old.example.", "A", authority.PlaceDNAME, false},
		{"example.org.", "A", authority.PlaceOutside, false},
	}
	for _, test := range tests {
		q := question(t, test.name+" "+test.qtype)
		p := s.Locate(q.Name, q.Type)
		if p.Kind != test.want || p.Exists() != test.exists {
			t.Errorf("%s %s: got %d, exists %v, want %d, %v", test.name, test.qtype, p.Kind, p.Exists(), test.want, test.exists)
		}
	}
}

// TestNegativeTTL: whoever decides an absence may say how long it holds.
func TestNegativeTTL(t *testing.T) {
	s := build(t, "example.", readZone)
	for _, test := range []struct{ ttl, want uint32 }{{0, 1800}, {5, 5}, {7200, 7200}} {
		var a authority.Answer
		s.AppendNegative(authority.Question{Name: name(t, "x.example.")}, test.ttl, &a)
		if len(a.Authority) != 1 || a.Authority[0].Type != rr.TypeSOA || a.Authority[0].TTL != test.want {
			t.Errorf("ttl %d: got %+v, want SOA at %d", test.ttl, a.Authority, test.want)
		}
	}
	if soa := s.SOA(); soa.TTL != 3600 {
		t.Errorf("the zone's SOA has TTL %d now, want 3600", soa.TTL)
	}
}
