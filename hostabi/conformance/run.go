package conformance

import (
	"slices"
	"strings"
	"testing"
)

// Host runs guests for the suites.
type Host interface {
	// Start makes a server that has what setup says and runs the module wasm. It fails the test when it
	// cannot, and frees what it holds by tb.Cleanup.
	Start(tb testing.TB, wasm []byte, setup Setup) Asker
}

// Asker answers questions with a started guest. The time is always [Now].
type Asker interface {
	// Ask asks one question. It may use any instance of the guest.
	Ask(tb testing.TB, qname, qtype string, in Inputs) Reply
}

// RunHost asks every case of [HostCases] of a host that runs the raw conformance guest, and then all of
// them once more in the opposite order: what an earlier query did must not show.
func RunHost(t *testing.T, h Host, wasm []byte) { run(t, h, wasm, HostCases) }

// RunGuest asks every case of [GuestCases] of a guest written with an SDK, likewise in both orders.
func RunGuest(t *testing.T, h Host, wasm []byte) { run(t, h, wasm, GuestCases) }

func run(t *testing.T, h Host, wasm []byte, cases []Case) {
	t.Helper()
	asker := h.Start(t, wasm, TheSetup)
	for _, c := range cases {
		t.Run(c.Name, func(t *testing.T) { c.check(t, asker) })
	}
	for _, c := range slices.Backward(cases) {
		t.Run("again "+c.Name, func(t *testing.T) { c.check(t, asker) })
	}
}

func (c Case) check(t *testing.T, asker Asker) {
	t.Helper()
	got := asker.Ask(t, c.QName, c.QType, c.Inputs.filled())
	if got.Failed != c.Want.Failed {
		t.Fatalf("%s %s: got failed = %v, want %v; reply %+v", c.QName, c.QType, got.Failed, c.Want.Failed, got)
	}
	if got.Failed {
		return
	}
	if got.Outcome != c.Want.Outcome {
		t.Errorf("%s %s: got outcome %s, want %s", c.QName, c.QType, got.Outcome, c.Want.Outcome)
	}
	if want, have := sorted(c.Want.Records), sorted(got.Records); !slices.Equal(want, have) {
		t.Errorf("%s %s: got records\n\t%s\nwant\n\t%s", c.QName, c.QType,
			strings.Join(have, "\n\t"), strings.Join(want, "\n\t"))
	}
	if c.Want.NegativeTTL != 0 && got.NegativeTTL != c.Want.NegativeTTL {
		t.Errorf("%s %s: got negative TTL %d, want %d", c.QName, c.QType, got.NegativeTTL, c.Want.NegativeTTL)
	}
}

// filled gives the inputs with their defaults.
func (in Inputs) filled() Inputs {
	if in.Client == "" {
		in.Client = DefaultClient
	}
	if in.Transport == "" {
		in.Transport = "udp"
	}
	return in
}

func sorted(lines []string) []string {
	out := slices.Clone(lines)
	slices.Sort(out)
	return out
}
