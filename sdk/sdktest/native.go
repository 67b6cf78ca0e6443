package sdktest

import (
	"context"
	"fmt"
	"testing"

	"github.com/namelet/namelet/hostabi"
	"github.com/namelet/namelet/runtime"
	"github.com/namelet/namelet/sdk"
	"github.com/namelet/namelet/store/zonefile"
)

// nativeInstance is the guest that is compiled into this program. It gives the resolver what a compiled
// guest would, read by the same rules.
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
	rules := runtime.AnswerRules{Question: q, Lookups: n.call.lookups, Bytes: n.limits.AnswerBytes, Text: zonefile.ParseRdata}
	if rules.Bytes <= 0 {
		rules.Bytes = runtime.DefaultAnswerBytes
	}
	return a.Read(raw, rules)
}

// Trace gives the inputs that the last call asked for.
func (n *nativeInstance) Trace() []runtime.Event { return n.call.events }

// Lookups gives the lookups of the last call.
func (n *nativeInstance) Lookups() []runtime.Lookup { return n.call.lookups }

// Idle does nothing: the program collects its own garbage.
func (n *nativeInstance) Idle(hostabi.IdleReason, uint64, runtime.Sink) error { return nil }

// MemoryBytes is 0: the memory is the program's.
func (n *nativeInstance) MemoryBytes() int { return 0 }

func (n *nativeInstance) BesideBytes() int { return 0 }

// Reset does nothing: the program's memory is not put back.
func (n *nativeInstance) Reset() {}

// Close does nothing: the guest lives as long as the program.
func (n *nativeInstance) Close(context.Context) error { return nil }

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
