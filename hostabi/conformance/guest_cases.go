package conformance

// GuestCases are asked of a guest written with an SDK, on a host that passes [HostCases]. The guest does for
// each first label what the comment beside it says, in the plainest way its SDK has; it takes a
// configuration with the key "a" and refuses any other.
var GuestCases = []Case{
	// TXT: type of the question, labels in qname, in the zone's apex and at the attachment point.
	experiment("sdk-question", "16 3 2 2"),
	// TXT: the client's /24 or /56 in text form.
	experiment("sdk-client", "192.0.2.0/24"),
	experiment("sdk-client", "2001:db8:1:2f00::/56").with("IPv6", overIPv6),
	// TXT: the time to the hour; 1 or 0 for "before 1700000000" and "before 1700000001".
	experiment("sdk-time", "1699999200 0 1"),
	// TXT: draws from 0 to 9, 0 to 9 and 0 to 65535.
	experiment("sdk-pick", "7 3 12345").with("", drawing),
	// TXT: the transport's number and the site.
	experiment("sdk-where", "1 lab"),
	experiment("sdk-where", "4 lab").with("HTTPS", Inputs{Transport: "https"}),
	// TXT: the value of "a" in the configuration.
	experiment("sdk-config", "1"),
	// TXT: statuses of lookups of A at host, none, sub, alias (below the apex), TXT at host, ent,
	// host.granted.internal and host.denied.internal; 0 for found.
	experiment("sdk-lookup", "0 -2 -3 -4 -1 -1 0 -5"),
	// TXT: of A at host: TTL, number of records, then each address.
	experiment("sdk-read", "300 2 192.0.2.1 192.0.2.2"),
	// TXT: in one step A at host and at none: statuses, then the number of records of the first.
	experiment("sdk-many", "0 -2 2"),
	// The RRset TXT at host.granted.internal, and the same with a TTL of 7.
	answered("sdk-rrset", `300 TXT "granted"`),
	answered("sdk-rrset-ttl", `7 TXT "granted"`),
	// One record of each type, at the type's question.
	answered("sdk-record", "60 A 192.0.2.9").of("A"),
	answered("sdk-record", "60 AAAA 2001:db8::9").of("AAAA"),
	answered("sdk-record", "60 MX 10 mx.conformance.example.").of("MX"),
	answered("sdk-record", "60 SRV 1 2 443 srv.conformance.example.").of("SRV"),
	answered("sdk-record", `60 CAA 128 issue "ca.example"`).of("CAA"),
	answered("sdk-record", "60 NS ns.conformance.example.").of("NS"),
	answered("sdk-record", "60 PTR ptr.conformance.example.").of("PTR"),
	answered("sdk-record", `60 SVCB 1 svc.conformance.example. alpn="h2" port="8443"`).of("SVCB"),
	answered("sdk-record", `60 HTTPS 1 svc.conformance.example. alpn="h2,h3"`).of("HTTPS"),
	answered("sdk-record", `60 TXT "one" "two"`),
	// HINFO has no constructor: presentation text.
	answered("sdk-record", `60 HINFO "wasm" "namelet"`).of("HINFO"),
	// A type that the guest has no record of.
	negative("sdk-record", "NOERROR").of("LOC"),
	// TXT "one" with a TTL of 5.
	answered("sdk-ttl", `5 TXT "one"`),
	// A CNAME to t below the apex, and TXT "one" there.
	chained("sdk-chain", "60 CNAME t.conformance.example.", `t.conformance.example. 60 TXT "one"`),
	// A CNAME to target below the apex, alone.
	chained("sdk-cname", "60 CNAME target.conformance.example.", `target.conformance.example. 300 TXT "target"`),
	negative("sdk-nodata", "NOERROR"),
	negative("sdk-nxdomain", "NXDOMAIN"),
	shortLived("sdk-negative-ttl", 5), // NXDOMAIN
	negative("sdk-refuse", "REFUSED"),
	answered("sdk-static", `300 TXT "static"`),
	// A pick from none: the guest's SDK, or the host, ends the query.
	failed("sdk-fail"),
}
