package main

import (
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"github.com/spf13/cobra"

	"github.com/namelet/namelet/internal/control"
	"github.com/namelet/namelet/internal/guestbuild"
	"github.com/namelet/namelet/runtime"
	"github.com/namelet/namelet/store"
)

func (p *program) guest() *cobra.Command {
	return p.group("guest", "Build, inspect and push guests, and attach them to zones",
		p.guestBuild(), p.guestInspect(), p.guestPush(), p.guestList(), p.guestDelete(), p.guestAttach(), p.guestDetach(),
		p.guestActivate(), p.guestRollback(), p.guestStatus(), p.guestLogs())
}

// report is what a module is.
type report struct {
	File     string          `json:"file"`
	Language string          `json:"built_from,omitempty"`
	Report   *runtime.Report `json:"report"`
	Snapshot bool            `json:"snapshot"` // instances are copies of an initialised one
}

func (p *program) guestBuild() *cobra.Command {
	var out string
	cmd := &cobra.Command{
		Use:   "build DIR -o FILE",
		Short: "Build a guest from a folder of Go, C, Rust or AssemblyScript, and inspect it",
		Long: `Build a guest from a folder of Go, C, Rust or AssemblyScript, and inspect it. The
language is that of the files in the folder. FILE is written only where the module can be a guest.`,
		Args: arguments(1, 1),
		RunE: func(cmd *cobra.Command, args []string) error {
			made, err := os.MkdirTemp("", "responder-build-")
			if err != nil {
				return err
			}
			defer os.RemoveAll(made)
			module := filepath.Join(made, "guest.wasm")
			language, err := guestbuild.Build(cmd.Context(), args[0], module)
			if err != nil {
				var refused *guestbuild.Error
				if errors.As(err, &refused) && refused.Messages != "" {
					fmt.Fprintln(p.errOut, refused.Messages)
				}
				return fmt.Errorf("build %s: %w", args[0], err)
			}
			wasm, err := os.ReadFile(module)
			if err != nil {
				return pathError(err)
			}
			r, err := inspect(out, wasm)
			if err != nil {
				return fmt.Errorf("build %s: %w", args[0], err)
			}
			r.Language = language
			if err := writeFile(out, func(w io.Writer) error { _, err := w.Write(wasm); return err }); err != nil {
				return err
			}
			return p.print(r, r.line)
		},
	}
	cmd.Flags().StringVarP(&out, "output", "o", "", "file to write the module to")
	required(cmd, "output")
	return cmd
}

// inspect says what the module is, or why it cannot be a guest.
func inspect(file string, wasm []byte) (report, error) {
	r, err := runtime.Inspect(wasm)
	if err != nil {
		return report{}, errors.New(strings.TrimPrefix(err.Error(), "inspect: "))
	}
	return report{File: file, Report: r, Snapshot: r.Snapshot()}, nil
}

// line is a report in one line.
func (r report) line(w io.Writer) {
	fmt.Fprintf(w, "%s: %d bytes, %d functions, reads %s\n", r.File, r.Report.Size, r.Report.Functions, inputs(r.Report))
}

func inputs(r *runtime.Report) string {
	if len(r.Inputs) == 0 {
		return "nothing but the question"
	}
	return strings.Join(r.Inputs, ", ")
}

func (p *program) guestInspect() *cobra.Command {
	return &cobra.Command{
		Use:   "inspect FILE",
		Short: "Say what a module is, or why it cannot be a guest",
		Args:  arguments(1, 1),
		RunE: func(cmd *cobra.Command, args []string) error {
			wasm, err := readModule(args[0])
			if err != nil {
				return err
			}
			r, err := inspect(args[0], wasm)
			if err != nil {
				return fmt.Errorf("%s: %w", args[0], err)
			}
			return p.print(r, r.text)
		},
	}
}

// standardInput is the name of standard input, where a file is asked for.
const standardInput = "-"

// readModule reads a module from a file or standard input.
func readModule(path string) ([]byte, error) {
	if path == standardInput {
		wasm, err := io.ReadAll(io.LimitReader(os.Stdin, store.MaxGuestBytes+1))
		if err == nil && len(wasm) > store.MaxGuestBytes {
			err = fmt.Errorf("larger than %d bytes", store.MaxGuestBytes)
		}
		if err != nil {
			return nil, fmt.Errorf("standard input: %w", err)
		}
		return wasm, nil
	}
	info, err := os.Stat(path)
	if err != nil {
		return nil, pathError(err)
	}
	if !info.Mode().IsRegular() || info.Size() > store.MaxGuestBytes {
		return nil, fmt.Errorf("%s is not a module: not a file, or larger than %d bytes", path, store.MaxGuestBytes)
	}
	wasm, err := os.ReadFile(path)
	return wasm, pathError(err)
}

func (r report) text(w io.Writer) {
	m := r.Report
	fmt.Fprintf(w, "module     %s, %d bytes\n", r.File, m.Size)
	for _, made := range [][]string{m.Language, m.ProcessedBy} {
		if len(made) > 0 {
			fmt.Fprintf(w, "made by    %s\n", strings.Join(made, ", "))
		}
	}
	fmt.Fprintf(w, "functions  %d, the largest has %d bytes\n", m.Functions, m.LargestBody)
	fmt.Fprintf(w, "memory     %d pages of 64 KiB to begin with\n", m.MemoryMin)
	fmt.Fprintf(w, "data       %d bytes\n", m.DataBytes)
	fmt.Fprintf(w, "reads      %s\n", inputs(m))
	fmt.Fprintf(w, "instances  %s\n", instances(m))
	for _, e := range m.Exports {
		fmt.Fprintf(w, "export     %s %s\n", e.Name, e.Type)
	}
	for _, i := range m.Imports {
		fmt.Fprintf(w, "import     %s.%s %s\n", i.Module, i.Name, i.Type)
	}
}

// instances says how instances are made, and why.
func instances(m *runtime.Report) string {
	if m.Snapshot() {
		return "are copies of an initialised one"
	}
	var why []string
	for _, reason := range []struct {
		is   bool
		text string
	}{
		{m.PassiveData, "passive data"},
		{m.DroppedData, "data that are dropped"},
		{m.PassiveElements, "passive elements"},
		{m.MutableTables, "tables that change"},
		{m.MutableOpaque, "globals that cannot be copied"},
	} {
		if reason.is {
			why = append(why, reason.text)
		}
	}
	return "are started anew each, since the module has " + strings.Join(why, " and ")
}

// guestListing is the result of guest list.
type guestListing struct {
	Guests      []control.GuestVersion `json:"guests"`
	Attachments []control.Attachment   `json:"attachments"`
}

func (p *program) guestList() *cobra.Command {
	return &cobra.Command{
		Use:   "list",
		Short: "List the guests, their versions and where they are attached",
		Args:  arguments(0, 0),
		RunE: func(cmd *cobra.Command, _ []string) error {
			return p.operate(cmd.Context(), func(ops operations) error {
				var l guestListing
				var err error
				if l.Guests, err = ops.Guests(cmd.Context()); err != nil {
					return err
				}
				if l.Attachments, err = ops.Attachments(cmd.Context()); err != nil {
					return err
				}
				return p.print(l, l.text)
			})
		},
	}
}

func (l guestListing) text(w io.Writer) {
	table(w, "GUEST VERSION BYTES DIGEST ATTACHED", func(row func(...any)) {
		for _, g := range l.Guests {
			var at []string
			for _, a := range l.Attachments {
				if a.Guest == g.Guest && a.Version == g.Version {
					at = append(at, a.At)
				}
			}
			row(g.Guest, g.Version, g.Size, g.Digest[:min(12, len(g.Digest))], strings.Join(at, " "))
		}
	})
}

// attachmentLine is an attachment in one line.
func attachmentLine(a control.Attachment) string {
	line := fmt.Sprintf("%s@%d at %s", a.Guest, a.Version, a.At)
	if a.Scope == control.ScopeName {
		line += " alone"
	} else {
		line += " and below"
	}
	if len(a.Grants) > 0 {
		line += ", reads " + strings.Join(a.Grants, " ")
	}
	return line
}

// attachFlags are the flags of attach and detach.
type attachFlags struct {
	zone, fallback string
	subtree, name  bool
	grants, values []string
	fuel, rate     uint64
	memory         uint32
	lookups        uint32
	initFuel       uint64
	answerBytes    uint32
	concurrency    uint32
	reset          bool
}

func (p *program) guestAttach() *cobra.Command {
	var o attachFlags
	cmd := &cobra.Command{
		Use:   "attach POINT GUEST[@VERSION]",
		Short: "Let a guest answer for a zone, a subtree or a name",
		Long: `Let a guest answer for a zone, a subtree or a name. POINT is a zone's apex or a name in
one. The guest's newest version is taken where none is given; a guest that is attached
there already is replaced. The guest is started with its configuration first: where
that fails, nothing is attached.`,
		Example: "  responder guest attach apps.example apps --grant routes.internal\n  responder guest attach cdn.example geo@3 --name --config region=eu",
		Args:    arguments(2, 2),
		RunE: func(cmd *cobra.Command, args []string) error {
			a, err := o.attachment(args)
			if err != nil {
				return misused(cmd, err)
			}
			return p.operate(cmd.Context(), func(ops operations) error {
				made, err := ops.Attach(cmd.Context(), a)
				if err != nil {
					return err
				}
				return p.print(made, func(w io.Writer) { fmt.Fprintf(w, "guest %s\n", attachmentLine(made)) })
			})
		},
	}
	f := cmd.Flags()
	o.point(cmd)
	f.StringArrayVar(&o.grants, "grant", nil, "zone that the guest may look into, beside its own; may be repeated")
	f.StringArrayVar(&o.values, "config", nil, "KEY=VALUE that the guest is started with; may be repeated")
	f.Uint64Var(&o.fuel, "fuel", 0, "units of fuel a query (default: the server's)")
	f.Uint64Var(&o.rate, "fuel-per-second", 0, "units of fuel a second on each server, past which the fallback answers (default: no limit)")
	f.Uint32Var(&o.memory, "memory", 0, "`pages` of 64 KiB that an instance may have (default: the server's)")
	f.Uint32Var(&o.lookups, "lookups", 0, "lookups a query (default: the server's)")
	f.Uint64Var(&o.initFuel, "init-fuel", 0, "units of fuel that its start may burn (default: the server's)")
	f.Uint32Var(&o.answerBytes, "answer-bytes", 0, "octets of an answer's records, uncompressed (default: the server's)")
	f.Uint32Var(&o.concurrency, "concurrency", 0, "calls at the same time on each server, past which the fallback answers (default: no limit)")
	f.BoolVar(&o.reset, "reset", false, "answer every question with the state that the guest had when it was started")
	f.StringVar(&o.fallback, "fallback", "", "what is answered where the guest fails: static, servfail or last-good (default: the zone's)")
	return cmd
}

// point defines the flags that name an attachment.
func (o *attachFlags) point(cmd *cobra.Command) {
	f := cmd.Flags()
	f.StringVar(&o.zone, "zone", "", "the zone's apex (default: the closest zone around POINT)")
	f.BoolVar(&o.subtree, "subtree", false, "for POINT and all names below it (the default)")
	f.BoolVar(&o.name, "name", false, "for POINT alone")
	cmd.MarkFlagsMutuallyExclusive("subtree", "name")
}

func (o *attachFlags) scope() string {
	if o.name {
		return control.ScopeName
	}
	return control.ScopeSubtree
}

// attachment reads the arguments of guest attach.
func (o *attachFlags) attachment(args []string) (control.Attachment, error) {
	a := control.Attachment{
		Zone: o.zone, At: args[0], Scope: o.scope(),
		Grants: o.grants, Values: map[string]string{}, Fallback: o.fallback,
		Fuel: o.fuel, FuelPerSecond: o.rate, Memory: o.memory, Lookups: o.lookups,
		InitFuel: o.initFuel, AnswerBytes: o.answerBytes, Concurrency: o.concurrency, Reset: o.reset,
	}
	if err := (control.ZoneSettings{Fallback: o.fallback}).Check(); err != nil {
		return a, err
	}
	var err error
	if a.Guest, a.Version, err = parseVersion(args[1]); err != nil {
		return a, err
	}
	for _, value := range o.values {
		key, v, ok := strings.Cut(value, "=")
		if !ok || key == "" {
			return a, fmt.Errorf("--config %q: want KEY=VALUE", value)
		}
		if _, again := a.Values[key]; again {
			return a, fmt.Errorf("--config %s: given twice", key)
		}
		a.Values[key] = v
	}
	slices.Sort(a.Grants)
	a.Grants = slices.Compact(a.Grants)
	return a, nil
}

func (p *program) guestDelete() *cobra.Command {
	return &cobra.Command{
		Use:   "delete GUEST@VERSION",
		Short: "Delete a version of a guest that is not attached",
		Long: `Delete a version of a guest, and its module where no other version has it. The newest stays,
and so does what an attachment has: active, on trial, or to go back to. Of itself the store keeps the newest
100 versions of a guest, and those that attachments have.`,
		Args: arguments(1, 1),
		RunE: func(cmd *cobra.Command, args []string) error {
			guest, version, err := parseVersion(args[0])
			if err == nil && version == 0 {
				err = fmt.Errorf("want: %s", cmd.UseLine())
			}
			if err != nil {
				return misused(cmd, err)
			}
			return p.operate(cmd.Context(), func(ops operations) error {
				if err := ops.DeleteGuest(cmd.Context(), control.GuestVersionName{Guest: guest, Version: version}); err != nil {
					return err
				}
				return p.print(struct{}{}, func(w io.Writer) { fmt.Fprintf(w, "guest %s: deleted\n", args[0]) })
			})
		},
	}
}

func (p *program) guestDetach() *cobra.Command {
	var o attachFlags
	cmd := &cobra.Command{
		Use:   "detach POINT",
		Short: "Take a guest away from where it is attached",
		Args:  arguments(1, 1),
		RunE: func(cmd *cobra.Command, args []string) error {
			at := control.AttachmentPoint{Zone: o.zone, At: args[0], Scope: o.scope()}
			return p.operate(cmd.Context(), func(ops operations) error {
				if err := ops.Detach(cmd.Context(), at); err != nil {
					return err
				}
				return p.print(at, func(w io.Writer) { fmt.Fprintf(w, "%s: detached\n", args[0]) })
			})
		},
	}
	o.point(cmd)
	return cmd
}
