package frontend

import (
	"encoding/hex"
	"fmt"
	"math/rand/v2"
	"net/netip"
	"testing"
	"time"

	"github.com/miekg/dns"

	"github.com/namelet/namelet/hostabi"
	"github.com/namelet/namelet/internal/authority"
	"github.com/namelet/namelet/internal/frontend/rrl"
	"github.com/namelet/namelet/internal/resolve"
	"github.com/namelet/namelet/rr"
)

// kinds answers by the first letter of the name, large where it can.
func kinds(t testing.TB) handler {
	zone := rr.MustParseName("example")
	large := bulk(t, "example.", 5, 200).Data
	soa := set(t, "example. 60 IN SOA ns.example. host.example. 1 2 3 4 5")
	return func(q authority.Question, _ resolve.Client, resp *resolve.Response) {
		resp.Trace.Zone = zone
		answer := rr.Set{Name: q.Name, Type: rr.TypeTXT, TTL: 60, Data: large}
		wire := q.Name.Wire()
		switch letter := wire[min(len(wire)-1, 1)]; letter {
		case 'k', 'm': // known, made up
			resp.Outcome, resp.Trace.Known = authority.OutcomeAnswer, letter == 'k'
			resp.Answer.Answer = append(resp.Answer.Answer, answer)
		case 'n':
			resp.Outcome = authority.OutcomeNoData
			resp.Authority = append(resp.Authority, soa)
		case 'x':
			resp.Outcome = authority.OutcomeNXDomain
			resp.Authority = append(resp.Authority, soa)
		case 'd':
			resp.Outcome = authority.OutcomeReferral
			resp.Authority = append(resp.Authority, set(t, "d.example. 60 IN NS ns.d.example."))
		case 'f':
			resp.Outcome = authority.OutcomeFailed
			resp.Errors = append(resp.Errors, resolve.ExtendedError{Text: "a text that is longer than nothing"})
		default:
			resp.Outcome = authority.OutcomeRefused
		}
	}
}

// What a prefix is sent is, once its budget of the second is spent, no more than
// what came from it: whatever is asked for, with whatever options, and however
// the limiter is set.
func TestNoAmplification(t *testing.T) {
	options := []string{"", "000a 0008" + rfcQuery, "000a 0018" + rfcCookie, "0003 0000", "0008 0007 0001 18 00 c00002",
		"0003 0000 000a 0008" + rfcQuery, "000a 0010" + rfcQuery + "0000000000000000"}
	for _, slip := range []int{0, 1, 2, 3, rrl.MaxSlip} {
		t.Run(fmt.Sprint("slip ", slip), func(t *testing.T) {
			r := policyResponder(t, PolicyConfig{
				NSID: "a name of a server that is not short", VersionBind: "a version that is not short",
				SubnetFrom: []netip.Prefix{netip.MustParsePrefix("0.0.0.0/0")},
				Rate:       rrl.Config{Rate: 5, PrefixRate: 20, Slip: slip},
			}, kinds(t))
			random := rand.New(rand.NewPCG(1, uint64(slip)))
			received, sent, whole := 0, 0, 0
			for i := range 20_000 {
				if i%5000 == 0 {
					received, sent, whole = 0, 0, 0
					r.now = r.now.Add(time.Second)
				}
				msg := forged(t, random, options[random.IntN(len(options))])
				before := restrainedOf(r)
				response := answerAt(r, msg, fmt.Sprintf("192.0.2.%d", random.IntN(256)))
				if before == restrainedOf(r) {
					whole++
					continue
				}
				received += len(msg)
				if sent += len(response); sent > received {
					t.Fatalf("message %d: %d octets were sent for %d that were received", i, sent, received)
				}
			}
			if whole == 0 || whole > 20 {
				t.Errorf("got %d responses in full in the last second, want 1 to 20", whole)
			}
			if (sent > 0) != (slip > 0) {
				t.Errorf("got %d octets beyond the limit with slip %d", sent, slip)
			}
		})
	}
}

// forged makes one of the messages that somebody may send in another's name.
func forged(t testing.TB, random *rand.Rand, options string) []byte {
	switch random.IntN(12) {
	case 0:
		return unhex(t, "1234 0000 0001 0000 0000 0001 0776657273696f6e 0462696e64 00 0010 0003"+optWith(options))
	case 1:
		return unhex(t, "1234 0000 0000 0000 0000 0001"+optWith(options))
	case 2:
		return unhex(t, "1234 0000 0001 0000 0000 0000 00 0010 0001")
	case 3:
		return unhex(t, "1234 0000 0001 0000 0000 0001"+wwwExample+aIN+tsigRecord)
	case 4:
		return unhex(t, "1234 0000 0000 0000 0000 0000")
	case 5:
		return unhex(t, "1234 2000 0001 0000 0000 0001"+wwwExample+aIN+optWith(options))
	}
	return unhex(t, askTXT(fmt.Sprintf("%c%d.example", "kmnxdf"[random.IntN(6)], random.IntN(1000)), options))
}

func restrainedOf(r *responder) (sum uint64) {
	for i := range r.counters.restrained {
		sum += r.counters.restrained[i].n.Load()
	}
	return sum
}

// What goes out in place of a response that is one too many.
func TestRestrained(t *testing.T) {
	for _, test := range []struct {
		name, msg string
		slip      int
		rcode     string // empty for nothing
		truncated bool
		cookie    bool
	}{
		{"nothing", askTXT("k.example", ""), 0, "", false, false},
		{"truncated", askTXT("k.example", ""), 1, "NOERROR", true, false},
		{"truncated NXDOMAIN", askTXT("x.example", ""), 1, "NOERROR", true, false},
		{"NSID is left out", askTXT("k.example", "0003 0000"), 1, "NOERROR", true, false},
		{"an error stays one", askTXT("r.example", ""), 1, "REFUSED", false, false},
		{"without its text", askTXT("f.example", ""), 1, "SERVFAIL", false, false},
		{"a cookie is no shorter than its query", askTXT("k.example", "000a 0008"+rfcQuery), 1, "NOERROR", true, false},
		{"an old cookie is as long", askTXT("k.example", "000a 0018"+rfcQuery+"01000000000000000000000000000000"), 1, "BADCOOKIE", false, true},
	} {
		t.Run(test.name, func(t *testing.T) {
			r := policyResponder(t, PolicyConfig{NSID: "ns1", Rate: rrl.Config{Rate: 1, Slip: test.slip}}, kinds(t))
			msg := unhex(t, test.msg)
			if answerAt(r, msg, "192.0.2.1") == nil {
				t.Fatal("the first got no response")
			}
			got := answerAt(r, msg, "192.0.2.2")
			if test.rcode == "" {
				if got != nil {
					t.Fatalf("got %x, want nothing", got)
				}
				return
			}
			if rcode := rcodeOf(t, got); rcode != test.rcode {
				t.Errorf("got %s, want %s", rcode, test.rcode)
			}
			var m dns.Msg
			if err := m.Unpack(got); err != nil {
				t.Fatal(err)
			}
			if m.Truncated != test.truncated || len(m.Answer)+len(m.Ns) != 0 {
				t.Errorf("got truncated %v and %d records, want %v and none", m.Truncated, len(m.Answer)+len(m.Ns), test.truncated)
			}
			if all := options(t, got); (all[10] != "") != test.cookie || len(all) > 1 {
				t.Errorf("got options %v, want a cookie: %v", all, test.cookie)
			}
			if len(got) > len(msg) {
				t.Errorf("got %d octets for %d", len(got), len(msg))
			}
		})
	}
}

func askTXT(name, options string) string {
	return "1234 0000 0001 0000 0000 0001" + hex.EncodeToString([]byte(rr.MustParseName(name).Wire())) + "0010 0001" + optWith(options)
}

// A client that does not give up gets its answer: by BADCOOKIE and its cookie, or
// by TCP.
func TestWhoIsNotRestrained(t *testing.T) {
	config := PolicyConfig{Cookies: jar(t, rfcSecret), Rate: rrl.Config{Rate: 1, PrefixRate: 1, Slip: 2}}
	for _, test := range []struct {
		name      string
		transport hostabi.Transport
		options   string
		want      bool // restrained
	}{
		{"no cookie", hostabi.TransportUDP, "", true},
		{"client cookie", hostabi.TransportUDP, "000a 0008" + rfcQuery, true},
		{"good cookie", hostabi.TransportUDP, "000a 0018" + rfcCookie, false},
		{"another's cookie", hostabi.TransportUDP, "000a 0018" + rfcCookie[:46] + "00", true},
		{"TCP", hostabi.TransportTCP, "", false},
		{"TLS", hostabi.TransportTLS, "", false},
		{"HTTPS", hostabi.TransportHTTPS, "", false},
	} {
		t.Run(test.name, func(t *testing.T) {
			r := policyResponder(t, config, kinds(t))
			r.transport = test.transport
			for range 10 {
				answerAt(r, unhex(t, askTXT("k.example", test.options)), rfcClient)
			}
			if got := restrainedOf(r) > 0; got != test.want {
				t.Errorf("restrained: got %v, want %v", got, test.want)
			}
		})
	}
}

func TestBadCookieUnderLoad(t *testing.T) {
	r := policyResponder(t, PolicyConfig{Rate: rrl.Config{Rate: 1, Slip: 2}}, kinds(t))
	msg := unhex(t, askTXT("k.example", "000a 0008"+rfcQuery))
	var got []string
	var given string
	for range 5 {
		response := answerAt(r, msg, rfcClient)
		if response == nil {
			got = append(got, "")
			continue
		}
		got = append(got, rcodeOf(t, response))
		given = options(t, response)[10]
	}
	if want := [5]string{"NOERROR", "", "BADCOOKIE", "", "BADCOOKIE"}; [5]string(got) != want {
		t.Fatalf("got %q, want %q", got, want)
	}
	response := answerAt(r, unhex(t, askTXT("k.example", "000a 0018"+given)), rfcClient)
	if rcode := rcodeOf(t, response); rcode != "NOERROR" {
		t.Errorf("with the cookie that was given: got %s", rcode)
	}
}

// Which responses are counted together.
func TestAccounts(t *testing.T) {
	for _, test := range []struct {
		a, b string
		same bool
	}{
		{"k1.example", "k1.example", true},
		{"k1.example", "k1.eXaMPLE", true},
		{"k1.example", "k2.example", false},
		{"m1.example", "m2.example", true},
		{"n1.example", "n2.example", true},
		{"x1.example", "x2.example", true},
		{"d1.example", "d2.example", true},
		{"f1.example", "r2.example", true},
		{"n1.example", "x1.example", false},
		{"m1.example", "k1.example", false},
	} {
		r := policyResponder(t, PolicyConfig{Rate: rrl.Config{Rate: 1}}, kinds(t))
		answerAt(r, unhex(t, askTXT(test.a, "")), "192.0.2.1")
		if got := answerAt(r, unhex(t, askTXT(test.b, "")), "192.0.2.1") == nil; got != test.same {
			t.Errorf("%s and %s counted together: got %v, want %v", test.a, test.b, got, test.same)
		}
	}
}

// Over sockets: what is dropped takes no answer of another query with it.
func TestRestrainedOverUDP(t *testing.T) {
	s := serve(t, Config{Workers: 1, Policy: PolicyConfig{Rate: rrl.Config{Rate: 3, Slip: 3}}}, kinds(t))
	conn := dial(t, "udp", s.Addrs()[0])
	for i := range 9 {
		msg := unhex(t, askTXT("k.example", ""))
		msg[1] = byte(i)
		send(t, conn, msg)
	}
	send(t, conn, unhex(t, askTXT("n.example", "")))
	whole, truncated := 0, 0
	for {
		var m dns.Msg
		if err := m.Unpack(receive(t, conn)); err != nil {
			t.Fatal(err)
		}
		if m.Question[0].Name == "n.example." {
			break
		}
		if len(m.Answer) > 0 {
			whole++
		} else if m.Truncated {
			truncated++
		}
	}
	got := scrape(t, s.Metrics())
	if whole != 3 || truncated != 2 || got["responder_rate_limited_total action=dropped"] != 4 || got["responder_rate_limited_total action=truncated"] != 2 {
		t.Errorf("got %d answers and %d truncated, want 3 and 2; counted %v", whole, truncated, got)
	}
}
