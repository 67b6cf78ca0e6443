package main

import (
	"errors"
	"fmt"
	"io"
	"os"
	"time"

	"github.com/spf13/cobra"

	"github.com/namelet/namelet/internal/control"
	"github.com/namelet/namelet/store"
)

func (p *program) store() *cobra.Command {
	return p.group("store", "Make, check, back up and restore the store",
		p.storeMigrate(), p.storeCheck(), p.storeBackup(), p.storeRestore())
}

// errFindings is the error of a check that found something, which has been printed.
var errFindings = errors.New("the store does not hold together: restore it from a backup, or export its zones and import them into another")

func (p *program) storeCheck() *cobra.Command {
	return &cobra.Command{
		Use:   "check",
		Short: "Read the whole store and hold it against itself",
		Long: `Read the whole store, as it is at one moment, and hold it against itself: every row, the
counts and serials of zones, what may stand at a name, the journal, which must lead to what
the zones have, modules by their digests, and attachments with their zones and guests.

Each finding is a line, and the exit code is 1 where there is one. The check works beside a
running server, which goes on.`,
		Args: arguments(0, 0),
		RunE: func(cmd *cobra.Command, _ []string) error {
			return p.operate(cmd.Context(), func(ops operations) error {
				check, err := ops.CheckStore(cmd.Context())
				if err != nil {
					return err
				}
				err = p.print(check, func(w io.Writer) { printCheck(w, check) })
				if err == nil && check.Found > 0 {
					return errFindings
				}
				return err
			})
		},
	}
}

func printCheck(w io.Writer, check control.StoreCheck) {
	for _, line := range check.Findings {
		fmt.Fprintln(w, line)
	}
	if more := check.Found - len(check.Findings); more > 0 {
		fmt.Fprintf(w, "and %d more\n", more)
	}
	fmt.Fprintf(w, "%d zones, %d RRsets, %d entries of the journal, %d modules, %d rows: %d findings\n",
		check.Zones, check.RRsets, check.Journal, check.Modules, check.Rows, check.Found)
}

func (p *program) storeBackup() *cobra.Command {
	var force bool
	cmd := &cobra.Command{
		Use:   "backup FILE",
		Short: "Write the whole store to a file",
		Long: `Write the whole store, as it is at one moment, to a file: zones, journals, guests and
attachments. With - as FILE it goes to standard output. A running server goes on, and may be
written to meanwhile. FILE is there only when it is whole; it ends in a checksum. A file that
is there already stays as it is, but with --force.

A backup can be restored into a store of any kind; see "responder store restore".`,
		Example: "  responder store backup namelet-$(date +%F).backup\n  responder store backup - | gzip > namelet.backup.gz",
		Args:    arguments(1, 1),
		RunE: func(cmd *cobra.Command, args []string) error {
			if info, err := os.Stat(args[0]); err == nil && info.Mode().IsRegular() && !force {
				return fmt.Errorf("%s: it is there already, and might be the only backup: name another, or give --force", args[0])
			}
			return p.operate(cmd.Context(), func(ops operations) error {
				var made control.Backup
				write := func(w io.Writer) (err error) {
					made, err = ops.BackupStore(cmd.Context(), w)
					return err
				}
				if args[0] == "-" {
					return write(p.out)
				}
				if err := writeFile(args[0], write); err != nil {
					return err
				}
				return p.print(made, func(w io.Writer) {
					fmt.Fprintf(w, "%s: %d rows, %d bytes, of store %s at %s\n", args[0], made.Rows, made.Bytes, made.Identity, made.Time.Format(time.RFC3339))
				})
			})
		},
	}
	cmd.Flags().BoolVar(&force, "force", false, "write over a file that is there")
	return cmd
}

// restored is the result of store restore.
type restored struct {
	control.Backup
	Restored string `json:"restored_identity"` // that the store has now
}

func (p *program) storeRestore() *cobra.Command {
	var force, progress bool
	cmd := &cobra.Command{
		Use:   "restore FILE",
		Short: "Make the store what a backup has",
		Long: `Make the store what a backup has, whatever kind of store the backup is of. The store must
be empty; what it has is lost with --force. The file is read to its end first, and a damaged
one changes nothing. No server may have the store: stop them before.

The store gets another identity. Changes made since the backup are not in it, and the numbers
of their versions will be given to other changes; so replicas that hold content of the store
that was backed up must not go on from it. They refuse the restored store, serve what they
have and say so, until they are started anew without their mirrors.

A restore that is cut short leaves no store, and can be done again.`,
		Args: arguments(1, 1),
		RunE: func(cmd *cobra.Command, args []string) error {
			spec, err := parseStore(p.config.Store)
			if err != nil {
				return err
			}
			if spec.kind == storeMemory {
				return errors.New("store memory: ends with its server, so that nothing can be restored into it: name another store (RESPONDER_STORE)")
			}
			meter := p.meter(progress)
			f, err := openBackup(args[0], meter)
			if err != nil {
				return err
			}
			defer f.Close()
			made := spec.exists() != nil
			driver, err := spec.openDriver(cmd.Context())
			if err != nil {
				return err
			}
			info, identity, err := store.Restore(cmd.Context(), driver, f, store.RestoreOptions{Force: force})
			meter.clear()
			if err := errors.Join(restoreError(args[0], err), driver.Close()); err != nil {
				if made { // so that a refusal leaves nothing behind
					err = errors.Join(err, os.Remove(spec.path))
				}
				return err
			}
			return p.print(restored{control.BackupOf(info), identity}, func(w io.Writer) {
				fmt.Fprintf(w, "%d rows of store %s at %s: restored as store %s\n", info.Rows, info.Identity, info.Time.Format(time.RFC3339), identity)
			})
		},
	}
	cmd.Flags().BoolVar(&force, "force", false, "restore also where the store is not empty; what it has is lost")
	cmd.Flags().BoolVar(&progress, "progress", false, "say how far it is also where standard error is no terminal")
	return cmd
}

// openBackup opens a file that can be read twice.
func openBackup(path string, m *meter) (*backupFile, error) {
	info, err := os.Stat(path)
	if err != nil {
		return nil, pathError(err)
	}
	if !info.Mode().IsRegular() {
		return nil, fmt.Errorf("%s is no file: a backup is read twice", path)
	}
	f, err := os.Open(path)
	if err != nil {
		return nil, pathError(err)
	}
	return &backupFile{File: f, meter: m, phase: "checking", size: info.Size()}, nil
}

// backupFile is a file that is read twice, and a meter that shows how far.
type backupFile struct {
	*os.File
	meter      *meter
	phase      string
	done, size int64
}

// Read implements io.Reader.
func (b *backupFile) Read(p []byte) (int, error) {
	n, err := b.File.Read(p)
	b.done += int64(n)
	b.meter.show(b.phase, "bytes", b.done, b.size)
	return n, err
}

// Seek implements io.Seeker; it begins the second reading.
func (b *backupFile) Seek(offset int64, whence int) (int64, error) {
	b.phase, b.done = "restoring", 0
	return b.File.Seek(offset, whence)
}

// restoreError says which file is meant, and how to go on.
func restoreError(path string, err error) error {
	switch {
	case errors.Is(err, store.ErrExists):
		return fmt.Errorf("%w: restore into another, or give --force", err)
	case errors.Is(err, store.ErrBackup), errors.Is(err, store.ErrSchema):
		return fmt.Errorf("%s: %w", path, err)
	}
	return err
}
