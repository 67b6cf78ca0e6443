package sdktest

import (
	"errors"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/namelet/namelet/runtime"
	"github.com/namelet/namelet/sdk"
)

var setup = Setup{
	Zones: []Zone{{Apex: "example", Text: `$TTL 300
@ SOA ns.example. hostmaster.example. 1 3600 600 604800 60
@ NS ns
ns A 192.0.2.53
host A 192.0.2.1
host A 192.0.2.2
`}},
	Site: "lab",
}

// TestImpureGuest shows that a guest whose answers or inputs depend on earlier queries is found out.
func TestImpureGuest(t *testing.T) {
	s := NewServer(t, Module(BuildGo(t, "testdata/impure")), setup)
	for _, ask := range []string{"counts.example TXT", "asks.example TXT"} {
		q := Question{Ask: ask}
		found := false
		for range 2 {
			found = found || difference(s.AskFresh(t, q), s.Ask(t, q)) != ""
		}
		if !found {
			t.Errorf("%s: two queries of a warm instance look like fresh ones", ask)
		}
	}
}

// handled gives this test program's guest another handler and asks it natively.
func handled(t *testing.T, q Question, handler func(*sdk.Query, *sdk.Answer)) Reply {
	t.Helper()
	sdk.Handle(handler)
	return NewNativeServer(t, setup).Ask(t, q)
}

func TestReply(t *testing.T) {
	tests := []struct {
		name    string
		handler func(*sdk.Query, *sdk.Answer)
		want    string
	}{
		{"records", func(_ *sdk.Query, a *sdk.Answer) { a.A([4]byte{192, 0, 2, 9}) }, "www.example. 60 A 192.0.2.9"},
		{"equal records once, least TTL", func(_ *sdk.Query, a *sdk.Answer) {
			a.TTL(9)
			a.A([4]byte{192, 0, 2, 9})
			a.TTL(5)
			a.A([4]byte{192, 0, 2, 9})
			a.A([4]byte{192, 0, 2, 8})
		}, "www.example. 5 A 192.0.2.9\nwww.example. 5 A 192.0.2.8"},
		{"text", func(_ *sdk.Query, a *sdk.Answer) { a.Text(sdk.TypeA, "192.0.2.7") }, "www.example. 60 A 192.0.2.7"},
		{"RRset", func(_ *sdk.Query, a *sdk.Answer) { a.From(sdk.MustName("HOST.example")) },
			"www.example. 300 A 192.0.2.1\nwww.example. 300 A 192.0.2.2"},
		{"bad text", func(_ *sdk.Query, a *sdk.Answer) { a.Text(sdk.TypeA, "x") }, "FAILED\nNXDOMAIN"},
		{"a refused input", func(q *sdk.Query, _ *sdk.Answer) { q.Pick(0) }, "FAILED\nNXDOMAIN"},
		{"panic", func(*sdk.Query, *sdk.Answer) { panic("oh") }, "FAILED\nNXDOMAIN"},
		{"nodata", func(_ *sdk.Query, a *sdk.Answer) { a.NoData() }, "NODATA"},
		{"refused", func(_ *sdk.Query, a *sdk.Answer) { a.Refuse() }, "REFUSED"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			got := handled(t, Question{Ask: "www.example A"}, tt.handler)
			if diff := cmp.Diff(tt.want, got.String()); diff != "" {
				t.Errorf("reply (-want +got):\n%s", diff)
			}
			var fault *runtime.Fault
			if strings.HasPrefix(tt.want, "FAILED") && !errors.As(got.Err, &fault) {
				t.Errorf("got error %v, want a *runtime.Fault", got.Err)
			}
		})
	}
}

// TestNativeInputs compares what a native guest is given with the question's inputs.
func TestNativeInputs(t *testing.T) {
	q := Question{Ask: "www.example A", Client: "2001:db8:1:2fff::1", Transport: "tls", Now: 7300, Picks: []int{3, 25}}
	got := handled(t, q, func(q *sdk.Query, a *sdk.Answer) {
		set, _ := q.Lookup(sdk.MustName("host.example"), sdk.TypeA)
		got := []any{
			q.Client(24, 56).String(), q.Client(24, 56).String(), q.Now(3600), q.Before(7300), q.Before(7301), q.Pick(10), q.Pick(10), q.Pick(10),
			q.Transport(), q.Site(), set.Info().Count,
		}
		want := []any{"2001:db8:1:2f00::/56", "2001:db8:1:2f00::/56", int64(7200), false, true, 3, 5, 0, sdk.TLS, "lab", uint32(2)}
		if diff := cmp.Diff(want, got); diff != "" {
			t.Errorf("inputs (-want +got):\n%s", diff)
		}
		a.RRset(set)
	})
	want := []string{
		"lookup host.example. A", "client 24/56", "now 3600", "before 7300", "before 7301", "pick 10", "pick 10", "pick 10", "transport", "site",
	}
	if diff := cmp.Diff(want, got.Reads); diff != "" {
		t.Errorf("reads (-want +got):\n%s", diff)
	}
}

// TestNativeLimits holds native guests to the shares that compiled ones have.
func TestNativeLimits(t *testing.T) {
	handled(t, Question{Ask: "www.example A"}, func(q *sdk.Query, _ *sdk.Answer) {
		requests := make([]sdk.Request, 64)
		for i := range requests {
			requests[i] = sdk.Request{Name: sdk.MustName("host.example"), Type: sdk.TypeA}
		}
		if !q.LookupMany(requests) || requests[63].Status != sdk.StatusOK {
			t.Errorf("64 lookups: got %v", requests[63].Status)
		}
		if _, status := q.Lookup(sdk.MustName("host.example"), sdk.TypeA); status != sdk.StatusLimit {
			t.Errorf("the 65th lookup: got %v, want limit", status)
		}
	})
	got := handled(t, Question{Ask: "www.example A"}, func(q *sdk.Query, a *sdk.Answer) {
		for range 65 {
			q.Pick(2)
		}
	})
	if got.Err == nil {
		t.Error("65 picks: want the query to fail")
	}
}
