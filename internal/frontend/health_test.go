package frontend

import (
	"testing"

	"github.com/miekg/dns"

	"github.com/namelet/namelet/rr"
)

// The health name is answered by the server itself, over each transport, in both
// classes and in any case of letters, and says at once when the server is not ready.
func TestHealthName(t *testing.T) {
	s := serve(t, Config{CacheBytes: 1 << 20, Policy: PolicyConfig{HealthName: rr.MustParseName("Health.server.")}}, fixed(t))
	ask := func(network, name string, qtype, class uint16) *dns.Msg {
		t.Helper()
		m := new(dns.Msg).SetQuestion(name, qtype)
		m.Question[0].Qclass = class
		m.SetEdns0(1232, false)
		r, _, err := (&dns.Client{Net: network}).ExchangeContext(t.Context(), m, s.Addrs()[0].String())
		if err != nil {
			t.Fatal(err)
		}
		return r
	}
	expect := func(rcode int) {
		t.Helper()
		for _, network := range []string{"udp", "tcp"} {
			for _, class := range []uint16{dns.ClassINET, dns.ClassCHAOS} {
				for range 2 { // none is kept
					if r := ask(network, "HEALTH.Server.", dns.TypeA, class); r.Rcode != rcode || len(r.Answer) > 0 {
						t.Errorf("%s class %d: got %v, want code %d and no answer", network, class, r, rcode)
					}
				}
			}
		}
	}
	expect(dns.RcodeSuccess)
	r := ask("udp", "health.server.", dns.TypeTXT, dns.ClassINET)
	if len(r.Answer) != 1 || r.Answer[0].String() != "health.server.\t0\tIN\tTXT\t\"ready\"" || !r.Authoritative {
		t.Errorf("TXT: got %v", r)
	}

	s.SetReady(false, "about to end")
	expect(dns.RcodeServerFailure)
	r = ask("udp", "health.server.", dns.TypeTXT, dns.ClassINET)
	if ede, ok := r.IsEdns0().Option[0].(*dns.EDNS0_EDE); !ok || ede.InfoCode != dns.ExtendedErrorCodeNotReady || ede.ExtraText != "about to end" {
		t.Errorf("got %v, want not ready", r)
	}
	if r := ask("udp", "www.example.", dns.TypeA, dns.ClassINET); r.Rcode != dns.RcodeSuccess || len(r.Answer) == 0 {
		t.Errorf("another name: got %v, want it answered", r)
	}
	s.SetReady(true, "")
	expect(dns.RcodeSuccess)
}
