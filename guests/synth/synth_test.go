// Package synth tests the guest in src, which is written in Rust.
package synth

import (
	"testing"

	"github.com/namelet/namelet/sdk/sdktest"
)

const zone = `$TTL 300
@ SOA ns.example. hostmaster.example. 1 3600 600 604800 60
@ NS  ns
ns A 192.0.2.53
printer.hosts A 192.0.2.9
`

func setup(config map[string]string) sdktest.Setup {
	return sdktest.Setup{Zones: []sdktest.Zone{{Apex: "example", Text: zone}}, At: "hosts.example", Config: config}
}

func TestSynth(t *testing.T) {
	module := sdktest.Build(t, ".")
	t.Run("two networks", func(t *testing.T) { testNetworks(t, sdktest.Module(module)) })
	t.Run("all addresses", func(t *testing.T) { testAll(t, sdktest.Module(module)) })
	t.Run("configuration refused", func(t *testing.T) { testRefused(t, sdktest.Module(module)) })
}

func testNetworks(t *testing.T, guest sdktest.Guest) {
	both := setup(map[string]string{"net": "192.0.2.0/25", "net6": "2001:db8::/32", "ttl": "30"})
	sdktest.Run(t, guest, both, []sdktest.Case{
		{Ask: "ip-192-0-2-7.hosts.example A", Want: "ip-192-0-2-7.hosts.example. 30 A 192.0.2.7", Reads: "nothing"},
		{Ask: "ip-192-0-2-127.hosts.example A", Want: "ip-192-0-2-127.hosts.example. 30 A 192.0.2.127"},
		{Name: "beyond the network", Ask: "ip-192-0-2-128.hosts.example A", Want: "NXDOMAIN"},
		{Ask: "ip-2001-db8--7.hosts.example AAAA", Want: "ip-2001-db8--7.hosts.example. 30 AAAA 2001:db8::7"},
		{Name: "beyond the network, IPv6", Ask: "ip-2001-db9--7.hosts.example AAAA", Want: "NXDOMAIN"},
		{Name: "in upper case", Ask: "IP-2001-DB8--A.hosts.example AAAA", Want: "ip-2001-db8--a.hosts.example. 30 AAAA 2001:db8::a"},
		{Name: "IPv4 asks AAAA", Ask: "ip-192-0-2-7.hosts.example AAAA", Want: "NODATA"},
		{Name: "IPv6 asks A", Ask: "ip-2001-db8--7.hosts.example A", Want: "NODATA"},
		{Name: "three numbers", Ask: "ip-192-0-2.hosts.example A", Want: "NXDOMAIN"},
		{Name: "a number too great", Ask: "ip-192-0-2-256.hosts.example A", Want: "NXDOMAIN"},
		{Name: "nothing after the prefix", Ask: "ip-.hosts.example A", Want: "NXDOMAIN"},
		{Name: "a name of the zone", Ask: "printer.hosts.example A", Want: "printer.hosts.example. 300 A 192.0.2.9"},
		{Name: "below a name", Ask: "x.ip-192-0-2-7.hosts.example A", Want: "NXDOMAIN"},
		{Name: "the point itself", Ask: "hosts.example A", Want: "NODATA"},
	})
}

func testAll(t *testing.T, guest sdktest.Guest) {
	all := setup(map[string]string{"net": "0.0.0.0/0", "net6": "::/0", "prefix": "H"})
	sdktest.Run(t, guest, all, []sdktest.Case{
		{Ask: "h255-255-255-255.hosts.example A", Want: "h255-255-255-255.hosts.example. 60 A 255.255.255.255"},
		{Ask: "hffff--1.hosts.example AAAA", Want: "hffff--1.hosts.example. 60 AAAA ffff::1"},
		{Name: "no prefix", Ask: "192-0-2-7.hosts.example A", Want: "NXDOMAIN"},
	})
}

func testRefused(t *testing.T, guest sdktest.Guest) {
	for name, config := range map[string]map[string]string{
		"none":                   nil,
		"no network":             {"ttl": "5"},
		"a network that is none": {"net": "192.0.2/24"},
		"too many bits":          {"net": "192.0.2.0/33"},
		"the other family":       {"net": "2001:db8::/32"},
		"a TTL that is none":     {"net": "192.0.2.0/24", "ttl": "-1"},
		"no prefix":              {"net": "192.0.2.0/24", "prefix": ""},
		"an unknown key":         {"net": "192.0.2.0/24", "nets": "1"},
	} {
		t.Run(name, func(t *testing.T) {
			if err := sdktest.Refusal(t, guest, setup(config)); err == nil {
				t.Error("it was taken")
			}
		})
	}
}
