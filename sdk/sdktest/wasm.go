package sdktest

import (
	"context"
	"testing"

	"github.com/namelet/namelet/hostabi"
	"github.com/namelet/namelet/runtime"
	"github.com/namelet/namelet/store/zonefile"
)

// prepare compiles a module and starts it. What it logs while it starts goes to the test's log.
func prepare(tb testing.TB, wasm []byte, setup Setup) (*runtime.Generation, error) {
	tb.Helper()
	ctx := context.Background()
	engine, err := runtime.New(ctx, runtime.Config{Text: zonefile.ParseRdata})
	if err != nil {
		return nil, err
	}
	tb.Cleanup(func() {
		if err := engine.Close(ctx); err != nil {
			tb.Errorf("sdktest: %v", err)
		}
	})
	module, err := engine.Compile(ctx, wasm)
	if err != nil {
		return nil, err
	}
	return module.Prepare(ctx, runtime.GenerationConfig{
		Values: setup.Config, Limits: setup.Limits, Sink: sink{tb},
	})
}

// sink writes what a guest says to the test's log.
type sink struct{ tb testing.TB }

func (s sink) Log(level hostabi.LogLevel, line []byte) {
	s.tb.Logf("guest log, level %d: %s", level, line)
}

func (s sink) MetricAdd(name []byte, delta int64) { s.tb.Logf("guest metric %s %+d", name, delta) }
