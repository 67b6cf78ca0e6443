package main

import (
	"fmt"
	"os"

	"github.com/spf13/cobra"

	"github.com/namelet/namelet/internal/replica"
	"github.com/namelet/namelet/internal/trial"
)

// trialCommand is the command by which the program tries a module in a process of its own.
const trialCommand = "try-module"

// trial is that command. It is the program's own affair, and not in its help.
func (p *program) trial() *cobra.Command {
	return &cobra.Command{
		Use:    trialCommand + " FOLDER",
		Short:  "Try the module on standard input, for guest push",
		Hidden: true,
		Args:   arguments(1, 1),
		RunE: func(cmd *cobra.Command, args []string) error {
			return trial.Serve(cmd.Context(), os.Stdin, p.out, args[0])
		},
	}
}

// trials makes what tries modules.
func (p *program) trials() (*trial.Child, error) {
	dir, err := p.config.guestCache()
	if err != nil {
		return nil, err
	}
	// Linux: this very program, even where its file was replaced since.
	self := "/proc/self/exe"
	if _, err := os.Stat(self); err != nil {
		if self, err = os.Executable(); err != nil {
			return nil, fmt.Errorf("path of this program: %w", err)
		}
	}
	child := trial.NewChild(self, []string{os.Args[0], trialCommand}, dir)
	child.Most = replica.Limits(p.config.guestLimits())
	return child, nil
}
