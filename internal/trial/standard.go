package trial

import (
	"strings"

	"github.com/namelet/namelet/runtime"
)

// standard is what every guest is asked: questions of all shapes that a server hands on, over each
// transport, from clients of both families. What is right to answer is the guest's affair; that it has the
// form and keeps the rules of hostabi/SPEC.md section 4.2 is not. It may take what the server allows at most,
// since what it will be given is said when it is attached.
func standard(most runtime.Limits) Scenario {
	label := strings.Repeat("a", 63)
	longest := strings.Join([]string{label, label, label, strings.Repeat("b", 47)}, ".") // 255 octets with the apex
	s := Scenario{
		Zones:  []Zone{{Apex: "trial.example.", Text: standardZone}, {Apex: "granted.example.", Text: grantedZone, Private: true}},
		Grants: []string{"granted.example."},
		Site:   "trial",
		Fuel:   most.Fuel, Memory: most.MemoryPages,
	}
	for _, qtype := range []string{"A", "AAAA", "TXT", "MX", "HTTPS", "SRV", "CNAME", "PTR", "CAA", "TYPE65280"} {
		s.Cases = append(s.Cases, Case{Ask: "www.trial.example. " + qtype})
	}
	for _, name := range []string{"trial.example.", "nowhere.trial.example.", "any.wild.trial.example.", "WWW.Trial.EXAMPLE.", `\000\255\.x.trial.example.`,
		"1.2.3.4.5.6.7.8.9.10.trial.example.", longest + ".trial.example."} {
		s.Cases = append(s.Cases, Case{Ask: name + " A"}, Case{Ask: name + " TXT"})
	}
	for _, transport := range []string{"tcp", "tls", "https"} {
		s.Cases = append(s.Cases, Case{Ask: "www.trial.example. A", Transport: transport, Client: "2001:db8:1:2fff::1", Picks: []int{65535, 7, 1}, Now: 4_102_444_800})
	}
	return s
}

const standardZone = `$TTL 300
@       SOA   ns hostmaster 1 3600 600 86400 60
@       NS    ns
@       A     192.0.2.80
ns      A     192.0.2.53
www     A     192.0.2.1
www     A     192.0.2.2
www     AAAA  2001:db8::1
www     TXT   "www"
alias   CNAME www
*.wild  TXT   "wild"
sub     NS    ns.sub
ns.sub  A     192.0.2.54
`

const grantedZone = `$TTL 300
@    SOA ns.invalid. hostmaster.invalid. 1 3600 600 86400 60
@    NS  ns.invalid.
www  A   192.0.2.9
`
