package trial

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"time"

	"github.com/namelet/namelet/runtime"
	"github.com/namelet/namelet/store/zonefile"
)

// Serve is a Child's process: it bounds itself, tries the module that comes on in and writes the report to
// out. cacheDir is where the machine code is put; empty for nowhere. Should in end before the report is
// written, the process does too.
func Serve(ctx context.Context, in io.Reader, out io.Writer, cacheDir string) error {
	if err := confine(); err != nil {
		return err
	}
	// The parent ends this process sooner; should it be gone, nobody else does.
	defer time.AfterFunc(maxTime+5*time.Second, func() { panic("trial: time is up") }).Stop()
	wasm, q, err := readRequest(in)
	if err != nil {
		return err
	}
	go func() {
		_, _ = io.Copy(io.Discard, in)
		os.Exit(1) // the parent was killed; the compiler would not hear of it
	}()
	engine, err := runtime.New(ctx, runtime.Config{CacheDir: cacheDir, Most: q.Most, Text: zonefile.ParseRdata})
	if err != nil {
		return err
	}
	answers := json.NewEncoder(out)
	var report *Report
	if q.Start != nil {
		report, err = Start(ctx, engine, wasm, q.Start.config())
	} else {
		report, err = Run(ctx, engine, wasm, q.Scenarios, func(p Phase) { _ = answers.Encode(answer{Phase: p}) }) // the report fails then too
	}
	if err := errors.Join(err, engine.Close(context.WithoutCancel(ctx))); err != nil {
		return err
	}
	if err := answers.Encode(answer{Report: report}); err != nil {
		return fmt.Errorf("trial: report: %w", err)
	}
	return nil
}
