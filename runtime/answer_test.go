package runtime

import (
	"errors"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/namelet/namelet/hostabi"
	"github.com/namelet/namelet/rr"
)

// said encodes one record; owner and rdata are bytes.
type said struct {
	t      rr.Type
	kind   hostabi.Kind
	ttl    int64 // -1 for none given
	owner  string
	data   string
	handle uint32
}

func encode(d hostabi.Disposition, records ...said) []byte {
	b := []byte{16, 0, 0, 0, byte(d), 0, byte(len(records)), byte(len(records) >> 8), 0, 0, 0, 0, 0, 0, 0, 0}
	for _, r := range records {
		flags, ttl := byte(0), uint32(0)
		if r.ttl >= 0 {
			flags, ttl = 1, uint32(r.ttl)
		}
		if r.kind == hostabi.KindHandle {
			r.data = le(r.handle)
		}
		b = append(b, 16, 0, 0, 0, byte(r.t), byte(r.t>>8), byte(r.kind), flags)
		b = append(b, le(ttl)...)
		b = append(b, byte(len(r.owner)), byte(len(r.owner)>>8), byte(len(r.data)), byte(len(r.data)>>8))
		b = append(append(b, r.owner...), r.data...)
	}
	return b
}

func wire(name string) string { return rr.MustParseName(name).Wire() }

// answerRules are for a question for www.example.org, with two RRsets looked up.
func answerRules(t rr.Type) AnswerRules {
	return AnswerRules{
		Question: question("wWw.example.org", t),
		Bytes:    2000,
		Text: func(_ rr.Type, text string, origin rr.Name) (rr.Rdata, error) {
			name, err := rr.ParseName(text + "." + origin.String())
			return name.Wire(), err
		},
		Lookups: []Lookup{
			{Type: rr.TypeA, Status: hostabi.StatusOK, Set: rr.Set{TTL: 300, Data: []rr.Rdata{"aaaa", "bbbb"}}},
			{Type: rr.TypeA, Status: hostabi.StatusNXDomain},
			{Type: rr.TypeCNAME, Status: hostabi.StatusOK, Set: rr.Set{TTL: 900_000, Data: []rr.Rdata{wire("x.example.org")}}},
		},
	}
}

func TestAnswerRead(t *testing.T) {
	const none = int64(-1)
	for _, row := range []struct {
		name  string
		qtype rr.Type
		raw   []byte
		want  string // the sets as text, or the fault
	}{
		{"one record", 1, encode(1, said{1, 0, none, "", "abcd", 0}), "www.example.org. 60 A abcd"},
		{"its TTL", 1, encode(1, said{1, 0, 5, "", "abcd", 0}), "www.example.org. 5 A abcd"},
		{"a TTL of nothing", 1, encode(1, said{1, 0, 0, "", "abcd", 0}), "www.example.org. 0 A abcd"},
		{"a TTL too great", 1, encode(1, said{1, 0, 700_000, "", "abcd", 0}), "www.example.org. 604800 A abcd"},
		{"the least TTL", 1, encode(1, said{1, 0, 9, "", "abcd", 0}, said{1, 0, 7, "", "efgh", 0}), "www.example.org. 7 A abcd efgh"},
		{"equal records once", 1, encode(1, said{1, 0, none, "", "abcd", 0}, said{1, 0, none, "", "abcd", 0}), "www.example.org. 60 A abcd"},
		{"a handle", 1, encode(1, said{1, 2, none, "", "", 0}), "www.example.org. 300 A aaaa bbbb"},
		{"a handle with a TTL", 1, encode(1, said{1, 2, 5, "", "", 0}), "www.example.org. 5 A aaaa bbbb"},
		{"a handle and a record", 1, encode(1, said{1, 0, none, "", "abcd", 0}, said{1, 2, none, "", "", 0}, said{1, 0, none, "", "bbbb", 0}), "www.example.org. 60 A abcd aaaa bbbb"},
		{"a handle's TTL too great", 5, encode(1, said{5, 2, none, "", "", 2}), "www.example.org. 604800 CNAME x.example.org."},
		{"a text", 5, encode(1, said{5, 1, none, "", "other", 0}), "www.example.org. 60 CNAME other.example.org."},
		{"a chain", 1, encode(1, said{5, 0, none, "", wire("B.example.org"), 0}, said{1, 0, none, wire("b.EXAMPLE.org"), "abcd", 0}),
			"www.example.org. 60 CNAME B.example.org.; b.example.org. 60 A abcd"},
		{"a chain backwards", 1, encode(1, said{1, 0, none, wire("b.example.org"), "abcd", 0}, said{5, 0, none, wire("WWW.example.org"), wire("b.example.org"), 0}),
			"b.example.org. 60 A abcd; www.example.org. 60 CNAME b.example.org."},
		{"a chain out of the zone", 1, encode(1, said{5, 0, none, "", wire("cdn.example.net"), 0}), "www.example.org. 60 CNAME cdn.example.net."},
		{"a CNAME twice", 1, encode(1, said{5, 0, none, "", wire("b.example.org"), 0}, said{5, 0, none, "", wire("b.example.org"), 0}), "www.example.org. 60 CNAME b.example.org."},
		{"NODATA", 1, encode(2), "nodata"},
		{"NXDOMAIN", 1, encode(3), "nxdomain"},
		{"refuse", 1, encode(4), "refuse"},
		{"static", 1, encode(5), "static"},
		{"nothing", 1, nil, "malformed"},
		{"no disposition", 1, encode(0), "malformed"},
		{"no records", 1, encode(1), "malformed"},
		{"an owner outside", 1, encode(1, said{1, 0, none, wire("www.example.net"), "abcd", 0}), "rejected: owner is outside"},
		{"an owner with the zone's name inside a label", 1, encode(1, said{1, 0, none, wire("wwwexample.org"), "abcd", 0}), "rejected: owner is outside"},
		{"an owner not reached", 1, encode(1, said{1, 0, none, wire("b.example.org"), "abcd", 0}), "rejected: neither qname nor reached"},
		{"an owner beyond the zone's edge", 1, encode(1, said{5, 0, none, "", wire("cdn.example.net"), 0}, said{1, 0, none, wire("cdn.example.net"), "abcd", 0}), "rejected: owner is outside"},
		{"another type", 1, encode(1, said{16, 0, none, "", "\x00", 0}), "rejected: neither the question's nor CNAME"},
		{"OPT", 41, encode(1, said{41, 0, none, "", "", 0}), "rejected: type of questions"},
		{"a signature", 46, encode(1, said{46, 0, none, "", "", 0}), "rejected: only a signer"},
		{"NSEC3", 50, encode(1, said{50, 0, none, "", "", 0}), "rejected: only a signer"},
		{"SOA at the apex", 6, encode(1, said{6, 0, none, wire("example.org"), "", 0}), "rejected: structure"},
		{"CNAME at the apex", 1, encode(1, said{5, 0, none, wire("example.org"), "\x00", 0}), "rejected: apex"},
		{"CNAME and more", 1, encode(1, said{5, 0, none, "", wire("b.example.org"), 0}, said{1, 0, none, "", "abcd", 0}), "rejected: CNAME beside"},
		{"two CNAMEs", 1, encode(1, said{5, 0, none, "", wire("b.example.org"), 0}, said{5, 0, none, "", wire("c.example.org"), 0}), "rejected: CNAME beside"},
		{"a loop of one", 1, encode(1, said{5, 0, none, "", wire("www.example.org"), 0}), "rejected: loop"},
		{"a loop of two", 1, encode(1, said{5, 0, none, "", wire("b.example.org"), 0}, said{5, 0, none, wire("b.example.org"), wire("WWW.example.org"), 0}), "rejected: loop"},
		{"short rdata", 1, encode(1, said{1, 0, none, "", "abc", 0}), "rejected: rdata"},
		{"a text that is none", 5, encode(1, said{5, 1, none, "", "a..b", 0}), "rejected: does not parse"},
		{"a handle of no lookup", 1, encode(1, said{1, 2, none, "", "", 3}), "rejected: handle"},
		{"a handle of nothing found", 1, encode(1, said{1, 2, none, "", "", 1}), "rejected: handle"},
		{"a handle of another type", 5, encode(1, said{5, 2, none, "", "", 0}), "rejected: handle"},
		{"a negative handle", 1, encode(1, said{1, 2, none, "", "", 0xffffffff}), "malformed"},
		{"too long", 16, encode(1, said{16, 0, none, "", strings.Repeat("\x00", 2000), 0}), "rejected: the limit 2000"},
	} {
		t.Run(row.name, func(t *testing.T) {
			var a Answer
			got := answerText(&a, a.Read(row.raw, answerRules(row.qtype)))
			if fault, part, _ := strings.Cut(row.want, ": "); strings.Contains(row.want, ":") {
				if !strings.HasPrefix(got, fault) || !strings.Contains(got, part) {
					t.Errorf("got %s, want %s", got, row.want)
				}
			} else if got != row.want && !(row.want == "malformed" && strings.HasPrefix(got, row.want)) {
				t.Errorf("got %s, want %s", got, row.want)
			}
		})
	}
}

func answerText(a *Answer, err error) string {
	var fault *Fault
	if errors.As(err, &fault) {
		return fault.Kind.String() + ": " + fault.Message
	}
	if a.Disposition != hostabi.DispositionAnswer {
		return a.Disposition.String()
	}
	var sets []string
	for _, set := range a.Sets {
		text := set.Name.String() + " " + le10(set.TTL) + " " + set.Type.String()
		for _, data := range set.Data {
			if set.Type == rr.TypeCNAME {
				data = rr.RdataName(data, 0).String()
			}
			text += " " + data
		}
		sets = append(sets, text)
	}
	return strings.Join(sets, "; ")
}

func le10(v uint32) string {
	if v < 10 {
		return string(rune('0' + v))
	}
	return le10(v/10) + string(rune('0'+v%10))
}

// An Answer that is used again shows nothing of the time before.
func TestAnswerReadAgain(t *testing.T) {
	var a, fresh Answer
	rules := answerRules(rr.TypeA)
	long := encode(1, said{1, 2, -1, "", "", 0}, said{1, 0, -1, "", "abcd", 0}, said{1, 0, -1, "", "efgh", 0})
	if err := a.Read(long, rules); err != nil {
		t.Fatal(err)
	}
	short := encode(1, said{1, 0, 9, "", "ijkl", 0})
	got, want := answerText(&a, a.Read(short, rules)), answerText(&fresh, fresh.Read(short, rules))
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("want -, got +:\n%s", diff)
	}
	if err := a.Read(encode(3), rules); err != nil || len(a.Sets) != 0 {
		t.Errorf("NXDOMAIN with %d sets, %v", len(a.Sets), err)
	}
}

// Whatever a guest writes, it is refused or it is an answer that keeps the rules.
func FuzzAnswer(f *testing.F) {
	f.Add(encode(1, said{1, 0, 5, "", "abcd", 0}, said{1, 2, -1, "", "", 0}), uint16(1))
	f.Add(encode(1, said{5, 0, -1, "", wire("B.example.org"), 0}, said{1, 0, -1, wire("b.EXAMPLE.org"), "abcd", 0}), uint16(1))
	f.Add(encode(1, said{5, 1, -1, "", "other", 0}), uint16(5))
	f.Add(encode(3), uint16(1))
	f.Fuzz(func(t *testing.T, raw []byte, qtype uint16) {
		rules := answerRules(rr.Type(qtype))
		var a Answer
		err := a.Read(raw, rules)
		var fault *Fault
		if err != nil {
			if !errors.As(err, &fault) || (fault.Kind != FaultMalformed && fault.Kind != FaultRejected) {
				t.Fatalf("error %v", err)
			}
			return
		}
		if (a.Disposition == hostabi.DispositionAnswer) != (len(a.Sets) > 0) {
			t.Fatalf("%v with %d sets", a.Disposition, len(a.Sets))
		}
		checkSets(t, a.Sets, rules)
	})
}

func checkSets(t *testing.T, sets []rr.Set, rules AnswerRules) {
	zone := rr.MustParseName("example.org")
	records, reached := 0, []rr.Name{rr.MustParseName("www.example.org")}
	for range sets { // as often as a chain may be long
		for _, set := range sets {
			if set.Type == rr.TypeCNAME && reachedName(reached, set.Name) && len(reached) <= len(sets) {
				reached = append(reached, rr.RdataName(set.Data[0], 0))
			}
		}
	}
	for i, set := range sets {
		records += len(set.Data)
		if len(set.Data) == 0 || set.TTL > hostabi.MaxTTL || !set.Name.IsSubdomainOf(zone) || !reachedName(reached, set.Name) {
			t.Fatalf("set %v", set)
		}
		if set.Type != rules.Question.QType && set.Type != rr.TypeCNAME {
			t.Fatalf("type of %v", set)
		}
		for _, data := range set.Data {
			if rr.CheckRdata(set.Type, data) != nil {
				t.Fatalf("rdata of %v: %q", set, data)
			}
		}
		for _, other := range sets[:i] {
			if other.Name.Equal(set.Name) {
				t.Fatalf("%v beside %v", set, other)
			}
		}
	}
	if records > hostabi.MaxRecords {
		t.Fatalf("%d records", records)
	}
}

func reachedName(reached []rr.Name, name rr.Name) bool {
	for _, r := range reached {
		if r.Equal(name) {
			return true
		}
	}
	return false
}
