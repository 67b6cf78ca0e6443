package cache

import (
	"net/netip"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"

	"github.com/namelet/namelet/internal/authority"
	"github.com/namelet/namelet/internal/resolve"
	"github.com/namelet/namelet/rr"
)

// What is fetched from one cache is kept in another as it was in the first.
func TestFetchedTraceIsTheOneThatWasPut(t *testing.T) {
	s := zoneOf(t, 20)
	trial := int64(9<<16 | 5000) // a salt and a share
	for _, want := range []resolve.Trace{
		{},
		{Inputs: []resolve.Input{{Kind: resolve.InputClient, V4: 24, V6: 56, Prefix: netip.MustParsePrefix("192.0.2.0/24")}}, ScopeV4: 24, ScopeV6: 56},
		{Inputs: []resolve.Input{
			{Kind: resolve.InputPick, Arg: 5, Value: int64(resolve.Draw(7, 0, 5))},
			{Kind: resolve.InputNow, Arg: 60, Value: 960},
			{Kind: resolve.InputPick, Arg: 9, Value: int64(resolve.Draw(7, 1, 9))},
			{Kind: resolve.InputBefore, Arg: 1001, Value: 1},
			{Kind: resolve.InputTransport, Value: 1},
		}},
		{Inputs: []resolve.Input{{Kind: resolve.InputRelease, Arg: trial, Value: resolve.Release(trial, question(hostName(3)).Name, inputs().Source.Addr())}}},
	} {
		q := question(hostName(3))
		static := answered(s, hostName(3))
		want.Cacheable, want.Known, want.Deps = true, static.Known, static.Deps
		shared := NewShared(Config{Bytes: 1 << 20})
		if !shared.Put(q, &want, message("answer")) {
			t.Fatal("not kept")
		}
		var got resolve.Trace
		leaf, ok := shared.Fetch(q, inputs(), nil, &got)
		if !ok {
			t.Fatal("not there")
		}
		byAddress := cmp.Comparer(func(a, b *authority.Slots) bool { return a == b })
		sorted := cmpopts.SortSlices(func(a, b resolve.Dep) bool { return a.Slot < b.Slot })
		if diff := cmp.Diff(want, got, byAddress, sorted, cmp.Comparer(func(a, b netip.Prefix) bool { return a == b }),
			cmp.Comparer(func(a, b rr.Name) bool { return a == b })); diff != "" {
			t.Errorf("trace: -want +got\n%s", diff)
		}
		own := New(Config{Bytes: 1 << 20})
		if !own.Put(q, &got, &leaf) {
			t.Fatal("not kept in the other")
		}
		mustHit(t, own, q, inputs(), message("answer"))
		if _, ok := shared.Fetch(question(hostName(4)), inputs(), nil, &got); ok {
			t.Error("got an answer to another question")
		}
	}
}
