package frontend

import (
	"bytes"
	"encoding/binary"
	"encoding/hex"
	"errors"
	"net/netip"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/miekg/dns"

	"github.com/namelet/namelet/hostabi"
	"github.com/namelet/namelet/internal/authority"
	"github.com/namelet/namelet/internal/frontend/cookie"
	"github.com/namelet/namelet/internal/frontend/rrl"
	"github.com/namelet/namelet/internal/resolve"
	"github.com/namelet/namelet/rr"
)

func mustPolicy(c PolicyConfig) *policy {
	p, err := newPolicy(c)
	if err != nil {
		panic(err)
	}
	return p
}

// jar makes a Jar with one secret.
func jar(t testing.TB, secret string) *cookie.Jar {
	t.Helper()
	path := filepath.Join(t.TempDir(), "secrets")
	if err := os.WriteFile(path, []byte(secret+"\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	j, err := cookie.Open(path)
	if err != nil {
		t.Fatal(err)
	}
	return j
}

// testAt is the time of the first vector of RFC 9018.
var testAt = time.Unix(1559731985, 0)

// policyResponder returns a responder with a policy that has its time standing
// still, and answers A of any name.
func policyResponder(t testing.TB, c PolicyConfig, h Handler) *responder {
	t.Helper()
	r := newTestResponder(h)
	r.policy = mustPolicy(c)
	r.policy.started = testAt
	r.now = testAt
	return r
}

// answerAt is respond without its look at the clock.
func answerAt(r *responder, msg []byte, client string) []byte {
	var q query
	response, done := r.quick(nil, msg, netip.MustParseAddr(client), &q)
	if !done {
		response, _ = r.slow(nil, &q)
	}
	return response
}

// options returns the options of a response by their codes.
func options(t testing.TB, response []byte) map[uint16]string {
	t.Helper()
	var msg dns.Msg
	if err := msg.Unpack(response); err != nil {
		t.Fatalf("%x: %v", response, err)
	}
	all := map[uint16]string{}
	if opt := msg.IsEdns0(); opt != nil {
		wire := response[len(response)-dns.Len(opt):]
		for b := wire[optFixedLen:]; len(b) > 0; {
			n := 4 + int(binary.BigEndian.Uint16(b[2:]))
			all[binary.BigEndian.Uint16(b)] = hex.EncodeToString(b[4:n])
			b = b[n:]
		}
	}
	return all
}

// rcodeOf returns the whole response code.
func rcodeOf(t testing.TB, response []byte) string {
	t.Helper()
	var msg dns.Msg
	if err := msg.Unpack(response); err != nil {
		t.Fatalf("%x: %v", response, err)
	}
	code := msg.Rcode
	if opt := msg.IsEdns0(); opt != nil {
		code |= opt.ExtendedRcode()
	}
	return rr.RCode(code).String()
}

// optWith returns an OPT record with options, given in hexadecimal.
func optWith(options string) string {
	data := strings.Join(strings.Fields(options), "")
	return "00 0029 04d0 00 00 0000" + hex.EncodeToString([]byte{byte(len(data) / 2 >> 8), byte(len(data) / 2)}) + data
}

func asking(options string) string {
	return "1234 0000 0001 0000 0000 0001" + wwwExample + aIN + optWith(options)
}

const (
	rfcSecret = "e5e973e5a6b2a43f48e7dc849e37bfcf"
	rfcClient = "198.51.100.100"
	rfcQuery  = "2464c4abcf10c957"
	rfcCookie = "2464c4abcf10c957010000005cf79f111f8130c3eee29480" // of that client at testAt
)

func TestOptionsOfAResponse(t *testing.T) {
	config := PolicyConfig{
		NSID:       "ns1",
		SubnetFrom: []netip.Prefix{netip.MustParsePrefix("198.51.100.0/24")},
	}
	const nobody = "192.0.2.1" // whose client subnet is not honoured
	for _, test := range []struct {
		name, client, msg string
		rcode             string
		want              map[uint16]string
	}{
		{"no option", rfcClient, asking(""), "NOERROR", map[uint16]string{}},
		{"no EDNS", rfcClient, "1234 0000 0001 0000 0000 0000" + wwwExample + aIN, "NOERROR", map[uint16]string{}},
		{"unknown option", rfcClient, asking("fde9 0000"), "NOERROR", map[uint16]string{}},

		{"client cookie", rfcClient, asking("000a 0008" + rfcQuery), "NOERROR", map[uint16]string{10: rfcCookie}},
		{"server cookie", rfcClient, asking("000a 0018" + rfcCookie), "NOERROR", map[uint16]string{10: rfcCookie}},
		{"another's server cookie", rfcClient, asking("000a 0010" + rfcQuery + "0000000000000000"), "NOERROR", map[uint16]string{10: rfcCookie}},
		{"two cookies", rfcClient, asking("000a 0008" + rfcQuery + "000a 0008 0000000000000000"), "NOERROR", map[uint16]string{10: rfcCookie}},
		{"malformed cookie", rfcClient, asking("000a 0007 00112233445566"), "FORMERR", map[uint16]string{}},
		{"cookie, no question", rfcClient, "1234 0000 0000 0000 0000 0001" + optWith("000a 0008"+rfcQuery), "NOERROR", map[uint16]string{10: rfcCookie}},
		{"good cookie, no question", rfcClient, "1234 0000 0000 0000 0000 0001" + optWith("000a 0018"+rfcCookie), "NOERROR", map[uint16]string{10: rfcCookie}},
		{"bad cookie, no question", nobody, "1234 0000 0000 0000 0000 0001" + optWith("000a 0018"+rfcCookie), "BADCOOKIE", map[uint16]string{10: ""}},
		{"no question, no cookie", rfcClient, "1234 0000 0000 0000 0000 0001" + optWith(""), "FORMERR", map[uint16]string{}},

		{"NSID", rfcClient, asking("0003 0000"), "NOERROR", map[uint16]string{3: "6e7331"}},
		{"NSID and an error", rfcClient, "1234 0000 0001 0000 0000 0001" + wwwExample + "00fe 0001" + optWith("0003 0000"), "NOTIMP", map[uint16]string{3: "6e7331", 15: "0015"}},

		{"client subnet", rfcClient, asking("0008 0007 0001 18 00 c00002"), "NOERROR", map[uint16]string{8: "00011814c00002"}},
		{"client subnet of IPv6", rfcClient, asking("0008 000a 0002 30 00 20010db80001"), "NOERROR", map[uint16]string{8: "0002302820010db80001"}},
		{"client subnet of no bits", rfcClient, asking("0008 0004 0001 00 00"), "NOERROR", map[uint16]string{8: "00010000"}},
		{"client subnet from elsewhere", nobody, asking("0008 0007 0001 18 00 c00002"), "NOERROR", map[uint16]string{}},
		{"malformed client subnet", rfcClient, asking("0008 0007 0001 18 00 c00002 0008 0004 0003 00 00"), "FORMERR", map[uint16]string{8: "00011800c00002"}},
		{"client subnet with bits beyond its length", rfcClient, asking("0008 0007 0001 17 00 c00003"), "FORMERR", map[uint16]string{}},

		{"all", rfcClient, asking("0003 0000 0008 0007 0001 18 00 c00002 000a 0008" + rfcQuery), "NOERROR", map[uint16]string{3: "6e7331", 8: "00011814c00002", 10: rfcCookie}},
		{"all, EDNS version 1", rfcClient, strings.Replace(asking("0003 0000 0008 0007 0001 18 00 c00002 000a 0008"+rfcQuery), "04d0 00 00", "04d0 00 01", 1), "BADVERS", map[uint16]string{}},
		{"cookie and NOTIFY", rfcClient, "1234 2000 0001 0000 0000 0001" + wwwExample + "0006 0001" + optWith("000a 0008"+rfcQuery), "NOTIMP", map[uint16]string{10: rfcCookie}},
	} {
		t.Run(test.name, func(t *testing.T) {
			config := config
			config.Cookies = jar(t, rfcSecret)
			r := policyResponder(t, config, scoped(t, 20, 40))
			response := answerAt(r, unhex(t, test.msg), test.client)
			if got := rcodeOf(t, response); got != test.rcode {
				t.Errorf("got %s, want %s", got, test.rcode)
			}
			got := options(t, response)
			for code, want := range test.want {
				if have, ok := got[code]; !ok || want != "" && have != want {
					t.Errorf("option %d: got %q, want %q", code, have, want)
				}
			}
			if len(got) != len(test.want) {
				t.Errorf("got options %v, want %v", got, test.want)
			}
		})
	}
}

// scoped answers A of any name and says that it looked at so many bits of the
// client.
func scoped(t testing.TB, v4, v6 uint8) handler {
	next := fixed(t)
	return func(q authority.Question, c resolve.Client, resp *resolve.Response) {
		next.Resolve(q, c, resp)
		resp.Trace.ScopeV4, resp.Trace.ScopeV6 = v4, v6
	}
}

// What the resolver is told about the client.
func TestWhoTheClientIs(t *testing.T) {
	for _, test := range []struct{ name, client, options, want string }{
		{"no option", "198.51.100.1", "", "198.51.100.1/32"},
		{"believed", "198.51.100.1", "0008 0007 0001 18 00 c00002", "192.0.2.0/24"},
		{"believed, IPv6", "198.51.100.1", "0008 000a 0002 30 00 20010db80001", "2001:db8:1::/48"},
		{"believed, no bits", "198.51.100.1", "0008 0004 0001 00 00", "198.51.100.1/32"},
		{"not believed", "203.0.113.1", "0008 0007 0001 18 00 c00002", "203.0.113.1/32"},
		{"two, the first counts", "198.51.100.1", "0008 0005 0001 08 00 0a 0008 0007 0001 18 00 c00002", "10.0.0.0/8"},
	} {
		t.Run(test.name, func(t *testing.T) {
			var got resolve.Client
			next := fixed(t)
			h := handler(func(q authority.Question, c resolve.Client, resp *resolve.Response) {
				got = c
				next.Resolve(q, c, resp)
			})
			r := policyResponder(t, PolicyConfig{SubnetFrom: []netip.Prefix{netip.MustParsePrefix("198.51.100.0/24")}}, h)
			answerAt(r, unhex(t, asking(test.options)), test.client)
			if got.Known() != netip.MustParsePrefix(test.want) || got.Transport != hostabi.TransportUDP {
				t.Errorf("got client %+v, want %s", got, test.want)
			}
		})
	}
}

func TestChaos(t *testing.T) {
	told := PolicyConfig{VersionBind: "Namelet", IDServer: "ns1"}
	for _, test := range []struct {
		name   string
		config PolicyConfig
		qtype  uint16
		class  uint16
		rcode  string
		text   string
	}{
		{"version.bind.", told, dns.TypeTXT, dns.ClassCHAOS, "NOERROR", "Namelet"},
		{"version.server.", told, dns.TypeTXT, dns.ClassCHAOS, "NOERROR", "Namelet"},
		{"VERSION.Bind.", told, dns.TypeTXT, dns.ClassCHAOS, "NOERROR", "Namelet"},
		{"version.bind.", told, dns.TypeANY, dns.ClassCHAOS, "NOERROR", "Namelet"},
		{"hostname.bind.", told, dns.TypeTXT, dns.ClassCHAOS, "NOERROR", "ns1"},
		{"id.server.", told, dns.TypeTXT, dns.ClassCHAOS, "NOERROR", "ns1"},
		{"id.server.", PolicyConfig{IDServer: strings.Repeat("x", MaxChaos)}, dns.TypeTXT, dns.ClassCHAOS, "NOERROR", strings.Repeat("x", MaxChaos)},
		{"id.server.", PolicyConfig{VersionBind: "Namelet"}, dns.TypeTXT, dns.ClassCHAOS, "REFUSED", ""},
		{"version.bind.", PolicyConfig{IDServer: "ns1"}, dns.TypeTXT, dns.ClassCHAOS, "REFUSED", ""},
		{"version.bind.", told, dns.TypeA, dns.ClassCHAOS, "REFUSED", ""},
		{"www.example.", told, dns.TypeTXT, dns.ClassCHAOS, "REFUSED", ""},
		{".", told, dns.TypeTXT, dns.ClassCHAOS, "REFUSED", ""},
		{"version.bind.", told, dns.TypeTXT, dns.ClassHESIOD, "REFUSED", ""},
	} {
		t.Run(test.name+" "+dns.Type(test.qtype).String()+" "+test.rcode, func(t *testing.T) {
			var q dns.Msg
			q.SetQuestion(test.name, test.qtype)
			q.Question[0].Qclass = test.class
			wire, err := q.Pack()
			if err != nil {
				t.Fatal(err)
			}
			response := answerAt(policyResponder(t, test.config, fixed(t)), wire, "192.0.2.1")
			if got := rcodeOf(t, response); got != test.rcode {
				t.Errorf("got %s, want %s", got, test.rcode)
			}
			var msg dns.Msg
			if err := msg.Unpack(response); err != nil {
				t.Fatal(err)
			}
			if test.text == "" {
				if len(msg.Answer) != 0 {
					t.Errorf("got answer %v, want none", msg.Answer)
				}
				return
			}
			txt, ok := msg.Answer[0].(*dns.TXT)
			if !ok || len(txt.Txt) != 1 || txt.Txt[0] != test.text || txt.Hdr.Class != dns.ClassCHAOS || txt.Hdr.Name != test.name {
				t.Errorf("got answer %v, want TXT %q", msg.Answer, test.text)
			}
		})
	}
}

func TestPolicyConfig(t *testing.T) {
	for _, c := range []PolicyConfig{
		{NSID: strings.Repeat("x", MaxNSID+1)},
		{VersionBind: strings.Repeat("x", MaxChaos+1)},
		{IDServer: strings.Repeat("x", MaxChaos+1)},
	} {
		if _, err := newPolicy(c); !errors.Is(err, errConfig) {
			t.Errorf("%+v: got error %v, want errConfig", c, err)
		}
	}
	if _, err := newPolicy(PolicyConfig{Rate: rrl.Config{Rate: -1}}); !errors.Is(err, rrl.ErrConfig) {
		t.Errorf("negative rate: got error %v", err)
	}
}

// The longest options that a response can owe fit, into the smallest response
// too.
func TestAllOptionsFit(t *testing.T) {
	large := bulk(t, "example.", 20, 200)
	r := policyResponder(t, PolicyConfig{NSID: strings.Repeat("n", MaxNSID), SubnetFrom: []netip.Prefix{netip.MustParsePrefix("::/0")}},
		handler(func(_ authority.Question, _ resolve.Client, resp *resolve.Response) {
			resp.Outcome = authority.OutcomeAnswer
			resp.Answer.Answer = append(resp.Answer.Answer, large)
		}))
	longest := strings.Repeat("3f"+strings.Repeat("61", 63), 3) + "3d" + strings.Repeat("61", 61) + "00"
	opt := optWith("0003 0000 0008 0014 0002 80 00" + strings.Repeat("ab", 16) + "000a 0008" + rfcQuery)
	response := answerAt(r, unhex(t, "1234 0000 0001 0000 0000 0001"+longest+"0010 0001"+strings.Replace(opt, "04d0", "0000", 1)), "2001:db8::1")
	if got := options(t, response); len(response) > LeastUDPSize || len(got) != 3 {
		t.Errorf("got %d octets and options %v, want three within %d", len(response), got, LeastUDPSize)
	}
	if binary.BigEndian.Uint16(response[2:])&flagTC == 0 {
		t.Error("TC is not set")
	}
}

func TestPolicyAllocations(t *testing.T) {
	r := policyResponder(t, PolicyConfig{
		NSID: "ns1", VersionBind: "Namelet", Cookies: jar(t, rfcSecret),
		SubnetFrom: []netip.Prefix{netip.MustParsePrefix("198.51.100.0/24")},
		Rate:       rrl.Config{Rate: 3, PrefixRate: 10, Slip: 2},
		HealthName: rr.MustParseName("health.server."),
	}, fixed(t))
	client := netip.MustParseAddr(rfcClient)
	dst, q := make([]byte, 0, defaultMaxUDPSize), new(query)
	for name, msg := range map[string]string{
		"all options": asking("0003 0000 0008 0007 0001 18 00 c00002 000a 0008" + rfcQuery),
		"good cookie": asking("000a 0018" + rfcCookie),
		"limited":     asking(""),
		"chaos":       "1234 0000 0001 0000 0000 0000 0776657273696f6e 0462696e64 00 0010 0003",
		"health":      "1234 0000 0001 0000 0000 0000 066865616c7468 06736572766572 00 0010 0001",
		"no question": "1234 0000 0000 0000 0000 0001" + optWith("000a 0008"+rfcQuery),
	} {
		wire := unhex(t, msg)
		if n := testing.AllocsPerRun(100, func() { r.respond(dst, wire, client, q) }); n != 0 {
			t.Errorf("%s: got %v allocations, want none", name, n)
		}
	}
}

// FuzzOptions holds the reading of an OPT record against the codec's, and looks at
// what the response says.
func FuzzOptions(f *testing.F) {
	for _, seed := range []string{"", "0003 0000", "000a 0008" + rfcQuery, "000a 0018" + rfcCookie, "0008 0007 0001 18 00 c00002",
		"0008 0004 0001 00 00", "0008 0004 0000 00 00", "000b 0000 000c 0003 000000", "000a 0007 00000000000000", "0008 0004 0003 00 00"} {
		f.Add(unhex(f, seed))
	}
	r := policyResponder(f, PolicyConfig{NSID: "ns1", SubnetFrom: []netip.Prefix{netip.MustParsePrefix("0.0.0.0/0")}}, scoped(f, 24, 56))
	f.Fuzz(func(t *testing.T, data []byte) {
		if len(data) > maxQuery-100 {
			return
		}
		msg := unhex(t, "1234 0000 0001 0000 0000 0001"+wwwExample+aIN+optWith(hex.EncodeToString(data)))
		want := wantedOptions(data)
		response := answerAt(r, msg, "192.0.2.1")
		if want == nil {
			if got := rcodeOf(t, response); got != "FORMERR" {
				t.Fatalf("%x: got %s, want FORMERR", data, got)
			}
			return
		}
		if got := rcodeOf(t, response); got != "NOERROR" {
			t.Fatalf("%x: got %s, want NOERROR", data, got)
		}
		got := options(t, response)
		if len(got) != len(want) {
			t.Fatalf("%x: got options %v, want those of %v", data, got, want)
		}
		for code, begin := range want {
			if !strings.HasPrefix(got[code], hex.EncodeToString(begin)) {
				t.Fatalf("%x: option %d is %s, want %x in front", data, code, got[code], begin)
			}
		}
		if again := answerAt(r, msg, "192.0.2.1"); !bytes.Equal(again, response) {
			t.Fatalf("%x: got %x, then %x", data, response, again)
		}
	})
}

// wantedOptions says by the codec's reading what options the response has, and
// what they begin with; nil where a query is malformed.
func wantedOptions(data []byte) map[uint16][]byte {
	var opt dns.OPT
	head := []byte{0, 0, 41, 4, 0xd0, 0, 0, 0, 0, byte(len(data) >> 8), byte(len(data))}
	record, end, err := dns.UnpackRR(hideSubnets(append(head, data...)), 0)
	if err != nil || end != len(head)+len(data) {
		return nil
	}
	opt = *record.(*dns.OPT)
	want := map[uint16][]byte{}
	for _, option := range opt.Option {
		switch o := option.(type) {
		case *dns.EDNS0_NSID:
			want[optionNSID] = []byte("ns1")
		case *dns.EDNS0_COOKIE:
			b, _ := hex.DecodeString(o.Cookie)
			if !cookie.Valid(b) {
				return nil
			}
			if want[cookie.Code] == nil {
				want[cookie.Code] = b[:8]
			}
		case *dns.EDNS0_LOCAL:
			if o.Code != hidden {
				continue
			}
			if !subnetByTheBook(o.Data) {
				return nil
			}
			if want[8] == nil {
				want[8] = o.Data[:3]
			}
		}
	}
	return want
}

// hidden is the code that client subnets have for the codec, which would reject
// some of them and change others.
const hidden = 0xfffd

func hideSubnets(record []byte) []byte {
	for at := optFixedLen; at+4 <= len(record); at += 4 + int(binary.BigEndian.Uint16(record[at+2:])) {
		switch binary.BigEndian.Uint16(record[at:]) {
		case 3, 10: // read by the codec
		case 8:
			binary.BigEndian.PutUint16(record[at:], hidden)
		default:
			binary.BigEndian.PutUint16(record[at:], hidden+1)
		}
	}
	return record
}

// subnetByTheBook is RFC 7871 section 6, by arithmetic on the address.
func subnetByTheBook(b []byte) bool {
	if len(b) < 4 || b[3] != 0 || b[0] != 0 || b[1] > 2 {
		return false
	}
	most := map[byte]int{0: 0, 1: 32, 2: 128}[b[1]]
	bits, address := int(b[2]), b[4:]
	if bits > most || len(address) != (bits+7)/8 {
		return false
	}
	for i := bits; i < 8*len(address); i++ {
		if address[i/8]>>(7-i%8)&1 == 1 {
			return false
		}
	}
	return true
}
