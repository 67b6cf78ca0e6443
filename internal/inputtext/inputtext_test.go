package inputtext

import (
	"net/netip"
	"testing"

	"github.com/namelet/namelet/hostabi"
	"github.com/namelet/namelet/internal/resolve"
)

// Each kind of input has its words.
func TestOf(t *testing.T) {
	for want, in := range map[string]resolve.Input{
		"client (/24 of IPv4, /48 of IPv6) = 192.0.2.0/24":  {Kind: resolve.InputClient, V4: 24, V6: 48, Prefix: netip.MustParsePrefix("192.0.2.0/24")},
		"client (/32 of IPv4, /64 of IPv6) = 2001:db8::/64": {Kind: resolve.InputSource, V4: 32, V6: 64, Prefix: netip.MustParsePrefix("2001:db8::/64")},
		"now (1m0s) = 2001-09-09T01:47:00Z":                 {Kind: resolve.InputNow, Arg: 60, Value: 1_000_000_020},
		"before (2001-09-09T01:46:40Z) = true":              {Kind: resolve.InputBefore, Arg: 1_000_000_000, Value: 1},
		"pick (of 3) = 2":                                   {Kind: resolve.InputPick, Arg: 3, Value: 2},
		"transport = tls":                                   {Kind: resolve.InputTransport, Value: int64(hostabi.TransportTLS)},
		"site = west":                                       {Kind: resolve.InputSite},
		"release = active":                                  {Kind: resolve.InputRelease},
		"release = candidate":                               {Kind: resolve.InputRelease, Value: 1},
	} {
		if got := Of(&in, "west").String(); got != want {
			t.Errorf("got %s, want %s", got, want)
		}
	}
}
