package resolve

import (
	"errors"
	"strings"
	"sync/atomic"
	"time"

	"github.com/namelet/namelet/hostabi"
	"github.com/namelet/namelet/rr"
	"github.com/namelet/namelet/runtime"
)

// Journal is told what guests log and how they fail, as much as the limits of each
// attachment let through. It is safe for concurrent use, and does not wait.
type Journal interface {
	Note(n Note)
}

// Note is a line that a guest logged, or a failure of one. It has no address of a
// client, unless the guest put one into its line.
type Note struct {
	Label string  // GUEST@VERSION
	Zone  rr.Name // apex of the attachment's zone
	At    rr.Name // attachment point
	Scope Scope
	Level hostabi.LogLevel // LogError for a failure
	Line  string

	Failure *runtime.Fault // nil for a line; without its cause
	QName   rr.Name        // of a failure
	QType   rr.Type

	LeftOut uint64 // notes of the same kind and attachment that came too fast, since the last one that did not
}

// How many notes an attachment may make: of lines, of which the server's log has as
// many, and of failures, which are larger and much alike.
var (
	noteLines    = noteRate{every: time.Second / 10, burst: 50}
	noteFailures = noteRate{every: time.Second, burst: 10}
)

type noteRate struct {
	every time.Duration
	burst int64
}

// noteGate lets notes through up to a rate and counts the others. It is one number,
// the time until which what went through has used the rate up, so no Worker waits for
// another. The zero value is open.
type noteGate struct {
	used   atomic.Int64 // nanoseconds since started
	missed atomic.Uint64
}

// pass reports whether a note may go through at the time now, and how many did not
// since the last that did.
func (g *noteGate) pass(r noteRate, now int64) (missed uint64, ok bool) {
	for {
		used := g.used.Load()
		from := max(used, now)
		if from-now > (r.burst-1)*int64(r.every) {
			g.missed.Add(1)
			return 0, false
		}
		if g.used.CompareAndSwap(used, from+int64(r.every)) {
			return g.missed.Swap(0), true
		}
	}
}

// noteLine tells the journal of a line.
func (r *Resolver) noteLine(a *Attachment, level hostabi.LogLevel, line []byte) {
	if r.config.Journal == nil {
		return
	}
	if missed, ok := a.notes.pass(noteLines, sinceStart()); ok {
		n := a.note(level)
		n.Line, n.LeftOut = strings.ToValidUTF8(string(line), "\uFFFD"), missed
		r.config.Journal.Note(n)
	}
}

// noteFailure tells the journal of a failure. That a guest was not called is none.
func (r *Resolver) noteFailure(a *Attachment, qname rr.Name, qtype rr.Type, err error) {
	f, ok := errors.AsType[*runtime.Fault](err)
	if r.config.Journal == nil || !ok {
		return
	}
	if missed, ok := a.faultNotes.pass(noteFailures, sinceStart()); ok {
		n := a.note(hostabi.LogError)
		n.Failure, n.QName, n.QType, n.LeftOut = cut(f), cloneName(qname), qtype, missed
		r.config.Journal.Note(n)
	}
}

// Bounds of what a note has of a failure, in octets.
const (
	mostMessage  = 2048
	mostFunction = 256
	mostOutput   = 4096 // its end
)

// cut gives what a journal keeps of a failure: without the cause, and with texts of a
// module's making cut short.
func cut(f *runtime.Fault) *runtime.Fault {
	c := &runtime.Fault{Kind: f.Kind, Status: f.Status, Fuel: f.Fuel}
	c.Message = strings.ToValidUTF8(f.Message[:min(len(f.Message), mostMessage)], "\uFFFD")
	c.Output = strings.ToValidUTF8(f.Output[max(0, len(f.Output)-mostOutput):], "\uFFFD")
	for _, function := range f.Stack {
		c.Stack = append(c.Stack, strings.ToValidUTF8(function[:min(len(function), mostFunction)], "\uFFFD"))
	}
	return c
}

func (a *Attachment) note(level hostabi.LogLevel) Note {
	return Note{Label: a.Label, Zone: a.Zone, At: a.At, Scope: a.Scope, Level: level}
}
