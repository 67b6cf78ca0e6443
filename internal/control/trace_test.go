package control_test

import (
	"context"
	"net/netip"
	"testing"
	"time"

	"github.com/namelet/namelet/hostabi"
	"github.com/namelet/namelet/internal/authority"
	"github.com/namelet/namelet/internal/control"
	"github.com/namelet/namelet/internal/resolve"
	"github.com/namelet/namelet/rr"
	"github.com/namelet/namelet/runtime"
)

// alias is the explanation of an alias from a.example to b.example, whose guests look
// into both zones.
func alias(_ context.Context, q control.Explainable) (control.Explained, error) {
	step := func(zone string) resolve.Step {
		apex := rr.MustParseName(zone)
		at := &resolve.Attachment{Zone: apex, At: apex, Label: "shop@3"}
		found := func(zone string) runtime.Lookup {
			owner := rr.MustParseName("www." + zone)
			return runtime.Lookup{Name: owner, Type: rr.TypeA, Zone: rr.MustParseName(zone),
				Set: rr.Set{Name: owner, Type: rr.TypeA, TTL: 60, Data: []rr.Rdata{"\xc0\x00\x02\x01"}}}
		}
		return resolve.Step{Name: apex, Type: q.Type, Zone: apex, Place: authority.PlaceExact, Attachment: at, Calls: []resolve.Call{{
			Attachment: at, Fuel: 7,
			Answer:  runtime.Answer{Disposition: hostabi.DispositionAnswer},
			Inputs:  []runtime.Event{{Kind: runtime.EventLookup}, {Kind: runtime.EventLookup, Arg: 1}, {Kind: runtime.EventNow, Arg: 60, Value: 1200}},
			Lookups: []runtime.Lookup{found("a.example"), found("b.example")},
		}}}
	}
	return control.Explained{
		Explanation: &resolve.Explanation{Steps: []resolve.Step{step("a.example"), step("b.example")}},
		Client:      netip.MustParsePrefix("192.0.2.0/24"), Now: time.Unix(1230, 0),
		Caches: []control.ExplainedCache{{Cache: "x", State: "kept", Key: []resolve.Input{{Kind: resolve.InputNow, Arg: 60, Value: 1200}, {Kind: resolve.InputBefore, Arg: 1250, Value: 1}}}},
	}, nil
}

func TestTraceOfTenant(t *testing.T) {
	tn := newTenancy(t, control.Endpoint{Token: secret("admin"), Explain: alias})
	ctx := t.Context()
	admin := control.NewClient(tn.address, "admin")
	defer admin.Close()
	whole, err := admin.TraceQuery(ctx, control.QueryTraceRequest{Name: "a.example"})
	if err != nil {
		t.Fatal(err)
	}
	if len(whole.Steps) != 2 || whole.Steps[1].Calls[0].Inputs[1].Found == nil || whole.Fuel != 14 || whole.Client != "192.0.2.0/24" {
		t.Errorf("the whole: %+v", whole)
	}
	if until := whole.Caches[0].Until; until == nil || until.Unix() != 1250 || len(whole.Caches[0].Key) != 2 {
		t.Errorf("cache %+v, want it until the first of its times", whole.Caches[0])
	}
	tenant := tn.holder(t, control.TokenRequest{Name: "tenant", Scopes: []string{"read"}, Zones: []string{"a.example"}})
	mine, err := tenant.TraceQuery(ctx, control.QueryTraceRequest{Name: "www.a.example"})
	if err != nil {
		t.Fatal(err)
	}
	if len(mine.Steps) != 2 || mine.Steps[1].Decided != "hidden" || mine.Steps[1].Calls != nil || mine.Steps[1].Attachment != nil {
		t.Errorf("another's zone: %+v", mine.Steps)
	}
	inputs := mine.Steps[0].Calls[0].Inputs
	if inputs[0].Found == nil || inputs[1].Found != nil || inputs[1].Value != "hidden" || mine.Caches[0].Key != nil {
		t.Errorf("lookups %+v, cache %+v: want only what its own zone has", inputs, mine.Caches)
	}
	for name, want := range map[string]control.Code{"b.example": control.CodeForbidden, "www.b.example": control.CodeForbidden, "www.c.example": control.CodeForbidden, "a..example": control.CodeInvalid} {
		if _, err := tenant.TraceQuery(ctx, control.QueryTraceRequest{Name: name}); codeOf(t, err) != want {
			t.Errorf("%s: %v, want %q", name, err, want)
		}
	}
}

// A token for guests is told how its own decide, and not how others do.
func TestTraceOfGuestToken(t *testing.T) {
	tn := newTenancy(t, control.Endpoint{Token: secret("admin"), Explain: alias})
	for guest, want := range map[string]string{"shop": "guest", "other": "hidden"} {
		c := tn.holder(t, control.TokenRequest{Name: guest, Scopes: []string{"guests"}, Guests: []string{guest}})
		got, err := c.TraceQuery(t.Context(), control.QueryTraceRequest{Name: "a.example"})
		if err != nil {
			t.Fatal(err)
		}
		if s := got.Steps[0]; s.Decided != want || (s.Attachment == nil) != (want == "hidden") || (got.Caches[0].Key == nil) != (want == "hidden") {
			t.Errorf("%s: decided by %s, %+v, %+v, want %s", guest, s.Decided, s.Attachment, got.Caches[0], want)
		}
	}
}

func TestTraceRefuses(t *testing.T) {
	tn := newTenancy(t, control.Endpoint{Explain: alias})
	c := control.NewClient(tn.address, "")
	defer c.Close()
	for _, q := range []control.QueryTraceRequest{
		{}, {Name: "a.example", Type: "NONE"}, {Name: "a.example", From: "here"}, {Name: "a.example", From: "fe80::1%lo"},
		{Name: "a.example", Client: "192.0.2.0/33"}, {Name: "a.example", Transport: "post"},
	} {
		if q.Name == "" {
			q.Name = "a..b"
		}
		if _, err := c.TraceQuery(t.Context(), q); codeOf(t, err) != control.CodeInvalid {
			t.Errorf("%+v: %v, want invalid", q, err)
		}
	}
	codes, begun := map[control.Code]int{}, time.Now()
	for range 60 {
		_, err := c.TraceQuery(t.Context(), control.QueryTraceRequest{Name: "a.example"})
		codes[codeOf(t, err)]++
	}
	most := 20 * (1 + time.Since(begun).Seconds()) // at once, and so many a second
	if codes[""] == 0 || float64(codes[""]) > most || codes[""]+codes[control.CodeRate] != 60 {
		t.Errorf("sixty one after the other: %v, want some explained, at most %.1f, and the others too many", codes, most)
	}
	still := newTenancy(t, control.Endpoint{})
	idle := control.NewClient(still.address, "")
	defer idle.Close()
	if _, err := idle.TraceQuery(t.Context(), control.QueryTraceRequest{Name: "a.example"}); codeOf(t, err) != control.CodeUnavailable {
		t.Errorf("without a server: %v", err)
	}
}
