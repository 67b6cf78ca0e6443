package main

import (
	"testing"

	"github.com/namelet/namelet/sdk"
	"github.com/namelet/namelet/sdk/sdktest"
)

func TestWeighted(t *testing.T) {
	setup := sdktest.Setup{
		Zones:  []sdktest.Zone{{Apex: "example", File: "testdata/example.zone"}},
		At:     "www.example",
		Config: map[string]string{"blue.example": "7", "green.example": "2", "far.example": "1"},
	}
	sdktest.Run(t, sdktest.Here(), setup, []sdktest.Case{
		{
			Name: "first draw of blue", Ask: "www.example A", Picks: []int{0}, Want: "www.example. 300 A 192.0.2.1",
			Reads: "pick 10, lookup blue.example. A",
		},
		{Name: "last draw of blue", Ask: "www.example A", Picks: []int{6}, Want: "www.example. 300 A 192.0.2.1"},
		{
			Name: "the draw of far", Ask: "www.example A", Picks: []int{7}, Want: "www.example. 300 CNAME far.example.net.",
			Reads: "pick 10, lookup far.example. A, lookup far.example. CNAME",
		},
		{Name: "first draw of green", Ask: "www.example A", Picks: []int{8}, Want: "www.example. 300 A 192.0.2.2"},
		{Name: "last draw of green", Ask: "www.example A", Picks: []int{9}, Want: "www.example. 300 A 192.0.2.2"},
		{Name: "another type", Ask: "www.example AAAA", Picks: []int{0}, Want: "www.example. 300 AAAA 2001:db8::1"},
		{Name: "a type that green lacks", Ask: "www.example AAAA", Picks: []int{9}, Want: "NODATA"},
	})
}

func TestConfigurationRefused(t *testing.T) {
	tests := []struct {
		name   string
		values map[string]string
	}{
		{"none", nil},
		{"a weight that is no number", map[string]string{"a": "x"}},
		{"a name that is none", map[string]string{"a..b": "1"}},
		{"a negative weight", map[string]string{"a": "-1", "b": "2"}},
		{"no weight at all", map[string]string{"a": "0"}},
		{"too much weight", map[string]string{"a": "65535", "b": "2"}},
		{"far too much", map[string]string{"a": "18446744073709551616"}},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			if status := sdktest.Configure(t, tt.values); status != sdk.StatusInvalid {
				t.Errorf("got %v, want invalid", status)
			}
		})
	}
}
