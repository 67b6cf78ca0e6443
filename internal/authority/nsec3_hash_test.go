package authority

import (
	"testing"

	"github.com/namelet/namelet/rr"
)

// TestNSEC3Hash has the hashes of RFC 5155 appendix A.
func TestNSEC3Hash(t *testing.T) {
	chain, ok := newNSEC3Chain("\x01\x00\x00\x0c\x04\xaa\xbb\xcc\xdd")
	if !ok {
		t.Fatal("the parameters of the appendix are refused")
	}
	tests := []struct{ name, label, want string }{
		{"example.", "", "0P9MHAVEQVM6T7VBL5LOP2U3T2RP3TOM"},
		{"A.Example.", "", "35MTHGPGCU1QG68FAB165KLNSNK3DPVL"},
		{"ns1.example.", "", "2T7B4G4VSA5SMI47K61MV5BV1A22BOJR"},
		{"*.w.example.", "", "R53BQ7CC2UVMUBFU5OCMM6PERS9TK9EN"},
		{"w.example.", "*", "R53BQ7CC2UVMUBFU5OCMM6PERS9TK9EN"},
		{"x.y.w.example.", "", "2VPTU5TIMAMQTTGL4LUU9KG21E0AOR3S"},
		{"xx.example.", "", "T644EBQK9BIBCNA874GIVR6JOJ62MLHV"},
	}
	for _, test := range tests {
		if got := chain.hash(rr.MustParseName(test.name), test.label); string(got[:]) != test.want {
			t.Errorf("%s %s: got %s, want %s", test.label, test.name, got[:], test.want)
		}
	}
}

func TestNSEC3Params(t *testing.T) {
	for params, want := range map[string]bool{
		"\x01\x00\x00\x00\x00":     true,
		"\x01\x00\x00\x96\x00":     true,
		"\x01\x00\x00\x01\x01\xff": true,
		"":                         false,
		"\x02\x00\x00\x00\x00":     false, // an algorithm that RFC 5155 does not have
		"\x01\x01\x00\x00\x00":     false, // flags: RFC 5155 section 4.1.2
		"\x01\x00\x00\x97\x00":     false, // 151 iterations
		"\x01\x00\x00\x00\x01":     false,
		"\x01\x00\x00\x00\x00\x00": false,
	} {
		if _, ok := newNSEC3Chain(params); ok != want {
			t.Errorf("%q: got %v, want %v", params, ok, want)
		}
	}
}
