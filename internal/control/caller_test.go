package control

import (
	"testing"

	"github.com/namelet/namelet/rr"
	"github.com/namelet/namelet/store"
)

// What a caller is limited to, and what its scopes let it do.
func TestCallerLimits(t *testing.T) {
	a := rr.MustParseName("a.example.")
	free := &caller{scopes: store.MayAdmin}
	tenant := &caller{scopes: store.MayGuests, zones: []rr.Name{a}, guests: []string{"shop", "team-*"}}
	zoned := &caller{scopes: store.MayRecords, zones: []rr.Name{a}}
	pusher := &caller{scopes: store.MayGuests, guests: []string{"shop"}}
	for _, tt := range []struct {
		name  string
		c     *caller
		touch touch
		good  bool
	}{
		{"no limits", free, touch{whole: true, zones: []string{"b.example."}, guests: []string{"x"}}, true},
		{"all there is", tenant, touch{whole: true}, false},
		{"own zone in other letters", tenant, touch{zones: []string{"A.Example"}}, true},
		{"another zone", tenant, touch{zones: []string{"b.example."}}, false},
		{"own zone and another", tenant, touch{zones: []string{"a.example.", "b.example."}}, false},
		{"a zone below", tenant, touch{zones: []string{"x.a.example."}}, false},
		{"the zone above", tenant, touch{zones: []string{"example."}}, false},
		{"no name", tenant, touch{zones: []string{"a..b"}}, false},
		{"own guest", tenant, touch{guests: []string{"shop"}}, true},
		{"a guest by its prefix", tenant, touch{guests: []string{"team-x"}}, true},
		{"a guest that begins alike", tenant, touch{guests: []string{"shop2"}}, false},
		{"no guest is named", zoned, touch{guests: []string{"shop"}}, false},
		{"zones are not limited", pusher, touch{guests: []string{"shop"}, zones: []string{"b.example."}}, true},
		{"the guest is", pusher, touch{guests: []string{"other"}}, false},
	} {
		if err := tt.c.check(tt.touch); (err == nil) != tt.good {
			t.Errorf("%s: error %v, want good %v", tt.name, err, tt.good)
		}
	}
	if (&caller{}).scopes.Allow(store.MayRead) || tenant.scopes.Allow(store.MayAdmin) || tenant.scopes.Allow(store.MayRecords) || !tenant.scopes.Allow(store.MayRead) {
		t.Error("scopes allow what they should not, or the other way round")
	}
}
