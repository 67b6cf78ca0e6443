package zonefile_test

import (
	"bytes"
	"strings"
	"testing"

	"github.com/namelet/namelet/rr"
	"github.com/namelet/namelet/store/zonefile"
)

// What is read is written such that the same is read again; what is not read has
// an error of one line.
func FuzzParse(f *testing.F) {
	f.Add([]byte(soa + "a 7 A 192.0.2.1\n$TTL 1h\nb TXT \"x;\\\"\" (\n y ) ; c\n"))
	f.Add([]byte(soa + "$GENERATE 1-5/2 a${1,2,x} 7 TYPE99 \\# 2 0141\n$ORIGIN b\n@ 7 NS @\n"))
	f.Add([]byte(soa + "a 7 HTTPS 1 . alpn=\"h2\\\\,x\" key7=\\000\na 7 LOC 1 2 3 N 4 5 6 W 7m\n"))
	f.Add([]byte(soa + "a 7 NAPTR 1 2 \"\" \"\" \"\" .\na 7 APL !1:10.0.0.0/8\na 7 IPSECKEY 10 3 2 gw. AQNR\na 7 HIP 2 200100107B1A74DF365639CC39F1D578 AwEAAbdx rvs.\n"))
	f.Add([]byte(soa + "a 7 NSEC b A TYPE1234\na 7 CAA 0 x \"\\255\"\na 7 AMTRELAY 1 0 3 x.\na 7 NID 1 0:0:0:1\na 7 URI 1 1 \"x\"\na 7 CERT PGP 0 0 AA==\n"))
	f.Fuzz(func(t *testing.T, text []byte) {
		if bytes.Contains(bytes.ToUpper(text), []byte("$GENERATE")) && len(text) > 1000 {
			return // a million records are allowed, but take their time
		}
		sets, err := zonefile.Parse(bytes.NewReader(text), zonefile.Options{Origin: apex, File: "f"})
		if err != nil {
			if strings.ContainsAny(err.Error(), "\n\r\x00") || len(err.Error()) > 2000 {
				t.Fatalf("error is more than a line: %q", err)
			}
			return
		}
		checkRoundTrip(t, apex, sets)
	})
}

func FuzzRdata(f *testing.F) {
	for t, text := range map[rr.Type]string{
		rr.TypeA: "192.0.2.1", rr.TypeTXT: `"a" b\100`, rr.TypeSVCB: "1 . mandatory=alpn alpn=h2", rr.TypeLOC: "1 N 1 E 1m",
		rr.TypeNSEC3: "1 1 12 aabb 2t7b4g4vsa5smi47k61mv5bv1a22bojr MX", rr.TypeSSHFP: "1 1 ab", rr.TypeEUI48: "00-00-5e-00-53-2a",
		rr.TypeL32: "10 10.1.2.0", rr.TypeZONEMD: "1 1 1 abcd", rr.TypeCSYNC: "1 3 A NS", rr.TypeTALINK: "a b", rr.TypeNULL: `\# 1 00`,
	} {
		f.Add(uint16(t), text)
	}
	f.Fuzz(func(t *testing.T, typ uint16, text string) {
		data, err := zonefile.ParseRdata(rr.Type(typ), text, apex)
		if err != nil {
			return
		}
		back := zonefile.FormatRdata(rr.Type(typ), data)
		again, err := zonefile.ParseRdata(rr.Type(typ), back, rr.Root)
		if err != nil || again != data {
			t.Fatalf("%s %q gives %x, written %q, which gives %x, error %v", rr.Type(typ), text, data, back, again, err)
		}
	})
}
