package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"slices"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"github.com/namelet/namelet/internal/control"
)

func (p *program) status() *cobra.Command {
	return &cobra.Command{
		Use:   "status",
		Short: "Show the servers of a store, and how far what they serve is",
		Long: `Show the server that answers on --control-listen, as it says itself, and all others that serve
from the same shared store, as they last said there. STALENESS is for how long a server had
not read the store's changes to their end. A server that has not been heard of for half a minute is silent.

Without a server here the store is asked alone. A store that is one file or memory has one
server only.`,
		Args: arguments(0, 0),
		RunE: func(cmd *cobra.Command, _ []string) error {
			all, err := p.replicas(cmd.Context())
			if err != nil {
				return err
			}
			return p.print(all, func(w io.Writer) { writeReplicas(w, all) })
		},
	}
}

// replicas asks the server here, where there is one, else the store.
func (p *program) replicas(ctx context.Context) (control.Replicas, error) {
	spec, err := parseStore(p.config.Store)
	if err != nil {
		return control.Replicas{}, err
	}
	client, err := p.config.client()
	if err != nil {
		return control.Replicas{}, err
	}
	defer client.Close()
	status, err := client.Status(ctx)
	switch {
	case err == nil && (spec.kind == storeServer || status.Store == spec.String()):
		return client.Replicas(ctx)
	case err != nil && !errors.Is(err, control.ErrUnreachable):
		return control.Replicas{}, err
	}
	if err := spec.exists(); err != nil {
		return control.Replicas{}, err
	}
	st, err := spec.open(ctx)
	if err != nil {
		return control.Replicas{}, err
	}
	all := control.NewService(st, nil).Replicas(ctx, nil)
	all.Store = spec.String()
	if err := st.Close(); err != nil {
		return all, err
	}
	if all.Error != "" {
		return all, errors.New(all.Error)
	}
	return all, nil
}

func writeReplicas(w io.Writer, all control.Replicas) {
	fmt.Fprintf(w, "store %s\n", all.Store)
	if len(all.Replicas) == 0 {
		fmt.Fprintln(w, "no server is known")
	} else {
		table(w, "HOST SITE VERSION STATE ZONES NAMES GUESTS PROBLEMS STALENESS SEEN", func(row func(...any)) {
			for _, r := range all.Replicas {
				state, seen := r.State, time.Since(r.Seen).Round(time.Second).String()+" ago"
				if r.FromMirror {
					state += ",mirror"
				}
				if r.Asked {
					seen = "now"
				}
				site := r.Site
				if site == "" {
					site = "-"
				}
				row(r.Host, site, r.Version, state, r.Zones, r.Names, r.Attachments, r.Problems, time.Duration(r.StalenessSeconds*float64(time.Second)).Round(10*time.Millisecond), seen)
			}
		})
	}
	var problems []string
	for what, why := range all.Problems {
		problems = append(problems, what+": "+oneLine(why))
	}
	slices.Sort(problems)
	if len(problems) > 0 {
		fmt.Fprintf(w, "problems here:\n  %s\n", strings.Join(problems, "\n  "))
	}
	if all.Error != "" {
		fmt.Fprintf(w, "the store was not asked for other servers: %s\n", oneLine(all.Error))
	}
}
