package main

import (
	"fmt"
	"io"
	"os"
	"strings"
	"time"
)

// meter shows how far something is that takes long: on one line of a terminal, or a
// line every few seconds where it was asked for elsewhere. The zero meter shows
// nothing.
type meter struct {
	out      io.Writer // nil: show nothing
	terminal bool

	phase string
	begun time.Time // the phase
	shown time.Time
	width int // of what the line has
}

// How often a meter shows something, and from when on it makes an estimate.
const (
	meterLine     = 200 * time.Millisecond // on a terminal
	meterLog      = 5 * time.Second        // elsewhere
	meterEstimate = time.Second
)

// meter makes the one of this run: always is the flag that wants one.
func (p *program) meter(always bool) *meter {
	terminal := isTerminal(p.errOut)
	if !terminal && !always {
		return &meter{}
	}
	return &meter{out: p.errOut, terminal: terminal}
}

// isTerminal takes a character device for a terminal.
func isTerminal(w io.Writer) bool {
	f, ok := w.(*os.File)
	if !ok {
		return false
	}
	info, err := f.Stat()
	return err == nil && info.Mode()&os.ModeCharDevice != 0
}

// show notes that done of total units of a phase are done.
func (m *meter) show(phase, unit string, done, total int64) {
	if m.out == nil {
		return
	}
	now := time.Now()
	if phase != m.phase {
		m.phase, m.begun, m.shown = phase, now, time.Time{}
		if !m.terminal {
			m.shown = now // a short phase needs no line
		}
	}
	every := meterLog
	if m.terminal {
		every = meterLine
	}
	if now.Sub(m.shown) < every {
		return
	}
	m.shown = now
	m.write(meterText(phase, unit, done, total, now.Sub(m.begun)))
}

// say shows a phase of which nobody knows how far it is.
func (m *meter) say(phase string) {
	if m.out == nil {
		return
	}
	m.phase = phase
	m.write(phase)
}

// meterText is what there is to say after so long in the phase.
func meterText(phase, unit string, done, total int64, taken time.Duration) string {
	text := fmt.Sprintf("%s: %d of %d %s", phase, done, total, unit)
	if total > 0 {
		text += fmt.Sprintf(" (%d %%)", 100*min(done, total)/total)
	}
	if taken < meterEstimate || done <= 0 {
		return text
	}
	rate := float64(done) / taken.Seconds()
	text += fmt.Sprintf(", %.0f a second", rate)
	if done < total {
		left := time.Duration(float64(total-done) / rate * float64(time.Second))
		text += fmt.Sprintf(", about %v left", max(left.Round(time.Second), time.Second))
	}
	return text
}

func (m *meter) write(text string) {
	if !m.terminal {
		fmt.Fprintln(m.out, text)
		return
	}
	fmt.Fprintf(m.out, "\r%s%s", text, strings.Repeat(" ", max(m.width-len(text), 0)))
	m.width = len(text)
}

// clear takes the line off the terminal, for what comes next.
func (m *meter) clear() {
	if m.terminal && m.width > 0 {
		fmt.Fprintf(m.out, "\r%s\r", strings.Repeat(" ", m.width))
		m.width = 0
	}
}
