package frontend

import (
	"strings"
	"testing"

	"github.com/miekg/dns"

	"github.com/namelet/namelet/internal/resolve"
	"github.com/namelet/namelet/rr"
)

// dice makes choices out of fuzz input; past its end, always the first.
type dice struct{ b []byte }

func (d *dice) roll(n int) int {
	if len(d.b) == 0 {
		return 0
	}
	v := int(d.b[0]) % n
	d.b = d.b[1:]
	return v
}

// name makes names that share suffixes in many ways, in mixed case, up to the
// longest that there are.
func (d *dice) name() rr.Name {
	labels := []string{"a", "A", "b", "example", "EXAMPLE", "com", "net", "\x00", "a.b", strings.Repeat("long", 15), "*"}
	n := rr.Root
	for range d.roll(8) {
		if longer, err := n.Child(labels[d.roll(len(labels))]); err == nil {
			n = longer
		}
	}
	return n
}

func (d *dice) octets(n int) string { return strings.Repeat(string(rune('a'+d.roll(26))), n) }

// set makes an RRset whose rdata is valid for its type.
func (d *dice) set() rr.Set {
	s := rr.Set{Name: d.name(), TTL: uint32(d.roll(256)) << 20}
	make := func() rr.Rdata { return d.octets(4) }
	switch d.roll(9) {
	case 0:
		s.Type = rr.TypeA
	case 1:
		s.Type, make = rr.TypeNS, func() rr.Rdata { return d.name().Wire() }
	case 2:
		s.Type, make = rr.TypeMX, func() rr.Rdata { return d.octets(2) + d.name().Wire() }
	case 3:
		s.Type, make = rr.TypeSOA, func() rr.Rdata { return d.name().Wire() + d.name().Wire() + d.octets(20) }
	case 4:
		s.Type, make = rr.TypeSRV, func() rr.Rdata { return d.octets(6) + d.name().Wire() }
	case 5:
		s.Type, make = rr.TypeMINFO, func() rr.Rdata { return d.name().Wire() + d.name().Wire() }
	case 6:
		s.Type, make = rr.TypeDNAME, func() rr.Rdata { return d.name().Wire() }
	case 7:
		s.Type, make = rr.TypeRRSIG, func() rr.Rdata { return d.octets(18) + d.name().Wire() + d.octets(1+d.roll(200)) }
	case 8:
		s.Type, make = 65400, func() rr.Rdata { return d.octets(d.roll(256) * d.roll(8)) }
	}
	for range 1 + d.roll(4) {
		s.Data = append(s.Data, make())
	}
	return s
}

func (d *dice) sets() []rr.Set {
	sets := make([]rr.Set, d.roll(6))
	for i := range sets {
		sets[i] = d.set()
	}
	return sets
}

// FuzzPack packs made-up responses and has the codec read them back.
func FuzzPack(f *testing.F) {
	f.Add([]byte{})
	f.Add([]byte("\x00\x03\x01\x03\x05 2 3 4 5 the quick brown fox jumps over the lazy dog 0123456789"))
	f.Add([]byte(strings.Repeat("\x01\x05\x09\x02\x07\x03\x08\x04\x06", 60)))
	f.Fuzz(func(t *testing.T, b []byte) {
		d := &dice{b}
		limit := []int{512, 600, 1232, 4096, 20000, maxMessage}[d.roll(6)]
		name := d.name()
		q := &query{question: append(name.AppendWire(nil), 0, 1, 0, 1), edns: edns{present: d.roll(2) == 1}}
		resp := &resolve.Response{}
		resp.Answer.Answer, resp.Authority, resp.Additional = d.sets(), d.sets(), d.sets()
		resp.RequiredAdditional = d.roll(4)
		if d.roll(2) == 1 {
			resp.Errors = []resolve.ExtendedError{{Code: 1, Text: d.octets(d.roll(200))}}
		}
		var p packer
		p.pack(nil, q, rr.RCodeNoError, &resolve.Response{Answer: resp.Answer}, maxMessage) // leaves its names behind
		msg, truncated := p.pack(nil, q, rr.RCodeNoError, resp, limit)
		checkPacked(t, q, resp, msg, truncated, limit)
	})
}

func checkPacked(t *testing.T, q *query, resp *resolve.Response, msg []byte, truncated bool, limit int) {
	var m dns.Msg
	if err := m.Unpack(msg); err != nil {
		t.Fatalf("unpack %x: %v", msg, err)
	}
	if _, ok := readAll(msg); !ok || len(msg) > limit {
		t.Fatalf("%d octets of %d, well-formed: %v", len(msg), limit, ok)
	}
	if string(msg[headerLen:headerLen+len(q.question)]) != string(q.question) {
		t.Fatalf("question was not echoed")
	}
	if q.edns.present {
		if last := len(m.Extra) - 1; last < 0 || m.Extra[last].Header().Rrtype != dns.TypeOPT {
			t.Fatalf("no OPT at the end")
		}
		m.Extra = m.Extra[:len(m.Extra)-1]
	}
	required := min(resp.RequiredAdditional, len(resp.Additional))
	whole := leading(t, "answer", m.Answer, resp.Answer.Answer) == len(resp.Answer.Answer)
	whole = leading(t, "authority", m.Ns, resp.Authority) == len(resp.Authority) && whole
	whole = among(t, m.Extra, resp.Additional, required) && whole
	if truncated == whole || m.Truncated != truncated {
		t.Fatalf("truncated %v, TC %v, but all that is needed is there: %v", truncated, m.Truncated, whole)
	}
}

// leading checks that records are the first of sets, whole ones, and counts them.
func leading(t *testing.T, section string, records []dns.RR, sets []rr.Set) int {
	for i := range sets {
		if len(records) == 0 {
			return i
		}
		if !starts(t, records, sets[i]) {
			t.Fatalf("%s: set %d, %v: not there in whole: %v", section, i, sets[i], records)
		}
		records = records[len(sets[i].Data):]
	}
	if len(records) > 0 {
		t.Fatalf("%s: records nobody asked for: %v", section, records)
	}
	return len(sets)
}

// among checks that records are whole sets of these, in their order, and reports
// whether all the required ones are there.
func among(t *testing.T, records []dns.RR, sets []rr.Set, required int) bool {
	all := true
	for i := range sets {
		if starts(t, records, sets[i]) {
			records = records[len(sets[i].Data):]
		} else if i < required {
			all = false
		}
	}
	if len(records) > 0 {
		t.Fatalf("additional: not whole sets: %v", records)
	}
	return all
}

// starts reports whether records begin with those of s. Letter case counts in
// rdata that is never compressed.
func starts(t *testing.T, records []dns.RR, s rr.Set) bool {
	if len(records) < len(s.Data) {
		return false
	}
	_, names := compressible(s.Type)
	for i, want := range s.Data {
		h := records[i].Header()
		owner, err := rr.ParseName(h.Name)
		if err != nil {
			t.Fatalf("owner %q: %v", h.Name, err)
		}
		got := rdataOf(t, records[i])
		same := got == want || names > 0 && strings.EqualFold(got, want)
		if !owner.Equal(s.Name) || rr.Type(h.Rrtype) != s.Type || h.Ttl != s.TTL || h.Class != dns.ClassINET || !same {
			return false
		}
	}
	return true
}
