package main

import (
	"testing"

	"github.com/namelet/namelet/sdk/sdktest"
)

var setup = sdktest.Setup{
	Zones: []sdktest.Zone{
		{Apex: "apps.example", File: "testdata/apps.example.zone"},
		{Apex: "routes.internal", File: "testdata/routes.internal.zone", Private: true},
	},
	Grants: []string{"routes.internal"},
}

func TestApps(t *testing.T) {
	sdktest.Run(t, sdktest.Here(), setup, []sdktest.Case{
		{
			Name: "an active app", Ask: "shop.apps.example A",
			Want: `shop.apps.example. 30 A 192.0.2.7
			       shop.apps.example. 30 A 192.0.2.8`,
			Reads: "lookup shop.routes.internal. TXT, lookup eu-1.routers.routes.internal. A",
		},
		{Name: "its IPv6 address", Ask: "shop.apps.example AAAA", Want: "shop.apps.example. 30 AAAA 2001:db8:1::7"},
		{Name: "any letter case", Ask: "SHOP.apps.example AAAA", Want: "shop.apps.example. 30 AAAA 2001:db8:1::7"},
		{Name: "a type that routers lack", Ask: "shop.apps.example MX", Want: "NODATA"},
		{Name: "a router without IPv6", Ask: "cron.apps.example AAAA", Want: "NODATA"},
		{Name: "a suspended app", Ask: "old.apps.example A", Want: "NXDOMAIN", Reads: "lookup old.routes.internal. TXT"},
		{Name: "a router that is not there", Ask: "typo.apps.example A", Want: "NODATA"},
		{Name: "a route without a router", Ask: "blank.apps.example A", Want: "NXDOMAIN"},
		{Name: "no route, no data", Ask: "none.apps.example A", Want: "NXDOMAIN"},
		{Name: "a route's name without a TXT", Ask: "notes.apps.example A", Want: "NXDOMAIN"},
		{Name: "static data", Ask: "status.apps.example A", Want: "status.apps.example. 300 A 192.0.2.81"},
		{
			Name: "a static alias", Ask: "www.apps.example A",
			Want: `www.apps.example. 300 CNAME apps.example.
			       apps.example. 300 A 192.0.2.80`,
		},
		{Name: "the apex", Ask: "apps.example A", Want: "apps.example. 300 A 192.0.2.80", Reads: "nothing"},
		{Name: "below an app", Ask: "www.shop.apps.example A", Want: "NXDOMAIN", Reads: "nothing"},
		{Name: "the private zone", Ask: "shop.routes.internal TXT", Want: "REFUSED"},
	})
}

// TestNotGranted shows what happens when the attachment forgets the grant: static data only.
func TestNotGranted(t *testing.T) {
	bare := setup
	bare.Grants = nil
	sdktest.Run(t, sdktest.Here(), bare, []sdktest.Case{
		{Ask: "shop.apps.example A", Want: "NXDOMAIN"},
		{Ask: "status.apps.example A", Want: "status.apps.example. 300 A 192.0.2.81"},
	})
}
