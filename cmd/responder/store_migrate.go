package main

import (
	"fmt"
	"io"
	"time"

	"github.com/spf13/cobra"
)

// migrated is the result of store migrate.
type migrated struct {
	Store   string  `json:"store"`
	From    int     `json:"from"` // 0: there were no tables
	To      int     `json:"to"`
	Seconds float64 `json:"seconds"`
}

func (p *program) storeMigrate() *cobra.Command {
	create := false
	cmd := &cobra.Command{
		Use:   "migrate",
		Short: "Make the tables of a Spanner database, or bring them up to this release",
		Long: `Make the tables of a Spanner database, or bring them up to this release. It may be
repeated, also after it was stopped half-way. A server refuses tables that are older or newer
than it knows when it starts; one that runs goes on. So: migrate, then restart servers.

Other stores keep themselves up to date.`,
		Example: "  responder store migrate --create --store spanner:projects/P/instances/I/databases/D",
		Args:    arguments(0, 0),
		RunE: func(cmd *cobra.Command, _ []string) error {
			spec, err := parseStore(p.config.Store)
			if err != nil {
				return err
			}
			if spec.kind != storeSpanner {
				return p.print(migrated{Store: spec.String()}, func(w io.Writer) {
					fmt.Fprintf(w, "store %s: nothing to migrate\n", spec)
				})
			}
			started := time.Now()
			from, to, err := migrateSpanner(cmd.Context(), spec.path, create)
			if err != nil {
				return err
			}
			m := migrated{Store: spec.String(), From: from, To: to, Seconds: time.Since(started).Seconds()}
			return p.print(m, func(w io.Writer) {
				if from == to {
					fmt.Fprintf(w, "store %s: the schema is at version %d\n", spec, to)
					return
				}
				fmt.Fprintf(w, "store %s: the schema went from version %d to %d in %.1f s\n", spec, from, to, m.Seconds)
			})
		},
	}
	cmd.Flags().BoolVar(&create, "create", false, "make the database where it is not there (with an emulator, its instance too)")
	return cmd
}
