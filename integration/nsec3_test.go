package integration

import (
	"fmt"
	"math/rand/v2"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/miekg/dns"
)

// plainZone is a zone that has each kind of name that an answer can depend on.
const plainZone = `$ORIGIN example.
$TTL 3600
@          SOA    ns1 hostmaster 7 3600 600 604800 1800
@          NS     ns1
@          NS     ns2
@          MX     10 mail
@          DNSKEY 257 3 13 AQOy
@          NSEC3PARAM 1 0 5 AABBCCDD
ns1        A      192.0.2.1
ns1        AAAA   2001:db8::1
ns2        A      192.0.2.2
mail       A      192.0.2.3
www        CNAME  host.deep.ent
host.deep.ent A   192.0.2.4
*.wild     A      192.0.2.5
*.wild     TXT    "wild"
*.walias   CNAME  mail
some.wild  A      192.0.2.6
dangling   CNAME  nothing.here
old        DNAME  new
a.new      A      192.0.2.7
secure     NS     ns.secure
secure     DS     12345 13 2 0000000000000000000000000000000000000000000000000000000000000000
ns.secure  A      192.0.2.8
insecure   NS     ns.insecure
ns.insecure A     192.0.2.9
a.b.insecure2 NS  ns1
_sip._tcp  SRV    0 0 5060 mail
loop       CNAME  loop2
loop2      CNAME  loop
`

// TestNSEC3SameAsNSD does the same with a zone that is signed with NSEC3, with
// opt-out and without.
func TestNSEC3SameAsNSD(t *testing.T) {
	program := responder(t)
	for _, optOut := range []bool{false, true} {
		t.Run(fmt.Sprintf("optout=%v", optOut), func(t *testing.T) {
			path := filepath.Join(t.TempDir(), "example.zone")
			if err := os.WriteFile(path, []byte(signed(t, plainZone, optOut)), 0o600); err != nil {
				t.Fatal(err)
			}
			compareServers(t, serveNSD(t, "example.", path), serveZone(t, program, "example.", path), askedOfPlain())
		})
	}
}

// askedOfPlain asks for every name of the zone, names beside and below each, and
// most types. Left out is what NSD takes otherwise: type NSEC3 at an alias, which
// it does not follow; type CNAME below a DNAME, where it stops although RFC 6672
// section 3.2 goes on; a wildcard asked for literally, where it adds an NSEC3 that
// proves nothing; and a missing name below an empty non-terminal that opt-out
// hides, where it covers another name than RFC 5155 section 7.2.1 has it.
func askedOfPlain() (out []asking) {
	random := rand.New(rand.NewPCG(5155, 9276))
	types := []uint16{dns.TypeA, dns.TypeAAAA, dns.TypeNS, dns.TypeDS, dns.TypeSOA, dns.TypeMX, dns.TypeTXT, dns.TypeCNAME, dns.TypeDNAME, dns.TypeSRV, dns.TypeNSEC3PARAM, dns.TypeDNSKEY}
	names := []string{"example.", "ent.example.", "deep.ent.example.", "x.wild.example.", "x.y.wild.example.", "x.walias.example.", "x.some.wild.example.", "wild.example.", "b.insecure2.example.", "insecure2.example.", "a.old.example.", "x.old.example.", "a.b.insecure2.example.", "x.a.b.insecure2.example.", "b.example.", "zz.example."}
	for line := range strings.Lines(plainZone) {
		if owner := strings.Fields(line)[0]; !strings.ContainsAny(owner, "$@*") && owner != "a.b.insecure2" {
			names = append(names, owner+".example.", "x."+owner+".example.", "x"+owner+".example.")
		}
	}
	for _, name := range names {
		for _, typ := range types {
			if typ == dns.TypeCNAME && strings.HasSuffix(name, ".old.example.") {
				continue
			}
			out = append(out, asking{name, typ, random.IntN(4) > 0, transport(random.IntN(2))})
		}
	}
	return out
}

// signed adds an NSEC3 chain to zone text, and signatures of the right form.
func signed(t *testing.T, text string, optOut bool) string {
	t.Helper()
	types := map[string][]uint16{}
	var out strings.Builder
	parser := dns.NewZoneParser(strings.NewReader(text), "example.", "")
	for record, ok := parser.Next(); ok; record, ok = parser.Next() {
		name := record.Header().Name
		types[name] = append(types[name], record.Header().Rrtype)
		fmt.Fprintln(&out, record)
	}
	if err := parser.Err(); err != nil {
		t.Fatal(err)
	}
	chain := map[string]*dns.NSEC3{}
	for name, has := range types {
		slices.Sort(has)
		types[name] = slices.Compact(has)
		if occluded(name, types) {
			continue
		}
		cut := name != "example." && slices.Contains(has, dns.TypeNS)
		unsigned := cut && !slices.Contains(has, dns.TypeDS)
		for _, typ := range types[name] {
			if !cut || typ == dns.TypeDS {
				sign(&out, name, typ)
			}
		}
		if optOut && unsigned {
			continue
		}
		for above := name; dns.IsSubDomain("example.", above); {
			hash := dns.HashName(above, dns.SHA1, 5, "AABBCCDD")
			chain[hash] = hashedName(above, types[above], optOut, unsigned && above == name)
			_, above, _ = strings.Cut(above, ".")
			if above == "" {
				break
			}
		}
	}
	hashes := make([]string, 0, len(chain))
	for hash := range chain {
		hashes = append(hashes, hash)
	}
	slices.Sort(hashes)
	for i, hash := range hashes {
		chain[hash].Hdr.Name = hash + ".example."
		chain[hash].NextDomain = hashes[(i+1)%len(hashes)]
		fmt.Fprintln(&out, chain[hash])
		sign(&out, hash+".example.", dns.TypeNSEC3)
	}
	return out.String()
}

// occluded reports whether a name lies below a zone cut or a DNAME.
func occluded(name string, types map[string][]uint16) bool {
	for above, has := range types {
		if above == name || above == "example." || !dns.IsSubDomain(above, name) {
			continue
		}
		if slices.Contains(has, dns.TypeNS) || slices.Contains(has, dns.TypeDNAME) {
			return true
		}
	}
	return false
}

// hashedName is the NSEC3 of a name that has these types, its links aside.
func hashedName(name string, has []uint16, optOut, unsigned bool) *dns.NSEC3 {
	n := &dns.NSEC3{
		Hdr:  dns.RR_Header{Rrtype: dns.TypeNSEC3, Class: dns.ClassINET, Ttl: 1800},
		Hash: dns.SHA1, Iterations: 5, SaltLength: 4, Salt: "AABBCCDD", HashLength: 20,
		TypeBitMap: slices.Clone(has),
	}
	if optOut {
		n.Flags = 1
	}
	if len(has) > 0 && !unsigned {
		n.TypeBitMap = append(n.TypeBitMap, dns.TypeRRSIG)
		slices.Sort(n.TypeBitMap)
	}
	return n
}

func sign(out *strings.Builder, name string, typ uint16) {
	ttl := 3600
	if typ == dns.TypeNSEC3 {
		ttl = 1800
	}
	labels := dns.CountLabel(strings.TrimPrefix(name, "*."))
	fmt.Fprintf(out, "%s %d IN RRSIG %s 13 %d %d 20300101000000 20200101000000 12345 example. c2lnbmF0dXJl\n", name, ttl, dns.TypeToString[typ], labels, ttl)
}
