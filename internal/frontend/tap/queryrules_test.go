package tap

import (
	"bytes"
	"errors"
	"strings"
	"testing"

	"github.com/miekg/dns"

	"github.com/namelet/namelet/rr"
)

// The longest of the zones that have a name counts, whatever the order of the rules.
func TestQueryRules(t *testing.T) {
	for _, c := range []struct {
		text string
		want map[string]uint32
	}{
		{"none", map[string]uint32{"www.example.": 0, ".": 0}},
		{"", map[string]uint32{"www.example.": 0, ".": 0}},
		{"all", map[string]uint32{"www.example.": 5, ".": 5}},
		{"shop.example, none", map[string]uint32{"www.shop.example.": 5, "example.": 0}},
		{".=3", map[string]uint32{"www.example.": 3, ".": 3}},
		{"none.", map[string]uint32{"www.none.": 5, "www.example.": 0}},
		{"\n# of most a sample\nall=1000,example=off\n\n  WWW.Shop.example=1\nshop.example\n", map[string]uint32{
			"a.www.SHOP.example.": 1, "shop.example.": 5, "workshop.example.": 0, "example.": 0, "org.": 1000, ".": 1000,
		}},
	} {
		r, err := ParseQueryRules(c.text, 5)
		if err != nil {
			t.Errorf("%q: %v", c.text, err)
			continue
		}
		for name, want := range c.want {
			if got := r.sample(exchange(t, name).Query); got != want {
				t.Errorf("%q: %s: one of %d, want %d", c.text, name, got, want)
			}
		}
	}
	all, err := ParseQueryRules("all,example=off", 5)
	if err != nil {
		t.Fatal(err)
	}
	if got := all.sample([]byte("no message")); got != 5 {
		t.Errorf("what cannot be read: one of %d, want 5", got)
	}
	query := exchange(t, "www.EXAMPLE.").Query
	if n := testing.AllocsPerRun(100, func() { all.sample(query) }); n != 0 {
		t.Errorf("got %v allocations", n)
	}
}

func TestBadQueryRules(t *testing.T) {
	for text, says := range map[string]string{
		"a..b": `"a..b" is neither none, nor all, nor a zone`, "a,,b": "neither", "a=0": "neither off nor a number", "a=-1": "neither off", "a=": "neither off",
		"a=4294967297": "neither off", "none=5": "is none", "a\nA.": "twice", "=5": "neither none",
	} {
		if _, err := ParseQueryRules(text, 1); !errors.Is(err, ErrQueryRules) || !strings.Contains(err.Error(), says) {
			t.Errorf("%q: got %v, want %s", text, err, says)
		}
	}
}

// FuzzQueryRules holds the look at a message's question against the codec's.
func FuzzQueryRules(f *testing.F) {
	for _, name := range []string{"www.shop.example.", "org.", "."} {
		f.Add(exchange(f, name).Query, "shop.example,org=off")
	}
	f.Fuzz(func(t *testing.T, query []byte, text string) {
		rules, err := ParseQueryRules(text, 1)
		if err != nil {
			rules, _ = ParseQueryRules("shop.example=2,org=3", 1)
		}
		got := rules.sample(query)
		questionAttrs(query) // which is only not to fail
		var m dns.Msg
		if m.Unpack(query) != nil || len(m.Question) != 1 || bytes.IndexByte(query[headerLen:], 0xc0) >= 0 { // no question has compression
			return
		}
		name, err := rr.ParseName(m.Question[0].Name)
		if err != nil {
			return
		}
		want := rules.rest
		for ok := true; ok; name, ok = name.Parent() {
			if of, has := rules.zones[name.Lower().Wire()]; has {
				want = of
				break
			}
		}
		if got != want {
			t.Errorf("%q, %s: got %v, want %v", text, name, got, want)
		}
	})
}
