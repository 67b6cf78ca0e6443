package replica

import (
	"github.com/namelet/namelet/hostabi"
	"github.com/namelet/namelet/runtime"
)

// resetting is an instance that forgets each question.
type resetting struct{ *runtime.Instance }

// Answer asks the guest as it was when it had just been initialised.
func (r resetting) Answer(q *hostabi.Question, fuel uint64, h runtime.Host, a *runtime.Answer) error {
	r.Reset()
	return r.Instance.Answer(q, fuel, h, a)
}
