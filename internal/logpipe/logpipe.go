// Package logpipe keeps who reads a log from holding up who writes it.
//
// A [Pipe] takes lines and writes them on, on a goroutine of its own. Where the reader
// stalls, a pipe that nobody empties or a disk that hangs, lines wait while there is
// room, and are dropped and counted then. It is safe for concurrent use.
package logpipe

import (
	"bytes"
	"io"
	"sync"
	"sync/atomic"
	"time"

	"github.com/namelet/namelet/internal/throttle"
)

const (
	most = 1 << 20 // octets that wait

	// farewell is how long Close waits for the reader.
	farewell = time.Second
)

// Pipe is a writer that never waits.
type Pipe struct {
	out     io.Writer
	report  func(lines uint64)
	dropped atomic.Uint64
	wake    chan struct{}
	ended   chan struct{}

	mu      sync.Mutex
	waiting []byte
	closed  bool
}

// New makes a Pipe to out. It tells report, once a minute at most and when it can be
// written on, how many lines were dropped since the last time; report may write to the
// Pipe.
func New(out io.Writer, report func(lines uint64)) *Pipe {
	p := &Pipe{out: out, report: report, wake: make(chan struct{}, 1), ended: make(chan struct{})}
	go p.run()
	return p
}

// Write takes whole lines, or drops them where there is no room. It has no error.
func (p *Pipe) Write(lines []byte) (int, error) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.closed || len(p.waiting) > 0 && len(p.waiting)+len(lines) > most {
		p.drop(lines)
		return len(lines), nil
	}
	p.waiting = append(p.waiting, lines...)
	select {
	case p.wake <- struct{}{}:
	default: // it is awake already
	}
	return len(lines), nil
}

func (p *Pipe) drop(lines []byte) { p.dropped.Add(uint64(bytes.Count(lines, []byte("\n")))) }

// Dropped returns how many lines were dropped so far.
func (p *Pipe) Dropped() uint64 { return p.dropped.Load() }

// Close writes what waits, for a while. What comes after it is dropped. It has no error.
func (p *Pipe) Close() error {
	p.mu.Lock()
	first := !p.closed
	p.closed = true
	p.mu.Unlock()
	if first {
		close(p.wake)
	}
	select {
	case <-p.ended:
	case <-time.After(farewell):
	}
	return nil
}

func (p *Pipe) run() {
	defer close(p.ended)
	var lines []byte
	var told uint64
	var often throttle.Throttle
	for range p.wake {
		p.mu.Lock()
		lines, p.waiting = p.waiting, lines[:0]
		p.mu.Unlock()
		for rest := lines; len(rest) > 0; {
			n := piece(rest)
			if _, err := p.out.Write(rest[:n]); err != nil {
				p.drop(rest[:n])
			}
			rest = rest[n:]
		}
		if now := p.dropped.Load(); now > told {
			if _, ok := often.Pass(time.Now()); ok {
				p.report(now - told)
				told = now
			}
		}
	}
}

// piece is how many octets of lines are written at once: whole lines that a pipe takes
// as one, or a line that is longer. Others write to the same pipe.
func piece(lines []byte) int {
	const whole = 4096 // PIPE_BUF, on Linux
	if len(lines) <= whole {
		return len(lines)
	}
	if end := bytes.LastIndexByte(lines[:whole], '\n'); end >= 0 {
		return end + 1
	}
	if end := bytes.IndexByte(lines, '\n'); end >= 0 {
		return end + 1
	}
	return len(lines)
}
