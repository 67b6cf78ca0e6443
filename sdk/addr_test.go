package sdk

import (
	"net/netip"
	"strings"
	"testing"
)

// FuzzParseAddr compares with net/netip, which guests do without for its size.
func FuzzParseAddr(f *testing.F) {
	for _, s := range []string{
		"192.0.2.1", "256.0.0.1", "1.2.3", "01.2.3.4", "1.2.3.4.", "::", "::1", "1::", "2001:db8::1", "1:2:3:4:5:6:7:8",
		"1:2:3:4:5:6:7::", "::2:3:4:5:6:7:8", "1::2::3", ":::", "1:2", "12345::", "::ffff:192.0.2.1", "::192.0.2.1:1",
		"1:2:3:4:5:6:7:1.2.3.4", "64:ff9b::1.2.3.4", "g::", "1:", ":1", "", "2001:0:0:1:0:0:0:1", "1:0:0:2:3:4:5:6",
	} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, s string) {
		if strings.Contains(s, "%") {
			return // zones of scoped addresses mean nothing in DNS
		}
		want, bad := netip.ParseAddr(s)
		got, err := ParseAddr(s)
		if (err != nil) != (bad != nil) {
			t.Fatalf("ParseAddr(%q): got %v, %v, want %v, %v", s, got, err, want, bad)
		}
		if err != nil {
			return
		}
		if got.Is4() != want.Is4() || (got.Is4() && got.V4() != want.As4()) || (!got.Is4() && got.V6() != want.As16()) {
			t.Errorf("ParseAddr(%q): got %v, want %v", s, got, want)
		}
		if text := want.String(); !want.Is4In6() && got.String() != text {
			t.Errorf("String of %q: got %q, want %q", s, got.String(), text)
		}
	})
}

func TestParsePrefix(t *testing.T) {
	for _, s := range []string{"192.0.2.0/24", "0.0.0.0/0", "2001:db8::/32", "::1/128", "10.0.0.1/32"} {
		p, err := ParsePrefix(s)
		if err != nil || p.String() != s {
			t.Errorf("ParsePrefix(%q): got %v, %v", s, p, err)
		}
	}
	for _, s := range []string{"", "1.2.3.4", "192.0.2.1/24", "0.0.0.0/33", "::/129", "::/-1", "::1/127", "x/1"} {
		if p, err := ParsePrefix(s); err == nil {
			t.Errorf("ParsePrefix(%q): got %v, want an error", s, p)
		}
	}
}

func TestPrefixContains(t *testing.T) {
	tests := []struct {
		outer, inner string
		want         bool
	}{
		{"192.0.2.0/24", "192.0.2.128/25", true},
		{"192.0.2.0/24", "192.0.2.0/24", true},
		{"192.0.2.128/25", "192.0.2.0/24", false},
		{"192.0.2.0/24", "192.0.3.0/24", false},
		{"0.0.0.0/0", "::/0", false},
		{"2001:db8::/33", "2001:db8:8000::/48", false},
		{"2001:db8::/32", "2001:db8:8000::/48", true},
	}
	for _, tt := range tests {
		outer, _ := ParsePrefix(tt.outer)
		inner, _ := ParsePrefix(tt.inner)
		if got := outer.Contains(inner); got != tt.want {
			t.Errorf("%v contains %v: got %v, want %v", outer, inner, got, tt.want)
		}
	}
}
