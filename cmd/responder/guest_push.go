package main

import (
	"errors"
	"fmt"
	"io"
	"strings"

	"github.com/spf13/cobra"

	"github.com/namelet/namelet/internal/control"
	"github.com/namelet/namelet/internal/trial"
)

// pushFlags are the flags of guest push.
type pushFlags struct {
	scenarios                            string
	progress                             bool
	keyFile, passwordFile, signatureFile string
}

func (p *program) guestPush() *cobra.Command {
	var o pushFlags
	cmd := &cobra.Command{
		Use:   "push NAME FILE",
		Short: "Prove a module and store it as the newest version of a guest",
		Long: `Prove a module and store it as the newest version of a guest. The module is inspected,
compiled, started and asked questions of all shapes first, by the server where one runs,
in a process of its own with bounds on time and memory: one that fails does not become a
version. What was found out is printed and kept with the version. What is attached stays
attached to the version that it has.

FILE is - for standard input.

A folder of scenarios has files *.json of zones, questions and the answers that must come;
docs/reference/scenarios.md has their form.`,
		Example: "  responder guest push geo geo.wasm --scenarios scenarios\n  responder guest push geo geo.wasm --sign ~/.minisign/minisign.key --password-file password",
		Args:    arguments(2, 2),
		RunE: func(cmd *cobra.Command, args []string) error {
			wasm, err := readModule(args[1])
			if err != nil {
				return err
			}
			if _, err := inspect(args[1], wasm); err != nil {
				return fmt.Errorf("%s: %w", args[1], err)
			}
			push, err := o.push(args[0], wasm)
			if err != nil {
				return err
			}
			meter := p.meter(o.progress)
			defer meter.clear()
			if meter.out != nil {
				push.Told = func(phase control.PushPhase) { meter.say(string(phase)) }
			}
			push.Sent = func(done, total int) { meter.show("sending", "bytes", int64(done), int64(total)) }
			return p.operateNew(cmd.Context(), func(ops operations) error {
				version, err := ops.PushGuest(cmd.Context(), push, wasm)
				meter.clear()
				if err != nil {
					p.findings(err)
					return fmt.Errorf("%s: %w", args[1], err)
				}
				return p.print(version, func(w io.Writer) { versionText(w, version) })
			})
		},
	}
	f := cmd.Flags()
	f.StringVar(&o.scenarios, "scenarios", "", "`folder` of scenarios that the guest must answer as they say")
	f.StringVar(&o.keyFile, "sign", "", "`file` with a secret key of minisign to sign the module with")
	f.StringVar(&o.passwordFile, "password-file", "", "`file` with the password of the secret key")
	f.StringVar(&o.signatureFile, "signature", "", "`file` with a signature of the module, as minisign writes it")
	f.BoolVar(&o.progress, "progress", false, "say on standard error how much of the module is sent and what the server is at, also where that is no terminal")
	cmd.MarkFlagsMutuallyExclusive("sign", "signature")
	return cmd
}

// push makes the request that goes with a module.
func (o *pushFlags) push(name string, wasm []byte) (control.GuestPush, error) {
	q := control.GuestPush{Guest: name}
	var err error
	if q.Signature, err = o.signature(wasm); err != nil {
		return q, err
	}
	if o.scenarios != "" {
		q.Scenarios, err = trial.Load(o.scenarios)
	}
	return q, err
}

// findings lists what a module failed at, where that is more than the error says.
func (p *program) findings(err error) {
	var failed *control.Error
	if !errors.As(err, &failed) || failed.Report == nil || len(failed.Report.Failures) < 2 {
		return
	}
	for _, f := range failed.Report.Failures {
		fmt.Fprintln(p.errOut, f)
	}
}

// versionText shows a version with the report of its trial.
func versionText(w io.Writer, g control.GuestVersion) {
	fmt.Fprintf(w, "guest %s@%d: %d bytes, sha256 %s\n", g.Guest, g.Version, g.Size, g.Digest)
	if g.Key != "" {
		fmt.Fprintf(w, "signed     by key %s\n", g.Key)
	}
	r := g.Report
	if r == nil {
		return
	}
	fmt.Fprintf(w, "imports    %s\n", orNothing(r.Imports))
	fmt.Fprintf(w, "reads      %s\n", orNothing(r.Inputs))
	fmt.Fprintf(w, "compiled   in %.2f s\n", r.CompileSeconds)
	if r.Asked > 0 {
		fmt.Fprintf(w, "memory     %d KiB at most\n", r.Memory>>10)
		fmt.Fprintf(w, "fuel       %d to start, %d a question at the median, %d at most\n", r.InitFuel, r.FuelMedian, r.FuelMost)
	}
	fmt.Fprintf(w, "asked      %d questions, %d scenarios\n", r.Asked, r.Scenarios)
	for _, f := range r.Remarks {
		fmt.Fprintf(w, "remark     %s\n", f)
	}
	if r.Left > 0 {
		fmt.Fprintf(w, "remark     and %d more\n", r.Left)
	}
}

func orNothing(words []string) string {
	if len(words) == 0 {
		return "nothing"
	}
	return strings.Join(words, ", ")
}
