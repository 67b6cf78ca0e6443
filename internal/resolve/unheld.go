package resolve

import (
	"errors"

	"github.com/namelet/namelet/internal/authority"
	"github.com/namelet/namelet/rr"
)

var (
	// errWaits ends a question that only a slow Worker can answer.
	errWaits = errors.New("resolve: the answer may have to wait")

	// errMoved ends an answer made from a zone that changed while it was read.
	errMoved = errors.New("resolve: the zone changed while it was read")

	// errExpired is that of one whose data may be too old.
	errExpired = errors.New("resolve: the zone's data may be too old")

	// errNotAtHand is the failure of a zone that has no data.
	errNotAtHand = errors.New("resolve: the zone's data are not at hand")
)

const (
	// mostMoves is how often a question is answered anew because a zone changed
	// while it was read, before it fails.
	mostMoves = 4

	// mostReads is how often a guest's answer is completed with more names.
	mostReads = 20
)

// pin is what a question has read of a zone that is not held. All that it reads is
// of one version, or as it would be there: so it sees one snapshot of the zone, as
// of a held one.
type pin struct {
	zone     *authority.Zone
	snapshot *authority.Snapshot
	failed   error // the last read: another is not waited for
}

// view returns the snapshot of a zone that q is answered from there. The error is
// errWaits, errMoved, errNotAtHand or that of the zone's Source.
func (w *Worker) view(zone *authority.Zone, q authority.Question) (*authority.Snapshot, error) {
	switch {
	case zone.Snapshot != nil:
		return zone.Snapshot, nil
	case zone.Expired:
		return nil, errExpired
	case zone.Source == nil:
		return nil, errNotAtHand
	case !w.mayWait:
		return nil, errWaits
	}
	if p := w.pin(zone); p.snapshot != nil && p.snapshot.Has(q.Name) {
		return p.snapshot, nil
	}
	return w.read(zone, q, nil)
}

// pin returns that of a zone.
func (w *Worker) pin(zone *authority.Zone) *pin {
	for i := range w.pins {
		if w.pins[i].zone == zone {
			return &w.pins[i]
		}
	}
	w.pins = append(w.pins, pin{zone: zone})
	return &w.pins[len(w.pins)-1]
}

// read reads what q and the names need of a zone, beside what was read before.
func (w *Worker) read(zone *authority.Zone, q authority.Question, names []rr.Name) (*authority.Snapshot, error) {
	p := w.pin(zone)
	if p.failed != nil {
		return nil, p.failed
	}
	if p.snapshot != nil {
		names = append(p.snapshot.Known(), names...)
	}
	next, err := zone.Source.Read(q, names)
	if err == nil && p.snapshot != nil && !next.Agrees(p.snapshot) {
		err = errMoved
	}
	if err != nil {
		p.failed = err
		return nil, err
	}
	p.snapshot = next.Own()
	return p.snapshot, nil
}

// readsUnheld reports whether an attachment's guest may read a zone that is not held
// beside the one that it belongs to.
func (r *Routing) readsUnheld(a *Attachment) bool {
	for _, grant := range a.Grants {
		if zone := r.zones.Get(grant); zone != nil && zone.Source != nil {
			return true
		}
	}
	return false
}

// mark is how far a response has come.
type mark struct {
	answer, authority, additional, required, errors, deps int

	outcome       authority.Outcome
	rcode         rr.RCode
	authoritative bool
}

func (r *Response) mark() mark {
	return mark{
		len(r.Answer.Answer), len(r.Authority), len(r.Additional), r.RequiredAdditional, len(r.Errors), len(r.Deps),
		r.Outcome, r.RCode, r.Authoritative,
	}
}

// back takes back what was said since m, where nothing from before was.
func (r *Response) back(m mark) {
	r.Answer.Answer, r.Authority, r.Additional = r.Answer.Answer[:m.answer], r.Authority[:m.authority], r.Additional[:m.additional]
	r.RequiredAdditional, r.Errors, r.Deps = m.required, r.Errors[:m.errors], r.Deps[:m.deps]
	r.Outcome, r.RCode, r.Authoritative = m.outcome, m.rcode, m.authoritative
}

// fail ends an answer that could not be made.
func (r *Response) fail(err error) {
	r.Withdraw()
	r.Errors = r.Errors[:0]
	r.Outcome, r.RCode = authority.OutcomeFailed, rr.RCodeServFail
	if err == errExpired {
		r.Errors = append(r.Errors, ExtendedError{ErrorInvalidData, "the zone's data may be too old: its store has been away for longer than it may be served"})
		return
	}
	if _, content := errors.AsType[*authority.Error](err); content || errors.Is(err, errNotAtHand) {
		r.Errors = append(r.Errors, ExtendedError{ErrorNotReady, "the zone's data are not at hand"})
		return
	}
	r.Errors = append(r.Errors, ExtendedError{ErrorNetwork, "the zone's data cannot be read now"})
}
