package main

import (
	"context"
	"fmt"
	"io"
	"maps"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"github.com/namelet/namelet/internal/control"
	"github.com/namelet/namelet/internal/resolve"
)

// placeFlags name an attachment in a zone.
type placeFlags struct {
	zone, at, scope string
}

func (o *placeFlags) define(cmd *cobra.Command) {
	f := cmd.Flags()
	f.StringVar(&o.zone, "zone", "", "the zone's apex")
	f.StringVar(&o.at, "at", "", "the `point` where the guest is attached (default: the only one in the zone)")
	f.StringVar(&o.scope, "scope", "", "subtree or name, where both are attached at the point")
	required(cmd, "zone")
}

// parseVersion reads GUEST[@VERSION]; the version is 0 where there is none.
func parseVersion(text string) (guest string, version uint64, err error) {
	guest, number, has := strings.Cut(text, "@")
	if !has {
		return guest, 0, nil
	}
	version, err = strconv.ParseUint(number, 10, 64)
	if err != nil || version == 0 {
		return guest, 0, fmt.Errorf("version %q: want a number from 1", number)
	}
	return guest, version, nil
}

// parsePercent reads a share such as 5% or 0.5.
func parsePercent(flag, text string) (float64, error) {
	n, err := strconv.ParseFloat(strings.TrimSuffix(text, "%"), 64)
	if err != nil || !(n >= 0.01 && n <= 100) {
		return 0, fmt.Errorf("--%s %q: want per cent from 0.01 to 100, such as 5%%", flag, text)
	}
	return n, nil
}

func (p *program) guestActivate() *cobra.Command {
	var o placeFlags
	var w watchFlags
	var canary string
	var shadow bool
	cmd := &cobra.Command{
		Use:   "activate GUEST[@VERSION] --zone ZONE",
		Short: "Put another version of an attached guest in force, or on trial",
		Long: `Put another version of an attached guest in force, with the configuration, limits and grants
that are attached: the newest where none is named. It is started with them first: where that
fails, nothing changes. The version before is kept, for guest rollback.

With --canary it answers for a share only, beside the version that is active. A share is of all
pairs of a name and a network (IPv4 to /24, IPv6 to /56) that questions come from, so a resolver sees one version of a
name. A larger share takes in all of a smaller one. Activate without --canary ends the trial: the
version is in force for all then.

With --shadow it is asked what the active version has answered, when no question waits, and nothing it says is
sent: guest status counts the answers that differ, and the log has a sample a minute. Of questions that the cache answers
one in 256 is put to both versions.

A version is taken back by itself, with the reason in guest status, where it is worse than the one that it takes the place of: while it
is on trial, or for a minute where it is in force for all at once. --max-failures, --max-fuel, --max-latency and --max-differences
say what is too much, and "off" is never.`,
		Example: "  responder guest activate geo@4 --zone cdn.example --canary 5%\n  responder guest activate geo@4 --zone cdn.example",
		Args:    arguments(1, 1),
		RunE: func(cmd *cobra.Command, args []string) error {
			q := control.Activation{Zone: o.zone, At: o.at, Scope: o.scope, Shadow: shadow}
			var err error
			if q.Guest, q.Version, err = parseVersion(args[0]); err != nil {
				return misused(cmd, err)
			}
			if canary != "" {
				if q.Canary, err = parsePercent("canary", canary); err != nil {
					return misused(cmd, err)
				}
			}
			if q.WatchRequest, err = w.read(cmd); err != nil {
				return misused(cmd, err)
			}
			return p.operate(cmd.Context(), func(ops operations) error {
				made, err := ops.Activate(cmd.Context(), q)
				if err != nil {
					return err
				}
				return p.print(made, func(w io.Writer) { writeRollout(w, made) })
			})
		},
	}
	o.define(cmd)
	cmd.Flags().BoolVar(&shadow, "shadow", false, "ask it beside the active version, and send nothing it says")
	cmd.Flags().StringVar(&canary, "canary", "", "the share that it answers for, such as 5% (default: all)")
	cmd.MarkFlagsMutuallyExclusive("canary", "shadow")
	w.define(cmd)
	return cmd
}

func (p *program) guestRollback() *cobra.Command {
	var o placeFlags
	var guest, reason string
	cmd := &cobra.Command{
		Use:   "rollback --zone ZONE",
		Short: "Go back to the version of a guest that answered before",
		Long: `Take back the version that is on trial, or where none is go back to what was attached before
the last activation, with its configuration, limits and grants. There is one step back: what is
rolled back is put in force again by guest activate.`,
		Args: arguments(0, 0),
		RunE: func(cmd *cobra.Command, _ []string) error {
			q := control.RollbackRequest{Zone: o.zone, At: o.at, Scope: o.scope, Guest: guest, Reason: reason}
			return p.operate(cmd.Context(), func(ops operations) error {
				made, err := ops.RollBack(cmd.Context(), q)
				if err != nil {
					return err
				}
				return p.print(made, func(w io.Writer) { writeRollout(w, made) })
			})
		},
	}
	o.define(cmd)
	cmd.Flags().StringVar(&guest, "guest", "", "the guest that is attached (default: the only one in the zone)")
	cmd.Flags().StringVar(&reason, "reason", "", "why, for guest status")
	return cmd
}

// writeRollout says what is attached after a change of versions.
func writeRollout(w io.Writer, a control.Attachment) {
	fmt.Fprintf(w, "guest %s\n", attachmentLine(a))
	for _, line := range rolloutLines(a) {
		fmt.Fprintln(w, line)
	}
}

// rolloutLines says what else there is beside the active version.
func rolloutLines(a control.Attachment) (lines []string) {
	if c := a.Candidate; c != nil && c.Shadow {
		lines = append(lines, fmt.Sprintf("in the shadow: %s@%d, since %s%s", a.Guest, c.Version, c.Began.UTC().Format(time.RFC3339), watchText(c.Watch)))
	} else if c != nil {
		lines = append(lines, fmt.Sprintf("on trial: %s@%d for %v%%, since %s%s", a.Guest, c.Version, c.Canary, c.Began.UTC().Format(time.RFC3339), watchText(c.Watch)))
	}
	if w := a.Watched; w != nil && time.Now().Before(w.Until) {
		lines = append(lines, fmt.Sprintf("watched until %s%s", w.Until.UTC().Format(time.RFC3339), watchText(w.Watch)))
	}
	if a.Previous != "" {
		lines = append(lines, "before: "+a.Previous)
	}
	if u := a.Undone; u != nil {
		lines = append(lines, fmt.Sprintf("rolled back: %s@%d at %s: %s", u.Guest, u.Version, u.Time.UTC().Format(time.RFC3339), oneLine(u.Reason)))
	}
	return lines
}

// guestStates is the result of guest status.
type guestStates struct {
	Guests []control.GuestStatus `json:"guests"`
}

func (p *program) guestStatus() *cobra.Command {
	var q control.GuestStatusQuery
	cmd := &cobra.Command{
		Use:   "status [GUEST]",
		Short: "Show which version of attached guests answers on each server",
		Long: `Show which version of attached guests answers on each server: the server that is asked as it is
now, the others as they last said in the store. IN STEP is yes where a server answers as the
attachment says. A server says so of the 256 attachments that changed last.

The figures of each version are those of the server that is asked, since the version began to answer there: answers to
queries and the share of them that was kept and given again; calls, their fuel and time, and how many failed.`,
		Args: arguments(0, 1),
		RunE: func(cmd *cobra.Command, args []string) error {
			if len(args) > 0 {
				q.Guest = args[0]
			}
			states, err := p.guestStates(cmd.Context(), q)
			if err != nil {
				return err
			}
			return p.print(states, func(w io.Writer) {
				if len(states.Guests) == 0 {
					fmt.Fprintln(w, unattached(q))
					return
				}
				states.text(w)
			})
		},
	}
	cmd.Flags().StringVar(&q.Zone, "zone", "", "the zone's apex (default: all zones)")
	return cmd
}

// unattached words that nothing is attached of what was asked for.
func unattached(q control.GuestStatusQuery) string {
	words := "no guest is attached"
	if q.Guest != "" {
		words = "guest " + q.Guest + " is not attached"
	}
	if q.Zone != "" {
		words += " in zone " + q.Zone
	}
	return words
}

// guestStates asks the server here, where one answers for the store, since it knows
// its own state best; else the store.
func (p *program) guestStates(ctx context.Context, q control.GuestStatusQuery) (states guestStates, err error) {
	spec, err := parseStore(p.config.Store)
	if err != nil {
		return states, err
	}
	ops, err := p.remote(ctx, spec)
	if err != nil {
		if ops, err = p.operations(ctx, spec); err != nil {
			return states, err
		}
	}
	defer ops.Close()
	states.Guests, err = ops.GuestStatus(ctx, q)
	return states, err
}

func (s guestStates) text(w io.Writer) {
	for i, g := range s.Guests {
		if i > 0 {
			fmt.Fprintln(w)
		}
		writeRollout(w, g.Attachment)
		if len(g.Replicas) == 0 {
			fmt.Fprintln(w, "no server is known")
			continue
		}
		writeFigures(w, g.Figures)
		fmt.Fprintf(w, "%d of %d servers are in step\n", g.InStep, len(g.Replicas))
		table(w, "HOST STATE ANSWERS TRIAL IN-STEP SEEN PROBLEM", func(row func(...any)) {
			for _, r := range g.Replicas {
				row(r.Host, r.State, answering(r), trialing(r), yesNo(r.InStep), time.Since(r.Seen).Round(time.Second).String()+" ago", oneLine(strings.TrimSpace(r.Fell+" "+r.Problem)))
			}
		})
	}
}

// writeFigures shows what each version did on the server that was asked.
func writeFigures(w io.Writer, all []control.GuestFigures) {
	if len(all) == 0 {
		return
	}
	table(w, "VERSION ANSWERS CACHED CALLS FUEL MOST P50 P99 LOOKUPS FAILED NOT-CALLED INSTANCES MEMORY", func(row func(...any)) {
		for _, f := range all {
			row(f.Guest, f.Answers, fmt.Sprintf("%.1f%%", 100*f.CacheShare), f.Calls, fmt.Sprintf("%.0f", f.FuelMean), f.FuelMost,
				short(f.Seconds50), short(f.Seconds99), f.Lookups, failures(f.Failures), f.NotCalled, f.Instances, fmt.Sprintf("%.1fMiB", float64(f.MemoryBytes)/(1<<20)))
		}
	})
	for _, f := range all {
		if f.Breaker != resolve.BreakerClosed.String() {
			fmt.Fprintf(w, "%s fails too often: its circuit breaker is %s, and the fallback answers\n", f.Guest, f.Breaker)
		}
		if f.Impure {
			fmt.Fprintf(w, "%s is impure: its answers are not kept\n", f.Guest)
		}
	}
}

// short shows a time that may be below a microsecond.
func short(seconds float64) time.Duration {
	return time.Duration(seconds * float64(time.Second)).Round(100 * time.Nanosecond)
}

// failures counts failures, by kind where there are any.
func failures(by map[string]uint64) string {
	if len(by) == 0 {
		return "0"
	}
	var parts []string
	for _, kind := range slices.Sorted(maps.Keys(by)) {
		parts = append(parts, fmt.Sprintf("%s:%d", strings.ReplaceAll(kind, " ", "_"), by[kind]))
	}
	return strings.Join(parts, ",")
}

func answering(r control.GuestReplica) string {
	switch {
	case !r.Known:
		return "unknown"
	case r.Version == 0:
		return "fallback"
	}
	return fmt.Sprintf("%s@%d", r.Guest, r.Version)
}

func trialing(r control.GuestReplica) string {
	switch {
	case r.Fell != "":
		return "taken-back"
	case r.Candidate == 0:
		return "-"
	}
	if r.Compared > 0 {
		return fmt.Sprintf("@%d,%d-of-%d-differ", r.Candidate, r.Differ, r.Compared)
	}
	return fmt.Sprintf("@%d", r.Candidate)
}
