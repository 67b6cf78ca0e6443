// Package cutover tests the guest in assembly, which is written in AssemblyScript.
package cutover

import (
	"strings"
	"testing"

	"github.com/namelet/namelet/sdk/sdktest"
)

const zone = `$TTL 300
@ SOA ns.example. hostmaster.example. 1 3600 600 604800 60
@ NS  ns
ns    A     192.0.2.53
blue  A     192.0.2.1
blue  AAAA  2001:db8::1
green A     192.0.2.2
alias CNAME green
cut   NS    ns.cut.example.
`

const moment = 1_700_000_000

func setup(config map[string]string) sdktest.Setup {
	return sdktest.Setup{Zones: []sdktest.Zone{{Apex: "example", Text: zone}}, At: "www.example", Config: config}
}

func TestCutover(t *testing.T) {
	module := sdktest.Build(t, ".")
	t.Run("names of the zone", func(t *testing.T) { testNames(t, sdktest.Module(module)) })
	t.Run("names elsewhere", func(t *testing.T) { testElsewhere(t, sdktest.Module(module)) })
	t.Run("configuration refused", func(t *testing.T) { testRefused(t, sdktest.Module(module)) })
}

func testNames(t *testing.T, guest sdktest.Guest) {
	names := setup(map[string]string{"at": "1700000000", "old": "blue.example", "new": "Green.example."})
	sdktest.Run(t, guest, names, []sdktest.Case{
		{
			Name: "before", Ask: "www.example A", Now: moment - 1, Want: "www.example. 300 A 192.0.2.1",
			Reads: "before 1700000000, lookup blue.example. A",
		},
		{Name: "from it on", Ask: "www.example A", Now: moment, Want: "www.example. 300 A 192.0.2.2"},
		{Name: "another type", Ask: "www.example AAAA", Now: moment - 1, Want: "www.example. 300 AAAA 2001:db8::1"},
		{Name: "a type that the new one lacks", Ask: "www.example AAAA", Now: moment, Want: "NODATA"},
		{Name: "below", Ask: "x.www.example A", Now: moment, Want: "x.www.example. 300 A 192.0.2.2"},
	})
}

func testElsewhere(t *testing.T, guest sdktest.Guest) {
	names := setup(map[string]string{"at": "1700000000", "old": "alias.example", "new": "www.example.net"})
	sdktest.Run(t, guest, names, []sdktest.Case{
		{
			Name: "an alias", Ask: "www.example A", Now: moment - 1,
			Want: "www.example. 60 CNAME alias.example.\nalias.example. 300 CNAME green.example.\ngreen.example. 300 A 192.0.2.2",
		},
		{Name: "a name of others", Ask: "www.example A", Now: moment, Want: "www.example. 60 CNAME www.example.net."},
	})
	gone := setup(map[string]string{"at": "1700000000", "old": "none.example", "new": "x.cut.example"})
	sdktest.Run(t, guest, gone, []sdktest.Case{
		{Name: "a name that is not there", Ask: "www.example A", Now: moment - 1, Want: "NODATA"},
		{Name: "a delegated one", Ask: "www.example A", Now: moment, Want: "FAILED\nNXDOMAIN"},
	})
}

func testRefused(t *testing.T, guest sdktest.Guest) {
	long := strings.Repeat("a", 64)
	for name, config := range map[string]map[string]string{
		"none":                  nil,
		"no moment":             {"old": "a", "new": "b"},
		"a moment that is none": {"at": "soon", "old": "a", "new": "b"},
		"a moment far away":     {"at": "1234567890123456789", "old": "a", "new": "b"},
		"an empty label":        {"at": "1", "old": "a..b", "new": "b"},
		"a long label":          {"at": "1", "old": "a", "new": long},
		"a long name":           {"at": "1", "old": "a", "new": strings.Repeat("abc.", 64)},
		"an unknown key":        {"at": "1", "old": "a", "new": "b", "then": "c"},
	} {
		t.Run(name, func(t *testing.T) {
			if err := sdktest.Refusal(t, guest, setup(config)); err == nil {
				t.Error("it was taken")
			}
		})
	}
}
