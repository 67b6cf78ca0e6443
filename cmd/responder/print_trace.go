package main

import (
	"fmt"
	"io"
	"strings"
	"time"

	"github.com/miekg/dns"

	"github.com/namelet/namelet/internal/control"
	"github.com/namelet/namelet/internal/inputtext"
)

// writeTrace writes a response as dig does, and how it came about as comments below.
func writeTrace(w io.Writer, response *dns.Msg, t *control.QueryTrace) {
	fmt.Fprintf(w, "%s\n\n", strings.TrimSpace(response.String()))
	say := func(depth int, format string, args ...any) {
		fmt.Fprintf(w, ";; %s%s\n", strings.Repeat("  ", depth), fmt.Sprintf(format, args...))
	}
	asked := "from " + t.From + " over " + t.Transport
	if t.Client != "" {
		asked += ", for client subnet " + t.Client
	}
	say(0, "TRACE: asked %s", asked)
	for i := range t.Steps {
		writeStep(say, &t.Steps[i])
	}
	if len(t.Steps) > 0 {
		say(0, "%d units of fuel in all; the answer may%s be kept", t.Fuel, map[bool]string{false: " not"}[t.Keepable])
	}
	if len(t.Caches) == 0 {
		say(0, "no answers are kept here")
	}
	for i := range t.Caches {
		say(0, "cache of %s: %s", t.Caches[i].Cache, cacheLine(&t.Caches[i]))
	}
}

func writeStep(say func(int, string, ...any), s *control.TraceStep) {
	switch {
	case s.Zone == "":
		say(0, "%s %s: not served here", s.Name, s.Type)
		return
	case s.Decided == "hidden":
		say(0, "%s %s: zone %s, which the token is not for", s.Name, s.Type, s.Zone)
		return
	}
	from := ""
	if s.Residency == "lookup" {
		from = ", read from the store"
	}
	say(0, "%s %s: zone %s%s%s", s.Name, s.Type, s.Zone, placed[s.Place], from)
	if a := s.Attachment; a != nil {
		say(1, "attached at %s (%s): %s, fallback %s", a.At, a.Scope, a.Guest, a.Fallback)
	}
	if s.Passed != "" {
		say(1, "not asked: %s", s.Passed)
	}
	if c := s.Candidate; c != nil {
		say(1, "on trial: %s, %s", c.Guest, candidateLine(c))
	}
	for i := range s.Calls {
		writeCall(say, &s.Calls[i])
	}
	line := "decided by the " + s.Decided
	if s.Why != "" {
		line += ": " + s.Why
	}
	say(1, "%s", line)
}

var placed = map[string]string{
	"exact": ", which has the name", "wildcard": ", which has a wildcard for the name", "nothing": ", which does not have the name",
	"cut": ", at or below a zone cut", "dname": ", below a DNAME",
}

func candidateLine(c *control.TraceCandidate) string {
	switch {
	case c.Withdrawn != "":
		return "taken back: " + oneLine(c.Withdrawn)
	case c.Shadow:
		return "in the shadow"
	case c.Chosen:
		return fmt.Sprintf("for %v%%: chosen", c.Canary)
	}
	return fmt.Sprintf("for %v%%: not chosen", c.Canary)
}

func writeCall(say func(int, string, ...any), c *control.TraceCall) {
	came := c.Disposition
	if c.Failure != nil {
		came = "failed (" + c.Failure.Kind + "): " + oneLine(c.Failure.Message)
	}
	say(1, "asked %s: %s", c.Guest, came)
	memory := ""
	if c.Memory > 0 { // a trap takes the instance with it
		memory = fmt.Sprintf("%d bytes of memory, ", c.Memory)
	}
	say(2, "%d of %d units of fuel, %sstarted in %v, took %v", c.Fuel, c.FuelLimit, memory, duration(c.StartSeconds), duration(c.Seconds))
	for i := range c.Inputs {
		writeInput(say, &c.Inputs[i])
	}
	if len(c.Inputs) == 0 && c.Failure == nil {
		say(2, "read nothing but the question")
	}
	for i := range c.Records {
		for _, data := range c.Records[i].Data {
			r := &c.Records[i]
			say(2, "says %s %d %s %s", r.Name, r.TTL, r.Type, data)
		}
	}
	for _, line := range c.Log {
		say(2, "logged %s: %q", line.Level, line.Line)
	}
	if c.Failure != nil {
		for _, function := range c.Failure.Stack {
			say(2, "in %s", plain(function))
		}
		for line := range strings.Lines(c.Failure.Output) {
			say(2, "wrote %q", strings.TrimSuffix(line, "\n"))
		}
	}
	if c.Breaker != "closed" {
		say(2, "its circuit breaker is %s: clients get the fallback", c.Breaker)
	}
	if c.Exhausted {
		say(2, "it has burnt its fuel of this second: clients get the fallback")
	}
	if c.Impure {
		say(2, "it is impure: its answers are not kept")
	}
}

func duration(seconds float64) time.Duration {
	return time.Duration(seconds * float64(time.Second)).Round(time.Microsecond)
}

func writeInput(say func(int, string, ...any), in *control.TraceInput) {
	if in.Input != "lookup" {
		say(2, "read %s", inputText(in))
		return
	}
	came := in.Value
	if in.Wildcard {
		came += " by a wildcard"
	}
	if in.Zone != "" {
		came += " in zone " + in.Zone
	}
	say(2, "looked up %s: %s", in.Grain, came)
	if in.Found != nil {
		for _, data := range in.Found.Data {
			say(3, "%s %d %s %s", in.Found.Name, in.Found.TTL, in.Found.Type, data)
		}
	}
}

// inputText is an input with its grain and its value.
func inputText(in *control.TraceInput) string {
	return inputtext.Words{Input: in.Input, Grain: in.Grain, Value: in.Value}.String()
}

func cacheLine(c *control.TraceCache) string {
	line := c.State
	if c.State == "kept" {
		line += fmt.Sprintf(", %d bytes", c.Size)
	}
	var keys []string
	for i := range c.Key {
		keys = append(keys, inputText(&c.Key[i]))
	}
	switch {
	case len(keys) > 0:
		line += ", under " + strings.Join(keys, ", ")
	case c.State == "kept":
		line += ", under the question alone"
	}
	if c.Answers > 1 {
		line += fmt.Sprintf("; %d answers to the question", c.Answers)
	}
	switch {
	case c.Until != nil:
		line += "; until " + c.Until.Format(time.RFC3339) + " or a change of what it was made from"
	case c.State == "kept":
		line += "; until a change of what it was made from"
	}
	return line
}
