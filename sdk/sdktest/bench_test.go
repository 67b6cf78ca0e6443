package sdktest

import (
	"net/netip"
	"testing"

	"github.com/namelet/namelet/hostabi"
	"github.com/namelet/namelet/rr"
	"github.com/namelet/namelet/runtime"
)

// flatHost gives every lookup one RRset and every input one value, at no cost worth measuring.
type flatHost struct{ set rr.Set }

func (h *flatHost) Lookup(batch []runtime.Lookup) {
	for i := range batch {
		batch[i].Status, batch[i].Set = hostabi.StatusOK, h.set
	}
}
func (*flatHost) Client() netip.Prefix {
	return netip.PrefixFrom(netip.AddrFrom4([4]byte{192, 0, 2, 1}), 32)
}
func (*flatHost) Now() int64                         { return DefaultNow }
func (*flatHost) Pick(int, int) int                  { return 0 }
func (*flatHost) Transport() hostabi.Transport       { return hostabi.TransportUDP }
func (*flatHost) Site() string                       { return "lab" }
func (*flatHost) Log(hostabi.LogLevel, []byte)       {}
func (*flatHost) MetricAdd(name []byte, delta int64) {}

// BenchmarkGoGuest measures calls of a warm compiled instance of a Go guest, without a resolver.
func BenchmarkGoGuest(b *testing.B) {
	generation, err := prepare(b, BuildGo(b, "testdata/speed"), Setup{})
	if err != nil {
		b.Fatal(err)
	}
	i, err := generation.NewInstance(b.Context())
	if err != nil {
		b.Fatal(err)
	}
	defer closeInstance(b, i)
	var host runtime.Host = &flatHost{rr.Set{Type: rr.TypeA, TTL: 300, Data: []rr.Rdata{"\xc0\x00\x02\x01"}}}
	for _, label := range []string{"static", "record", "lookup", "rrset", "inputs"} {
		b.Run(label, func(b *testing.B) {
			name := rr.MustParseName(label + ".example").Wire()
			q := hostabi.Question{QName: []byte(name), QType: rr.TypeA, ZoneOff: len(label) + 1, AttachOff: len(label) + 1}
			var a runtime.Answer
			b.ReportAllocs()
			for b.Loop() {
				if err := i.Answer(&q, runtime.DefaultFuel, host, &a); err != nil {
					b.Fatal(err)
				}
			}
			b.ReportMetric(float64(a.Fuel), "units/op")
		})
	}
}
