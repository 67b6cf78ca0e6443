package frontend

import (
	"encoding/binary"
	"encoding/hex"
	"net/netip"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"
	"github.com/miekg/dns"

	"github.com/namelet/namelet/hostabi"
	"github.com/namelet/namelet/rr"
)

// unhex reads octets written in hexadecimal with any spaces between.
func unhex(t testing.TB, s string) []byte {
	t.Helper()
	b, err := hex.DecodeString(strings.Join(strings.Fields(s), ""))
	if err != nil {
		t.Fatal(err)
	}
	return b
}

// Pieces of messages for the tables: www.example A IN, and OPT records.
const (
	wwwExample = "03777777 076578616d706c65 00"
	aIN        = "0001 0001"
	optPlain   = "00 0029 04d0 00 00 0000 0000"
	optCookie  = "00 0029 04d0 00 00 0000 000c 000a 0008 0011223344556677"
)

func TestParse(t *testing.T) {
	tests := []struct {
		name string
		msg  string
		want verdict
	}{
		{"plain", "1234 0000 0001 0000 0000 0000" + wwwExample + aIN, accepted},
		{"with EDNS", "1234 0000 0001 0000 0000 0001" + wwwExample + aIN + optPlain, accepted},
		{"unknown option", "1234 0000 0001 0000 0000 0001" + wwwExample + aIN + "00 0029 04d0 00 00 0000 0006 fde9 0002 abcd", accepted},
		{"root", "1234 0000 0001 0000 0000 0000 00 0002 0001", accepted},
		{"reserved header bits", "1234 07ff 0001 0000 0000 0000" + wwwExample + aIN, accepted},
		{"ANY", "1234 0000 0001 0000 0000 0000" + wwwExample + "00ff 0001", accepted},
		{"unknown type", "1234 0000 0001 0000 0000 0000" + wwwExample + "fde8 0001", accepted},
		{"other additional record", "1234 0000 0001 0000 0000 0001" + wwwExample + aIN + "00 0001 0001 00000000 0004 7f000001", accepted},
		{"other additional record and OPT", "1234 0000 0001 0000 0000 0002" + wwwExample + aIN + "00 0001 0001 00000000 0004 7f000001" + optPlain, accepted},
		{"SIG(0)", "1234 0000 0001 0000 0000 0001" + wwwExample + aIN +
			"00 0018 00ff 00000000 0016 0000 08 00 00000000 66000000 65000000 0001 00 abcdef", accepted},

		{"empty", "", ignoredShort},
		{"eleven octets", "1234 0000 0001 0000 0000 00", ignoredShort},
		{"response", "1234 8000 0001 0000 0000 0000" + wwwExample + aIN, ignoredResponse},
		{"response with an unknown opcode", "1234 f800 0001 0000 0000 0000", ignoredResponse},

		{"NOTIFY", "1234 2000 0001 0000 0000 0000" + wwwExample + "0006 0001", rejectedOpcode},
		{"opcode 15, header only", "1234 7800 0000 0000 0000 0000", rejectedOpcode},
		{"no question", "1234 0000 0000 0000 0000 0000", rejectedCount},
		{"no question, OPT", "1234 0000 0000 0000 0000 0001" + optPlain, rejectedCount},
		{"no question, cookie", "1234 0000 0000 0000 0000 0001" + optCookie, askedCookie},
		{"no question, cookie and a server cookie", "1234 0000 0000 0000 0000 0001 00 0029 04d0 00 00 0000 0014 000a 0010 00112233445566778899aabbccddeeff", askedCookie},
		{"no question, malformed cookie", "1234 0000 0000 0000 0000 0001 00 0029 04d0 00 00 0000 0005 000a 0001 00", rejectedFormat},
		{"no question, cookie, EDNS version 1", "1234 0000 0000 0000 0000 0001 00 0029 04d0 00 01 0000 000c 000a 0008 0011223344556677", rejectedVersion},
		{"no question, cookie, trailing octet", "1234 0000 0000 0000 0000 0001" + optCookie + "00", rejectedCount},
		{"no question, cookie, signed", "1234 0000 0000 0000 0000 0002" + optCookie + tsigRecord, rejectedCount},
		{"no question, cookie, an answer", "1234 0000 0000 0001 0000 0001 00 0001 0001 00000000 0004 7f000001" + optCookie, rejectedCount},
		{"two questions", "1234 0000 0002 0000 0000 0000" + wwwExample + aIN + wwwExample + aIN, rejectedCount},
		{"two questions, cookie", "1234 0000 0002 0000 0000 0001" + wwwExample + aIN + "c00c" + aIN + optCookie, rejectedCount},
		{"two questions, EDNS version 1", "1234 0000 0002 0000 0000 0001" + wwwExample + aIN + wwwExample + aIN + "00 0029 04d0 00 01 0000 0000", rejectedVersion},
		{"many questions that are not there", "1234 0000 ffff 0000 0000 0001" + wwwExample + aIN + optPlain, rejectedCount},

		{"question cut off", "1234 0000 0001 0000 0000 0000" + wwwExample + "0001 00", rejectedFormat},
		{"name cut off", "1234 0000 0001 0000 0000 0000 03777777", rejectedFormat},
		{"trailing octet", "1234 0000 0001 0000 0000 0000" + wwwExample + aIN + "00", rejectedFormat},
		{"trailing octet after OPT", "1234 0000 0001 0000 0000 0001" + wwwExample + aIN + optPlain + "00", rejectedFormat},
		{"OPT missing", "1234 0000 0001 0000 0000 0001" + wwwExample + aIN, rejectedFormat},
		{"qname points into the header", "0000 0000 0001 0000 0000 0000 c000 0001 0001", rejectedFormat},
		{"qname points to itself", "0000 0000 0001 0000 0000 0000 c00c 0001 0001", rejectedFormat},
		{"label type 01", "1234 0000 0001 0000 0000 0000 41 0001 0001", rejectedFormat},
		{"name of 256 octets", "1234 0000 0001 0000 0000 0000" + strings.Repeat("0161", 127) + "0161 00" + aIN, rejectedFormat},
		{"two OPT", "1234 0000 0001 0000 0000 0002" + wwwExample + aIN + optPlain + optPlain, rejectedFormat},
		{"OPT with an owner", "1234 0000 0001 0000 0000 0001" + wwwExample + aIN + "0161 00 0029 04d0 00 00 0000 0000", rejectedFormat},
		{"OPT owner points to a root", "1234 0000 0001 0000 0000 0001" + wwwExample + aIN + "c018 0029 04d0 00 00 0000 0000", rejectedFormat},
		{"option cut off", "1234 0000 0001 0000 0000 0001" + wwwExample + aIN + "00 0029 04d0 00 00 0000 0005 0003 0002 ab", rejectedFormat},
		{"option header cut off", "1234 0000 0001 0000 0000 0001" + wwwExample + aIN + "00 0029 04d0 00 00 0000 0003 0003 00", rejectedFormat},
		{"answer section", "1234 0000 0001 0001 0000 0000" + wwwExample + aIN + "00 0001 0001 00000000 0004 7f000001", rejectedFormat},
		{"authority section", "1234 0000 0001 0000 0001 0000" + wwwExample + aIN + "00 0001 0001 00000000 0004 7f000001", rejectedFormat},
		{"malformed additional record", "1234 0000 0001 0000 0000 0001" + wwwExample + aIN + "00 0001 0001 00000000 0003 7f0000", rejectedFormat},
		{"TSIG not last", "1234 0000 0001 0000 0000 0002" + wwwExample + aIN + tsigRecord + optPlain, rejectedFormat},
		{"TSIG in authority of IXFR", "1234 0000 0001 0000 0001 0000" + wwwExample + "00fb 0001" + tsigRecord, rejectedFormat},

		{"TSIG", "1234 0000 0001 0000 0000 0001" + wwwExample + aIN + tsigRecord, rejectedKey},
		{"EDNS version 1", "1234 0000 0001 0000 0000 0001" + wwwExample + aIN + "00 0029 04d0 00 01 0000 0000", rejectedVersion},
		{"cookie of 7 octets", "1234 0000 0001 0000 0000 0001" + wwwExample + aIN + "00 0029 04d0 00 00 0000 000b 000a 0007 00112233445566", rejectedFormat},
		{"cookie of 9 octets", "1234 0000 0001 0000 0000 0001" + wwwExample + aIN + "00 0029 04d0 00 00 0000 000d 000a 0009 001122334455667788", rejectedFormat},
		{"cookie of 41 octets", "1234 0000 0001 0000 0000 0001" + wwwExample + aIN + "00 0029 04d0 00 00 0000 002d 000a 0029" + strings.Repeat("00", 41), rejectedFormat},
		{"malformed cookie after a good one", "1234 0000 0001 0000 0000 0001" + wwwExample + aIN + "00 0029 04d0 00 00 0000 0010 000a 0008 0011223344556677 000a 0000", rejectedFormat},
		{"client subnet of family 3", "1234 0000 0001 0000 0000 0001" + wwwExample + aIN + "00 0029 04d0 00 00 0000 0008 0008 0004 0003 00 00", rejectedFormat},
		{"client subnet of 33 bits", "1234 0000 0001 0000 0000 0001" + wwwExample + aIN + "00 0029 04d0 00 00 0000 000d 0008 0009 0001 21 00 c000020100", rejectedFormat},
		{"malformed cookie, EDNS version 1", "1234 0000 0001 0000 0000 0001" + wwwExample + aIN + "00 0029 04d0 00 01 0000 0005 000a 0001 00", rejectedVersion},
		{"CH", "1234 0000 0001 0000 0000 0000" + wwwExample + "0010 0003", askedChaos},
		{"HS", "1234 0000 0001 0000 0000 0000" + wwwExample + "0010 0004", rejectedClass},
		{"class ANY", "1234 0000 0001 0000 0000 0000" + wwwExample + "0001 00ff", rejectedClass},
		{"type OPT", "1234 0000 0001 0000 0000 0000" + wwwExample + "0029 0001", rejectedType},
		{"type 0", "1234 0000 0001 0000 0000 0000" + wwwExample + "0000 0001", rejectedType},
		{"MAILA", "1234 0000 0001 0000 0000 0000" + wwwExample + "00fe 0001", rejectedMeta},
		{"TKEY", "1234 0000 0001 0000 0000 0000" + wwwExample + "00f9 0001", rejectedMeta},
		{"AXFR", "1234 0000 0001 0000 0000 0000" + wwwExample + "00fc 0001", rejectedUDPTransfer},
		{"IXFR", "1234 0000 0001 0000 0001 0000" + wwwExample + "00fb 0001" +
			"c00c 0006 0001 00000000 0018 c00c c00c 00000001 00000002 00000003 00000004 00000005", rejectedTransfer},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			var q query
			if got := parse(unhex(t, test.msg), hostabi.TransportUDP, &q); got != test.want {
				t.Errorf("got verdict %d, want %d", got, test.want)
			}
		})
	}
}

// tsigRecord is a TSIG record of key "k", hmac-sha256, time 0x66000000.
const tsigRecord = "016b 00 00fa 00ff 00000000 0021" +
	"0b686d61632d736861323536 00 000066000000 012c 0004 01020304 1234 0000 0000"

func TestParseFields(t *testing.T) {
	msg := unhex(t, "abcd 0130 0001 0000 0000 0001 03575777 00 001c 0001 00 0029 1000 00 00 8000 0000")
	var got query
	if v := parse(msg, hostabi.TransportUDP, &got); v != accepted {
		t.Fatalf("got verdict %d", v)
	}
	want := query{
		id: 0xabcd, flags: 0x0130, question: msg[12:21], qtype: rr.TypeAAAA, qclass: rr.ClassIN,
		length: len(msg), edns: edns{present: true, do: true, size: 4096},
	}
	if diff := cmp.Diff(want, got, cmp.AllowUnexported(query{}, edns{}, ednsOptions{}, sender{}), cmpopts.EquateComparable(netip.Addr{}, netip.Prefix{})); diff != "" {
		t.Errorf("query (-want +got):\n%s", diff)
	}
	if got := string(got.name()); got != "\x03WWw\x00" {
		t.Errorf("got name %q", got)
	}
}

func TestAXFROverTCP(t *testing.T) {
	var q query
	if got := parse(unhex(t, "1234 0000 0001 0000 0000 0000"+wwwExample+"00fc 0001"), hostabi.TransportTCP, &q); got != rejectedTransfer {
		t.Errorf("got verdict %d, want %d", got, rejectedTransfer)
	}
}

// FuzzParse holds the hand-written parser against the codec, and the codec path
// against rules stated over the codec's own reading of the message.
func FuzzParse(f *testing.F) {
	for _, s := range []string{
		"1234 0000 0001 0000 0000 0000" + wwwExample + aIN,
		"1234 0000 0001 0000 0000 0001" + wwwExample + aIN + "00 0029 04d0 00 00 0000 0006 fde9 0002 abcd",
		"1234 0000 0001 0000 0000 0002" + wwwExample + aIN + optPlain + tsigRecord,
		"1234 0000 0001 0000 0000 0002" + wwwExample + aIN + optPlain + "c00c 0001 0001 00000000 0004 7f000001",
		"1234 0000 0000 0000 0000 0001" + optCookie,
		"1234 0000 0002 0000 0000 0001" + wwwExample + aIN + "c00c" + aIN + optPlain,
		"1234 0000 0001 0000 0001 0000" + wwwExample + "00fb 0001 c00c 0006 0001 00000000 0018 c00c c00c 00000001 00000002 00000003 00000004 00000005",
	} {
		f.Add(unhex(f, s))
	}
	f.Fuzz(func(t *testing.T, msg []byte) {
		if len(msg) > maxQuery {
			return
		}
		var q query
		v := parse(msg, hostabi.TransportUDP, &q)
		switch v {
		case ignoredShort, ignoredResponse, rejectedOpcode:
			return
		}
		if binary.BigEndian.Uint16(msg[4:]) != 1 {
			checkCount(t, msg, &q, v)
			return
		}
		var plain, full query
		isPlain, isFull := parsePlain(msg, &plain), parseFull(msg, &full)
		if isPlain && !isFull {
			t.Fatalf("the plain parser took what the codec rejects")
		}
		if diff := cmp.Diff(full, plain, cmp.AllowUnexported(query{}, edns{}, ednsOptions{}, sender{}), cmpopts.EquateComparable(netip.Addr{}, netip.Prefix{})); isPlain && diff != "" {
			t.Fatalf("fields (-codec +plain):\n%s", diff)
		}
		records, wellFormed := readAll(msg)
		if allowed := wellFormed && allowedInQuery(msg, records); allowed != isFull {
			t.Fatalf("taken: %v, by the rules: %v", isFull, allowed)
		}
		if isFull {
			checkFields(t, msg, &full, records)
		}
	})
}

// checkCount holds the fields of a message that does not have one question against
// the codec's.
func checkCount(t *testing.T, msg []byte, q *query, v verdict) {
	records, wellFormed := readAll(msg)
	var m dns.Msg
	ok, opts := wellFormed, 0
	for i, r := range records {
		m.Extra = append(m.Extra, r.rr)
		switch r.rr.Header().Rrtype {
		case dns.TypeOPT:
			opts++
			ok = ok && msg[r.at] == 0
		case dns.TypeTSIG:
			ok = ok && i == len(records)-1
		}
		ok = ok && r.section == 10
	}
	if !ok || opts > 1 {
		if v != rejectedCount {
			t.Fatalf("got verdict %d, want %d", v, rejectedCount)
		}
		return
	}
	opt := m.IsEdns0()
	checkEDNS(t, q, opt)
	if v == askedCookie && (opt == nil || m.IsTsig() != nil || binary.BigEndian.Uint16(msg[4:]) != 0) {
		t.Fatalf("taken for a question for a cookie: %v", &m)
	}
}

// fuzzRecord is a record as the codec reads it.
type fuzzRecord struct {
	section int // offset of its count in the header
	at      int // where it begins
	rr      dns.RR
}

// readAll reads every record by the codec; false where one is malformed or the
// message does not end after the last. What options hold is no concern of the
// parser, so their codes are made ones that the codec does not look into.
func readAll(msg []byte) ([]fuzzRecord, bool) {
	msg = append([]byte(nil), msg...)
	at := headerLen
	for n := binary.BigEndian.Uint16(msg[4:]); n > 0; n-- {
		_, end, err := dns.UnpackDomainName(msg, at)
		if err != nil || end+4 > len(msg) {
			return nil, false
		}
		at = end + 4
	}
	var records []fuzzRecord
	for section := 6; section <= 10; section += 2 {
		for n := binary.BigEndian.Uint16(msg[section:]); n > 0; n-- {
			hideOptions(msg, at)
			record, end, err := dns.UnpackRR(msg, at)
			if err != nil || end <= at {
				return nil, false
			}
			records = append(records, fuzzRecord{section, at, record})
			at = end
		}
	}
	return records, at == len(msg)
}

// hideOptions renames the options of the OPT record at octet at, if it is one.
func hideOptions(msg []byte, at int) {
	_, at, err := dns.UnpackDomainName(msg, at)
	if err != nil || at+10 > len(msg) || binary.BigEndian.Uint16(msg[at:]) != dns.TypeOPT {
		return
	}
	end := min(at+10+int(binary.BigEndian.Uint16(msg[at+8:])), len(msg))
	for at += 10; at+4 <= end; at += 4 + int(binary.BigEndian.Uint16(msg[at+2:])) {
		binary.BigEndian.PutUint16(msg[at:], dns.EDNS0LOCALSTART)
	}
}

// allowedInQuery says by the records whether a well-formed message is a query.
func allowedInQuery(msg []byte, records []fuzzRecord) bool {
	name, at, _ := dns.UnpackDomainName(msg, headerLen)
	buf := make([]byte, rr.MaxNameLen+1)
	if n, err := dns.PackDomainName(name, buf, 0, nil, false); err != nil || n != at-headerLen {
		return false // compressed
	}
	opts := 0
	for i, r := range records {
		switch rtype := r.rr.Header().Rrtype; {
		case r.section == 6:
			return false
		case r.section == 8 && (binary.BigEndian.Uint16(msg[at:]) != dns.TypeIXFR || rr.Type(rtype).IsMeta()):
			return false
		case rtype == dns.TypeOPT && msg[r.at] != 0:
			return false
		case rtype == dns.TypeOPT:
			opts++
		case rtype == dns.TypeTSIG && i != len(records)-1:
			return false
		}
	}
	return opts <= 1
}

func checkFields(t *testing.T, msg []byte, q *query, records []fuzzRecord) {
	var m dns.Msg
	if _, at, _ := dns.UnpackDomainName(msg, headerLen); string(msg[headerLen:at+4]) != string(q.question) {
		t.Fatalf("question is %x", q.question)
	}
	for _, r := range records {
		m.Extra = append(m.Extra, r.rr)
	}
	checkEDNS(t, q, m.IsEdns0())
	if (m.IsTsig() != nil) != (q.tsig != nil) {
		t.Fatalf("TSIG: %v, codec: %v", q.tsig, m.IsTsig())
	}
}

func checkEDNS(t *testing.T, q *query, opt *dns.OPT) {
	if (opt != nil) != q.edns.present {
		t.Fatalf("EDNS: %v, codec: %v", q.edns, opt)
	}
	if opt != nil && (opt.UDPSize() != q.edns.size || opt.Do() != q.edns.do || opt.Version() != q.edns.version) {
		t.Fatalf("EDNS: %v, codec: %v", q.edns, opt)
	}
}

func TestParseAllocations(t *testing.T) {
	msg := unhex(t, "1234 0000 0001 0000 0000 0001"+wwwExample+aIN+"00 0029 04d0 00 00 0000 000c 000a 0008 0102030405060708")
	var q query
	allocs := testing.AllocsPerRun(100, func() {
		if parse(msg, hostabi.TransportUDP, &q) != accepted {
			t.Fatal("not accepted")
		}
	})
	if allocs != 0 {
		t.Errorf("got %v allocations, want 0", allocs)
	}
}

func BenchmarkParse(b *testing.B) {
	msg := unhex(b, "1234 0000 0001 0000 0000 0001"+wwwExample+aIN+"00 0029 04d0 00 00 0000 000c 000a 0008 0102030405060708")
	var q query
	b.ReportAllocs()
	for b.Loop() {
		parse(msg, hostabi.TransportUDP, &q)
	}
}
