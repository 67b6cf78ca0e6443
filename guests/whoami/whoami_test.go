// Package whoami tests the guest in src, which is written in C.
package whoami

import (
	"testing"

	"github.com/namelet/namelet/sdk/sdktest"
)

const zone = `$TTL 300
@ SOA ns.example. hostmaster.example. 1 3600 600 604800 60
@ NS  ns
ns A 192.0.2.53
`

func TestWhoami(t *testing.T) {
	setup := sdktest.Setup{Zones: []sdktest.Zone{{Apex: "example", Text: zone}}, At: "whoami.example"}
	const v4, v6 = "198.51.100.77", "2001:db8:0:12ff::1"
	sdktest.Run(t, sdktest.C("src/whoami.c", "../../sdk/c"), setup, []sdktest.Case{
		{Ask: "whoami.example TXT", Client: v4, Want: `whoami.example. 60 TXT "198.51.100.0/24"`, Reads: "client 24/56"},
		{Ask: "whoami.example A", Client: v4, Want: "whoami.example. 60 A 198.51.100.0"},
		{Name: "IPv4 asks AAAA", Ask: "whoami.example AAAA", Client: v4, Want: "NODATA"},
		{Name: "IPv6 text", Ask: "whoami.example TXT", Client: v6, Want: `whoami.example. 60 TXT "2001:db8:0:1200::/56"`},
		{Name: "IPv6 address", Ask: "whoami.example AAAA", Client: v6, Want: "whoami.example. 60 AAAA 2001:db8:0:1200::"},
		{Name: "IPv6 asks A", Ask: "whoami.example A", Client: v6, Want: "NODATA"},
		{Name: "loopback", Ask: "whoami.example TXT", Client: "::1", Want: `whoami.example. 60 TXT "::/56"`},
		{Name: "digits", Ask: "whoami.example TXT", Client: "10.200.0.9", Want: `whoami.example. 60 TXT "10.200.0.0/24"`},
		{Name: "short groups", Ask: "whoami.example TXT", Client: "2000:1::", Want: `whoami.example. 60 TXT "2000:1::/56"`},
		{Name: "another type", Ask: "whoami.example MX", Client: v4, Want: "NODATA"},
		{Name: "a static name", Ask: "ns.example A", Want: "ns.example. 300 A 192.0.2.53", Reads: ""},
	})
}
