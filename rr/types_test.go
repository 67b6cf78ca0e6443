package rr

import (
	"errors"
	"strings"
	"testing"
)

func TestTypeText(t *testing.T) {
	for _, row := range typeNames {
		for _, text := range []string{row.name, strings.ToLower(row.name)} {
			if got, err := ParseType(text); err != nil || got != row.t {
				t.Errorf("ParseType(%q): got %d, %v, want %d", text, got, err, row.t)
			}
		}
		if got := row.t.String(); got != row.name {
			t.Errorf("Type(%d): got %s, want %s", row.t, got, row.name)
		}
	}
	tests := []struct {
		text string
		want Type
		err  error
	}{
		{"TYPE65534", 65534, nil},
		{"type1", TypeA, nil},
		{"TYPE65536", 0, ErrUnknownType},
		{"TYPE", 0, ErrUnknownType},
		{"TYPE-1", 0, ErrUnknownType},
		{"TYPE+1", 0, ErrUnknownType},
		{"", 0, ErrUnknownType},
		{"AAA", 0, ErrUnknownType},
	}
	for _, test := range tests {
		if got, err := ParseType(test.text); got != test.want || !errors.Is(err, test.err) {
			t.Errorf("ParseType(%q): got %d, %v, want %d, %v", test.text, got, err, test.want, test.err)
		}
	}
	if got := Type(65280).String(); got != "TYPE65280" {
		t.Errorf("got %s, want TYPE65280", got)
	}
}

func TestIsMeta(t *testing.T) {
	for typ, want := range map[Type]bool{0: true, TypeA: false, TypeOPT: true, 127: false, 128: true, TypeANY: true, TypeURI: false, TypeTA: false} {
		if got := typ.IsMeta(); got != want {
			t.Errorf("%v: got %v, want %v", typ, got, want)
		}
	}
}

func TestCodeText(t *testing.T) {
	for code, want := range map[RCode]string{RCodeNoError: "NOERROR", RCodeNXDomain: "NXDOMAIN", RCodeYXDomain: "YXDOMAIN", RCodeBadCookie: "BADCOOKIE", 12: "RCODE12", 4095: "RCODE4095"} {
		if got := code.String(); got != want {
			t.Errorf("got %s, want %s", got, want)
		}
	}
	for class, want := range map[Class]string{ClassIN: "IN", ClassCH: "CH", ClassANY: "ANY", 7: "CLASS7"} {
		if got := class.String(); got != want {
			t.Errorf("got %s, want %s", got, want)
		}
	}
}

func TestRdataName(t *testing.T) {
	tests := []struct {
		data string
		at   int
		want string
	}{
		{"\x00\x0a\x04mail\x00", 2, "mail."},
		{"\x04mail\x00trailing", 0, "mail."},
		{"\x04mai", 0, ""},
		{"\x04mail\x00", 7, ""},
		{"\x00", 0, "."},
	}
	for _, test := range tests {
		if got := RdataName(test.data, test.at); got.String() != test.want {
			t.Errorf("%q at %d: got %q, want %q", test.data, test.at, got.String(), test.want)
		}
	}
}

func TestSetEqual(t *testing.T) {
	base := Set{MustParseName("a.example."), TypeA, 60, []Rdata{"\x01\x02\x03\x04", "\x01\x02\x03\x05"}}
	with := func(change func(*Set)) Set {
		s := base
		change(&s)
		return s
	}
	tests := []struct {
		name string
		set  Set
		want bool
	}{
		{"letter case", with(func(s *Set) { s.Name = MustParseName("A.EXAMPLE.") }), true},
		{"owner", with(func(s *Set) { s.Name = MustParseName("b.example.") }), false},
		{"type", with(func(s *Set) { s.Type = TypeTXT }), false},
		{"ttl", with(func(s *Set) { s.TTL = 61 }), false},
		{"count", with(func(s *Set) { s.Data = s.Data[:1] }), false},
		{"order", with(func(s *Set) { s.Data = []Rdata{s.Data[1], s.Data[0]} }), false},
	}
	for _, test := range tests {
		if got := base.Equal(test.set); got != test.want {
			t.Errorf("%s: got %v, want %v", test.name, got, test.want)
		}
	}
	if got := base.String(); got != "a.example. A" {
		t.Errorf("got %q", got)
	}
	if Covered("\x00\x2f...") != TypeNSEC || Covered("\x00") != 0 {
		t.Error("the type covered is the first two octets")
	}
}

func TestCheckRdata(t *testing.T) {
	name := "\x01a\x00"
	soa := name + name + strings.Repeat("\x00", 20)
	tests := []struct {
		t    Type
		data string
		ok   bool
	}{
		{TypeA, "\x01\x02\x03\x04", true},
		{TypeA, "\x01\x02\x03", false},
		{TypeA, "\x01\x02\x03\x04\x05", false},
		{TypeAAAA, strings.Repeat("x", 16), true},
		{TypeAAAA, strings.Repeat("x", 4), false},
		{TypeNS, name, true},
		{TypeNS, name + "x", false},
		{TypeNS, "\xc0\x0c", false},
		{TypeNS, "", false},
		{TypeSOA, soa, true},
		{TypeSOA, soa[:len(soa)-1], false},
		{TypeMX, "\x00\x01" + name, true},
		{TypeMX, "\x00", false},
		{TypeSRV, "\x00\x01\x00\x01\x00\x01" + name, true},
		{TypeSRV, "\x00\x01\x00\x01\x00\x01", false},
		{TypeNAPTR, "\x00\x01\x00\x01\x01a\x00\x00" + name, true},
		{TypeNAPTR, "\x00\x01\x00\x01\x05a\x00\x00" + name, false},
		{TypeTXT, "\x00", true},
		{TypeTXT, "\x01a\x02bc", true},
		{TypeTXT, "", false},
		{TypeTXT, "\x02a", false},
		{TypeHINFO, "\x01a\x01b", true},
		{TypeHINFO, "\x01a", false},
		{TypeCAA, "\x00\x05issue", true},
		{TypeCAA, "\x00", false},
		{TypeURI, "\x00\x01\x00\x01x", true},
		{TypeURI, "\x00\x01\x00\x01", false},
		{TypeHTTPS, "\x00\x01" + name, true},
		{TypeHTTPS, "\x00\x01" + name + "\x00\x01\x00\x02ab\x00\x03\x00\x00", true},
		{TypeHTTPS, "\x00\x01" + name + "\x00\x03\x00\x00\x00\x01\x00\x00", false},
		{TypeHTTPS, "\x00\x01" + name + "\x00\x01\x00\x00\x00\x01\x00\x00", false},
		{TypeHTTPS, "\x00\x01" + name + "\x00\x01\x00\x09ab", false},
		{TypeHTTPS, "\x00\x01" + name + "\x00\x01\x00", false},
		{TypeDS, "\x00\x01\x0d\x02d", true},
		{TypeDS, "\x00\x01\x0d\x02", false},
		{TypeRRSIG, strings.Repeat("\x00", 18) + name + "s", true},
		{TypeRRSIG, strings.Repeat("\x00", 18) + name, false},
		{TypeNSEC, name, true},
		{TypeNSEC, name + "\x00\x01\x40", true},
		{Type(65280), "", true},
		{Type(65280), strings.Repeat("x", 65535), true},
		{Type(65280), strings.Repeat("x", 65536), false},
	}
	for _, test := range tests {
		err := CheckRdata(test.t, test.data)
		if test.ok != (err == nil) || err != nil && !errors.Is(err, ErrRdata) {
			t.Errorf("%v %.40q: got %v, want ok %v", test.t, test.data, err, test.ok)
		}
	}
	if got := testing.AllocsPerRun(100, func() { sink(CheckRdata(TypeSOA, soa) == nil) }); got != 0 {
		t.Errorf("got %v allocations, want 0", got)
	}
}

// FuzzCheckRdata: rdata that passes has the names that readers take from it.
func FuzzCheckRdata(f *testing.F) {
	f.Add(uint16(TypeMX), "\x00\x01\x01a\x00")
	f.Add(uint16(TypeHTTPS), "\x00\x01\x00\x00\x01\x00\x00")
	f.Add(uint16(TypeSRV), "\x00\x01\x00\x01\x00\x01\x00")
	f.Fuzz(func(t *testing.T, typ uint16, data string) {
		if CheckRdata(Type(typ), data) != nil {
			return
		}
		if at, ok := TargetOffset(Type(typ)); ok && RdataName(data, at).IsZero() {
			t.Fatalf("%v %q passes and has no target", Type(typ), data)
		}
	})
}
