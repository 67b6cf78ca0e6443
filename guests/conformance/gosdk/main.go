// Package main is the conformance guest of the Go SDK: for each first label it does what
// hostabi/conformance says beside the case, in the plainest way the SDK has.
package main

import (
	"errors"
	"strconv"

	"github.com/namelet/namelet/sdk"
)

var (
	zone   = sdk.MustName("conformance.example")
	host   = sdk.MustName("host.conformance.example")
	none   = sdk.MustName("none.conformance.example")
	grant  = sdk.MustName("host.granted.internal")
	denied = sdk.MustName("host.denied.internal")

	config string
)

func main() {}

func init() {
	sdk.OnInit(func(c sdk.Config) error {
		value, ok := c.Get("a")
		if !ok || c.Len() != 1 {
			return errors.New("the configuration is a key a and no other")
		}
		config = value
		return nil
	})
	sdk.Handle(handle)
}

// experiments are called by the first label of the qname.
var experiments = map[string]func(q *sdk.Query, a *sdk.Answer){
	"sdk-question":     question,
	"sdk-client":       func(q *sdk.Query, a *sdk.Answer) { a.TXT(q.Client(24, 56).String()) },
	"sdk-time":         time,
	"sdk-pick":         func(q *sdk.Query, a *sdk.Answer) { say(a, q.Pick(10), q.Pick(10), q.Pick(65536)) },
	"sdk-where":        func(q *sdk.Query, a *sdk.Answer) { a.TXT(strconv.Itoa(int(q.Transport())) + " " + q.Site()) },
	"sdk-config":       func(_ *sdk.Query, a *sdk.Answer) { a.TXT(config) },
	"sdk-lookup":       lookup,
	"sdk-read":         read,
	"sdk-many":         many,
	"sdk-rrset":        func(_ *sdk.Query, a *sdk.Answer) { a.From(grant) },
	"sdk-rrset-ttl":    func(_ *sdk.Query, a *sdk.Answer) { a.TTL(7); a.From(grant) },
	"sdk-record":       record,
	"sdk-ttl":          func(_ *sdk.Query, a *sdk.Answer) { a.TTL(5); a.TXT("one") },
	"sdk-chain":        chain,
	"sdk-cname":        func(_ *sdk.Query, a *sdk.Answer) { a.CNAME(sdk.MustName("target.conformance.example")) },
	"sdk-nodata":       func(_ *sdk.Query, a *sdk.Answer) { a.NoData() },
	"sdk-nxdomain":     func(_ *sdk.Query, a *sdk.Answer) { a.NXDomain() },
	"sdk-negative-ttl": func(_ *sdk.Query, a *sdk.Answer) { a.NXDomain(); a.NegativeTTL(5) },
	"sdk-refuse":       func(_ *sdk.Query, a *sdk.Answer) { a.Refuse() },
	"sdk-static":       func(_ *sdk.Query, a *sdk.Answer) { a.Static() },
	"sdk-fail":         func(q *sdk.Query, a *sdk.Answer) { say(a, q.Pick(0)) },
}

func handle(q *sdk.Query, a *sdk.Answer) {
	if run := experiments[q.Name().Label()]; run != nil {
		run(q, a)
	}
}

// say answers with numbers in one string.
func say(a *sdk.Answer, numbers ...int) {
	var text []byte
	for i, n := range numbers {
		if i > 0 {
			text = append(text, ' ')
		}
		text = strconv.AppendInt(text, int64(n), 10)
	}
	a.TXT(string(text))
}

func question(q *sdk.Query, a *sdk.Answer) {
	say(a, int(q.Type()), q.Name().Labels(), q.Zone().Labels(), q.Attach().Labels())
}

func time(q *sdk.Query, a *sdk.Answer) {
	say(a, int(q.Now(3600)), number(q.Before(1_700_000_000)), number(q.Before(1_700_000_001)))
}

func number(b bool) int {
	if b {
		return 1
	}
	return 0
}

func lookup(q *sdk.Query, a *sdk.Answer) {
	status := func(name sdk.Name, t sdk.Type) int {
		_, s := q.Lookup(name, t)
		return int(s)
	}
	say(a,
		status(host, sdk.TypeA), status(none, sdk.TypeA),
		status(q.Join("sub", zone), sdk.TypeA), status(q.Join("alias", zone), sdk.TypeA),
		status(host, sdk.TypeTXT), status(q.Join("ent", zone), sdk.TypeTXT),
		status(grant, sdk.TypeTXT), status(denied, sdk.TypeTXT))
}

func read(q *sdk.Query, a *sdk.Answer) {
	set, _ := q.Lookup(host, sdk.TypeA)
	info := set.Info()
	text := strconv.Itoa(int(info.TTL)) + " " + strconv.Itoa(int(info.Count))
	for rdata := range set.All {
		text += " " + sdk.AddrV4([4]byte([]byte(rdata))).String()
	}
	a.TXT(text)
}

func many(q *sdk.Query, a *sdk.Answer) {
	requests := []sdk.Request{{Name: host, Type: sdk.TypeA}, {Name: none, Type: sdk.TypeA}}
	q.LookupMany(requests)
	say(a, int(requests[0].Status), int(requests[1].Status), int(requests[0].Set.Info().Count))
}

func record(_ *sdk.Query, a *sdk.Answer) {
	svc := sdk.MustName("svc.conformance.example")
	a.A([4]byte{192, 0, 2, 9})
	a.AAAA([16]byte{0x20, 0x01, 0x0d, 0xb8, 15: 9})
	a.MX(10, sdk.MustName("mx.conformance.example"))
	a.SRV(1, 2, 443, sdk.MustName("srv.conformance.example"))
	a.CAA(128, "issue", "ca.example")
	a.NS(sdk.MustName("ns.conformance.example"))
	a.PTR(sdk.MustName("ptr.conformance.example"))
	a.SVCB(1, svc, sdk.ALPN("h2"), sdk.Port(8443))
	a.HTTPS(1, svc, sdk.ALPN("h2", "h3"))
	a.TXT("one", "two")
	a.Text(13, "wasm namelet") // HINFO
}

func chain(_ *sdk.Query, a *sdk.Answer) {
	target := sdk.MustName("t.conformance.example")
	a.CNAME(target)
	a.Owner(target)
	a.TXT("one")
}
