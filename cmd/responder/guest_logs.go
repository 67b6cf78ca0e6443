package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"strings"
	"time"
	"unicode"

	"github.com/spf13/cobra"

	"github.com/namelet/namelet/internal/control"
)

func (p *program) guestLogs() *cobra.Command {
	var q control.GuestLogsQuery
	var since string
	cmd := &cobra.Command{
		Use:   "logs GUEST[@VERSION]",
		Short: "Show what a guest logged on a server, and how it failed",
		Long: `Show what a guest logged on the server that is asked, and how it failed: the kind of failure, the question, the
functions that were called and what the guest wrote. With --follow go on with what comes, until an interrupt.

A server keeps the last of it in memory: 1,000 entries and 256 KiB of each guest. Of each attachment it takes 10 lines
and one failure a second, and some at once; how many came too fast is said before the next that did not. Each server
has its own: name another by RESPONDER_CONTROL_LISTEN.`,
		Example: "  responder guest logs apps --follow\n  responder guest logs apps@3 --zone apps.example --since 10m",
		Args:    arguments(1, 1),
		RunE: func(cmd *cobra.Command, args []string) (err error) {
			if q.Guest, q.Version, err = parseVersion(args[0]); err != nil {
				return misused(cmd, err)
			}
			if q.Since, err = parseSince(since, time.Now()); err != nil {
				return misused(cmd, err)
			}
			return p.showLogs(cmd.Context(), q)
		},
	}
	f := cmd.Flags()
	f.BoolVarP(&q.Follow, "follow", "f", false, "go on with what comes")
	f.StringVar(&q.Zone, "zone", "", "the apex of the `ZONE` that it answers in (default: all zones)")
	f.StringVar(&since, "since", "", "how long back, such as 10m, or a `TIME` as in RFC 3339 (default: all that is kept)")
	return cmd
}

// parseSince reads a time, or how long before now it was; empty is the zero Time.
func parseSince(text string, now time.Time) (time.Time, error) {
	if text == "" {
		return time.Time{}, nil
	}
	if ago, err := time.ParseDuration(text); err == nil && ago >= 0 {
		return now.Add(-ago), nil
	}
	at, err := time.Parse(time.RFC3339, text)
	if err != nil {
		return at, fmt.Errorf("--since %q: want how long back, such as 10m, or a time such as 2026-03-01T12:00:00Z", text)
	}
	return at, nil
}

// showLogs prints lines as they come. An interrupt is how following them ends.
func (p *program) showLogs(ctx context.Context, q control.GuestLogsQuery) error {
	server, err := p.runningHere(ctx)
	if err != nil {
		return err
	}
	defer server.Close()
	write := writeLogLine
	if p.json {
		write = func(w io.Writer, line *control.GuestLogLine) error { return json.NewEncoder(w).Encode(line) }
	}
	err = server.GuestLogs(ctx, q, func(line control.GuestLogLine) error { return write(p.out, &line) })
	if q.Follow && errors.Is(err, context.Canceled) {
		return nil
	}
	return err
}

// writeLogLine writes a line for people, and further ones for how a guest failed.
func writeLogLine(w io.Writer, l *control.GuestLogLine) error {
	var b strings.Builder
	if l.Lost > 0 {
		fmt.Fprintf(&b, "(%d entries were dropped before they could be sent)\n", l.Lost)
	}
	if l.LeftOut > 0 {
		what := "lines"
		if l.Failure != nil {
			what = "failures"
		}
		fmt.Fprintf(&b, "(%d %s of %s@%d at %s came too fast and are left out)\n", l.LeftOut, what, l.Guest, l.Version, l.At)
	}
	fmt.Fprintf(&b, "%s %s@%d at %s %s: ", l.Time.Format("2006-01-02T15:04:05.000Z07:00"), l.Guest, l.Version, l.At, l.Level)
	if f := l.Failure; f == nil {
		fmt.Fprintln(&b, plain(l.Line))
	} else {
		fmt.Fprintf(&b, "failed on %s %s after %d units of fuel: %s: %s\n", l.Name, l.Type, l.Fuel, f.Kind, plain(f.Message))
		for _, function := range f.Stack {
			fmt.Fprintf(&b, "    in %s\n", plain(function))
		}
		for line := range strings.Lines(f.Output) {
			fmt.Fprintf(&b, "    wrote %s\n", plain(strings.TrimSuffix(line, "\n")))
		}
	}
	_, err := io.WriteString(w, b.String())
	return err
}

// plain makes what others wrote fit for a terminal, and one line: a terminal does what
// some characters say, and shows others in an order that misleads.
func plain(s string) string {
	return strings.Map(func(c rune) rune {
		if c == '\t' || unicode.IsPrint(c) {
			return c
		}
		return unicode.ReplacementChar
	}, s)
}
