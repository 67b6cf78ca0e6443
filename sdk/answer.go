package sdk

import "github.com/namelet/namelet/hostabi"

// Answer is what a handler says. Records are encoded at once into the buffer that the host reads.
//
// A record whose type is not the question's is left out, a CNAME excepted: say all there is, and what was
// asked for is given. When nothing remains the answer is NODATA. TTL and Owner hold for the
// records given after them.
type Answer struct {
	w        hostabi.AnswerWriter
	q        *Query
	head     hostabi.RecordHead
	explicit hostabi.Disposition // what the handler chose by name, zero if nothing
	negative uint32
	said     bool // something was given, be it left out or not
	bad      bool // a record could not be encoded
}

func (a *Answer) reset(q *Query, out []byte) {
	// Field by field, since clearing a struct that holds pointers is dear on wasm.
	a.q = q
	a.head.Owner, a.head.TTL, a.head.HasTTL = nil, 0, false
	a.explicit, a.negative, a.said, a.bad = 0, 0, false, false
	a.w.Reset(out, hostabi.DispositionAnswer)
}

// finish closes the answer and gives the result of namelet_answer.
func (a *Answer) finish() int32 {
	if d := a.disposition(); d != hostabi.DispositionAnswer {
		if a.w.Count() > 0 {
			a.w.Reset(guest.out[:], d)
		}
		a.w.SetDisposition(d)
		a.w.SetNegativeTTL(a.negative)
	}
	n, err := a.w.Finish()
	switch {
	case a.bad:
		return int32(hostabi.StatusInvalid)
	case err != nil:
		return int32(hostabi.StatusLimit)
	}
	return int32(n)
}

func (a *Answer) disposition() hostabi.Disposition {
	switch {
	case a.explicit != 0:
		return a.explicit
	case a.w.Count() > 0:
		return hostabi.DispositionAnswer
	case a.said:
		return hostabi.DispositionNoData
	}
	return hostabi.DispositionStatic
}

// NoData says that the name exists and has no data of this type. Like the three that follow, it wins over
// records, and the last one named counts.
func (a *Answer) NoData() { a.explicit = hostabi.DispositionNoData }

// NXDomain says that the name does not exist.
func (a *Answer) NXDomain() { a.explicit = hostabi.DispositionNXDomain }

// Refuse says that the question is not answered: RCODE REFUSED.
func (a *Answer) Refuse() { a.explicit = hostabi.DispositionRefuse }

// Static leaves the answer to the zone's own data, as if there were no guest.
func (a *Answer) Static() { a.explicit = hostabi.DispositionStatic }

// NegativeTTL bounds, in seconds, how long a NODATA or NXDOMAIN answer may be remembered. Without it the
// zone's SOA decides.
func (a *Answer) NegativeTTL(seconds uint32) { a.negative = seconds }

// TTL sets the TTL in seconds of the records given after it, RRsets included. Without it an RRset
// keeps its own, and other records get 60 seconds.
func (a *Answer) TTL(seconds uint32) { a.head.TTL, a.head.HasTTL = seconds, true }

// Owner sets the owner name of the records given after it, for the target of a CNAME in the same answer.
// Without it the owner is the qname.
func (a *Answer) Owner(name Name) {
	wire := name.Wire()
	b := a.q.names.take(len(wire))
	copy(b, wire)
	a.head.Owner = b
}

// RRset gives a whole RRset that a lookup found, under the answer's owner name.
func (a *Answer) RRset(set RRset) {
	if set.q == nil {
		a.bad = true
		return
	}
	a.set(set, set.Info().Type)
}

// set gives an RRset whose type is known, since it was looked up by it.
func (a *Answer) set(set RRset, t Type) {
	if a.asked(t, hostabi.KindHandle) {
		a.w.Handle(a.head, set.handle)
	}
}

// From answers with what another name has: its RRset of the question's type, or its CNAME, or
// NODATA. It is false when the name's data cannot be had, because its zone is not granted, delegates
// it, or is unavailable; the answer is then unchanged.
func (a *Answer) From(name Name) bool {
	t := a.q.Type()
	set, status := a.q.Lookup(name, t)
	if status == StatusCNAME {
		t = TypeCNAME
		set, status = a.q.Lookup(name, t)
	}
	switch status {
	case StatusOK:
		a.set(set, t)
	case StatusNoData, StatusNXDomain:
		a.said = true
	default:
		return false
	}
	return true
}

// asked notes that a record was given, and says whether it is one that was asked for. If so the next
// record's head says type and kind.
func (a *Answer) asked(t Type, kind hostabi.Kind) bool {
	a.said = true
	a.head.Type, a.head.Kind = t, kind
	return t == a.q.question.QType || t == TypeCNAME
}

// begin opens a record. It is false when the record is not asked for.
func (a *Answer) begin(t Type, kind hostabi.Kind) bool {
	if !a.asked(t, kind) {
		return false
	}
	a.w.Begin(a.head)
	return true
}
