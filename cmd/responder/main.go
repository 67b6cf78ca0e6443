// Command responder is Namelet: the server and the commands that manage what it
// serves.
//
// Its configuration comes from the environment and from flags of the same names
// (RESPONDER_LISTEN is --listen; the flag wins). Commands that read or change the
// store open it where no server runs, and go through the running server's control
// endpoint where one does.
//
// It exits with 0 when what was asked is done, 1 when it failed, and 2 when it was
// asked in a way it does not understand. A failure is one line on standard error.
package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"os/signal"
	"strings"
	"syscall"

	"github.com/spf13/cobra"
)

// Exit codes.
const (
	exitDone   = 0
	exitFailed = 1
	exitUsage  = 2
)

func main() {
	os.Exit(run(os.Args[1:], os.Environ(), os.Stdout, os.Stderr))
}

// run runs one command line and gives its exit code.
func run(args, environ []string, stdout, stderr io.Writer) int {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	context.AfterFunc(ctx, stop) // a second signal ends the program at once
	p := &program{out: stdout, errOut: stderr}
	root, err := p.root(environ)
	if err == nil {
		root.SetArgs(args)
		err = root.ExecuteContext(ctx)
	}
	code, err := exitCode(err)
	if err != nil {
		fmt.Fprintf(stderr, "responder: %s\n", oneLine(err.Error()))
	}
	var usage *usageError
	if errors.As(err, &usage) {
		fmt.Fprintln(stderr, usage.hint)
	}
	return code
}

// oneLine joins the lines of joined errors, and of what people and guests wrote, fit for
// a terminal.
func oneLine(s string) string {
	return plain(strings.Join(strings.FieldsFunc(s, func(c rune) bool { return c == '\n' || c == '\r' }), "; "))
}

// usageError is the error of a command line that is not understood.
type usageError struct {
	err  error
	hint string // what to type to learn more
}

func (e *usageError) Error() string { return e.err.Error() }
func (e *usageError) Unwrap() error { return e.err }

// misused makes a usage error for cmd.
func misused(cmd *cobra.Command, err error) error {
	return &usageError{err: err, hint: "See: " + cmd.CommandPath() + " --help"}
}

// program is what the commands of one run share.
type program struct {
	config      config
	json        bool
	out, errOut io.Writer
}

// root makes the command tree. The error is that of the environment.
func (p *program) root(environ []string) (*cobra.Command, error) {
	root := p.group("responder", "Namelet: an authoritative DNS server whose answers are small programs")
	root.SilenceErrors, root.SilenceUsage = true, true
	root.CompletionOptions.HiddenDefaultCmd = true
	root.SetOut(p.out)
	root.SetErr(p.errOut)
	unknown := unknownVariables(environ)
	if err := p.config.load(environ); err != nil {
		return nil, &usageError{err: err, hint: "See: responder --help"}
	}
	root.PersistentFlags().SortFlags = false
	p.config.flags(root.PersistentFlags())
	root.PersistentFlags().BoolVar(&p.json, "json", false, "print JSON")
	root.SetFlagErrorFunc(misused)
	root.PersistentPreRunE = func(cmd *cobra.Command, args []string) error {
		if err := p.config.check(); err != nil {
			return misused(cmd, err)
		}
		if err := cmd.ValidateFlagGroups(); err != nil { // cobra's own look does not make it a misuse
			return misused(cmd, err)
		}
		if len(unknown) > 0 && cmd.Name() != trialCommand { // whose parent has said so
			fmt.Fprintf(p.errOut, "responder: warning: no such settings, which are ignored: %s\n", strings.Join(unknown, ", "))
		}
		if cmd.Name() != "serve" { // what a server does is its callers'
			cmd.SetContext(commandAudit(cmd, args))
		}
		return nil
	}
	root.AddCommand(p.serve(), p.status(), p.health(), p.zone(), p.record(), p.guest(), p.store(), p.query(), p.token(), p.audit(), p.version(), p.trial())
	return root, nil
}

// group makes a command that only holds others.
func (p *program) group(use, short string, children ...*cobra.Command) *cobra.Command {
	cmd := &cobra.Command{Use: use, Short: short}
	cmd.Args = func(cmd *cobra.Command, args []string) error {
		if len(args) == 0 {
			return misused(cmd, fmt.Errorf("%s wants a command", cmd.CommandPath()))
		}
		return misused(cmd, fmt.Errorf("%s has no command %q", cmd.CommandPath(), args[0]))
	}
	cmd.RunE = func(*cobra.Command, []string) error { return nil } // not reached: no arguments please Args
	cmd.AddCommand(children...)
	return cmd
}

// arguments checks how many arguments a command gets; most below 0 means any
// number.
func arguments(least, most int) cobra.PositionalArgs {
	return func(cmd *cobra.Command, args []string) error {
		if len(args) < least || (most >= 0 && len(args) > most) {
			return misused(cmd, fmt.Errorf("want: %s", cmd.UseLine()))
		}
		return nil
	}
}
