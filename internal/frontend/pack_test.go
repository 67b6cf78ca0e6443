package frontend

import (
	"bytes"
	"encoding/binary"
	"fmt"
	"strings"
	"testing"

	"github.com/miekg/dns"

	"github.com/namelet/namelet/hostabi"
	"github.com/namelet/namelet/internal/resolve"
	"github.com/namelet/namelet/rr"
)

// ask returns the query that a message of the given question is, with EDNS where
// size is not 0.
func ask(t testing.TB, qname string, qtype rr.Type, size uint16) *query {
	t.Helper()
	m := new(dns.Msg)
	m.SetQuestion(qname, uint16(qtype))
	if size > 0 {
		m.SetEdns0(size, false)
	}
	msg, err := m.Pack()
	if err != nil {
		t.Fatal(err)
	}
	q := new(query)
	if v := parse(msg, hostabi.TransportTCP, q); v != accepted {
		t.Fatalf("query for %s: verdict %d", qname, v)
	}
	return q
}

// set builds an RRset from the presentation form of its records.
func set(t testing.TB, records ...string) rr.Set {
	t.Helper()
	var s rr.Set
	for _, text := range records {
		record, err := dns.NewRR(text)
		if err != nil {
			t.Fatal(err)
		}
		h := record.Header()
		s.Name, s.Type, s.TTL = rr.MustParseName(h.Name), rr.Type(h.Rrtype), h.Ttl
		s.Data = append(s.Data, rdataOf(t, record))
	}
	return s
}

// pack writes the response to q behind dst and returns the message: at most limit
// octets, which are at least 512. truncated says that TC is set.
func (p *packer) pack(dst []byte, q *query, rcode rr.RCode, resp *resolve.Response, limit int) (msg []byte, truncated bool) {
	return complete(dst, p.body(q, rcode, resp), q, rcode, extras{own: q.sender.options(), errors: p.errors}, limit)
}

// rdataOf returns the uncompressed rdata of a record.
func rdataOf(t testing.TB, record dns.RR) rr.Rdata {
	t.Helper()
	buf := make([]byte, 70000)
	n, err := dns.PackRR(record, buf, 0, nil, false)
	if err != nil {
		t.Fatal(err)
	}
	_, at, err := dns.UnpackDomainName(buf, 0)
	if err != nil {
		t.Fatal(err)
	}
	return string(buf[at+10 : n])
}

func TestPackAnswer(t *testing.T) {
	q := ask(t, "WwW.Example.", rr.TypeA, 1232)
	resp := &resolve.Response{}
	resp.Authoritative = true
	resp.Answer.Answer = []rr.Set{set(t, "www.example. 300 IN A 192.0.2.1", "www.example. 300 IN A 192.0.2.2")}
	var p packer
	got, truncated := p.pack(nil, q, rr.RCodeNoError, resp, 1232)
	id := fmt.Sprintf("%04x", q.id)
	want := unhex(t, id+"8500 0001 0002 0000 0001"+"03577757 074578616d706c65 00 0001 0001"+
		"c00c 0001 0001 0000012c 0004 c0000201"+
		"c00c 0001 0001 0000012c 0004 c0000202"+
		"00 0029 04d0 00 00 0000 0000")
	if truncated || !bytes.Equal(got, want) {
		t.Errorf("truncated %v, got\n%x, want\n%x", truncated, got, want)
	}
}

func TestPackHeader(t *testing.T) {
	tests := []struct {
		name          string
		flags         uint16
		rcode         rr.RCode
		authoritative bool
		edns          bool
		want          uint16
	}{
		{"RD copied", 0x0100, rr.RCodeNoError, false, false, 0x8100},
		{"CD, AD, RA, Z, TC and AA cleared", 0x06f0, rr.RCodeNoError, false, false, 0x8000},
		{"AA", 0, rr.RCodeNXDomain, true, false, 0x8403},
		{"opcode copied", 0x2800, rr.RCodeNotImp, false, false, 0xa804},
		{"extended code", 0, rr.RCodeBadVers, false, true, 0x8000},
		{"extended code without EDNS", 0, rr.RCodeBadVers, false, false, 0x8002},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			q := &query{id: 7, flags: test.flags, edns: edns{present: test.edns}}
			resp := &resolve.Response{}
			resp.Authoritative = test.authoritative
			var p packer
			msg, _ := p.pack(nil, q, test.rcode, resp, 512)
			if got := binary.BigEndian.Uint16(msg[2:]); got != test.want {
				t.Errorf("got flags %04x, want %04x", got, test.want)
			}
			if upper := byte(test.rcode >> 4); test.edns && msg[headerLen+5] != upper {
				t.Errorf("got upper code bits %d, want %d", msg[headerLen+5], upper)
			}
		})
	}
}

func TestCompression(t *testing.T) {
	q := ask(t, "a.Example.", rr.TypeMX, 0)
	resp := &resolve.Response{}
	resp.Answer.Answer = []rr.Set{
		set(t, "a.example. 1 IN MX 1 mail.a.EXAMPLE.", "a.example. 1 IN MX 2 mail2.a.example."),
		set(t, "a.example. 1 IN SRV 1 2 3 mail.a.example."), // RFC 2782: not compressed
		set(t, "a.example. 1 IN DNAME mail.a.example."),     // RFC 6672: not compressed
	}
	resp.Additional = []rr.Set{set(t, "mail.A.example. 1 IN A 192.0.2.1", "mail.A.example. 1 IN A 192.0.2.2")}
	var p packer
	got, _ := p.pack(nil, q, rr.RCodeNoError, resp, 512)
	const mail = "046d61696c 0161 076578616d706c65 00"
	want := unhex(t, fmt.Sprintf("%04x", q.id)+"8100 0001 0004 0000 0002"+"0161 074578616d706c65 00 000f 0001"+
		"c00c 000f 0001 00000001 0009 0001 046d61696c c00c"+ // the name stands at 0x29
		"c00c 000f 0001 00000001 000a 0002 056d61696c32 c00c"+
		"c00c 0021 0001 00000001 0016 0001 0002 0003"+mail+
		"c00c 0027 0001 00000001 0010"+mail+
		"c029 0001 0001 00000001 0004 c0000201"+
		"c029 0001 0001 00000001 0004 c0000202")
	if !bytes.Equal(got, want) {
		t.Errorf("got\n%x, want\n%x", got, want)
	}
}

// bulk returns n records of about size octets each.
func bulk(t testing.TB, owner string, n, size int) rr.Set {
	t.Helper()
	records := make([]string, n)
	for i := range records {
		records[i] = fmt.Sprintf("%s 1 IN TXT %02d%s", owner, i, strings.Repeat("x", size))
	}
	return set(t, records...)
}

func TestTruncation(t *testing.T) {
	sig := func(owner, covered string, size int) rr.Set {
		return set(t, fmt.Sprintf("%s 1 IN RRSIG %s 8 1 1 20300101000000 20200101000000 1 . %s", owner, covered, strings.Repeat("AAAA", size/3)))
	}
	small := set(t, "a. 1 IN A 192.0.2.1")
	glue := set(t, "ns.a. 1 IN A 192.0.2.1")
	big := bulk(t, "a.", 4, 150)
	tests := []struct {
		name                          string
		answer, authority, additional []rr.Set
		required                      int
		want                          string // types of what is in, by section
		truncated                     bool
	}{
		{"all fits", []rr.Set{small}, []rr.Set{small}, []rr.Set{glue}, 1, "A | A | A OPT", false},
		{"answer is too long", []rr.Set{big}, []rr.Set{small}, []rr.Set{glue}, 0, " |  | OPT", true},
		{"first set of the answer stays", []rr.Set{small, big}, nil, nil, 0, "A |  | OPT", true},
		{"authority is too long", []rr.Set{small}, []rr.Set{big}, []rr.Set{glue}, 0, "A |  | OPT", true},
		{"optional is too long, the next goes with it", []rr.Set{small}, nil, []rr.Set{glue, big, glue}, 0, "A |  | A OPT", false},
		{"required is too long", nil, []rr.Set{small}, []rr.Set{glue, big}, 2, " | A | A OPT", true},
		{"beyond required is too long", nil, []rr.Set{small}, []rr.Set{glue, big}, 1, " | A | A OPT", false},
		{"signature of a dropped set", nil, nil, []rr.Set{big, sig("a.", "TXT", 60), glue}, 0, " |  | OPT", false},
		{"long signature of a kept set", nil, nil, []rr.Set{glue, sig("ns.a.", "A", 600), small}, 0, " |  | A OPT", false},
		{"more required than there is", nil, nil, []rr.Set{glue}, 5, " |  | A OPT", false},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			resp := &resolve.Response{}
			resp.Answer.Answer, resp.Authority, resp.Additional = test.answer, test.authority, test.additional
			resp.RequiredAdditional = test.required
			var p packer
			msg, truncated := p.pack(nil, ask(t, "a.", rr.TypeANY, 512), rr.RCodeNoError, resp, 512)
			var m dns.Msg
			if err := m.Unpack(msg); err != nil {
				t.Fatal(err)
			}
			got := types(m.Answer) + " | " + types(m.Ns) + " | " + types(m.Extra)
			if got != test.want || truncated != test.truncated || m.Truncated != truncated {
				t.Errorf("got %q, truncated %v, TC %v, want %q, %v", got, truncated, m.Truncated, test.want, test.truncated)
			}
		})
	}
}

func types(records []dns.RR) string {
	names := make([]string, len(records))
	for i, r := range records {
		names[i] = dns.Type(r.Header().Rrtype).String()
	}
	return strings.Join(names, " ")
}

// Names in rdata are compressed in the types of RFC 1035 and in no other (RFC
// 3597 section 4).
func TestCompressibleTypes(t *testing.T) {
	tests := []struct {
		record string
		saved  int // octets
	}{
		{"NS a.example.", 9}, {"CNAME a.example.", 9}, {"PTR a.example.", 9}, {"MX 1 a.example.", 9},
		{"MB a.example.", 9}, {"MD a.example.", 9}, {"MF a.example.", 9}, {"MG a.example.", 9}, {"MR a.example.", 9},
		{"SOA a.example. a.example. 1 2 3 4 5", 18}, {"MINFO a.example. a.example.", 18},
		{"DNAME a.example.", 0}, {"SRV 1 2 3 a.example.", 0}, {"RT 1 a.example.", 0}, {"AFSDB 1 a.example.", 0},
		{"RP a.example. a.example.", 0}, {"KX 1 a.example.", 0}, {"PX 1 a.example. a.example.", 0},
		{`NAPTR 1 2 "" "" "" a.example.`, 0}, {"SVCB 1 a.example.", 0}, {"HTTPS 1 a.example.", 0},
		{"NSEC a.example. A", 0}, {"RRSIG A 8 1 1 20300101000000 20200101000000 1 a.example. AAAA", 0},
	}
	for _, test := range tests {
		s := set(t, "a.example. 1 IN "+test.record)
		resp := &resolve.Response{}
		resp.Answer.Answer = []rr.Set{s}
		var p packer
		msg, _ := p.pack(nil, ask(t, "a.example.", s.Type, 0), rr.RCodeNoError, resp, 512)
		question := headerLen + 11 + 4
		if got, want := len(msg)-question, 12+len(s.Data[0])-test.saved; got != want {
			t.Errorf("%s: got %d octets, want %d", test.record, got, want)
		}
	}
}

func TestExtendedErrors(t *testing.T) {
	long := strings.Repeat("é", 100)
	tests := []struct {
		name   string
		errors []resolve.ExtendedError
		limit  int
		want   string
	}{
		{"code and text", []resolve.ExtendedError{{Code: 20, Text: "no"}}, 512, "20 no;"},
		{"code alone", []resolve.ExtendedError{{Code: 21}}, 512, "21 ;"},
		{"text is bounded", []resolve.ExtendedError{{Code: 0, Text: long}}, 512, "0 " + long[:maxErrorText] + ";"},
		{"text cut between characters", []resolve.ExtendedError{{Code: 0, Text: "x" + long}}, 512, "0 x" + long[:maxErrorText-2] + ";"},
		{"count is bounded", make([]resolve.ExtendedError, 9), 512, "0 ;0 ;0 ;0 ;"},
		{"no room for text", []resolve.ExtendedError{{Code: 3, Text: "stale"}}, headerLen + 7 + optFixedLen + 6, "3 ;"},
		{"no room at all", []resolve.ExtendedError{{Code: 3}}, headerLen + 7 + optFixedLen + 5, ""},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			var p packer
			msg, truncated := p.pack(nil, ask(t, "a.", rr.TypeA, 1232), rr.RCodeNoError, &resolve.Response{Errors: test.errors}, test.limit)
			var m dns.Msg
			if err := m.Unpack(msg); err != nil {
				t.Fatal(err)
			}
			got := ""
			for _, o := range m.IsEdns0().Option {
				e := o.(*dns.EDNS0_EDE)
				got += fmt.Sprintf("%d %s;", e.InfoCode, e.ExtraText)
			}
			if got != test.want || truncated || len(msg) > test.limit {
				t.Errorf("got %q in %d octets, truncated %v, want %q in %d", got, len(msg), truncated, test.want, test.limit)
			}
		})
	}
}

// The worst that can be asked still leaves room for OPT.
func TestOPTAlwaysFits(t *testing.T) {
	qname := strings.Repeat(strings.Repeat("q", 63)+".", 3) + strings.Repeat("q", 61) + "."
	resp := &resolve.Response{Errors: []resolve.ExtendedError{{Code: 1, Text: strings.Repeat("x", 500)}, {Code: 2, Text: strings.Repeat("x", 500)}}}
	resp.Answer.Answer = []rr.Set{bulk(t, qname, 9, 100)}
	var p packer
	msg, truncated := p.pack(nil, ask(t, qname, rr.TypeTXT, 512), rr.RCodeNoError, resp, 512)
	var m dns.Msg
	if err := m.Unpack(msg); err != nil {
		t.Fatal(err)
	}
	if !truncated || m.IsEdns0() == nil || len(msg) > 512 {
		t.Errorf("got %d octets, truncated %v, OPT %v", len(msg), truncated, m.IsEdns0())
	}
}

func TestMessageOf64K(t *testing.T) {
	resp := &resolve.Response{}
	for i := range 300 {
		resp.Answer.Answer = append(resp.Answer.Answer, bulk(t, fmt.Sprintf("name%d.example.", i), 2, 95))
		resp.Answer.Answer = append(resp.Answer.Answer, set(t, fmt.Sprintf("name%d.example. 1 IN NS ns%d.name%d.example.", i, i, i)))
	}
	var p packer
	msg, truncated := p.pack(nil, ask(t, "example.", rr.TypeANY, 512), rr.RCodeNoError, resp, maxMessage)
	var m dns.Msg
	if err := m.Unpack(msg); err != nil {
		t.Fatal(err)
	}
	if !truncated || len(msg) < maxMessage-600 || len(msg) > maxMessage {
		t.Errorf("got %d octets, truncated %v", len(msg), truncated)
	}
	for i, record := range m.Answer {
		if want := fmt.Sprintf("name%d.example.", i/3); record.Header().Name != want {
			t.Fatalf("record %d: got owner %s, want %s", i, record.Header().Name, want)
		}
	}
}

func plainAnswer(t testing.TB) (*query, *resolve.Response) {
	resp := &resolve.Response{}
	resp.Authoritative = true
	resp.Answer.Answer = []rr.Set{set(t, "www.example. 300 IN A 192.0.2.1", "www.example. 300 IN A 192.0.2.2")}
	resp.Authority = []rr.Set{set(t, "example. 300 IN NS ns1.example.", "example. 300 IN NS ns2.example.")}
	resp.Additional = []rr.Set{set(t, "ns1.example. 300 IN A 192.0.2.53"), set(t, "ns2.example. 300 IN A 192.0.2.54")}
	return ask(t, "www.example.", rr.TypeA, 1232), resp
}

func TestPackAllocations(t *testing.T) {
	q, resp := plainAnswer(t)
	var p packer
	buf := make([]byte, 0, 2048)
	allocs := testing.AllocsPerRun(100, func() { p.pack(buf, q, rr.RCodeNoError, resp, 1232) })
	if allocs != 0 {
		t.Errorf("got %v allocations, want 0", allocs)
	}
}

func BenchmarkPack(b *testing.B) {
	q, referral := plainAnswer(b)
	plain := &resolve.Response{}
	plain.Answer.Answer = referral.Answer.Answer[:1]
	for _, bench := range []struct {
		name string
		resp *resolve.Response
	}{{"answer", plain}, {"answer with authority and additional", referral}} {
		b.Run(bench.name, func(b *testing.B) {
			var p packer
			buf := make([]byte, 0, 2048)
			b.ReportAllocs()
			for b.Loop() {
				p.pack(buf, q, rr.RCodeNoError, bench.resp, 1232)
			}
		})
	}
}
