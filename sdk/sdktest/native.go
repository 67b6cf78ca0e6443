package sdktest

import (
	"context"
	"fmt"
	"slices"
	"testing"

	"github.com/namelet/namelet/hostabi"
	"github.com/namelet/namelet/rr"
	"github.com/namelet/namelet/runtime"
	"github.com/namelet/namelet/sdk"
	"github.com/namelet/namelet/store/zonefile"
)

// nativeInstance is the guest that is compiled into this program. It gives the resolver what a compiled
// guest would, except that the checks of SPEC.md section 4.2 on whole answers are left to the compiled run.
type nativeInstance struct {
	limits runtime.Limits
	call   nativeCall
}

// Answer runs the handler. A panic is the guest's failure, as a trap is.
func (n *nativeInstance) Answer(q *hostabi.Question, _ uint64, h runtime.Host, a *runtime.Answer) (err error) {
	n.call = nativeCall{host: h, query: true, limit: n.limits.Lookups}
	defer func() {
		if r := recover(); r != nil {
			err = &runtime.Fault{Kind: runtime.FaultTrap, Message: fmt.Sprint(r)}
		}
	}()
	raw, status := sdk.NativeAnswer(&n.call, hostabi.AppendQuestion(nil, q))
	if status != sdk.StatusOK {
		return &runtime.Fault{Kind: runtime.FaultGuest, Message: status.String(), Status: int32(status)}
	}
	if err := n.call.read(raw, q, a); err != nil {
		return &runtime.Fault{Kind: runtime.FaultRejected, Message: err.Error(), Err: err}
	}
	return nil
}

// Trace gives the inputs that the last call asked for.
func (n *nativeInstance) Trace() []runtime.Event { return n.call.events }

// Lookups gives the lookups of the last call.
func (n *nativeInstance) Lookups() []runtime.Lookup { return n.call.lookups }

// Idle does nothing: the program collects its own garbage.
func (n *nativeInstance) Idle(hostabi.IdleReason, uint64, runtime.Sink) error { return nil }

// MemoryBytes is 0: the memory is the program's.
func (n *nativeInstance) MemoryBytes() int { return 0 }

// Close does nothing: the guest lives as long as the program.
func (n *nativeInstance) Close(context.Context) error { return nil }

// read turns the guest's bytes into the resolver's form.
func (c *nativeCall) read(raw []byte, q *hostabi.Question, a *runtime.Answer) error {
	r, err := hostabi.ReadAnswer(slices.Clone(raw))
	if err != nil {
		return err
	}
	*a = runtime.Answer{Disposition: r.Disposition(), NegativeTTL: r.NegativeTTL()}
	qname, _, err := rr.NameFromWire(q.QName)
	if err != nil {
		return err
	}
	var rec hostabi.RecordView
	for r.Next(&rec) {
		set, err := c.set(&rec, qname, qname.Suffix(labelsFrom(q)))
		if err != nil {
			return err
		}
		a.Sets = add(a.Sets, set)
	}
	return r.Err()
}

// labelsFrom counts the labels of the zone's apex.
func labelsFrom(q *hostabi.Question) int {
	zone, _, _ := rr.NameFromWire(q.Zone()) // the end of a valid name
	return zone.Labels()
}

// set turns one record of an answer into an RRset of its own.
func (c *nativeCall) set(rec *hostabi.RecordView, qname, zone rr.Name) (rr.Set, error) {
	set := rr.Set{Name: qname, Type: rec.Type, TTL: hostabi.DefaultTTL}
	if len(rec.Owner) > 0 {
		owner, _, err := rr.NameFromWire(rec.Owner)
		if err != nil {
			return set, err
		}
		set.Name = owner
	}
	switch rec.Kind {
	case hostabi.KindHandle:
		l := c.found(rec.Handle)
		if l == nil || l.Type != rec.Type {
			return set, fmt.Errorf("handle %d does not exist or is of another type", rec.Handle)
		}
		set.TTL, set.Data = l.Set.TTL, l.Set.Data
	case hostabi.KindText:
		rdata, err := zonefile.ParseRdata(rec.Type, string(rec.Data), zone)
		if err != nil {
			return set, err
		}
		set.Data = []rr.Rdata{rdata}
	default:
		set.Data = []rr.Rdata{string(rec.Data)}
	}
	if rec.HasTTL {
		set.TTL = rec.TTL
	}
	return set, nil
}

// add puts set to those it belongs with: equal records once, the least TTL for all (RFC 2181 section 5.2).
func add(sets []rr.Set, set rr.Set) []rr.Set {
	for i := range sets {
		have := &sets[i]
		if have.Type != set.Type || !have.Name.Equal(set.Name) {
			continue
		}
		have.TTL = min(have.TTL, set.TTL)
		have.Data = slices.Clone(have.Data)
		for _, rdata := range set.Data {
			if !slices.Contains(have.Data, rdata) {
				have.Data = append(have.Data, rdata)
			}
		}
		return sets
	}
	return append(sets, set)
}

// Configure gives the guest of this program a configuration and says whether it took it: sdk.StatusOK, or a negative
// status. It is for tests of configurations that must be refused. What the guest's own variables hold
// from before is the test's affair.
func Configure(tb testing.TB, values map[string]string) sdk.Status {
	tb.Helper()
	config, err := hostabi.AppendConfig(nil, values)
	if err != nil {
		tb.Fatalf("sdktest: %v", err)
	}
	return sdk.NativeInit(&nativeCall{host: logOnly{sink{tb}}}, config)
}
