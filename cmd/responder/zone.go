package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"syscall"
	"time"

	"github.com/spf13/cobra"

	"github.com/namelet/namelet/internal/control"
	"github.com/namelet/namelet/rr"
	"github.com/namelet/namelet/store/zonefile"
)

func (p *program) zone() *cobra.Command {
	return p.group("zone", "Import, export, compare, list, show, set up and delete zones",
		p.zoneImport(), p.zoneExport(), p.zoneDiff(), p.zoneList(), p.zoneShow(), p.zoneSet(), p.zoneDelete())
}

// imported is the result of zone import.
type imported struct {
	control.Zone
	Records int     `json:"records"`
	Seconds float64 `json:"seconds"`
}

func (p *program) zoneImport() *cobra.Command {
	var request control.ZoneImport
	var settings settingFlags
	var progress bool
	cmd := &cobra.Command{
		Use:   "import --origin NAME FILE",
		Short: "Give a zone the content of a zone file, and no other",
		Long: `Give a zone the content of a zone file, and no other. The zone is made where it
is not there. The import happens as a whole or not at all. Settings that no flag names
stay as the zone has them; "responder zone set" changes them without an import.

The serial is kept as the file has it. Content that differs under a serial that is not
higher (RFC 1982) is refused, since secondaries would not see it, unless --force is given.
$INCLUDE reads files in the folder of FILE and below it.`,
		Example: "  responder zone import --origin apps.example apps.zone\n  responder zone import --origin . root.zone\n  responder zone import --private --origin routes.internal routes.zone",
		Args:    arguments(1, 1),
		RunE: func(cmd *cobra.Command, args []string) error {
			origin, err := rr.ParseName(request.Zone)
			if err != nil {
				return misused(cmd, fmt.Errorf("--origin %q: %w", request.Zone, err))
			}
			if request.ZoneSettings, err = settings.read(cmd); err != nil {
				return err
			}
			started := time.Now()
			meter := p.meter(progress)
			defer meter.clear()
			sets, err := zonefile.ParseFileWatched(args[0], origin, func(done, size int64) { meter.show("reading", "bytes", done, size) })
			if err != nil {
				return pathError(err)
			}
			return p.operateNew(cmd.Context(), func(ops operations) error {
				zone, err := ops.ImportZoneWatched(cmd.Context(), request, sets, func(i control.ImportProgress) {
					meter.show(string(i.Phase), "RRsets", int64(i.Done), int64(i.Total))
				})
				meter.clear()
				if err != nil {
					return err
				}
				return p.printImported(imported{Zone: zone, Records: records(sets), Seconds: time.Since(started).Seconds()})
			})
		},
	}
	f := cmd.Flags()
	f.StringVar(&request.Zone, "origin", "", "the zone's apex; the root is .")
	f.BoolVar(&request.Force, "force", false, "import also where the serial is not higher")
	f.BoolVar(&progress, "progress", false, "say on standard error how far the import is, also where that is no terminal")
	settings.define(cmd)
	required(cmd, "origin")
	return cmd
}

func (p *program) printImported(i imported) error {
	return p.print(i, func(w io.Writer) {
		private := ""
		if i.Private {
			private = "private "
		}
		fmt.Fprintf(w, "%szone %s: serial %d, %d records, %.2f seconds\n", private, i.Name, i.Serial, i.Records, i.Seconds)
	})
}

func records(sets []rr.Set) int {
	n := 0
	for _, s := range sets {
		n += len(s.Data)
	}
	return n
}

func (p *program) zoneExport() *cobra.Command {
	var out string
	cmd := &cobra.Command{
		Use:   "export NAME",
		Short: "Write a zone as a zone file",
		Args:  arguments(1, 1),
		RunE: func(cmd *cobra.Command, args []string) error {
			origin, err := rr.ParseName(args[0])
			if err != nil {
				return misused(cmd, fmt.Errorf("name %q: %w", args[0], err))
			}
			return p.operate(cmd.Context(), func(ops operations) error {
				sets, err := ops.ExportZone(cmd.Context(), control.ZoneName{Zone: args[0]})
				if err != nil {
					return err
				}
				if out == "" || out == "-" {
					return zonefile.Write(p.out, origin, sets)
				}
				return writeFile(out, func(w io.Writer) error { return zonefile.Write(w, origin, sets) })
			})
		},
	}
	cmd.Flags().StringVarP(&out, "output", "o", "", "file to write (default: standard output)")
	return cmd
}

// writeFile writes a file whole or not at all, through links and with the mode that
// it has. What is there and no file, such as a device, is written to as it is.
func writeFile(path string, write func(io.Writer) error) error {
	return outputError(path, writeTo(path, write))
}

func writeTo(path string, write func(io.Writer) error) error {
	mode := os.FileMode(0o644)
	info, err := os.Stat(path)
	switch {
	case err == nil && info.IsDir():
		return &os.PathError{Op: "write", Path: path, Err: syscall.EISDIR}
	case err == nil && !info.Mode().IsRegular():
		return writeInto(path, write)
	case err == nil:
		mode = info.Mode().Perm()
		if path, err = filepath.EvalSymlinks(path); err != nil {
			return err
		}
	default:
		if _, err := os.Lstat(path); err == nil { // a link to what is not there
			return writeInto(path, write)
		}
	}
	f, err := os.CreateTemp(filepath.Dir(path), "."+filepath.Base(path)+".*")
	if err != nil {
		return err
	}
	defer os.Remove(f.Name()) // it is gone where all went well
	err = write(f)
	if err == nil {
		err = f.Chmod(mode)
	}
	if err == nil {
		err = f.Sync()
	}
	if closeErr := f.Close(); err == nil {
		err = closeErr
	}
	if err == nil {
		err = os.Rename(f.Name(), path)
	}
	return err
}

// writeInto writes to what cannot be replaced.
func writeInto(path string, write func(io.Writer) error) error {
	f, err := os.OpenFile(path, os.O_WRONLY|os.O_CREATE, 0o644)
	if err != nil {
		return err
	}
	err = write(f)
	if closeErr := f.Close(); err == nil {
		err = closeErr
	}
	return err
}

// outputError names the path that was asked for, not that of a file on the way.
func outputError(path string, err error) error {
	var atPath *os.PathError
	var atLink *os.LinkError
	switch {
	case errors.As(err, &atPath):
		err = &os.PathError{Op: atPath.Op, Path: path, Err: atPath.Err}
	case errors.As(err, &atLink):
		err = &os.PathError{Op: atLink.Op, Path: path, Err: atLink.Err}
	}
	return pathError(err)
}

func (p *program) zoneList() *cobra.Command {
	return &cobra.Command{
		Use:   "list",
		Short: "List the zones",
		Args:  arguments(0, 0),
		RunE: func(cmd *cobra.Command, _ []string) error {
			return p.operate(cmd.Context(), func(ops operations) error {
				zones, err := ops.Zones(cmd.Context())
				if err != nil {
					return err
				}
				return p.print(zones, func(w io.Writer) {
					table(w, "ZONE SERIAL VERSION RRSETS PRIVATE SIGNED SETTINGS", func(row func(...any)) {
						for _, z := range zones {
							row(z.Name, z.Serial, z.Version, z.RRsets, yesNo(z.Private), yesNo(z.Signed), unusual(z))
						}
					})
				})
			})
		},
	}
}

// shownZone is a zone with what is attached to it.
type shownZone struct {
	control.Zone
	Attachments []control.Attachment `json:"attachments"`
}

func (p *program) zoneShow() *cobra.Command {
	return &cobra.Command{
		Use:   "show NAME",
		Short: "Show a zone and what is attached to it",
		Args:  arguments(1, 1),
		RunE: func(cmd *cobra.Command, args []string) error {
			return p.operate(cmd.Context(), func(ops operations) error {
				zone, err := showZone(cmd.Context(), ops, args[0])
				if err != nil {
					return err
				}
				return p.print(zone, zone.text)
			})
		},
	}
}

func showZone(ctx context.Context, ops operations, name string) (shownZone, error) {
	zone, err := ops.Zone(ctx, control.ZoneName{Zone: name})
	if err != nil {
		return shownZone{}, err
	}
	all, err := ops.Attachments(ctx)
	if err != nil {
		return shownZone{}, err
	}
	shown := shownZone{Zone: zone, Attachments: []control.Attachment{}}
	for _, a := range all {
		if a.Zone == zone.Name {
			shown.Attachments = append(shown.Attachments, a)
		}
	}
	return shown, nil
}

func (z shownZone) text(w io.Writer) {
	for _, line := range [][2]any{
		{"zone", z.Name}, {"serial", z.Serial}, {"version", z.Version}, {"rrsets", z.RRsets},
		{"private", yesNo(z.Private)}, {"signed", yesNo(z.Signed)}, {"fallback", z.Fallback},
		{"serial style", z.SerialStyle}, {"max stale", staleText(z.MaxStale)}, {"residency", z.Residency},
		{"client subnet", onOff(z.ClientSubnet)}, {"changed", z.Changed.Format(time.RFC3339)},
	} {
		fmt.Fprintf(w, "%-14s %v\n", line[0], line[1])
	}
	for _, a := range z.Attachments {
		fmt.Fprintf(w, "%-14s %s\n", "guest", attachmentLine(a))
	}
}

func (p *program) zoneDelete() *cobra.Command {
	return &cobra.Command{
		Use:   "delete NAME",
		Short: "Delete a zone with all its records",
		Args:  arguments(1, 1),
		RunE: func(cmd *cobra.Command, args []string) error {
			return p.operate(cmd.Context(), func(ops operations) error {
				if err := ops.DeleteZone(cmd.Context(), control.ZoneName{Zone: args[0]}); err != nil {
					return err
				}
				return p.print(map[string]string{"deleted": args[0]}, func(w io.Writer) {
					fmt.Fprintf(w, "zone %s: deleted\n", args[0])
				})
			})
		},
	}
}

// required makes a flag one that must be given.
func required(cmd *cobra.Command, flag string) {
	run := cmd.RunE
	cmd.RunE = func(cmd *cobra.Command, args []string) error {
		if !cmd.Flags().Changed(flag) {
			return misused(cmd, fmt.Errorf("want: %s", cmd.UseLine()))
		}
		return run(cmd, args)
	}
}
