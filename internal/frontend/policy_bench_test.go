package frontend

import (
	"net/netip"
	"testing"
	"time"

	"github.com/namelet/namelet/internal/frontend/rrl"
)

// BenchmarkPolicy is what a response costs by what its query has and what the
// server limits. The clock moves by ten microseconds a query.
func BenchmarkPolicy(b *testing.B) {
	limits := rrl.Config{Rate: rrl.MaxRate, PrefixRate: rrl.MaxRate, Slip: 2}
	for _, test := range []struct {
		name, options string
		rate          rrl.Config
	}{
		{"bare", "", rrl.Config{}},
		{"limits", "", limits},
		{"client cookie", "000a 0008" + rfcQuery, limits},
		{"good cookie", "000a 0018" + rfcCookie, limits},
		{"beyond the limit", "", rrl.Config{Rate: 1}},
	} {
		b.Run(test.name, func(b *testing.B) {
			r := policyResponder(b, PolicyConfig{Cookies: jar(b, rfcSecret), Rate: test.rate}, fixed(b))
			client, msg := netip.MustParseAddr(rfcClient), unhex(b, asking(test.options))
			dst, q := make([]byte, 0, defaultMaxUDPSize), new(query)
			b.ReportAllocs()
			for b.Loop() {
				r.now = r.now.Add(10 * time.Microsecond)
				if _, done := r.quick(dst, msg, client, q); !done {
					r.slow(dst, q)
				}
			}
		})
	}
}
