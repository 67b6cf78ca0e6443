package integration

import (
	"fmt"
	"math/rand/v2"
	"net"
	"os"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/miekg/dns"

	"github.com/namelet/namelet/internal/realzones"
)

const questionsPerZone = 2000

// TestSameAsNSD asks Namelet and NSD about the same zone file: names that are
// there, that are not, and that lie below zone cuts, with many types; over UDP
// and TCP; with DNSSEC records and without.
//
// What may differ is left out of the comparison: the letter case of names, the
// order of records, and what a truncated message still holds. Questions of types
// ANY and RRSIG are not asked, since RFC 8482 lets a server choose. Beside an
// answer, Namelet may give additional data that NSD leaves out. Where a
// referral's glue does not fit, NSD 4 leaves it out without a word; RFC 9471 has
// TC set for glue that is in-domain, and that is what is checked then.
func TestSameAsNSD(t *testing.T) {
	program := responder(t)
	for _, file := range []string{realzones.Root2018, realzones.Root2014Signed} {
		t.Run(file, func(t *testing.T) {
			path := realzones.Path(t, file)
			compareServers(t, serveNSD(t, ".", path), serveZone(t, program, ".", path), asked(t, path))
		})
	}
}

// asking is a question and how it is asked.
type asking struct {
	name string
	typ  uint16
	do   bool
	via  transport
}

type transport uint8

const (
	overUDP  transport = iota // with EDNS and room for 1,232 octets
	overTCP                   // with EDNS
	overBare                  // over UDP without EDNS, with room for 512 octets
	transports
)

func (a asking) String() string {
	return fmt.Sprintf("%s %s do=%v via %d", a.name, dns.TypeToString[a.typ], a.do, a.via)
}

// asked draws the questions about a zone file, the same in every run.
func asked(t *testing.T, path string) []asking {
	owners := ownersIn(t, path)
	random := rand.New(rand.NewPCG(2018, 2014))
	types := []uint16{dns.TypeA, dns.TypeA, dns.TypeAAAA, dns.TypeNS, dns.TypeDS, dns.TypeDS, dns.TypeSOA, dns.TypeMX, dns.TypeTXT, dns.TypeNSEC, dns.TypeDNSKEY, dns.TypeCNAME, dns.TypeHTTPS}
	var out []asking
	for i := range questionsPerZone {
		name := owners[random.IntN(len(owners))]
		switch i % 6 {
		case 1:
			name = "www." + strings.TrimPrefix(name, ".")
		case 2:
			name = fmt.Sprintf("no-such-%d.", random.IntN(1e6))
		case 3:
			name = "x" + name
		case 4:
			name = strings.TrimSuffix(name, ".") + "0."
		}
		if i%20 == 0 {
			name = "."
		}
		if _, ok := dns.IsDomainName(name); !ok {
			continue
		}
		q := asking{name: dns.Fqdn(name), typ: types[random.IntN(len(types))], via: transport(random.IntN(int(transports)))}
		q.do = q.via != overBare && random.IntN(3) > 0 // DO comes with EDNS only
		out = append(out, q)
	}
	if len(out) < questionsPerZone*9/10 {
		t.Fatalf("only %d questions", len(out))
	}
	return out
}

// ownersIn returns the owner names of a zone file.
func ownersIn(t *testing.T, path string) []string {
	f, err := os.Open(path)
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	var names []string
	parser := dns.NewZoneParser(f, ".", path)
	for record, ok := parser.Next(); ok; record, ok = parser.Next() {
		names = append(names, record.Header().Name)
	}
	if err := parser.Err(); err != nil {
		t.Fatal(err)
	}
	slices.Sort(names)
	return slices.Compact(names)
}

func compareServers(t *testing.T, nsd, namelet string, questions []asking) {
	kinds := map[string]int{}
	for _, q := range questions {
		want, got := ask(t, nsd, q), ask(t, namelet, q)
		kinds[kind(want)]++
		if q.via == overBare {
			q.via = overTCP
			if full := ask(t, nsd, q); len(want.Extra) < withoutOPT(full) {
				checkShort(t, q, full, got)
				continue
			}
			q.via = overBare
		}
		leaveOptional(want, got)
		if diff := cmp.Diff(comparable(want), comparable(got)); diff != "" {
			t.Errorf("%v: -NSD +Namelet:\n%s", q, diff)
		}
	}
	t.Logf("%d questions by what they led to: %v", len(questions), kinds)
	for _, kind := range []string{"answer", "referral", "nodata", "nxdomain"} {
		if kinds[kind] < 20 {
			t.Errorf("only %d of the questions led to %s", kinds[kind], kind)
		}
	}
}

// leaveOptional takes from an answer with answers the additional data that NSD
// does not give, as for MX under minimal-responses.
func leaveOptional(want, got *dns.Msg) {
	if len(want.Answer) == 0 || !want.Authoritative {
		return
	}
	given := comparable(want)
	got.Extra = slices.DeleteFunc(got.Extra, func(r dns.RR) bool {
		return r.Header().Rrtype != dns.TypeOPT && !slices.Contains(given, "additional "+canonical(r))
	})
}

// checkShort looks at a referral that does not fit with all its glue: full is the
// whole of it, without DNSSEC records.
func checkShort(t *testing.T, q asking, full, got *dns.Msg) {
	full.Extra = slices.DeleteFunc(full.Extra, func(r dns.RR) bool { return r.Header().Rrtype == dns.TypeOPT })
	if got.Truncated {
		needed := full.Copy()
		needed.Extra = inDomain(full)
		needed.Compress = true
		if size := needed.Len(); size <= dns.MinMsgSize {
			t.Errorf("%v: Namelet truncates what takes %d octets", q, size)
		}
		return
	}
	want := comparable(full)
	for _, record := range inDomain(full) {
		if !slices.Contains(comparable(got), "additional "+canonical(record)) {
			t.Errorf("%v: Namelet leaves out %v and does not set TC", q, record)
		}
	}
	for _, line := range comparable(got) {
		if !slices.Contains(want, line) {
			t.Errorf("%v: Namelet says %q, NSD does not", q, line)
		}
	}
	if len(got.Answer) != len(full.Answer) || len(got.Ns) != len(full.Ns) {
		t.Errorf("%v: Namelet leaves out more than additional data", q)
	}
}

// inDomain returns the glue of a referral that lies at or below the zone cut.
func inDomain(m *dns.Msg) (glue []dns.RR) {
	for _, record := range m.Extra {
		if len(m.Ns) > 0 && dns.IsSubDomain(m.Ns[0].Header().Name, record.Header().Name) {
			glue = append(glue, record)
		}
	}
	return glue
}

func withoutOPT(m *dns.Msg) int {
	n := len(m.Extra)
	if m.IsEdns0() != nil {
		n--
	}
	return n
}

// kind names what a reply is, to see that all kinds were met.
func kind(m *dns.Msg) string {
	switch {
	case m.Truncated:
		return "truncated"
	case m.Rcode != dns.RcodeSuccess:
		return strings.ToLower(dns.RcodeToString[m.Rcode])
	case len(m.Answer) > 0:
		return "answer"
	case !m.Authoritative:
		return "referral"
	}
	return "nodata"
}

func ask(t *testing.T, address string, q asking) *dns.Msg {
	t.Helper()
	query := new(dns.Msg).SetQuestion(q.name, q.typ)
	query.RecursionDesired = false
	client := dns.Client{Timeout: 5 * time.Second}
	if q.via != overBare {
		query.SetEdns0(1232, q.do)
	}
	if q.via == overTCP {
		client.Net = "tcp"
	}
	for range 3 { // a datagram may be lost even on loopback
		reply, _, err := client.Exchange(query, address)
		if err == nil {
			return reply
		}
		if e, ok := err.(net.Error); !ok || !e.Timeout() {
			t.Fatalf("%v at %s: %v", q, address, err)
		}
	}
	t.Fatalf("%v at %s: no reply", q, address)
	return nil
}

// comparable is what of a message has to be the same.
func comparable(m *dns.Msg) []string {
	out := []string{fmt.Sprintf("rcode %s aa %v tc %v", dns.RcodeToString[m.Rcode], m.Authoritative, m.Truncated)}
	if m.Truncated {
		return out
	}
	for i, section := range [][]dns.RR{m.Answer, m.Ns, m.Extra} {
		var lines []string
		for _, record := range section {
			if record.Header().Rrtype != dns.TypeOPT {
				lines = append(lines, []string{"answer ", "authority ", "additional "}[i]+canonical(record))
			}
		}
		slices.Sort(lines)
		out = append(out, lines...)
	}
	return out
}

// canonical is a record as text with its names in lower case.
func canonical(record dns.RR) string {
	record = dns.Copy(record)
	record.Header().Name = dns.CanonicalName(record.Header().Name)
	switch r := record.(type) {
	case *dns.RRSIG:
		r.SignerName = dns.CanonicalName(r.SignerName)
	case *dns.NS:
		r.Ns = dns.CanonicalName(r.Ns)
	case *dns.SOA:
		r.Ns, r.Mbox = dns.CanonicalName(r.Ns), dns.CanonicalName(r.Mbox)
	case *dns.NSEC3:
		r.NextDomain = strings.ToLower(r.NextDomain)
	case *dns.NSEC:
		r.NextDomain = dns.CanonicalName(r.NextDomain)
	}
	return record.String()
}
