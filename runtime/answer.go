package runtime

import (
	"unsafe"

	"github.com/namelet/namelet/hostabi"
	"github.com/namelet/namelet/rr"
)

// Answer is what a guest said, read and checked by the rules of SPEC.md section 4.2. The caller owns
// it and uses it again; its memory is kept.
//
// Sets, their names and their rdata alias the Answer's own memory, and the sets that lookups gave:
// they are good until the Answer is used for another call, and no longer than the host keeps the sets
// that it gave to lookups.
type Answer struct {
	Disposition hostabi.Disposition
	NegativeTTL uint32   // seconds; for NODATA and NXDOMAIN a bound of the negative answer's life, 0 for the zone's own
	Sets        []rr.Set // for DispositionAnswer; grouped, in order of first appearance; owners in lower case
	Fuel        uint64   // units burnt by the call

	raw     []byte // the host's copy of the guest's bytes
	qname   []byte
	target  []byte // of the CNAME that is followed
	records []record
	data    []rr.Rdata
}

// record is one record on its way into a set.
type record struct {
	set    int // index in Sets
	handle *Lookup
	data   rr.Rdata
}

func (a *Answer) reset() {
	clear(a.Sets)
	clear(a.records)
	clear(a.data)
	a.Disposition, a.NegativeTTL, a.Fuel = 0, 0, 0
	a.Sets, a.records, a.data = a.Sets[:0], a.records[:0], a.data[:0]
}

// TextParser turns the presentation form of one record's rdata into wire form. Names in text may be
// relative to origin, the zone's apex.
type TextParser func(t rr.Type, text string, origin rr.Name) (rr.Rdata, error)

// AnswerRules are what an answer is read and checked by.
type AnswerRules struct {
	Question *hostabi.Question
	Lookups  []Lookup   // of the query; a handle is an index
	Bytes    int        // limit of the records' length, see Limits.AnswerBytes
	Text     TextParser // nil refuses records in presentation form
}

// Read replaces a by what raw says, the bytes of an answer struct, which it copies. Instances do this
// themselves; it is for those who run a guest in another way. The error is a *Fault, of kind
// FaultMalformed or FaultRejected.
func (a *Answer) Read(raw []byte, rules AnswerRules) error {
	a.reset()
	a.raw = append(a.raw[:0], raw...)
	r := answerReader{AnswerRules: rules, out: a}
	return r.read()
}

// answerReader reads one answer. It lives on the stack of a call.
type answerReader struct {
	AnswerRules
	out   *Answer
	qname rr.Name // lower case, aliases out.qname
	zone  rr.Name
	bytes int
}

// read takes the bytes in out.raw apart and checks them.
func (r *answerReader) read() error {
	view, err := hostabi.ReadAnswer(r.out.raw)
	if err != nil {
		return malformed(err)
	}
	r.out.Disposition, r.out.NegativeTTL = view.Disposition(), view.NegativeTTL()
	r.out.qname = appendLower(r.out.qname[:0], r.Question.QName)
	r.qname = aliasName(r.out.qname)
	r.zone = aliasName(r.out.qname[r.Question.ZoneOff:])
	var rec hostabi.RecordView
	for view.Next(&rec) {
		if err := r.add(&rec); err != nil {
			return err
		}
	}
	if view.Err() != nil {
		return malformed(view.Err())
	}
	r.gather()
	return r.check()
}

func malformed(err error) error {
	return &Fault{Kind: FaultMalformed, Message: err.Error(), Err: err}
}

func rejected(message string) error {
	return &Fault{Kind: FaultRejected, Message: message}
}

// add checks one record by itself and puts it to its set.
func (r *answerReader) add(rec *hostabi.RecordView) error {
	owner := r.qname
	if len(rec.Owner) > 0 {
		rr.LowerWire(rec.Owner)
		owner = aliasName(rec.Owner)
	}
	if !owner.IsSubdomainOf(r.zone) {
		return rejected("a record's owner is outside the zone")
	}
	if message := r.typeFault(owner, rec.Type); message != "" {
		return rejected(message)
	}
	next := record{set: r.setOf(owner, rec.Type)}
	ttl, err := r.fill(&next, rec)
	if err != nil {
		return err
	}
	if set := &r.out.Sets[next.set]; ttl < set.TTL { // RFC 2181 section 5.2: one TTL, the least
		set.TTL = ttl
	}
	r.out.records = append(r.out.records, next)
	return r.count(&next, owner)
}

// typeFault says why no record of type t may stand at owner; empty when it may.
func (r *answerReader) typeFault(owner rr.Name, t rr.Type) string {
	if t != r.Question.QType && t != rr.TypeCNAME {
		return "a record's type is neither the question's nor CNAME"
	}
	if t.IsMeta() {
		return "a record has a type of questions"
	}
	switch t {
	case rr.TypeRRSIG, rr.TypeNSEC, rr.TypeNSEC3, rr.TypeNSEC3PARAM:
		return "a record has a type that only a signer gives"
	case rr.TypeSOA, rr.TypeDNAME:
		return "a record has a type that makes the zone's structure"
	case rr.TypeNS, rr.TypeDNSKEY, rr.TypeCDS, rr.TypeCDNSKEY, rr.TypeCNAME:
		if owner.Len() == r.zone.Len() {
			return "a record at the apex has a type that is the zone's own"
		}
	}
	return ""
}

// setOf finds or begins the set of owner and type. A TTL yet unknown is the greatest possible.
func (r *answerReader) setOf(owner rr.Name, t rr.Type) int {
	for i := range r.out.Sets {
		if set := &r.out.Sets[i]; set.Type == t && set.Name.Wire() == owner.Wire() {
			return i
		}
	}
	r.out.Sets = append(r.out.Sets, rr.Set{Name: owner, Type: t, TTL: hostabi.MaxTTL})
	return len(r.out.Sets) - 1
}

// fill gives the record its data, checked against its type, and says its TTL in seconds.
func (r *answerReader) fill(next *record, rec *hostabi.RecordView) (uint32, error) {
	ttl := uint32(hostabi.DefaultTTL)
	switch rec.Kind {
	case hostabi.KindHandle:
		l := found(r.Lookups, uint32(rec.Handle))
		if l == nil || l.Type != rec.Type {
			return 0, rejected("a record's handle does not exist or is of another type")
		}
		next.handle, ttl = l, min(l.Set.TTL, hostabi.MaxTTL)
	case hostabi.KindText:
		data, err := r.parse(rec)
		if err != nil {
			return 0, err
		}
		next.data = data
	default:
		next.data = alias(rec.Data)
	}
	if rec.HasTTL {
		ttl = rec.TTL
	}
	if next.handle == nil && rr.CheckRdata(rec.Type, next.data) != nil {
		return 0, rejected("rdata are not of their type")
	}
	return ttl, nil
}

func (r *answerReader) parse(rec *hostabi.RecordView) (rr.Rdata, error) {
	if r.Text == nil {
		return "", rejected("this host takes no rdata in presentation form")
	}
	data, err := r.Text(rec.Type, string(rec.Data), r.zone)
	if err != nil {
		return "", &Fault{Kind: FaultRejected, Message: "a text does not parse as rdata: " + err.Error(), Err: err}
	}
	return data, nil
}

// count holds the answer to its limits, handles counted in full.
func (r *answerReader) count(next *record, owner rr.Name) error {
	const fixed = 10 // type, class, TTL and length of a record in a message
	if next.handle == nil {
		r.bytes += owner.Len() + fixed + len(next.data)
	} else {
		for _, data := range next.handle.Set.Data {
			r.bytes += owner.Len() + fixed + len(data)
		}
	}
	if r.bytes > r.Bytes {
		return rejected(wantAtMost("the length of the answer's records", r.bytes, r.Bytes))
	}
	return nil
}

// gather gives each set its data: equal records once, in the order given. A set that is one handle
// shares the data of the looked-up set.
func (r *answerReader) gather() {
	for i := range r.out.Sets {
		set := &r.out.Sets[i]
		first, more := r.ofSet(i)
		if first.handle != nil && !more {
			set.Data = first.handle.Set.Data
			continue
		}
		start := len(r.out.data)
		for j := range r.out.records {
			if rec := &r.out.records[j]; rec.set == i {
				r.gatherRecord(rec, start)
			}
		}
		set.Data = r.out.data[start:len(r.out.data):len(r.out.data)]
	}
}

// ofSet gives the first record of a set, and whether there are more.
func (r *answerReader) ofSet(set int) (first *record, more bool) {
	for i := range r.out.records {
		if r.out.records[i].set != set {
			continue
		}
		if first != nil {
			return first, true
		}
		first = &r.out.records[i]
	}
	return first, false
}

func (r *answerReader) gatherRecord(rec *record, start int) {
	if rec.handle == nil {
		r.gatherData(rec.data, start)
		return
	}
	for _, data := range rec.handle.Set.Data {
		r.gatherData(data, start)
	}
}

// gatherData appends data unless the set, which begins at start, has them. Past MaxRecords records it
// only counts on, for check to see.
func (r *answerReader) gatherData(data rr.Rdata, start int) {
	if len(r.out.data)-start <= hostabi.MaxRecords {
		for _, have := range r.out.data[start:] {
			if have == data {
				return
			}
		}
	}
	r.out.data = append(r.out.data, data)
}

// check holds the sets together: number of records, CNAMEs, and that each owner is reached.
func (r *answerReader) check() error {
	records := 0
	for i := range r.out.Sets {
		records += len(r.out.Sets[i].Data)
	}
	if records > hostabi.MaxRecords {
		return rejected(wantAtMost("the number of records", records, hostabi.MaxRecords))
	}
	if r.out.Disposition != hostabi.DispositionAnswer {
		return nil
	}
	return r.checkChain()
}

// checkChain walks from qname along the answer's CNAMEs: every set must lie on the way, and a CNAME
// stands alone (RFC 2181 section 10.1). Each step passes a set that was not passed before, so the walk
// ends.
func (r *answerReader) checkChain() error {
	var passed [hostabi.MaxRecords]bool
	at, count := r.qname.Wire(), 0 // in lower case, as the owners are
	for at != "" {
		here := 0
		var cname *rr.Set
		for i := range r.out.Sets {
			set := &r.out.Sets[i]
			if set.Name.Wire() != at {
				continue
			}
			if passed[i] {
				return rejected("CNAME records form a loop")
			}
			passed[i] = true
			here++
			if set.Type == rr.TypeCNAME {
				cname = set
			}
		}
		count += here
		at = ""
		if cname != nil {
			if here > 1 || len(cname.Data) != 1 {
				return rejected("an owner has a CNAME beside other records")
			}
			r.out.target = rr.RdataName(cname.Data[0], 0).AppendLower(r.out.target[:0])
			at = alias(r.out.target)
		}
	}
	if count != len(r.out.Sets) {
		return rejected("a record's owner is neither qname nor reached from it")
	}
	return nil
}

// alias makes a string of bytes that are not written while it is in use.
func alias(b []byte) string { return unsafe.String(unsafe.SliceData(b), len(b)) }

// aliasName makes a Name of bytes that are known to be one.
func aliasName(b []byte) rr.Name {
	name, err := rr.NameFromWireString(alias(b))
	if err != nil {
		panic("runtime: question or answer with a bad name passed its reader")
	}
	return name
}

func appendLower(dst, name []byte) []byte {
	at := len(dst)
	dst = append(dst, name...)
	rr.LowerWire(dst[at:])
	return dst
}
