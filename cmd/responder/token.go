package main

import (
	"fmt"
	"io"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"github.com/namelet/namelet/internal/control"
)

func (p *program) token() *cobra.Command {
	return p.group("token", "Say who may do what at the control endpoint", p.tokenCreate(), p.tokenList(), p.tokenDelete())
}

func (p *program) tokenCreate() *cobra.Command {
	var q control.TokenRequest
	var expires time.Duration
	cmd := &cobra.Command{
		Use:   "create NAME --scope SCOPE...",
		Short: "Make a token and print it, this once",
		Long: `Make a token and print it. It is kept nowhere: what the store has is a hash. Its holder puts
it in a file that RESPONDER_CONTROL_TOKEN_FILE names.

Scopes are read, records (change zones and records), guests (push guests and let them answer) and
admin (everything); each of them may read. --zone and --guest limit the token to zones, by their
apex, and to guests. Guests belong to no zone, so a token that is limited to zones is for the guests
that are named, and no other.`,
		Args: arguments(1, 1),
		RunE: func(cmd *cobra.Command, args []string) error {
			q.Name = args[0]
			if len(q.Scopes) == 0 {
				return misused(cmd, fmt.Errorf("want: %s", cmd.UseLine()))
			}
			if cmd.Flags().Changed("expires") {
				if expires <= 0 {
					return misused(cmd, fmt.Errorf("--expires %v: want a time from now on", expires))
				}
				at := time.Now().Add(expires)
				q.Expires = &at
			}
			return p.operateNew(cmd.Context(), func(ops operations) error {
				made, err := ops.CreateToken(cmd.Context(), q)
				if err != nil {
					return err
				}
				return p.print(made, func(w io.Writer) { fmt.Fprintln(w, made.Secret) })
			})
		},
	}
	cmd.Flags().StringSliceVar(&q.Scopes, "scope", nil, "what its holder may do: read, records, guests, admin")
	cmd.Flags().StringSliceVar(&q.Zones, "zone", nil, "the only zones that it is for")
	cmd.Flags().StringSliceVar(&q.Guests, "guest", nil, "the only guests that it is for: a name, or a beginning and *")
	cmd.Flags().DurationVar(&expires, "expires", 0, "how long it is good, such as 720h (default: without end)")
	return cmd
}

func (p *program) tokenList() *cobra.Command {
	return &cobra.Command{
		Use:   "list",
		Short: "List tokens",
		Args:  arguments(0, 0),
		RunE: func(cmd *cobra.Command, _ []string) error {
			return p.operate(cmd.Context(), func(ops operations) error {
				all, err := ops.Tokens(cmd.Context())
				if err != nil {
					return err
				}
				return p.print(all, func(w io.Writer) { writeTokens(w, all) })
			})
		},
	}
}

func writeTokens(w io.Writer, all []control.Token) {
	table(w, "NAME SCOPES ZONES GUESTS CREATED EXPIRES", func(row func(...any)) {
		for _, t := range all {
			zones, guests, expires := "all", "all", "never"
			if len(t.Zones) > 0 {
				zones, guests = strings.Join(t.Zones, ","), "none"
			}
			if len(t.Guests) > 0 {
				guests = strings.Join(t.Guests, ",")
			}
			if t.Expires != nil {
				expires = t.Expires.Format(time.RFC3339)
			}
			if t.Expired {
				expires += " (expired)"
			}
			row(t.Name, strings.Join(t.Scopes, ","), zones, guests, t.Created.Format(time.RFC3339), expires)
		}
	})
}

func (p *program) tokenDelete() *cobra.Command {
	return &cobra.Command{
		Use:   "delete NAME",
		Short: "Delete a token, which is good no more then",
		Args:  arguments(1, 1),
		RunE: func(cmd *cobra.Command, args []string) error {
			return p.operate(cmd.Context(), func(ops operations) error {
				if err := ops.DeleteToken(cmd.Context(), control.TokenName{Name: args[0]}); err != nil {
					return err
				}
				return p.print(struct{}{}, func(w io.Writer) { fmt.Fprintf(w, "token %s: deleted\n", args[0]) })
			})
		},
	}
}
