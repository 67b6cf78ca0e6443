package dnsjson

import (
	"encoding/json"
	"net"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/miekg/dns"
)

// message makes a response with a section a line kind.
func message(t *testing.T, answer, authority, additional string) *dns.Msg {
	t.Helper()
	m := new(dns.Msg)
	m.SetQuestion("Www.Example.", dns.TypeA)
	m.Response, m.Authoritative = true, true
	for text, section := range map[string]*[]dns.RR{answer: &m.Answer, authority: &m.Ns, additional: &m.Extra} {
		for line := range strings.Lines(text) {
			record, err := dns.NewRR(line)
			if err != nil {
				t.Fatal(err)
			}
			*section = append(*section, record)
		}
	}
	return m
}

func TestFromMessage(t *testing.T) {
	full := message(t, "Www.Example. 60 IN A 192.0.2.1\nwww.example. 60 IN TXT \"a \\\"b\\\" <c>\" \\228", "example. 5 IN NS ns.example.", "ns.example. 5 IN AAAA 2001:db8::1\nns.example. 5 IN TYPE731 \\# 2 abcd")
	full.SetEdns0(1232, true)
	full.IsEdns0().Option = append(full.IsEdns0().Option,
		&dns.EDNS0_SUBNET{Code: dns.EDNS0SUBNET, Family: 1, SourceNetmask: 24, SourceScope: 16, Address: net.IPv4(198, 51, 100, 0).To4()},
		&dns.EDNS0_EDE{InfoCode: 3, ExtraText: "late"}, &dns.EDNS0_EDE{InfoCode: 20}, &dns.EDNS0_EDE{InfoCode: 999})
	refused := new(dns.Msg)
	refused.SetQuestion(".", dns.TypeANY)
	refused.Rcode, refused.Truncated, refused.RecursionDesired = dns.RcodeBadVers, true, true
	tests := []struct {
		name string
		m    *dns.Msg
		want string
	}{
		{"all there is", full, `{"Status":0,"TC":false,"RD":true,"RA":false,"AD":false,"CD":false,"AA":true,` +
			`"Question":[{"name":"Www.Example.","type":1}],` +
			`"Answer":[{"name":"Www.Example.","type":1,"TTL":60,"data":"192.0.2.1"},{"name":"www.example.","type":16,"TTL":60,"data":"\"a \\\"b\\\" <c>\" \"\\228\""}],` +
			`"Authority":[{"name":"example.","type":2,"TTL":5,"data":"ns.example."}],` +
			`"Additional":[{"name":"ns.example.","type":28,"TTL":5,"data":"2001:db8::1"},{"name":"ns.example.","type":731,"TTL":5,"data":"\\# 2 abcd"}],` +
			`"edns_client_subnet":"198.51.100.0/16","Comment":"3 (Stale Answer): late; 20 (Not Authoritative); 999"}`},
		{"as little as can be", refused, `{"Status":16,"TC":true,"RD":true,"RA":false,"AD":false,"CD":false,"AA":false,"Question":[{"name":".","type":255}]}`},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			var b strings.Builder
			enc := json.NewEncoder(&b)
			enc.SetEscapeHTML(false)
			if err := enc.Encode(FromMessage(test.m)); err != nil {
				t.Fatal(err)
			}
			if diff := cmp.Diff(test.want+"\n", b.String()); diff != "" {
				t.Errorf("(-want +got):\n%s", diff)
			}
		})
	}
}
