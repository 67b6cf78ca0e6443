package authority_test

import (
	"encoding/base32"
	"encoding/hex"
	"slices"
	"strings"
	"testing"

	"github.com/miekg/dns"

	"github.com/namelet/namelet/internal/authority"
	"github.com/namelet/namelet/rr"
)

const (
	hashSalt   = "aabb"
	hashRounds = 2
)

func hashed(name rr.Name) string {
	return dns.HashName(name.String(), dns.SHA1, hashRounds, hashSalt)
}

// signHashed adds an NSEC3 chain and signatures of the right form. With opt-out,
// delegations without DS have no NSEC3, nor the empty non-terminals that only
// they make (RFC 5155 section 7.1).
func (z *reference) signHashed(optOut bool) {
	z.addKey()
	z.hashed = true
	z.sets = append(z.sets, rr.Set{Name: z.apex, Type: rr.TypeNSEC3PARAM, TTL: 60, Data: []rr.Rdata{"\x01\x00\x00\x02\x02\xaa\xbb"}})
	owners := z.authoritative()
	names := map[string]rr.Name{}
	for _, owner := range owners {
		_, cut := z.redirection(owner, rr.TypeA)
		if _, ds := z.get(owner, rr.TypeDS); optOut && cut && !ds {
			continue
		}
		for n := owner; n.IsSubdomainOf(z.apex); n, _ = n.Parent() {
			names[hashed(n)] = n
		}
	}
	var hashes []string
	for hash := range names {
		hashes = append(hashes, hash)
	}
	slices.Sort(hashes)
	for _, owner := range owners {
		z.addSignatures(owner)
	}
	for i, hash := range hashes {
		next, err := base32.HexEncoding.DecodeString(hashes[(i+1)%len(hashes)])
		if err != nil {
			panic(err)
		}
		owner, err := z.apex.Child(strings.ToLower(hash))
		if err != nil {
			panic(err)
		}
		flags := "\x00"
		if optOut {
			flags = "\x01"
		}
		data := "\x01" + flags + "\x00\x02\x02\xaa\xbb\x14" + string(next)
		z.sets = append(z.sets,
			rr.Set{Name: owner, Type: rr.TypeNSEC3, TTL: 60, Data: []rr.Rdata{data}},
			rr.Set{Name: owner, Type: rr.TypeRRSIG, TTL: 60, Data: []rr.Rdata{signature(rr.TypeNSEC3, z.apex)}})
	}
}

// takeNSEC3 takes the NSEC3 records, with their signatures, out of an answer.
func takeNSEC3(a *authority.Answer) (proofs []*dns.NSEC3) {
	var rest []rr.Set
	for i, set := range a.Authority {
		switch {
		case set.Type == rr.TypeNSEC3:
			data := set.Data[0]
			proofs = append(proofs, &dns.NSEC3{
				Hdr:        dns.RR_Header{Name: set.Name.String(), Rrtype: dns.TypeNSEC3, Class: dns.ClassINET, Ttl: set.TTL},
				Hash:       data[0],
				Flags:      data[1],
				Iterations: uint16(data[2])<<8 | uint16(data[3]),
				SaltLength: data[4],
				Salt:       hex.EncodeToString([]byte(data[5 : 5+data[4]])),
				HashLength: 20,
				NextDomain: base32.HexEncoding.EncodeToString([]byte(data[6+data[4]:])),
			})
		case set.Type == rr.TypeRRSIG && i > 0 && a.Authority[i-1].Type == rr.TypeNSEC3:
		default:
			rest = append(rest, set)
		}
	}
	a.Authority = rest
	return proofs
}

// checkDebts reads proofs as a validator does (RFC 5155 section 8).
func checkDebts(t *testing.T, debts []debt, proofs []*dns.NSEC3) {
	t.Helper()
	if len(proofs) > 3*len(debts) {
		t.Fatalf("%d NSEC3 for %d proofs, 3 are the most that one takes", len(proofs), len(debts))
	}
	for _, d := range debts {
		if !proved(proofs, d) {
			for _, set := range d.zone.sets {
				t.Logf("%v: %v %q", d.zone.apex, set, set.Data)
			}
			t.Fatalf("kind %d for %v below %v is not proved by %v", d.kind, d.name, d.encloser, proofs)
		}
	}
}

// proved reports whether a validator would believe. Where opt-out hides empty
// non-terminals that only unsigned delegations make, nothing can be proved of
// them, and it is enough that the span says so.
func proved(proofs []*dns.NSEC3, d debt) bool {
	if d.kind == oweCloser {
		return covering(proofs, d.name.Suffix(d.encloser.Labels()+1)) != nil
	}
	if d.kind == oweNoType && matching(proofs, d.name) != nil {
		return true
	}
	encloser, next := closestEncloser(proofs, d.name)
	if encloser.IsZero() {
		return false
	}
	optOut := next.Flags&1 == 1
	wildcard := covering(proofs, wildcardOf(encloser))
	switch {
	case d.kind == oweNoType:
		return optOut
	case !encloser.Equal(d.encloser):
		return optOut
	case d.kind == oweNoName:
		return wildcard != nil
	}
	return matching(proofs, wildcardOf(encloser)) != nil || optOut && wildcard != nil
}

// closestEncloser is RFC 5155 section 8.3: the longest ancestor that matches,
// with the record that covers the next closer name.
func closestEncloser(proofs []*dns.NSEC3, name rr.Name) (rr.Name, *dns.NSEC3) {
	for labels := name.Labels() - 1; labels >= 0; labels-- {
		if matching(proofs, name.Suffix(labels)) == nil {
			continue
		}
		if next := covering(proofs, name.Suffix(labels+1)); next != nil {
			return name.Suffix(labels), next
		}
		return rr.Name{}, nil
	}
	return rr.Name{}, nil
}

func wildcardOf(encloser rr.Name) rr.Name {
	wildcard, _ := encloser.Child("*")
	return wildcard
}

func matching(proofs []*dns.NSEC3, name rr.Name) *dns.NSEC3 {
	return find(proofs, func(p *dns.NSEC3) bool { return p.Match(name.String()) })
}

func covering(proofs []*dns.NSEC3, name rr.Name) *dns.NSEC3 {
	return find(proofs, func(p *dns.NSEC3) bool { return !p.Match(name.String()) && p.Cover(name.String()) })
}

func find(proofs []*dns.NSEC3, ok func(*dns.NSEC3) bool) *dns.NSEC3 {
	if i := slices.IndexFunc(proofs, ok); i >= 0 {
		return proofs[i]
	}
	return nil
}

// TestNSEC3Owners: RFC 5155 section 7.2.8 and appendix B.2.1. The owner of an
// NSEC3 is no name of the zone, unless it has other data.
func TestNSEC3Owners(t *testing.T) {
	z := &reference{apex: name(t, "example."), sets: []rr.Set{set(t, soaLine), set(t, nsLine), set(t, "a.example. A 192.0.2.1")}}
	z.signHashed(false)
	s, err := z.build(1)
	if err != nil {
		t.Fatal(err)
	}
	if !s.Signed() {
		t.Fatal("the zone is not taken as signed")
	}
	owner, err := z.apex.Child(hashed(name(t, "a.example.")))
	if err != nil {
		t.Fatal(err)
	}
	if _, ok := s.Get(owner, rr.TypeNSEC3); !ok {
		t.Error("Get does not give the NSEC3 set")
	}
	if sigs, ok := s.Get(owner, rr.TypeRRSIG); !ok || len(sigs.Data) != 1 {
		t.Error("Get does not give its signature")
	}
	for _, qtype := range []rr.Type{rr.TypeNSEC3, rr.TypeA, rr.TypeANY, rr.TypeRRSIG} {
		var a authority.Answer
		served(s).Lookup(authority.Question{Name: owner, Type: qtype, DO: true}, &a)
		if a.RCode != rr.RCodeNXDomain {
			t.Errorf("%v: got %v, want NXDOMAIN", qtype, a.RCode)
		}
	}
	var a authority.Answer
	q := authority.Question{Name: name(t, "none.example."), Type: rr.TypeA, DO: true}
	zones := served(s)
	zones.Lookup(q, &a)
	if got := testing.AllocsPerRun(100, func() { zones.Lookup(q, &a) }); got != 0 {
		t.Errorf("a proof by NSEC3 takes %v allocations, want 0", got)
	}
	with, err := s.Apply(2, []authority.Change{{Name: owner, Type: rr.TypeTXT, TTL: 60, Data: []rr.Rdata{"\x01x"}}})
	if err != nil {
		t.Fatal(err)
	}
	if _, ok := with.Get(owner, rr.TypeNSEC3); !ok {
		t.Error("other data at its owner removed the NSEC3 set")
	}
	if with.Names() != s.Names()+1 || with.Sets() != s.Sets()+1 {
		t.Errorf("got %d names and %d sets, want one more than %d and %d", with.Names(), with.Sets(), s.Names(), s.Sets())
	}
}
