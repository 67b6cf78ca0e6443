package main

import (
	"fmt"
	"io"
	"strings"

	"github.com/spf13/cobra"

	"github.com/namelet/namelet/internal/control"
	"github.com/namelet/namelet/rr"
	"github.com/namelet/namelet/store/zonefile"
)

func (p *program) record() *cobra.Command {
	return p.group("record", "List, set, delete and apply changes to the records of a zone",
		p.recordList(), p.recordSet(), p.recordDelete(), p.recordApply())
}

// recordNames reads a zone's name and one in it, which is relative to the zone
// unless it ends in a dot; @ is the apex.
func recordNames(cmd *cobra.Command, zone, name string) (apex, owner rr.Name, err error) {
	if apex, err = rr.ParseName(zone); err != nil {
		return apex, owner, misused(cmd, fmt.Errorf("zone %q: %w", zone, err))
	}
	if owner, err = zonefile.ParseName(name, apex); err != nil {
		return apex, owner, misused(cmd, err)
	}
	return apex, owner, nil
}

func (p *program) recordSet() *cobra.Command {
	var ifVersion uint64
	cmd := &cobra.Command{
		Use:   "set ZONE NAME TTL TYPE RDATA...",
		Short: "Put records in the place of those with this name and type",
		Long: `Put records in the place of those with this name and type.

NAME is relative to the zone unless it ends in a dot; @ is the zone itself. Each RDATA
is one record's, written as in a zone file and quoted for the shell. Where that does
not read, all of them together are taken as one record's, so MX 10 mail needs no
quotes. Text of a TXT record that does not begin with a quotation mark is one string.`,
		Example: `  responder record set apps.example www 300 A 192.0.2.1 192.0.2.2
  responder record set apps.example @ 3600 MX 10 mail
  responder record set routes.internal shop 60 TXT "router=eu-1 state=active"`,
		Args: arguments(5, -1),
		RunE: func(cmd *cobra.Command, args []string) error {
			request, err := setRequest(cmd, args)
			if err != nil {
				return err
			}
			request.IfVersion = ifVersion
			return p.operate(cmd.Context(), func(ops operations) error {
				change, err := ops.SetRecords(cmd.Context(), request)
				if err != nil {
					return err
				}
				return p.printChange(change)
			})
		},
	}
	cmd.Flags().Uint64Var(&ifVersion, "if-version", 0, "change nothing unless the zone has this version")
	return cmd
}

// setRequest reads the arguments of record set.
func setRequest(cmd *cobra.Command, args []string) (control.RecordSetRequest, error) {
	apex, owner, err := recordNames(cmd, args[0], args[1])
	if err != nil {
		return control.RecordSetRequest{}, err
	}
	ttl, err := zonefile.ParseTTL(args[2])
	if err != nil {
		return control.RecordSetRequest{}, misused(cmd, err)
	}
	t, err := zonefile.ParseType(args[3])
	if err != nil {
		return control.RecordSetRequest{}, err
	}
	data, err := rdataArguments(t, args[4:], apex)
	if err != nil {
		return control.RecordSetRequest{}, err
	}
	return control.RecordSetRequest{
		Zone: apex.String(),
		Set:  control.RecordSet{Name: owner.String(), Type: t.String(), TTL: ttl, Data: data},
	}, nil
}

// rdataArguments reads rdata as it comes on a command line, and writes it with
// absolute names.
func rdataArguments(t rr.Type, args []string, origin rr.Name) ([]string, error) {
	var all []string
	var failed error
	for _, arg := range args {
		data, err := zonefile.ParseRdata(t, textArgument(t, arg), origin)
		if err != nil {
			failed = err
			break
		}
		all = append(all, zonefile.FormatRdata(t, data))
	}
	if failed == nil {
		return all, nil
	}
	if len(args) > 1 {
		if data, err := zonefile.ParseRdata(t, strings.Join(args, " "), origin); err == nil {
			return []string{zonefile.FormatRdata(t, data)}, nil
		}
	}
	return nil, fmt.Errorf("%s: %w", t, failed)
}

// textArgument quotes what the shell has taken the quotes of.
func textArgument(t rr.Type, arg string) string {
	if (t != rr.TypeTXT && t != rr.TypeSPF) || strings.HasPrefix(arg, `"`) || strings.HasPrefix(arg, `\#`) {
		return arg
	}
	return `"` + strings.ReplaceAll(arg, `"`, `\"`) + `"`
}

func (p *program) printChange(c control.Change) error {
	return p.print(c, func(w io.Writer) {
		fmt.Fprintf(w, "zone %s: serial %d, version %d\n", c.Zone, c.Serial, c.Version)
	})
}

func (p *program) recordDelete() *cobra.Command {
	var ifVersion uint64
	cmd := &cobra.Command{
		Use:   "delete ZONE NAME [TYPE]",
		Short: "Delete the records of a name, or those of one type",
		Args:  arguments(2, 3),
		RunE: func(cmd *cobra.Command, args []string) error {
			apex, owner, err := recordNames(cmd, args[0], args[1])
			if err != nil {
				return err
			}
			request := control.RecordDeleteRequest{Zone: apex.String(), Name: owner.String(), IfVersion: ifVersion}
			if len(args) > 2 {
				request.Type = args[2]
			}
			return p.operate(cmd.Context(), func(ops operations) error {
				change, err := ops.DeleteRecords(cmd.Context(), request)
				if err != nil {
					return err
				}
				return p.printChange(change)
			})
		},
	}
	cmd.Flags().Uint64Var(&ifVersion, "if-version", 0, "change nothing unless the zone has this version")
	return cmd
}

func (p *program) recordList() *cobra.Command {
	return &cobra.Command{
		Use:   "list ZONE [NAME [TYPE]]",
		Short: "List the records of a zone, or of a name in it",
		Long:  "List the records of a zone, or of a name in it. It fails where the name has none of them.",
		Args:  arguments(1, 3),
		RunE: func(cmd *cobra.Command, args []string) error {
			request := control.RecordQuery{Zone: args[0]}
			if len(args) > 1 {
				_, owner, err := recordNames(cmd, args[0], args[1])
				if err != nil {
					return err
				}
				request.Name = owner.String()
			}
			if len(args) > 2 {
				request.Type = args[2]
			}
			return p.operate(cmd.Context(), func(ops operations) error {
				found, err := ops.Records(cmd.Context(), request)
				if err != nil {
					return err
				}
				if len(found.Sets) == 0 && request.Name != "" { // else a mistyped name looks like one without records
					return fmt.Errorf("zone %s, version %d: %s", found.Zone, found.Version, strings.TrimSuffix(request.Name+" "+request.Type, " ")+": no such records")
				}
				return p.print(found, func(w io.Writer) {
					for _, s := range found.Sets {
						for _, data := range s.Data {
							fmt.Fprintf(w, "%s\t%d\tIN\t%s\t%s\n", s.Name, s.TTL, s.Type, data)
						}
					}
				})
			})
		},
	}
}
