package main

import (
	"context"
	"fmt"
	"io"
	"os/user"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"github.com/namelet/namelet/internal/control"
	"github.com/namelet/namelet/store"
)

func (p *program) audit() *cobra.Command {
	return p.group("audit", "See who changed what", p.auditList())
}

func (p *program) auditList() *cobra.Command {
	var q control.AuditQuery
	cmd := &cobra.Command{
		Use:   "list",
		Short: "List changes, the newest first",
		Long: `List changes of zones, records, guests and tokens, the newest first: who made them, by what request,
and about what. A change and its entry are written together, and what changed nothing has none.
Entries are kept for 400 days, of one writer no more than the newest 50,000, and of all no more
than 200,000, about.`,
		Args: arguments(0, 0),
		RunE: func(cmd *cobra.Command, _ []string) error {
			return p.operate(cmd.Context(), func(ops operations) error {
				all, err := ops.Audit(cmd.Context(), q)
				if err != nil {
					return err
				}
				return p.print(all, func(w io.Writer) { writeAudit(w, all) })
			})
		},
	}
	cmd.Flags().IntVar(&q.Limit, "limit", 100, "how many at most, up to 10000")
	cmd.Flags().StringVar(&q.Subject, "subject", "", "only of this zone, guest or token")
	cmd.Flags().StringVar(&q.Who, "who", "", "only of those whose name has this in it")
	cmd.Flags().StringVar(&q.RequestID, "request-id", "", "only of this request")
	return cmd
}

func writeAudit(w io.Writer, all []control.AuditEntry) {
	table(w, "TIME OPERATION SUBJECTS WHO FROM REQUEST", func(row func(...any)) {
		for _, e := range all {
			from := e.From
			if from == "" {
				from = "-"
			}
			row(e.Time.Format(time.RFC3339Nano), e.Operation, strings.Join(e.Subjects, " "), e.Who, from, e.RequestID)
		}
	})
}

// commandAudit is the context of a command: where it changes the store itself, the
// audit says so.
func commandAudit(cmd *cobra.Command, args []string) context.Context {
	who := "a user without a name"
	if u, err := user.Current(); err == nil {
		who = fmt.Sprintf("user %s (%s)", u.Username, u.Uid)
	}
	for _, name := range []string{"origin", "zone"} {
		if f := cmd.Flag(name); f != nil && f.Changed && f.Value.Type() == "string" {
			args = append(args[:len(args):len(args)], f.Value.String())
		}
	}
	return store.WithAudit(cmd.Context(), store.AuditEntry{
		RequestID: control.NewRequestID(), Who: who,
		Operation: strings.ReplaceAll(strings.TrimPrefix(cmd.CommandPath(), "responder "), " ", "/"), Subjects: args,
	})
}
