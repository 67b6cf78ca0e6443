package doh

import (
	"bytes"
	"context"
	"encoding/base64"
	"encoding/json"
	"errors"
	"io"
	"net/http"
	"net/http/httptest"
	"net/netip"
	"net/url"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/miekg/dns"

	"github.com/namelet/namelet/rr"
)

// response packs the response to a query, with records for its answer section.
func response(t testing.TB, query []byte, answer ...string) []byte {
	t.Helper()
	q, m := new(dns.Msg), new(dns.Msg)
	if err := q.Unpack(query); err != nil {
		t.Fatalf("the query %x: %v", query, err)
	}
	m.SetReply(q)
	m.Authoritative = true
	for _, text := range answer {
		record, err := dns.NewRR(text)
		if err != nil {
			t.Fatal(err)
		}
		m.Answer = append(m.Answer, record)
	}
	b, err := m.Pack()
	if err != nil {
		t.Fatal(err)
	}
	return b
}

// packed returns a query as it goes over the wire.
func packed(t testing.TB, id uint16, qname string, qtype uint16) []byte {
	t.Helper()
	m := new(dns.Msg)
	m.SetQuestion(qname, qtype)
	m.Id = id
	b, err := m.Pack()
	if err != nil {
		t.Fatal(err)
	}
	return b
}

// ask has a handler answer one request.
func ask(h http.Handler, method, target, contentType string, body []byte) *http.Response {
	r := httptest.NewRequest(method, target, bytes.NewReader(body))
	r.RemoteAddr = "[::ffff:192.0.2.7]:4711"
	if contentType != "" {
		r.Header.Set("Content-Type", contentType)
	}
	w := httptest.NewRecorder()
	h.ServeHTTP(w, r)
	return w.Result()
}

func TestMessages(t *testing.T) {
	query := packed(t, 7, "www.example.", dns.TypeA)
	var client netip.Addr
	h := New(func(_ context.Context, message []byte, c netip.Addr) ([]byte, error) {
		client = c
		return response(t, message, "www.example. 300 A 192.0.2.1", "www.example. 60 A 192.0.2.2"), nil
	})
	encoded := base64.RawURLEncoding.EncodeToString(query)
	for _, test := range []struct {
		name, method, target, kind string
		body                       []byte
	}{
		{"GET", "GET", Path + "?dns=" + encoded, "", nil},
		{"GET with more", "GET", Path + "?x=y&dns=" + encoded, "", nil},
		{"HEAD", "HEAD", Path + "?dns=" + encoded, "", nil},
		{"POST", "POST", Path, "application/dns-message", query},
		{"POST, type with a parameter", "POST", Path, "Application/DNS-Message; a=b", query},
	} {
		t.Run(test.name, func(t *testing.T) {
			got := ask(h, test.method, "https://a"+test.target, test.kind, test.body)
			body, _ := io.ReadAll(got.Body)
			if got.StatusCode != 200 || got.Header.Get("Content-Type") != "application/dns-message" || got.Header.Get("Cache-Control") != "private, max-age=60" {
				t.Errorf("got %v, %v", got.Status, got.Header)
			}
			if want := response(t, query, "www.example. 300 A 192.0.2.1", "www.example. 60 A 192.0.2.2"); !bytes.Equal(body, want) {
				t.Errorf("got %x, want %x", body, want)
			}
			if client != netip.MustParseAddr("192.0.2.7") {
				t.Errorf("the client is %v", client)
			}
		})
	}
}

func TestRefusals(t *testing.T) {
	query := packed(t, 0, "www.example.", dns.TypeA)
	encoded := base64.RawURLEncoding.EncodeToString(query)
	failure := errors.New("no room")
	h := New(func(_ context.Context, message []byte, _ netip.Addr) ([]byte, error) {
		if len(message) < 12 {
			return nil, nil
		}
		if message[1] == 9 {
			return nil, failure
		}
		return response(t, message), nil
	})
	const kind = "application/dns-message"
	for _, test := range []struct {
		name, method, target, kind string
		body                       []byte
		want                       int
	}{
		{"other path", "GET", "/?dns=" + encoded, "", nil, 404},
		{"path below", "GET", Path + "/x?dns=" + encoded, "", nil, 404},
		{"PUT", "PUT", Path, kind, query, 405},
		{"no parameter", "GET", Path, "", nil, 400},
		{"parameters that cannot be read", "GET", Path + "?dns=%zz", "", nil, 400},
		{"base64 with padding", "GET", Path + "?dns=" + base64.URLEncoding.EncodeToString(query[:len(query)-1]), "", nil, 400},
		{"plain base64", "GET", Path + "?dns=%2B%2B%2B%2B", "", nil, 400},
		{"base64 with loose bits", "GET", Path + "?dns=AB", "", nil, 400},
		{"empty message", "GET", Path + "?dns=", "", nil, 400},
		{"short message", "GET", Path + "?dns=AAAA", "", nil, 400},
		{"long message", "GET", Path + "?dns=" + strings.Repeat("A", 5464), "", nil, 414},
		{"other type", "POST", Path, "application/dns-json", query, 415},
		{"no type", "POST", Path, "", query, 415},
		{"bad type", "POST", Path, "application/dns-message;;=", query, 415},
		{"short body", "POST", Path, kind, query[:11], 400},
		{"longest body", "POST", Path, kind, append(query[:len(query):len(query)], make([]byte, 4096-len(query))...), 200},
		{"long body", "POST", Path, kind, make([]byte, 4097), 413},
		{"no room", "POST", Path, kind, packed(t, 9, "a.", dns.TypeA), 503},
	} {
		t.Run(test.name, func(t *testing.T) {
			got := ask(h, test.method, "https://a"+test.target, test.kind, test.body)
			if got.StatusCode != test.want {
				t.Errorf("got %v, want %d", got.Status, test.want)
			}
			if allow := got.Header.Get("Allow"); (test.want == 405) != (allow != "") {
				t.Errorf("allows %q", allow)
			}
			if got.StatusCode != 200 && got.Header.Get("Cache-Control") != "" {
				t.Errorf("lets caches keep a refusal: %v", got.Header)
			}
		})
	}
}

func TestJSON(t *testing.T) {
	var asked dns.Msg
	h := New(func(_ context.Context, message []byte, _ netip.Addr) ([]byte, error) {
		asked = dns.Msg{}
		if err := asked.Unpack(message); err != nil {
			t.Fatal(err)
		}
		return response(t, message, "www.example. 60 TXT \"a<b\""), nil
	})
	const answer = `"Answer":[{"name":"www.example.","type":16,"TTL":60,"data":"\"a<b\""}]}`
	for _, test := range []struct {
		name, query, want string // want: question; flags; subnet
	}{
		{"name", "name=www.example", "www.example. A"},
		{"type", "name=www.example.&type=txt", "www.example. TXT"},
		{"type as a number", "name=www.example&type=65280", "www.example. TYPE65280"},
		{"root", "name=.&type=NS", ". NS"},
		{"escapes", `name=a\.b\255.example`, `a\.b\255.example. A`},
		{"do and cd", "name=a&do=1&cd=true", "a. A do cd"},
		{"neither", "name=a&do=0&cd=false&random_padding=xx", "a. A"},
		{"empty", "name=a&do=&cd=&type=&ct=", "a. A"},
		{"subnet", "name=a&edns_client_subnet=198.51.100.7/20", "a. A 198.51.96.0/20"},
		{"subnet of an address", "name=a&edns_client_subnet=198.51.100.7", "a. A 198.51.100.0/24"},
		{"subnet of an IPv6 address", "name=a&edns_client_subnet=2001:db8:1:2345::1", "a. A 2001:db8:1:2300::/56"},
		{"no subnet", "name=a&edns_client_subnet=0.0.0.0/0", "a. A 0.0.0.0/0"},
		{"its own type", "name=a&ct=application/dns-json", "a. A"},
	} {
		t.Run(test.name, func(t *testing.T) {
			got := ask(h, "GET", "https://a"+Path+"?"+strings.ReplaceAll(test.query, `\`, "%5C"), "", nil)
			body, _ := io.ReadAll(got.Body)
			if got.StatusCode != 200 || got.Header.Get("Content-Type") != "application/dns-json" || got.Header.Get("Cache-Control") != "private, max-age=60" {
				t.Fatalf("got %v, %v, %s", got.Status, got.Header, body)
			}
			if diff := cmp.Diff(test.want, summary(&asked)); diff != "" {
				t.Errorf("the question (-want +got):\n%s", diff)
			}
			if !strings.HasPrefix(string(body), `{"Status":0,"TC":false,"RD":false,"RA":false,"AD":false,`) || !strings.HasSuffix(string(body), answer+"\n") {
				t.Errorf("got %s", body)
			}
		})
	}
	got := ask(h, "GET", "https://a"+Path+"?name=a&ct=application/dns-message", "", nil)
	body, _ := io.ReadAll(got.Body)
	if err := new(dns.Msg).Unpack(body); err != nil || got.Header.Get("Content-Type") != "application/dns-message" {
		t.Errorf("as a message: got %v, %v, %v", got.Status, got.Header, err)
	}
	for _, query := range []string{"name=", "name=a..b", "name=" + strings.Repeat("a", 64), "name=a&type=FOO", "name=a&type=0",
		"name=a&type=65536", "name=a&type=-1", "name=a&do=yes", "name=a&cd=2", "name=a&edns_client_subnet=x", "name=a&edns_client_subnet=10.0.0.0/33", "name=a&ct=text/html"} {
		if got := ask(h, "GET", "https://a"+Path+"?"+query, "", nil); got.StatusCode != 400 {
			t.Errorf("%s: got %v, want 400", query, got.Status)
		}
	}
}

// summary says what a query asks.
func summary(m *dns.Msg) string {
	s := m.Question[0].Name + " " + dns.Type(m.Question[0].Qtype).String()
	opt := m.IsEdns0()
	if opt.Do() {
		s += " do"
	}
	if m.CheckingDisabled {
		s += " cd"
	}
	for _, option := range opt.Option {
		if subnet, ok := option.(*dns.EDNS0_SUBNET); ok {
			addr, _ := netip.AddrFromSlice(subnet.Address)
			s += " " + netip.PrefixFrom(addr.Unmap(), int(subnet.SourceNetmask)).String()
		}
	}
	return s
}

func TestFreshness(t *testing.T) {
	query := packed(t, 1, "www.example.", dns.TypeA)
	message := func(rcode int, answer, authority string) []byte {
		q, m := new(dns.Msg), new(dns.Msg)
		if err := q.Unpack(query); err != nil {
			t.Fatal(err)
		}
		m.SetRcode(q, rcode)
		m.Compress = true
		for text, section := range map[string]*[]dns.RR{answer: &m.Answer, authority: &m.Ns} {
			for line := range strings.Lines(text) {
				record, err := dns.NewRR(line)
				if err != nil {
					t.Fatal(err)
				}
				*section = append(*section, record)
			}
		}
		b, err := m.Pack()
		if err != nil {
			t.Fatal(err)
		}
		return b
	}
	const soa = "example. 900 SOA ns.example. mail.example. 1 2 3 4 "
	whole := message(0, "www.example. 300 A 192.0.2.1", "example. 5 NS ns.example.")
	for _, test := range []struct {
		name string
		msg  []byte
		want uint32
	}{
		{"one TTL", whole, 300},
		{"the least", message(0, "www.example. 300 CNAME a.example.\na.example. 20 A 192.0.2.1", soa+"5"), 20},
		{"negative, MINIMUM", message(3, "", soa+"60"), 60},
		{"negative, TTL of the SOA", message(0, "", "x.example. 5 NSEC a.example. A\n"+soa+"3600"), 900},
		{"referral", message(0, "", "www.example. 86400 NS ns.example."), 0},
		{"SERVFAIL", message(2, "www.example. 300 A 192.0.2.1", ""), 0},
		{"REFUSED", message(5, "", soa+"60"), 0},
		{"cut off", whole[:len(query)+14], 0},
		{"header alone", whole[:12], 0},
		{"nothing", nil, 0},
	} {
		if got := freshness(test.msg); got != test.want {
			t.Errorf("%s: got %d, want %d", test.name, got, test.want)
		}
	}
}

// FuzzFreshness holds the reading of sections against the codec.
func FuzzFreshness(f *testing.F) {
	query := packed(f, 1, "www.example.", dns.TypeA)
	f.Add(response(f, query, "www.example. 300 A 192.0.2.1", "www.example. 60 CNAME a."))
	f.Add(append(response(f, query)[:9], "\x01\x00\x00\x03www\x07example\x00\x00\x01\x00\x01\xc0\x10\x00\x06\x00\x01\x00\x00\x00\x09\x00\x16\x00\x00AAAABBBBCCCCDDDD\x00\x00\x00\x05"...))
	f.Fuzz(func(t *testing.T, msg []byte) {
		got := freshness(msg)
		m := new(dns.Msg)
		if m.Unpack(msg) != nil || len(m.Question)+len(m.Answer)+len(m.Ns) != counted(msg) {
			return
		}
		if want := wantFreshness(m, msg); got != want {
			t.Errorf("got %d, want %d of\n%v", got, want, m)
		}
	})
}

// counted is how many entries the first three counts of a header promise.
func counted(msg []byte) int {
	return int(msg[4])<<8 + int(msg[5]) + int(msg[6])<<8 + int(msg[7]) + int(msg[8])<<8 + int(msg[9])
}

func wantFreshness(m *dns.Msg, msg []byte) uint32 {
	if rcode := msg[3] & 0xf; rcode != dns.RcodeSuccess && rcode != dns.RcodeNameError {
		return 0
	}
	if len(m.Answer) > 0 {
		least := ^uint32(0)
		for _, record := range m.Answer {
			least = min(least, record.Header().Ttl)
		}
		return least
	}
	for _, record := range m.Ns {
		if soa, ok := record.(*dns.SOA); ok {
			return min(soa.Hdr.Ttl, soa.Minttl)
		}
	}
	return 0
}

// FuzzGet asks with any parameters: the query that comes of them is one that the
// codec reads, and asks for what they say.
func FuzzGet(f *testing.F) {
	f.Add("name=www.example&type=TXT&do=1&cd=0&ct=application/dns-json")
	f.Add("name=a%5C.b%5C255.&type=65280&edns_client_subnet=2001:db8::/32")
	f.Add("name=.&type=TYPE1&ct=application/dns-message")
	f.Add("dns=AAABAAABAAAAAAAAA3d3dwdleGFtcGxlA2NvbQAAAQAB")
	f.Fuzz(func(t *testing.T, query string) {
		var asked []byte
		h := New(func(_ context.Context, message []byte, _ netip.Addr) ([]byte, error) {
			asked = message
			if len(message) < 12 || new(dns.Msg).Unpack(message) != nil {
				return nil, nil
			}
			return response(t, message), nil
		})
		r := httptest.NewRequest("GET", "https://a"+Path, nil)
		r.URL.RawQuery, r.RemoteAddr = query, "192.0.2.7:4711"
		w := httptest.NewRecorder()
		h.ServeHTTP(w, r)
		values, _ := url.ParseQuery(query)
		switch w.Code {
		case 200:
			if !values.Has("dns") {
				checkJSON(t, values, asked, w)
			}
		case 400, 414:
			if !values.Has("dns") && asked != nil {
				t.Errorf("%q: got %d after the question %x", query, w.Code, asked)
			}
		default:
			t.Errorf("%q: got %d", query, w.Code)
		}
	})
}

// checkJSON compares the message asked and the response with the parameters.
func checkJSON(t *testing.T, values url.Values, asked []byte, w *httptest.ResponseRecorder) {
	m := new(dns.Msg)
	if err := m.Unpack(asked); err != nil {
		t.Fatalf("the query %x: %v", asked, err)
	}
	want, err := rr.ParseName(values.Get("name"))
	if err != nil {
		t.Fatalf("took the name %q: %v", values.Get("name"), err)
	}
	if got, _, err := rr.NameFromWire(asked[12:]); err != nil || !got.Equal(want) || len(m.Question) != 1 {
		t.Fatalf("asked for %v, %v, want %v", got, err, want)
	}
	if w.Header().Get("Content-Type") == messageType {
		return
	}
	var body struct {
		Status   *int
		Question []struct{ Type uint16 }
	}
	if err := json.Unmarshal(w.Body.Bytes(), &body); err != nil || body.Status == nil || len(body.Question) != 1 || body.Question[0].Type != m.Question[0].Qtype {
		t.Fatalf("got %s, %v", w.Body, err)
	}
}
