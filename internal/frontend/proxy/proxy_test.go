package proxy

import (
	"bytes"
	"errors"
	"io"
	"net/netip"
	"strings"
	"testing"
	"testing/iotest"

	"github.com/google/go-cmp/cmp"
)

// header makes a header with a true length.
func header(command, family byte, rest string) string {
	return signature + string([]byte{command, family, byte(len(rest) >> 8), byte(len(rest))}) + rest
}

const (
	four = "\xc6\x33\x64\x07" + "\xc0\x00\x02\x01" + "\x30\x39" + "\x00\x35"
	six  = "\x20\x01\x0d\xb8\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x07" +
		"\x20\x01\x0d\xb8\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x01" + "\x30\x39" + "\x00\x35"
	mapped = "\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\xff\xff\xc6\x33\x64\x07" +
		"\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\xff\xff\xc0\x00\x02\x01" + "\x30\x39" + "\x00\x35"
	extension = "\xe0\x00\x03abc"
)

var headers = []struct {
	name, header string
	want         string // the source; empty for none
	bad          string // what the error says
}{
	{"IPv4 datagram", header(0x21, 0x12, four), "198.51.100.7:12345", ""},
	{"IPv4 stream", header(0x21, 0x11, four), "198.51.100.7:12345", ""},
	{"IPv6 datagram", header(0x21, 0x22, six), "[2001:db8::7]:12345", ""},
	{"IPv6 stream", header(0x21, 0x21, six), "[2001:db8::7]:12345", ""},
	{"IPv4 in IPv6", header(0x21, 0x22, mapped), "198.51.100.7:12345", ""},
	{"extensions", header(0x21, 0x12, four+extension+extension), "198.51.100.7:12345", ""},
	{"extension that is none", header(0x21, 0x12, four+"\xe0"), "198.51.100.7:12345", ""},
	{"local", header(0x20, 0, ""), "", ""},
	{"local with addresses", header(0x20, 0x12, four), "", ""},
	{"local with an unknown family", header(0x20, 0xff, "abc"), "", ""},
	{"no family", header(0x21, 0, ""), "", ""},
	{"no family, with octets", header(0x21, 0x02, "whatever"), "", ""},
	{"longest", header(0x21, 0x12, four+strings.Repeat("x", maxRest-len(four))), "198.51.100.7:12345", ""},

	{"too long", header(0x21, 0x12, four+strings.Repeat("x", maxRest+1-len(four))), "", "1025 octets long"},
	{"other signature", strings.Replace(header(0x21, 0x12, four), "Q", "q", 1), "", "no signature"},
	{"version 1", "PROXY TCP4 198.51.100.7 192.0.2.1 12345 53\r\n", "", "no signature"},
	{"version 3", header(0x31, 0x12, four), "", "version and command 0x31"},
	{"command 2", header(0x22, 0x12, four), "", "version and command 0x22"},
	{"UNIX socket", header(0x21, 0x31, strings.Repeat("x", 216)), "", "address family 3"},
	{"transport 3", header(0x21, 0x13, four), "", "transport 3"},
	{"IPv4 too short", header(0x21, 0x12, four[:11]), "", "11 octets of IPv4 addresses"},
	{"IPv6 too short", header(0x21, 0x22, six[:35]), "", "35 octets of IPv6 addresses"},
}

func TestHeaders(t *testing.T) {
	for _, test := range headers {
		t.Run(test.name, func(t *testing.T) {
			addr, rest, err := Parse([]byte(test.header + "message"))
			stream := strings.NewReader(test.header + "message")
			streamAddr, streamErr := Read(stream)
			if test.bad != "" {
				for _, err := range []error{err, streamErr} {
					if !errors.Is(err, ErrHeader) || !strings.Contains(err.Error(), test.bad) {
						t.Errorf("got %v, want an error that says %q", err, test.bad)
					}
				}
				return
			}
			left, _ := io.ReadAll(stream)
			if err != nil || streamErr != nil || string(rest) != "message" || string(left) != "message" {
				t.Fatalf("got %q, %v and %q, %v, want the message behind the header", rest, err, left, streamErr)
			}
			var want netip.AddrPort
			if test.want != "" {
				want = netip.MustParseAddrPort(test.want)
			}
			if addr != want || streamAddr != want {
				t.Errorf("got %v and %v, want %v", addr, streamAddr, want)
			}
		})
	}
}

// A header that is cut off anywhere is an error.
func TestCutOff(t *testing.T) {
	whole := header(0x21, 0x12, four+extension)
	for n := range len(whole) {
		if _, _, err := Parse([]byte(whole[:n])); !errors.Is(err, ErrHeader) {
			t.Errorf("%d octets: got %v", n, err)
		}
		if _, err := Read(strings.NewReader(whole[:n])); !errors.Is(err, io.EOF) && !errors.Is(err, io.ErrUnexpectedEOF) {
			t.Errorf("%d octets of a stream: got %v", n, err)
		}
	}
	if addr, err := Read(iotest.OneByteReader(strings.NewReader(whole))); err != nil || !addr.IsValid() {
		t.Errorf("octet by octet: got %v, %v", addr, err)
	}
}

func TestUnwrap(t *testing.T) {
	prefixes, err := ParseSources("192.0.2.0/24, 2001:db8:1::/48,203.0.113.9")
	if err != nil {
		t.Fatal(err)
	}
	s := NewSources(prefixes)
	tests := []struct{ name, from, msg, client, message string }{
		{"named source", "192.0.2.3", header(0x21, 0x12, four) + "m", "198.51.100.7", "m"},
		{"named source, IPv6", "2001:db8:1::5", header(0x21, 0x22, six) + "m", "2001:db8::7", "m"},
		{"named address", "203.0.113.9", header(0x21, 0x12, four) + "m", "198.51.100.7", "m"},
		{"named source for itself", "192.0.2.3", header(0x20, 0, "") + "m", "192.0.2.3", "m"},
		{"named source without a header", "192.0.2.3", "message without a header", "", ""},
		{"named source with half a header", "192.0.2.3", header(0x21, 0x12, four)[:20], "", ""},
		{"named source with a client's header", "192.0.2.3", header(0x21, 0x12, four) + header(0x21, 0x12, four) + "m", "", ""},
		{"named source for itself, with a client's header", "192.0.2.3", header(0x20, 0, "") + header(0x21, 0x12, four) + "m", "", ""},
		{"other source", "198.51.100.1", "message", "198.51.100.1", "message"},
		{"neighbour of a named address", "203.0.113.8", "message", "203.0.113.8", "message"},
		{"other source with a header", "198.51.100.1", header(0x21, 0x12, four) + "m", "", ""},
		{"other source with a bad header", "198.51.100.1", signature, "", ""},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			client, message, ok := s.Unwrap([]byte(test.msg), netip.MustParseAddr(test.from))
			if ok != (test.client != "") {
				t.Fatalf("got %v, %q, %v", client, message, ok)
			}
			if ok && (client.String() != test.client || string(message) != test.message) {
				t.Errorf("got %v, %q, want %s, %q", client, message, test.client, test.message)
			}
		})
	}
	if NewSources(nil).Any() || !s.Any() {
		t.Error("Any is wrong about whether there are sources")
	}
}

func TestParseSources(t *testing.T) {
	for text, want := range map[string]string{
		"":                            "",
		"10.1.2.3/8":                  "10.0.0.0/8",
		"10.1.2.3":                    "10.1.2.3/32",
		" 10.0.0.0/8 , 2001:db8::/32": "10.0.0.0/8 2001:db8::/32",
		"10.0.0.0/8,":                 `"" is not ADDRESS or ADDRESS/BITS`,
		"10.0.0.0/33":                 `"10.0.0.0/33" is not ADDRESS or ADDRESS/BITS`,
		"fe80::1%eth0":                `"fe80::1%eth0" is not ADDRESS or ADDRESS/BITS`,
		"::ffff:10.0.0.0/104":         `"::ffff:10.0.0.0/104": write it as an IPv4 prefix`,
		"loadbalancer":                `"loadbalancer" is not ADDRESS or ADDRESS/BITS`,
	} {
		prefixes, err := ParseSources(text)
		var got []string
		for _, p := range prefixes {
			got = append(got, p.String())
		}
		if err != nil {
			got = []string{err.Error()}
		}
		if diff := cmp.Diff(want, strings.Join(got, " ")); diff != "" {
			t.Errorf("%q (-want +got):\n%s", text, diff)
		}
	}
}

func TestUnwrapAllocations(t *testing.T) {
	s := NewSources([]netip.Prefix{netip.MustParsePrefix("192.0.2.0/24")})
	msg, from := []byte(header(0x21, 0x22, six+extension)+"m"), netip.MustParseAddr("192.0.2.1")
	if n := testing.AllocsPerRun(100, func() {
		if _, _, ok := s.Unwrap(msg, from); !ok {
			t.Fatal("not ok")
		}
	}); n != 0 {
		t.Errorf("got %v allocations, want none", n)
	}
}

// FuzzParse holds Parse and Read to one another, and to what they promise: an
// error or the octets behind the header, and no memory but the message's.
func FuzzParse(f *testing.F) {
	for _, test := range headers {
		f.Add([]byte(test.header + "message"))
	}
	f.Fuzz(func(t *testing.T, msg []byte) {
		addr, rest, err := Parse(msg)
		stream := bytes.NewReader(msg)
		streamAddr, streamErr := Read(stream)
		if (err == nil) != (streamErr == nil) || addr != streamAddr {
			t.Fatalf("a datagram gives %v, %v, a stream %v, %v", addr, err, streamAddr, streamErr)
		}
		if err != nil {
			if rest != nil || addr.IsValid() {
				t.Fatalf("got %v and %q with the error %v", addr, rest, err)
			}
			return
		}
		if !HasHeader(msg) || len(msg)-len(rest) < fixedLen || len(msg)-len(rest) > fixedLen+maxRest {
			t.Fatalf("a header of %d octets", len(msg)-len(rest))
		}
		if left, _ := io.ReadAll(stream); !bytes.Equal(left, rest) || !bytes.HasSuffix(msg, rest) {
			t.Fatalf("behind the header stands %q in a datagram and %q in a stream", rest, left)
		}
		if addr.Addr().Is4In6() || addr.Addr().Zone() != "" {
			t.Fatalf("%v is not in its plain form", addr)
		}
		client, message, ok := NewSources([]netip.Prefix{netip.MustParsePrefix("192.0.2.1/32")}).Unwrap(msg, netip.MustParseAddr("192.0.2.1"))
		if !ok || !bytes.Equal(message, rest) || addr.IsValid() && client != addr.Addr() {
			t.Fatalf("unwrapped to %v, %q, %v", client, message, ok)
		}
	})
}
