package conformance

import "strconv"

// Clients of the cases, one of each family, with bits set past every prefix that is asked for.
var (
	overIPv6 = Inputs{Client: "2001:db8:1:2fff::1"}
	drawing  = Inputs{Picks: []int{7, 3, 12345, 5}}
)

// HostCases are asked of a host that runs the raw guest, guests/conformance/conformance.c. A record
// holds the numbers that its experiment saw; read the two side by side.
var HostCases = concat(lookupCases, inputCases, effectCases, pointerCases, answerCases, badAnswerCases)

var lookupCases = []Case{
	experiment("lookup-found", "0 24 24 1 0 300 2 12 0"),
	experiment("lookup-wildcard", "0 1"),
	experiment("lookup-outcomes", "0 -1 -2 -1 -3 -3 -1 -4 0 0 -2 -5 -5"),
	experiment("lookup-bad-names", "-7 -7 -7 -7 -7"),
	experiment("lookup-bad-types", "-7 -7 -7 -7 -7 -7 -7 -7 -7"),
	experiment("lookup-limit", "0 -8 -8"),
	experiment("many", "0 0 -2 -7 -7 0 0"),
	experiment("many-bad", "-7 77 -8 77 0 0 -8"),
	experiment("many-count", "-8 -8"),
	experiment("handles", "-9 -9 -9 -9 -9 -9"),
	experiment("info-small", "24 0 24 24 0"),
	experiment("read", "12 0 12 12 0 0400c00002010400c0000202"),
}

var inputCases = []Case{
	experiment("client", "24 4 c0000200000000000000000000000000 24 4 c0000200000000000000000000000000"),
	experiment("client", "56 6 20010db800012f000000000000000000 56 6 20010db800012f000000000000000000").with("IPv6", overIPv6),
	experiment("client-all", "32 4 c000024d000000000000000000000000"),
	experiment("client-all", "128 6 20010db800012fff0000000000000001").with("IPv6", overIPv6),
	experiment("client-none", "0 4 00000000000000000000000000000000"),
	experiment("client-odd", "25 4 c0000200000000000000000000000000"),
	experiment("client-odd", "49 6 20010db8000100000000000000000000").with("IPv6", overIPv6),
	experiment("client-bad", "-7 -7 -7 -7 -7 0 0 0 24"),
	experiment("now", "1700000000 1699999980 1699999200 1699920000 1700000000 0 -7 -7"),
	experiment("before", "0 1 0 0 1"),
	experiment("pick", "7 3 12345 0").with("", drawing),
	experiment("pick-bad", "-7 -7 -7 7").with("", drawing),
	experiment("pick-limit", "0 -8"),
	experiment("transport", "1 1"),
	experiment("transport", "2 2").with("TCP", Inputs{Transport: "tcp"}),
	experiment("transport", "3 3").with("TLS", Inputs{Transport: "tls"}),
	experiment("transport", "4 4").with("HTTPS", Inputs{Transport: "https"}),
	experiment("site", "3 0 3 3 0 6c6162"),
}

var effectCases = []Case{
	experiment("log", "-7 -7 -7 -7 0 -8"),
	experiment("metric", "0 0 0 -7 -7 -7 -7"),
	experiment("init", "-5 -5 -5 -5 -5 -5 -5 -5 0 0"),
	experiment("config", "18"),
}

// pointerCases end the call, and so does what runs for ever.
var pointerCases = []Case{
	failed("far-lookup"), failed("far-many"), failed("far-many-name"), failed("far-info"), failed("far-read"),
	failed("far-client"), failed("far-site"), failed("far-log"), failed("far-metric"), failed("trap"), failed("spin"),
}

var answerCases = []Case{
	negative("say-nodata", "NOERROR"),
	negative("say-nxdomain", "NXDOMAIN"),
	negative("ent-nxdomain", "NOERROR"), // static data below: RFC 8020
	negative("say-refuse", "REFUSED"),
	answered("say-static", `300 TXT "static"`),
	shortLived("negative-ttl", 5),
	answered("give-one", `60 TXT "one"`),
	answered("give-ttl", `5 TXT "one"`),
	answered("give-ttl-high", `604800 TXT "one"`),
	answered("give-ttls", `40 TXT "one"`, `40 TXT "two"`),
	answered("give-twice", `50 TXT "one"`),
	answered("give-text", `60 TXT "a b" "c"`),
	answered("give-handle", `300 TXT "granted"`),
	answered("give-handle-ttl", `7 TXT "granted"`),
	chained("give-cname", "60 CNAME target.conformance.example.", `target.conformance.example. 300 TXT "target"`),
	chained("give-chain", "60 CNAME t.conformance.example.", `t.conformance.example. 60 TXT "one"`),
	chained("give-chain-reversed", "60 CNAME t.conformance.example.", `t.conformance.example. 60 TXT "one"`),
	give256(),
}

// badAnswerCases are malformed or rejected (SPEC.md section 4.2).
var badAnswerCases = []Case{
	failed("bad-257"), failed("bad-unwritten"), failed("bad-disposition"), failed("bad-trailing"), failed("bad-short"),
	failed("bad-count"), failed("bad-records"), failed("bad-length"), failed("bad-huge"), failed("bad-status"),
	failed("bad-type"), failed("bad-owner"), failed("bad-owner-outside"), failed("bad-cname-and"), failed("bad-cnames"),
	failed("bad-loop"), failed("bad-rdata"), failed("bad-rdata-empty"), failed("bad-cname-rdata"), failed("bad-text"),
	failed("bad-text-two"), failed("bad-handle"), failed("bad-handle-status"), failed("bad-handle-type"),
}

func shortLived(name string, ttl uint32) Case {
	c := negative(name, "NXDOMAIN")
	c.Want.NegativeTTL = ttl
	return c
}

// give256 has one record for every byte.
func give256() Case {
	c := answered("give-256")
	for i := range 256 {
		c.Want.Records = append(c.Want.Records, c.QName+" 60 TXT "+quoted(byte(i)))
	}
	return c
}

// quoted writes a character string of one byte as a zone file does.
func quoted(b byte) string {
	switch {
	case b == '"' || b == '\\':
		return `"\` + string(rune(b)) + `"`
	case b < ' ' || b > '~':
		digits := strconv.Itoa(1000 + int(b))
		return `"\` + digits[1:] + `"`
	}
	return `"` + string(rune(b)) + `"`
}

func concat(lists ...[]Case) []Case {
	var all []Case
	for _, list := range lists {
		all = append(all, list...)
	}
	return all
}
