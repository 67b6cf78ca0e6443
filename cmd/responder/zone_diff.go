package main

import (
	"context"
	"errors"
	"fmt"
	"io"

	"github.com/spf13/cobra"

	"github.com/namelet/namelet/internal/control"
	"github.com/namelet/namelet/rr"
	"github.com/namelet/namelet/store"
	"github.com/namelet/namelet/store/zonefile"
)

// Exit codes of zone diff beside exitDone, which are those of diff(1).
const (
	exitDiffers = 1
	exitTrouble = 2
)

// exitError is an error with an exit code of its own; err is nil where there is
// nothing to say beside it.
type exitError struct {
	code int
	err  error
}

func (e *exitError) Error() string {
	if e.err == nil {
		return fmt.Sprintf("exit code %d", e.code)
	}
	return e.err.Error()
}

func (e *exitError) Unwrap() error { return e.err }

// zoneDifference is the result of zone diff.
type zoneDifference struct {
	Zone    string              `json:"zone"`
	Same    bool                `json:"same"`
	Removed []control.RecordSet `json:"removed"`
	Added   []control.RecordSet `json:"added"`
}

func (p *program) zoneDiff() *cobra.Command {
	return &cobra.Command{
		Use:   "diff NAME FILE",
		Short: "Show what an import of a zone file would change",
		Long: `Show what an import of a zone file would change: the RRsets that it would take out, with -
in front of each record, and those that it would put in, with +. Nothing is changed.

The exit code is 0 where there is no difference, 1 where there is one, and 2 on trouble, as
that of diff.`,
		Example: "  responder zone diff apps.example apps.zone && echo nothing to import",
		Args:    arguments(2, 2),
		RunE: func(cmd *cobra.Command, args []string) error {
			apex, err := rr.ParseName(args[0])
			if err != nil {
				return misused(cmd, fmt.Errorf("name %q: %w", args[0], err))
			}
			difference, err := p.diffZone(cmd.Context(), apex, args[1])
			if err == nil {
				err = p.print(difference, difference.text)
			}
			switch {
			case err != nil:
				return &exitError{exitTrouble, err}
			case !difference.Same:
				return &exitError{exitDiffers, nil}
			}
			return nil
		},
	}
}

func (p *program) diffZone(ctx context.Context, apex rr.Name, path string) (zoneDifference, error) {
	after, err := zonefile.ParseFile(path, apex)
	if err != nil {
		return zoneDifference{}, pathError(err)
	}
	var before []rr.Set
	err = p.operate(ctx, func(ops operations) error {
		before, err = ops.ExportZone(ctx, control.ZoneName{Zone: apex.String()})
		return err
	})
	if err != nil {
		return zoneDifference{}, err
	}
	removed, added, err := store.Compare(apex, before, after)
	if err != nil {
		return zoneDifference{}, err
	}
	d := zoneDifference{Zone: apex.String(), Same: len(removed)+len(added) == 0, Removed: []control.RecordSet{}, Added: []control.RecordSet{}}
	for _, set := range removed {
		d.Removed = append(d.Removed, control.RecordSetOf(set))
	}
	for _, set := range added {
		d.Added = append(d.Added, control.RecordSetOf(set))
	}
	return d, nil
}

func (d zoneDifference) text(w io.Writer) {
	for _, side := range []struct {
		sign string
		sets []control.RecordSet
	}{{"-", d.Removed}, {"+", d.Added}} {
		for _, s := range side.sets {
			for _, data := range s.Data {
				fmt.Fprintf(w, "%s%s\t%d\tIN\t%s\t%s\n", side.sign, s.Name, s.TTL, s.Type, data)
			}
		}
	}
}

// exitCode is the code of a run that ended with err, and what there is to print
// about it: nothing where a command has said all.
func exitCode(err error) (code int, shown error) {
	var usage *usageError
	var own *exitError
	switch {
	case err == nil:
		return exitDone, nil
	case errors.As(err, &usage):
		return exitUsage, err
	case errors.As(err, &own):
		return own.code, own.err
	}
	return exitFailed, err
}
