package authority_test

import (
	"errors"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/namelet/namelet/internal/authority"
	"github.com/namelet/namelet/rr"
	"github.com/namelet/namelet/store/zonefile"
)

// set reads "NAME TYPE RDATA" with a TTL of an hour; no RDATA makes a set without
// records.
func set(t testing.TB, text string) rr.Set {
	t.Helper()
	words := strings.SplitN(text, " ", 3)
	qtype, err := rr.ParseType(words[1])
	if err != nil {
		t.Fatalf("set %q: %v", text, err)
	}
	out := rr.Set{Name: name(t, words[0]), Type: qtype, TTL: 3600}
	if len(words) < 3 {
		return out
	}
	for _, one := range strings.Split(words[2], " | ") {
		data, err := zonefile.ParseRdata(qtype, one, rr.Root)
		if err != nil {
			t.Fatalf("set %q: %v", text, err)
		}
		out.Data = append(out.Data, data)
	}
	return out
}

const (
	soaLine = "example. SOA ns.example. h.example. 1 2 3 4 5"
	nsLine  = "example. NS ns.example."

	// signedApex is what makes a zone a signed one, its chain aside.
	signedApex = "example. DNSKEY 256 3 13 AQOy\n" +
		"example. RRSIG SOA 13 1 3600 20300101000000 20200101000000 1 example. AAAA"
)

func TestBuildRefuses(t *testing.T) {
	with := func(lines ...string) []string {
		return strings.Split(strings.Join(append([]string{soaLine, nsLine}, lines...), "\n"), "\n")
	}
	tests := []struct {
		name string
		sets []string
		want authority.Error
	}{
		{"no SOA", []string{nsLine}, authority.Error{Name: name(t, "example."), Type: rr.TypeSOA, Reason: authority.ReasonNoSOA}},
		{"no NS", []string{soaLine}, authority.Error{Name: name(t, "example."), Type: rr.TypeNS, Reason: authority.ReasonNoNS}},
		{"nothing", nil, authority.Error{Name: name(t, "example."), Type: rr.TypeSOA, Reason: authority.ReasonNoSOA}},
		{"two SOA", with("example. SOA ns.example. h.example. 2 2 3 4 5"), authority.Error{Name: name(t, "example."), Type: rr.TypeSOA, Reason: authority.ReasonManySOA}},
		{"SOA inside", with("sub." + soaLine), authority.Error{Name: name(t, "sub.example."), Type: rr.TypeSOA, Reason: authority.ReasonSOAInside}},
		{"outside", with("example.org. A 192.0.2.1"), authority.Error{Name: name(t, "example.org."), Type: rr.TypeA, Reason: authority.ReasonOutOfZone}},
		{"outside by a label's end", with("anexample. A 192.0.2.1"), authority.Error{Name: name(t, "anexample."), Type: rr.TypeA, Reason: authority.ReasonOutOfZone}},
		{"CNAME at the apex", with("example. CNAME a.example."), authority.Error{Name: name(t, "example."), Type: rr.TypeCNAME, Reason: authority.ReasonCNAMENotAlone}},
		{"CNAME and A", with("a.example. CNAME b.example.", "a.example. A 192.0.2.1"), authority.Error{Name: name(t, "a.example."), Type: rr.TypeCNAME, Reason: authority.ReasonCNAMENotAlone}},
		{"CNAME and DNAME", with("a.example. CNAME b.example.", "a.example. DNAME b.example."), authority.Error{Name: name(t, "a.example."), Type: rr.TypeCNAME, Reason: authority.ReasonCNAMENotAlone}},
		{"two CNAMEs", with("a.example. CNAME b.example. | c.example."), authority.Error{Name: name(t, "a.example."), Type: rr.TypeCNAME, Reason: authority.ReasonNotSingle}},
		{"two CNAMEs in two sets", with("a.example. CNAME b.example.", "A.example. CNAME c.example."), authority.Error{Name: name(t, "a.example."), Type: rr.TypeCNAME, Reason: authority.ReasonNotSingle}},
		{"two DNAMEs", with("a.example. DNAME b.example. | c.example."), authority.Error{Name: name(t, "a.example."), Type: rr.TypeDNAME, Reason: authority.ReasonNotSingle}},
		{"DNAME at a cut", with("a.example. DNAME b.example.", "a.example. NS c.example."), authority.Error{Name: name(t, "a.example."), Type: rr.TypeDNAME, Reason: authority.ReasonDNAMEAtCut}},
		{"wildcard NS", with("*.example. NS ns.example."), authority.Error{Name: name(t, "*.example."), Type: rr.TypeNS, Reason: authority.ReasonWildcardCut}},
		{"wildcard DNAME", with("*.a.example. DNAME ns.example."), authority.Error{Name: name(t, "*.a.example."), Type: rr.TypeDNAME, Reason: authority.ReasonWildcardCut}},
		{"NSEC3 too deep", with("a.b.example. NSEC3 1 0 0 - 0p9mhaveqvm6t7vbl5lop2u3t2rp3tom A"), authority.Error{Name: name(t, "a.b.example."), Type: rr.TypeNSEC3, Reason: authority.ReasonNSEC3Owner}},
		{"NSEC3 without a chain", with(signedApex, "example. NSEC3PARAM 1 0 0 -"), authority.Error{Name: name(t, "example."), Type: rr.TypeNSEC3PARAM, Reason: authority.ReasonNSEC3Chain}},
		{"NSEC3 with too much work", with(signedApex, "example. NSEC3PARAM 1 0 151 -"), authority.Error{Name: name(t, "example."), Type: rr.TypeNSEC3PARAM, Reason: authority.ReasonNSEC3Chain}},
		{"no records", with("a.example. A"), authority.Error{Name: name(t, "a.example."), Type: rr.TypeA, Reason: authority.ReasonEmptySet}},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			var sets []rr.Set
			for _, line := range test.sets {
				sets = append(sets, set(t, line))
			}
			wantError(t, sets, test.want)
		})
	}
}

func TestBuildRefusesSets(t *testing.T) {
	a := name(t, "a.example.")
	many := make([]rr.Rdata, 1<<16)
	for i := range many {
		many[i] = string([]byte{10, 1, byte(i >> 8), byte(i)})
	}
	tests := []struct {
		name   string
		set    rr.Set
		reason authority.Reason
	}{
		{"meta type", rr.Set{Name: a, Type: rr.TypeANY, Data: []rr.Rdata{""}}, authority.ReasonMetaType},
		{"TTL", rr.Set{Name: a, Type: rr.TypeA, TTL: 1 << 31, Data: []rr.Rdata{"\x01\x02\x03\x04"}}, authority.ReasonTTL},
		{"rdata", rr.Set{Name: a, Type: rr.TypeA, Data: []rr.Rdata{"\x01\x02\x03"}}, authority.ReasonRdata},
		{"too many", rr.Set{Name: a, Type: rr.TypeA, Data: many}, authority.ReasonTooMany},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			sets := []rr.Set{set(t, soaLine), set(t, nsLine), test.set}
			wantError(t, sets, authority.Error{Name: a, Type: test.set.Type, Reason: test.reason})
		})
	}
}

// wantError builds the sets, and applies them to a good zone.
func wantError(t *testing.T, sets []rr.Set, want authority.Error) {
	t.Helper()
	apex := name(t, "example.")
	want.Apex = apex
	_, err := authority.Build(apex, 1, slices.Values(sets))
	var got *authority.Error
	if !errors.As(err, &got) || !got.Name.Equal(want.Name) || got.Apex != apex || got.Type != want.Type || got.Reason != want.Reason {
		t.Fatalf("got %v, want %v", err, &want)
	}
	for _, part := range []string{"zone example.", got.Name.String(), got.Type.String()} {
		if !strings.Contains(err.Error(), part) {
			t.Errorf("error %q does not name %s", err, part)
		}
	}
}

func TestApplyRefuses(t *testing.T) {
	good := build(t, "example.", "@ SOA ns h 1 2 3 4 5\n@ NS ns\nns A 192.0.2.1\na CNAME ns\n")
	tests := []struct {
		change string
		reason authority.Reason
	}{
		{"example. SOA", authority.ReasonNoSOA},
		{"example. NS", authority.ReasonNoNS},
		{"a.example. A 192.0.2.1", authority.ReasonCNAMENotAlone},
		{"ns.example. CNAME a.example.", authority.ReasonCNAMENotAlone},
		{"example.org. A", authority.ReasonOutOfZone},
		{"*.b.example. NS a.example.", authority.ReasonWildcardCut},
		{"a.b.example. NSEC3 1 0 0 - 0p9mhaveqvm6t7vbl5lop2u3t2rp3tom A", authority.ReasonNSEC3Owner},
	}
	for _, test := range tests {
		t.Run(test.change, func(t *testing.T) {
			_, err := good.Apply(2, []authority.Change{set(t, test.change)})
			var got *authority.Error
			if !errors.As(err, &got) || got.Reason != test.reason {
				t.Errorf("got %v, want %v", err, test.reason)
			}
		})
	}
}

func TestApplyIsOneStep(t *testing.T) {
	before := build(t, "example.", "@ SOA ns h 1 2 3 4 5\n@ NS ns\nns A 192.0.2.1\na CNAME ns\n")
	after, err := before.Apply(2, []authority.Change{
		set(t, "a.example. A 192.0.2.2"),
		set(t, "a.example. CNAME"),
		set(t, "ns.example. A"),
		set(t, "x.y.example. TXT first"),
		set(t, "x.y.example. TXT second"),
		set(t, "never.there.example. A"),
		set(t, "example. SOA ns.example. h.example. 2 2 3 4 5"),
	})
	if err != nil {
		t.Fatal(err)
	}
	want := []string{
		"example. NS", "example. SOA", "a.example. A", "x.y.example. TXT",
	}
	if diff := cmp.Diff(want, listed(after)); diff != "" {
		t.Errorf("after: -want +got:\n%s", diff)
	}
	if got, _ := after.Get(name(t, "x.y.example."), rr.TypeTXT); !got.Equal(set(t, "x.y.example. TXT second")) {
		t.Errorf("the later of two changes has to count, got %q", got.Data)
	}
	if after.Serial() != 2 || after.Version() != 2 || before.Serial() != 1 || before.Version() != 1 {
		t.Errorf("serials %d, %d, want 1, 2", before.Serial(), after.Serial())
	}
	if got := []int{before.Names(), before.Sets(), after.Names(), after.Sets()}; !slices.Equal(got, []int{3, 4, 3, 4}) {
		t.Errorf("names and sets before and after: got %v, want [3 4 3 4]", got)
	}
}

func listed(s *authority.Snapshot) []string {
	var out []string
	for set := range s.All() {
		out = append(out, set.String())
	}
	return out
}

// TestSignaturesFollowTheirSets: signatures come in one set a name and go to the
// sets they cover, whatever the order of changes.
func TestSignaturesFollowTheirSets(t *testing.T) {
	const sigA = "a.example. RRSIG A 13 2 3600 20300101000000 20200101000000 1 example. AAAA"
	const sigs = sigA + " | AAAA 13 2 3600 20300101000000 20200101000000 1 example. AQEB"
	base := []rr.Set{set(t, soaLine), set(t, nsLine), set(t, sigs), set(t, "a.example. A 192.0.2.1")}
	s, err := authority.Build(name(t, "example."), 1, slices.Values(base))
	if err != nil {
		t.Fatal(err)
	}
	want := []string{"example. NS", "example. SOA", "a.example. A", "a.example. RRSIG", "a.example. RRSIG"}
	if diff := cmp.Diff(want, listed(s)); diff != "" {
		t.Errorf("built: -want +got:\n%s", diff)
	}
	if s.Sets() != 4 {
		t.Errorf("got %d sets, want 4: the signature that covers nothing counts, the other does not", s.Sets())
	}
	s, err = s.Apply(2, []authority.Change{set(t, "a.example. AAAA 2001:db8::1"), set(t, "a.example. A")})
	if err != nil {
		t.Fatal(err)
	}
	all, _ := s.Get(name(t, "a.example."), rr.TypeRRSIG)
	if len(all.Data) != 2 {
		t.Errorf("changes of other types lost signatures: got %d, want 2", len(all.Data))
	}
	s, err = s.Apply(3, []authority.Change{set(t, "a.example. RRSIG"), set(t, "a.example. AAAA")})
	if err != nil {
		t.Fatal(err)
	}
	if got := listed(s); len(got) != 2 {
		t.Errorf("got %v, want nothing but the apex", got)
	}
}

func TestBuildJoins(t *testing.T) {
	low := set(t, "A.example. A 192.0.2.2 | 192.0.2.1")
	low.TTL = 60
	sets := []rr.Set{low, set(t, nsLine), set(t, "a.example. A 192.0.2.1 | 192.0.2.3"), set(t, soaLine)}
	s, err := authority.Build(name(t, "example."), 9, slices.Values(sets))
	if err != nil {
		t.Fatal(err)
	}
	want := set(t, "a.example. A 192.0.2.2 | 192.0.2.1 | 192.0.2.3")
	want.TTL = 60
	if got, ok := s.Get(name(t, "a.EXAMPLE."), rr.TypeA); !ok || !got.Equal(want) {
		t.Errorf("got %+v, want %+v", got, want)
	}
}
