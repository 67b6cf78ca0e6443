package zonefile_test

import (
	"bytes"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"testing/fstest"

	"github.com/google/go-cmp/cmp"

	"github.com/namelet/namelet/rr"
	"github.com/namelet/namelet/store/zonefile"
)

var apex = rr.MustParseName("apps.example")

const soa = "@ 300 IN SOA ns hostmaster 1 2 3 4 5\n"

// dump gives sets as lines: owner, TTL, type and all rdata.
func dump(sets []rr.Set) []string {
	var lines []string
	for _, s := range sets {
		line := fmt.Sprintf("%s %d %s", s.Name, s.TTL, s.Type)
		for _, d := range s.Data {
			line += " | " + zonefile.FormatRdata(s.Type, d)
		}
		lines = append(lines, line)
	}
	return lines
}

func parse(text string) ([]rr.Set, error) {
	return zonefile.Parse(strings.NewReader(text), zonefile.Options{Origin: apex, File: "f.zone"})
}

func TestParse(t *testing.T) {
	const soaLine = "apps.example. 300 SOA | ns.apps.example. hostmaster.apps.example. 1 2 3 4 5"
	tests := []struct {
		name, text string
		want       []string
	}{
		{"relative names, origin and @", "$ORIGIN sub\n@ 5 A 192.0.2.1\n$ORIGIN b.apps.example.\nx 5 CNAME y\n",
			[]string{"x.b.apps.example. 5 CNAME | y.b.apps.example.", "sub.apps.example. 5 A | 192.0.2.1"}},
		{"TTL by directive", "$TTL 1h30m\na A 192.0.2.1\nb 7 A 192.0.2.1\nc A 192.0.2.1\n",
			[]string{"a.apps.example. 5400 A | 192.0.2.1", "b.apps.example. 7 A | 192.0.2.1", "c.apps.example. 5400 A | 192.0.2.1"}},
		{"TTL of the last record", "a 7 A 192.0.2.1\nb A 192.0.2.1\n",
			[]string{"a.apps.example. 7 A | 192.0.2.1", "b.apps.example. 7 A | 192.0.2.1"}},
		{"owner left out, TTL and class in either order", "a IN 7 A 192.0.2.1\n  7 IN AAAA 2001:db8::1\n\tTXT x\n",
			[]string{`a.apps.example. 7 A | 192.0.2.1`, `a.apps.example. 7 TXT | "x"`, `a.apps.example. 7 AAAA | 2001:db8::1`}},
		{"parentheses and comments", "a 7 TXT ( \"one;(\" ; comment )\n two\n) ; end\n", []string{`a.apps.example. 7 TXT | "one;(" "two"`}},
		{"8-bit text", "caf\xe9 7 TXT \"\xe9\\233\\\"\" \\;x\n", []string{`caf\233.apps.example. 7 TXT | "\233\233\"" ";x"`}},
		{"letter case is kept", "WwW 7 CNAME Target.EXAMPLE.\n", []string{`WwW.apps.example. 7 CNAME | Target.EXAMPLE.`}},
		{"unknown types", "a 7 TYPE731 \\# 3 abcd ef\nb 7 A \\# 4 c0000201\nc 7 TYPE1 192.0.2.2\n",
			[]string{`a.apps.example. 7 TYPE731 | \# 3 abcdef`, `b.apps.example. 7 A | 192.0.2.1`, `c.apps.example. 7 A | 192.0.2.2`}},
		{"duplicates and unequal TTLs", "a 7 NS x.\nA 5 NS X.\na 9 NS y.\n", []string{`a.apps.example. 5 NS | x. | y.`}},
		{"SOA again at the end", soa, nil},
		{"escaped dot and escaped dollar", "a\\.b 7 A 192.0.2.1\n\\$x 7 A 192.0.2.1\n",
			[]string{`\$x.apps.example. 7 A | 192.0.2.1`, `a\.b.apps.example. 7 A | 192.0.2.1`}},
		{"no newline at the end", "a 7 A 192.0.2.1", []string{`a.apps.example. 7 A | 192.0.2.1`}},
		{"lines that end in CR LF", "a 7 A 192.0.2.1\r\n\r\nb 7 TXT x\r\n", []string{`a.apps.example. 7 A | 192.0.2.1`, `b.apps.example. 7 TXT | "x"`}},
		{"generate", "$GENERATE 8-10/2 h${-8,2,d} 7 A 192.0.2.$\n$GENERATE 1-1 $$\\$x${10,0,X} 7 TXT \\101\n",
			[]string{`\$\$xB.apps.example. 7 TXT | "e"`, `h00.apps.example. 7 A | 192.0.2.8`, `h02.apps.example. 7 A | 192.0.2.10`}},
		{"signatures by the type they cover", "a 7 A 192.0.2.1\na 7 RRSIG A 8 2 7 20140702000000 20140624230000 1 . AAAA\na 9 RRSIG NSEC 8 2 9 20140702000000 20140624230000 1 . AAAA\na 9 NSEC b A RRSIG NSEC\n",
			[]string{`a.apps.example. 7 A | 192.0.2.1`,
				`a.apps.example. 7 RRSIG | A 8 2 7 20140702000000 20140624230000 1 . AAAA`,
				`a.apps.example. 9 RRSIG | NSEC 8 2 9 20140702000000 20140624230000 1 . AAAA`,
				`a.apps.example. 9 NSEC | b.apps.example. A RRSIG NSEC`}},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			sets, err := parse(soa + tt.text)
			if err != nil {
				t.Fatal(err)
			}
			if diff := cmp.Diff(append([]string{soaLine}, tt.want...), dump(sets)); diff != "" {
				t.Errorf("sets differ (-want +got):\n%s", diff)
			}
			checkRoundTrip(t, apex, sets)
		})
	}
}

// checkRoundTrip wants Parse to read what Write wrote as the same sets.
func checkRoundTrip(t *testing.T, origin rr.Name, sets []rr.Set) {
	t.Helper()
	var out bytes.Buffer
	if err := zonefile.Write(&out, origin, sets); err != nil {
		t.Fatal(err)
	}
	again, err := zonefile.Parse(&out, zonefile.Options{Origin: origin})
	if err != nil {
		t.Fatalf("what Write wrote is refused: %v", err)
	}
	if len(again) != len(sets) {
		t.Fatalf("%d sets came back, want %d", len(again), len(sets))
	}
	for i := range sets {
		if !sets[i].Equal(again[i]) || sets[i].Name != again[i].Name {
			t.Fatalf("set %v came back as %v", dump(sets[i:i+1]), dump(again[i:i+1]))
		}
	}
}

func TestParseErrors(t *testing.T) {
	tests := []struct{ name, text, want string }{
		{"unknown type", soa + "a 7 FOO x\n", `f.zone:2: a.apps.example.: unknown type "FOO"`},
		{"meta type", soa + "a 7 ANY \\# 0\n", `f.zone:2: a.apps.example.: type ANY is for messages and cannot stand in a zone`},
		{"OPT", soa + "a 7 OPT \\# 0\n", `f.zone:2: a.apps.example.: type OPT is for messages and cannot stand in a zone`},
		{"class", soa + "a 7 CH A 192.0.2.1\n", `f.zone:2: a.apps.example.: class CH: only IN is served`},
		{"class by number", soa + "a 7 CLASS9 A 192.0.2.1\n", `f.zone:2: a.apps.example.: class CLASS9: only IN is served`},
		{"no TTL", "@ SOA ns h 1 2 3 4 5\n", `f.zone:1: apps.example.: no TTL: state one, or $TTL before`},
		{"TTL too large", soa + "a 2147483648 A 192.0.2.1\n", `f.zone:2: a.apps.example.: TTL "2147483648" is over 2147483647 seconds`},
		{"bad TTL", soa + "a 7x A 192.0.2.1\n", `f.zone:2: a.apps.example.: bad TTL "7x"`},
		{"out of zone", soa + "a.other. 7 A 192.0.2.1\n", `f.zone:2: a.other. is outside the zone apps.example.`},
		{"no owner", " 7 A 192.0.2.1\n", `f.zone:1: no owner name here and none before`},
		{"bad name", soa + "a..b 7 A 192.0.2.1\n", `f.zone:2: name "a..b": name has an empty label`},
		{"no type", soa + "a 7 IN\n", `f.zone:2: a.apps.example.: no type`},
		{"no rdata", soa + "a 7 A\n", `f.zone:2: a.apps.example. A: no rdata`},
		{"bad rdata", soa + "\n; c\na 7 A 192.0.2\n", `f.zone:4: a.apps.example. A: bad A A: "192.0.2"`},
		{"more rdata", soa + "a 7 A 192.0.2.1 192.0.2.2\n", `f.zone:2: a.apps.example. A: garbage after rdata: "192.0.2.2"`},
		{"hex length", soa + "a 7 TYPE731 \\# 3 abcd\n", `f.zone:2: a.apps.example. TYPE731: \# states 3 octets, but 4 hex digits follow`},
		{"hex of a known type", soa + "a 7 A \\# 3 abcdef\n", `f.zone:2: a.apps.example. A: rdata is not what its type wants`},
		{"hex with a compressed name", soa + "a 7 MX \\# 6 000a0161c002\n", `f.zone:2: a.apps.example. MX: rdata is not what its type wants`},
		{"text of an unknown type", soa + "a 7 TYPE731 x\n", `f.zone:2: a.apps.example. TYPE731: type TYPE731 has no text form here: write \# octets hex`},
		{"open quote", soa + "a 7 TXT \"x\nb 7 A 192.0.2.1\n", `f.zone:2: quoted text is not closed on its line`},
		{"open parenthesis", soa + "a 7 TXT ( x\n\n", `f.zone:2: parenthesis is not closed before the end of the file`},
		{"extra parenthesis", soa + "a 7 TXT x )\n", `f.zone:2: closing parenthesis without an opening one`},
		{"backslash at the end", soa + "a 7 TXT x\\\n", `f.zone:2: backslash at the end of a line`},
		{"second SOA", soa + "@ 300 SOA ns hostmaster 2 2 3 4 5\n", `f.zone:2: apps.example. SOA: a second one, which differs`},
		{"SOA below the apex", soa + "a 300 SOA ns hostmaster 2 2 3 4 5\n", `f.zone:2: a.apps.example. SOA: stands below the zone's apex`},
		{"no SOA", "a 7 A 192.0.2.1\n", `f.zone: the zone has no SOA`},
		{"CNAME and data", soa + "a 7 CNAME b\nA 7 A 192.0.2.1\n", `f.zone:3: A.apps.example. A: the name has a CNAME, which tolerates no other data`},
		{"data and CNAME", soa + "a 7 A 192.0.2.1\na 7 CNAME b\n", `f.zone:3: a.apps.example. CNAME: the name has other data`},
		{"two CNAMEs", soa + "a 7 CNAME b\na 7 CNAME c\n", `f.zone:3: a.apps.example. CNAME: a second one, which differs`},
		{"unknown directive", soa + "$FOO x\n", `f.zone:2: unknown directive "$FOO"`},
		{"include without a folder", soa + "$INCLUDE x\n", `f.zone:2: $INCLUDE "x": not allowed here`},
		{"generate range", soa + "$GENERATE 5-1 a 7 A 192.0.2.$\n", `f.zone:2: $GENERATE wants a range such as 1-10 or 0-100/2, not "5-1"`},
		{"generate record", soa + "$GENERATE 255-256 a 7 A 192.0.2.$\n", `f.zone:2: $GENERATE at 256: a.apps.example. A: bad A A: "192.0.2.256"`},
		{"generate makes no directive", soa + "$GENERATE 1-2 $$INCLUDE 7 FOO\n", `f.zone:2: $GENERATE at 1: \$INCLUDE.apps.example.: unknown type "FOO"`},
		{"generate too much", soa + "$GENERATE 1-2000000 a 7 A 192.0.2.1\n", `f.zone:2: $GENERATE makes more than 1048576 records in all`},
		{"entry too long", soa + "a 7 TXT " + strings.Repeat("x", 300000) + "\n", `f.zone:2: entry is longer than 266236 octets`},
		{"rdata too long", soa + "a 7 TXT " + strings.Repeat("x", 65530) + "\n", `f.zone:2: a.apps.example. TXT: rdata is longer than 65535 octets`},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			sets, err := parse(tt.text)
			if err == nil || err.Error() != tt.want {
				t.Fatalf("error\n got %v\nwant %s", err, tt.want)
			}
			if sets != nil {
				t.Errorf("sets came with an error")
			}
			var placed *zonefile.Error
			if !errors.As(err, &placed) {
				t.Errorf("error is a %T, want a *zonefile.Error", err)
			}
		})
	}
}

func TestParseTooLarge(t *testing.T) {
	_, err := zonefile.Parse(strings.NewReader(soa+soa), zonefile.Options{Origin: apex, File: "f.zone", MaxBytes: int64(len(soa) + 5)})
	if want := "f.zone:2: zone file is too large"; err == nil || err.Error() != want {
		t.Errorf("error %v, want %s", err, want)
	}
}

func TestInclude(t *testing.T) {
	files := fstest.MapFS{
		"sub/a":    {Data: []byte("$TTL 9\nx A 192.0.2.1\n$INCLUDE b\n$ORIGIN nowhere.apps.example.\n")},
		"sub/b":    {Data: []byte("y A 192.0.2.2\n")},
		"bad":      {Data: []byte("; first\nz FOO\n")},
		"loop":     {Data: []byte("$INCLUDE sub/loop2\n")},
		"sub/loop": {Data: nil}, "sub/loop2": {Data: []byte("$INCLUDE ../loop\n")},
		"quote": {Data: []byte("a TXT \"x\n")},
	}
	for i := range 10 {
		files[fmt.Sprintf("deep%d", i)] = &fstest.MapFile{Data: fmt.Appendf(nil, "$INCLUDE deep%d\n", i+1)}
	}
	include := func(text string) ([]rr.Set, error) {
		return zonefile.Parse(strings.NewReader(soa+text), zonefile.Options{Origin: apex, File: "zones/f.zone", Includes: files})
	}
	sets, err := include("w 7 A 192.0.2.9\n$INCLUDE sub/a in ; comment\nv A 192.0.2.3\n  TXT last\n")
	if err != nil {
		t.Fatal(err)
	}
	want := []string{"x.in.apps.example. 9 A | 192.0.2.1", "y.in.apps.example. 9 A | 192.0.2.2",
		"v.apps.example. 7 A | 192.0.2.3", `v.apps.example. 7 TXT | "last"`, "w.apps.example. 7 A | 192.0.2.9"}
	if diff := cmp.Diff(want, dump(sets)[1:]); diff != "" {
		t.Errorf("sets differ (-want +got):\n%s", diff)
	}
	for text, want := range map[string]string{
		"$INCLUDE bad\n":           `zones/bad:2: z.apps.example.: unknown type "FOO"`,
		"$INCLUDE quote\n":         `zones/quote:1: quoted text is not closed on its line`,
		"\n$INCLUDE ../x\n":        `zones/f.zone:3: $INCLUDE "../x": leads out of the zone file's folder`,
		"$INCLUDE sub/../../x\n":   `zones/f.zone:2: $INCLUDE "sub/../../x": leads out of the zone file's folder`,
		"$INCLUDE /etc/passwd\n":   `zones/f.zone:2: $INCLUDE "/etc/passwd": leads out of the zone file's folder`,
		"$INCLUDE gone\n":          `zones/f.zone:2: $INCLUDE "gone": file does not exist`,
		"$INCLUDE sub\n":           `zones/f.zone:2: $INCLUDE "sub": not a regular file`,
		"$INCLUDE loop\n":          `zones/sub/loop2:1: $INCLUDE "../loop": the file includes itself`,
		"$INCLUDE deep0\n":         `zones/deep7:1: $INCLUDE "deep8": more than 8 files within one another`,
		"$INCLUDE bad x garbage\n": `zones/f.zone:2: $INCLUDE wants nothing after the origin, not "garbage"`,
	} {
		if _, err := include(text); err == nil || err.Error() != want {
			t.Errorf("%q: error\n got %v\nwant %s", text, err, want)
		}
	}
}

// A link out of the folder is no way out of it.
func TestParseFileStaysInFolder(t *testing.T) {
	outside, dir := t.TempDir(), t.TempDir()
	write := func(path, text string) {
		t.Helper()
		if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	write(filepath.Join(outside, "secret"), "s3cret\n")
	write(filepath.Join(dir, "part"), "a 7 A 192.0.2.1\n")
	for link, target := range map[string]string{"file": filepath.Join(outside, "secret"), "dir": outside, "inside": "part"} {
		if err := os.Symlink(target, filepath.Join(dir, link)); err != nil {
			t.Fatal(err)
		}
	}
	zone := filepath.Join(dir, "zone")
	for _, name := range []string{"file", "dir/secret"} {
		write(zone, soa+"$INCLUDE "+name+"\n")
		_, err := zonefile.ParseFile(zone, apex)
		if err == nil || strings.Contains(err.Error(), "s3cret") || !strings.HasPrefix(err.Error(), zone+":2: $INCLUDE") {
			t.Errorf("$INCLUDE %s: error %v, want one at line 2 without the file's text", name, err)
		}
	}
	write(zone, soa+"$INCLUDE inside\n")
	if sets, err := zonefile.ParseFile(zone, apex); err != nil || len(sets) != 2 {
		t.Errorf("a link inside the folder: %d sets, error %v, want 2 sets", len(sets), err)
	}
	if _, err := zonefile.ParseFile(dir, apex); err == nil {
		t.Errorf("a folder was read as a zone file")
	}
}

// In a text of fields, each as it came, escapes and octets are the entry's own.
func TestRdata(t *testing.T) {
	tests := []struct{ t, text, want string }{
		{"MX", "10 mail", "10 mail.apps.example."},
		{"SOA", "ns h ( 1 ; serial\n2 3 4 5 )", "ns.apps.example. h.apps.example. 1 2 3 4 5"},
		{"TXT", `"a b" c`, `"a b" "c"`},
		{"TXT", `""`, `""`},
		{"HTTPS", `1 . alpn=h2,h3 port=8443 ipv4hint=192.0.2.1`, `1 . alpn="h2,h3" port="8443" ipv4hint="192.0.2.1"`},
		{"SVCB", `1 svc key65000="a\"b"`, `1 svc.apps.example. key65000="a\"b"`},
		{"CAA", `0 issue "ca.example; x=y"`, `0 issue "ca.example; x=y"`},
		{"SRV", "0 5 443 t.", "0 5 443 t."},
		{"NAPTR", `1 2 "u" "E2U+sip" "!^.*$!sip:x@y!" .`, `1 2 "u" "E2U+sip" "!^.*$!sip:x@y!" .`},
		{"LOC", "52 22 23.000 N 4 53 32.000 E -2.00m 0.00m 10000m 10m", "52 22 23.000 N 04 53 32.000 E -2m 0.00m 10000m 10m"},
		{"APL", "1:192.0.2.0/24 !2:2001:db8::/32", "1:192.0.2.0/24 !2:2001:db8::/32"},
		{"APL", "", `\# 0`},
		{"NULL", `\# 2 abcd`, `\# 2 abcd`},
		{"WKS", `\# 2 abcd`, `\# 2 abcd`},
		{"TYPE65280", `\# 0`, `\# 0`},
		{"TLSA", "3 1 1 abCD", "3 1 1 abcd"},
		{"PTR", `a\.b\;c\032d`, `a\.b\;c\ d.apps.example.`},
	}
	for _, tt := range tests {
		typ, err := rr.ParseType(tt.t)
		if err != nil {
			t.Fatal(err)
		}
		data, err := zonefile.ParseRdata(typ, tt.text, apex)
		if err != nil {
			t.Errorf("%s %s: %v", tt.t, tt.text, err)
			continue
		}
		got := zonefile.FormatRdata(typ, data)
		if got != tt.want {
			t.Errorf("%s %s: got %s, want %s", tt.t, tt.text, got, tt.want)
		}
		if again, err := zonefile.ParseRdata(typ, got, rr.Root); err != nil || again != data {
			t.Errorf("%s %s reads back as %q, error %v, want %q", tt.t, got, again, err, data)
		}
	}
	for text, want := range map[string]string{
		"":                    "no rdata",
		"192.0.2.1\n10.0.0.1": "rdata of one record wanted, on one line",
		"( 192.0.2.1":         "parenthesis is not closed before the end of the file",
		"192.0.2.1 ; comment": "",
	} {
		if _, err := zonefile.ParseRdata(rr.TypeA, text, apex); fmt.Sprint(err) != want && !(err == nil && want == "") {
			t.Errorf("A %q: error %v, want %q", text, err, want)
		}
	}
	if _, err := zonefile.ParseRdata(rr.TypeANY, "x", apex); err == nil {
		t.Error("rdata of type ANY was read")
	}
}
