package mirror

import (
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/namelet/namelet/rr"
)

func sampleSets() []rr.Set {
	return []rr.Set{
		{Name: rr.MustParseName("example."), Type: rr.TypeSOA, TTL: 60, Data: []rr.Rdata{"soa"}},
		{Name: rr.MustParseName("example."), Type: rr.TypeNS, TTL: rr.MaxTTL, Data: []rr.Rdata{"a", "b"}},
		{Name: rr.MustParseName("Www.example."), Type: rr.TypeA, Data: []rr.Rdata{"\x7f\x00\x00\x01"}},
		{Name: rr.MustParseName("www.example."), Type: 65535, TTL: 1, Data: []rr.Rdata{""}},
		{Name: rr.MustParseName("gone.example."), Type: rr.TypeA},
	}
}

var names = cmp.Comparer(func(a, b rr.Name) bool { return a == b })

func TestBlockRoundTrip(t *testing.T) {
	var b block
	var many []rr.Set
	for range 300 { // more than stand under one mention of a name
		many = append(many, rr.Set{Name: rr.MustParseName("m.example."), Type: rr.TypeRRSIG, Data: []rr.Rdata{"x"}})
	}
	for _, sets := range [][]rr.Set{sampleSets(), many, sampleSets()[:1]} {
		for _, s := range sets {
			b.add(s)
		}
		got, err := parseBlock(b.finish())
		if err != nil {
			t.Fatal(err)
		}
		if diff := cmp.Diff(sets, got, names); diff != "" {
			t.Errorf("(-added +parsed):\n%s", diff)
		}
	}
}

// A block with any octet changed or missing is damaged.
func TestBlockDamage(t *testing.T) {
	var b block
	for _, s := range sampleSets() {
		b.add(s)
	}
	text := b.finish()
	for i := range text {
		bad := append([]byte(nil), text...)
		bad[i] ^= 0x10
		if _, err := parseBlock(bad); err == nil {
			t.Errorf("octet %d changed: no error", i)
		}
		if _, err := parseBlock(text[:i]); err == nil {
			t.Errorf("cut off at %d: no error", i)
		}
	}
}
