package trial

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"slices"
	"strings"
	"syscall"
	"time"

	"github.com/namelet/namelet/runtime"
)

// Bounds of a trial's process. The largest module that is let in is compiled in a third of them.
const (
	maxTime   = time.Minute // by the clock, and of the processor
	maxMemory = 1 << 30     // bytes of data, as the system counts them
	maxFile   = 256 << 20   // bytes of one file
)

// Child tries modules, each in a process of its own. It is safe for concurrent use.
type Child struct {
	// Program is the file to run, Args its arguments, the program's name first: the command that calls Serve.
	// The folder for machine code comes behind them.
	Program string
	Args    []string

	// CacheDir is where the server keeps machine code. That of a module that passes is put there, so that the
	// server need not compile it; empty for none.
	CacheDir string

	// Most is what the server allows at most. Zero fields stand for runtime.MostLimits.
	Most runtime.Limits

	slots, starts chan struct{}
	time          time.Duration // maxTime, but in tests
}

// How many there are at a time; others wait. A version that is attached does not wait for modules that are pushed.
const (
	maxChildren = 2
	maxStarts   = 2
)

// NewChild makes a Child, and removes from cacheDir what those left that were killed with their server.
func NewChild(program string, args []string, cacheDir string) *Child {
	sweep(cacheDir)
	return &Child{
		Program: program, Args: args, CacheDir: cacheDir,
		slots: make(chan struct{}, maxChildren), starts: make(chan struct{}, maxStarts), time: maxTime,
	}
}

// Try tries a module and tells of the phases; tell may be nil. What is wrong with it, be it that the process did not live to tell, stands in the
// report; the error is of something else.
func (c *Child) Try(ctx context.Context, wasm []byte, scenarios []Scenario, tell func(Phase)) (*Report, error) {
	if err := take(ctx, c.slots); err != nil {
		return nil, err
	}
	defer func() { <-c.slots }()
	code, err := newMachineCode(c.CacheDir)
	if err != nil {
		return nil, err
	}
	report, err := c.run(ctx, code, wasm, request{Most: c.Most, Scenarios: scenarios}, tell)
	if err == nil && !report.Failed() {
		return report, errors.Join(code.keep(), code.remove())
	}
	return report, errors.Join(err, code.remove())
}

// Start starts a version, which has passed its trial, with a configuration. So it may have the server's machine
// code, or put it there. The report and the error are as those of Try.
func (c *Child) Start(ctx context.Context, wasm []byte, config runtime.GenerationConfig) (*Report, error) {
	if err := take(ctx, c.starts); err != nil {
		return nil, err
	}
	defer func() { <-c.starts }()
	return c.run(ctx, machineCode{made: c.CacheDir}, wasm, request{Most: c.Most, Start: startOf(config)}, nil)
}

func take(ctx context.Context, slots chan struct{}) error {
	select {
	case slots <- struct{}{}:
		return nil
	case <-ctx.Done():
		return ctx.Err()
	}
}

// run starts the process and waits for its report.
func (c *Child) run(ctx context.Context, code machineCode, wasm []byte, q request, tell func(Phase)) (*Report, error) {
	var input bytes.Buffer
	if err := writeRequest(&input, wasm, q); err != nil {
		return nil, err
	}
	limited, cancel := context.WithTimeout(ctx, c.time)
	defer cancel()
	cmd := exec.CommandContext(limited, c.Program)
	cmd.Args = append(slices.Clone(c.Args), code.made)
	out, said := &answers{tell: tell, line: bounded{most: maxAnswer}}, &bounded{most: 64 << 10}
	cmd.Stdout, cmd.Stderr = out, said
	cmd.Dir = os.TempDir()
	// Nothing of the server's environment, where secrets may be, is any business of the process.
	cmd.Env = []string{"GOMAXPROCS=1", "GOMEMLIMIT=768MiB", "GOTRACEBACK=none"}
	cmd.SysProcAttr = apart()
	cmd.WaitDelay = time.Second
	if code.held != nil {
		cmd.ExtraFiles = []*os.File{code.held} // the folder is in use until this process has ended too
	}
	in, err := cmd.StdinPipe()
	if err == nil {
		err = cmd.Start()
	}
	if err != nil {
		return nil, fmt.Errorf("trial: the process that tries modules does not start: %w", err)
	}
	go func() { _, _ = input.WriteTo(in) }() // fails where the process ends early; Wait closes the pipe
	err = cmd.Wait()
	report, unread := out.close()
	if ctx.Err() != nil {
		return nil, ctx.Err()
	}
	if limited.Err() != nil {
		return lost(len(wasm), fmt.Sprintf("to try it takes longer than %v", c.time)), nil
	}
	if err != nil {
		return lost(len(wasm), death(err, said.String())), nil
	}
	if unread != nil {
		return nil, fmt.Errorf("trial: report: %w", unread)
	}
	return report, nil
}

// lost is the report on a module whose trial was not lived through.
func lost(size int, problem string) *Report {
	r := &Report{Size: size, Imports: []string{}, Inputs: []string{}}
	r.fail(Finding{Problem: problem})
	return r
}

// death words how a process ended, from its state and its last words.
func death(err error, said string) string {
	var exit *exec.ExitError
	if errors.As(err, &exit) {
		if exit.UserTime()+exit.SystemTime() >= maxTime {
			return fmt.Sprintf("to try it takes more than %v of the processor", maxTime)
		}
		if status, ok := exit.Sys().(syscall.WaitStatus); ok && status.Signaled() && status.Signal() == syscall.SIGKILL {
			return "the process that tried it was killed, as a system does that is short of memory"
		}
	}
	for _, sign := range []string{"out of memory", "cannot allocate memory", "failed to allocate", "mmap"} {
		if strings.Contains(said, sign) {
			return fmt.Sprintf("to try it takes more than %d MiB of memory", maxMemory>>20)
		}
	}
	first, _, _ := strings.Cut(strings.TrimSpace(said), "\n")
	if first == "" {
		first = err.Error()
	}
	return "the process that tried it crashed: " + first
}

// bounded keeps the beginning of what is written to it.
type bounded struct {
	bytes.Buffer
	most int
}

func (b *bounded) Write(p []byte) (int, error) {
	_, err := b.Buffer.Write(p[:min(len(p), b.most-b.Len())])
	return len(p), err
}
