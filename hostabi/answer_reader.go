package hostabi

import "github.com/namelet/namelet/rr"

// AnswerReader reads a guest's answer from a byte slice that it does not copy. It checks form alone;
// whether a name, a type or rdata may stand in an answer is for the host to say.
//
//	r, err := ReadAnswer(b)
//	var rec RecordView
//	for r.Next(&rec) { ... }
//	err = r.Err()
type AnswerReader struct {
	rest        []byte
	negativeTTL uint32
	count       int
	read        int
	disposition Disposition
	err         error
}

// RecordView is one record of an answer. Owner and Data point into the answer's bytes and are valid
// as long as those are.
type RecordView struct {
	Owner  []byte // valid wire form in any case of letters; empty stands for the qname
	Data   []byte // rdata or presentation text, unchecked; for KindHandle use Handle
	TTL    uint32 // seconds, at most MaxTTL; counts only with HasTTL
	Handle int32  // for KindHandle: zero or more; whether it exists is for the host to say
	Type   rr.Type
	Kind   Kind
	HasTTL bool
}

// ReadAnswer checks the header of the answer b. The error is a *MalformedError.
func ReadAnswer(b []byte) (AnswerReader, error) {
	size, problem := fixedPart(b, AnswerSize)
	if problem != 0 {
		return AnswerReader{}, malformed("answer", -1, problem)
	}
	r := AnswerReader{
		rest:        b[size:],
		disposition: Disposition(b[4]),
		count:       int(u16(b[6:])),
		negativeTTL: min(u32(b[8:]), MaxTTL),
	}
	if problem := r.checkHead(b); problem != 0 {
		return AnswerReader{}, malformed("answer", -1, problem)
	}
	return r, nil
}

func (r *AnswerReader) checkHead(b []byte) Problem {
	switch {
	case r.disposition < DispositionAnswer || r.disposition > DispositionStatic:
		return ProblemDisposition
	case b[5] != 0 || u32(b[12:]) != 0:
		return ProblemFlags
	case r.count > MaxRecords || (r.disposition == DispositionAnswer) != (r.count > 0):
		return ProblemCount
	case r.count == 0 && len(r.rest) > 0:
		return ProblemTrailing
	}
	return 0
}

// Disposition says what the answer is.
func (r *AnswerReader) Disposition() Disposition { return r.disposition }

// Count gives the number of records the header announces: one or more for DispositionAnswer, none
// for every other.
func (r *AnswerReader) Count() int { return r.count }

// NegativeTTL bounds a negative answer's life in seconds; zero leaves it to the zone.
func (r *AnswerReader) NegativeTTL() uint32 { return r.negativeTTL }

// Err gives the first problem that Next met, a *MalformedError, or nil.
func (r *AnswerReader) Err() error { return r.err }

// Next reads the next record into v. It is false after the last one and at the first problem, which
// Err then tells apart. An answer is good only when Err is nil after Next was false.
func (r *AnswerReader) Next(v *RecordView) bool {
	if r.err != nil || r.read == r.count {
		return false
	}
	problem := r.next(v)
	if problem == 0 && r.read+1 == r.count && len(r.rest) > 0 {
		problem = ProblemTrailing
	}
	if problem != 0 {
		r.err = malformed("answer", r.read, problem)
		return false
	}
	r.read++
	return true
}

func (r *AnswerReader) next(v *RecordView) Problem {
	b := r.rest
	size, problem := fixedPart(b, RecordSize)
	if problem != 0 {
		return problem
	}
	ownerLen, dataLen := int(u16(b[12:])), int(u16(b[14:]))
	if ownerLen+dataLen > len(b)-size {
		return ProblemShort
	}
	ownerEnd := size + ownerLen
	end := ownerEnd + dataLen
	*v = RecordView{
		Owner:  b[size:ownerEnd:ownerEnd],
		Data:   b[ownerEnd:end:end],
		TTL:    min(u32(b[8:]), MaxTTL),
		Type:   rr.Type(u16(b[4:])),
		Kind:   Kind(b[6]),
		HasTTL: b[7]&recordFlagTTL != 0,
	}
	r.rest = b[end:]
	return v.check(b[7])
}

// check looks at a record's own values; flags is the byte as it stands in the record.
func (v *RecordView) check(flags byte) Problem {
	switch {
	case flags&^recordFlagTTL != 0:
		return ProblemFlags
	case v.Kind > KindHandle:
		return ProblemKind
	case len(v.Owner) > 0 && !validName(v.Owner):
		return ProblemName
	case v.Kind == KindHandle:
		return v.readHandle()
	}
	return 0
}

func (v *RecordView) readHandle() Problem {
	if len(v.Data) != 4 {
		return ProblemData
	}
	v.Handle = int32(u32(v.Data))
	if v.Handle < 0 {
		return ProblemData
	}
	return 0
}
