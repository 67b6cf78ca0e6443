package trial

import (
	"context"
	"errors"

	"github.com/namelet/namelet/hostabi"
	"github.com/namelet/namelet/runtime"
)

// prepare starts a module. A guest that fails says why in its log, which the error then has too.
func prepare(ctx context.Context, module *runtime.Module, config runtime.GenerationConfig) (*runtime.Generation, error) {
	var said words
	config.Sink = &said
	generation, err := module.Prepare(ctx, config)
	var fault *runtime.Fault
	if errors.As(err, &fault) && said.last != "" {
		fault.Message += ": " + said.last
	}
	return generation, err
}

// words keeps the last error that a guest logs.
type words struct{ last string }

func (w *words) Log(level hostabi.LogLevel, line []byte) {
	if level == hostabi.LogError {
		w.last = oneLine(string(line), maxProblem/2)
	}
}

func (*words) MetricAdd([]byte, int64) {}
