package main

import (
	"bufio"
	"errors"
	"fmt"
	"io"
	"os"
	"strings"

	"github.com/spf13/cobra"

	"github.com/namelet/namelet/internal/control"
	"github.com/namelet/namelet/rr"
	"github.com/namelet/namelet/store"
	"github.com/namelet/namelet/store/zonefile"
)

func (p *program) recordApply() *cobra.Command {
	var ifVersion uint64
	cmd := &cobra.Command{
		Use:   "apply ZONE [FILE]",
		Short: "Do many changes to a zone's records, all in one version or none",
		Long: `Do many changes to a zone's records, all in one version or none. FILE has one change
a line; without it, or with -, they are read from standard input.

  set NAME TTL TYPE RDATA   put a record; those of one name and type that a file sets are
                            put together, in the place of all that the zone has there
  delete NAME [TYPE]        remove the records of a name, or those of one type; where
                            there are none, nothing

NAME and RDATA are as in a zone file: a name is relative to the zone unless it ends in a
dot, and @ is the zone itself. Changes are done in their order. An empty line, and one
that begins with # or ;, says nothing.`,
		Example: `  printf 'set www 300 A 192.0.2.1\nset www 300 A 192.0.2.2\ndelete old\n' | responder record apply apps.example
  responder record apply apps.example changes.txt --if-version 17`,
		Args: arguments(1, 2),
		RunE: func(cmd *cobra.Command, args []string) error {
			apex, err := rr.ParseName(args[0])
			if err != nil {
				return misused(cmd, fmt.Errorf("zone %q: %w", args[0], err))
			}
			request := control.RecordApply{Zone: apex.String(), IfVersion: ifVersion}
			if request.Changes, err = readChanges(args[1:], apex); err != nil {
				return err
			}
			return p.operate(cmd.Context(), func(ops operations) error {
				change, err := ops.ApplyRecords(cmd.Context(), request)
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

// readChanges reads the file that is named, or standard input.
func readChanges(args []string, apex rr.Name) ([]control.RecordChange, error) {
	if len(args) == 0 || args[0] == "-" {
		return parseChanges(os.Stdin, "standard input", apex)
	}
	f, err := os.Open(args[0])
	if err != nil {
		return nil, pathError(err)
	}
	defer f.Close()
	return parseChanges(f, args[0], apex)
}

// maxChangeLine bounds a line of changes in bytes: a record at its largest, with
// every octet escaped.
const maxChangeLine = 4*65535 + 4096

// changeParser reads changes line by line. Sets grow while lines add to them.
type changeParser struct {
	apex    rr.Name
	changes []control.RecordChange
	growing map[rr.Key]map[rr.Type]*control.RecordSet
	records int
}

// parseChanges reads the form that record apply takes. The error names the line.
func parseChanges(r io.Reader, from string, apex rr.Name) ([]control.RecordChange, error) {
	p := changeParser{apex: apex, growing: map[rr.Key]map[rr.Type]*control.RecordSet{}}
	lines := bufio.NewScanner(r)
	lines.Buffer(nil, maxChangeLine)
	n := 0
	for lines.Scan() {
		n++
		if err := p.line(lines.Text()); err != nil {
			return nil, fmt.Errorf("%s:%d: %w", from, n, err)
		}
	}
	if err := lines.Err(); errors.Is(err, bufio.ErrTooLong) {
		return nil, fmt.Errorf("%s:%d: the line is longer than %d bytes", from, n+1, maxChangeLine)
	} else if err != nil {
		return nil, pathError(err)
	}
	if len(p.changes) == 0 {
		return nil, fmt.Errorf("%s: no changes: want lines with set or delete", from)
	}
	return p.changes, nil
}

// cutWord takes the first word off a line.
func cutWord(line string) (word, rest string) {
	line = strings.TrimLeft(line, " \t")
	if i := strings.IndexAny(line, " \t"); i >= 0 {
		return line[:i], strings.Trim(line[i:], " \t")
	}
	return line, ""
}

func (p *changeParser) line(text string) error {
	verb, rest := cutWord(strings.TrimRight(text, " \t\r"))
	switch {
	case verb == "" || verb[0] == '#' || verb[0] == ';':
		return nil
	case p.records >= 4*store.MaxChanges:
		return fmt.Errorf("more than %d records", 4*store.MaxChanges)
	case verb == "set":
		p.records++
		return p.set(rest)
	case verb == "delete":
		return p.delete(rest)
	}
	return fmt.Errorf("%q: want set NAME TTL TYPE RDATA, or delete NAME [TYPE]", verb)
}

// add enters a change.
func (p *changeParser) add(c control.RecordChange) error {
	if len(p.changes) >= store.MaxChanges {
		return fmt.Errorf("more than %d changes: import the zone instead", store.MaxChanges)
	}
	p.changes = append(p.changes, c)
	return nil
}

func (p *changeParser) set(rest string) error {
	nameText, rest := cutWord(rest)
	ttlText, rest := cutWord(rest)
	typeText, rdata := cutWord(rest)
	if typeText == "" || rdata == "" {
		return errors.New("want: set NAME TTL TYPE RDATA")
	}
	owner, err := zonefile.ParseName(nameText, p.apex)
	if err != nil {
		return err
	}
	ttl, err := zonefile.ParseTTL(ttlText)
	if err != nil {
		return err
	}
	t, err := zonefile.ParseType(typeText)
	if err != nil {
		return err
	}
	data, err := zonefile.ParseRdata(t, rdata, p.apex)
	if err != nil {
		return fmt.Errorf("%s: %w", t, err)
	}
	text := zonefile.FormatRdata(t, data)
	at := p.growing[owner.Key()]
	if at == nil {
		at = map[rr.Type]*control.RecordSet{}
		p.growing[owner.Key()] = at
	}
	if set := at[t]; set != nil {
		if set.TTL != ttl {
			return fmt.Errorf("%s %s has the TTL %d above", owner, t, set.TTL)
		}
		set.Data = append(set.Data, text)
		return nil
	}
	set := &control.RecordSet{Name: owner.String(), Type: t.String(), TTL: ttl, Data: []string{text}}
	at[t] = set
	return p.add(control.RecordChange{Set: set})
}

// delete ends the sets that it deletes: a later line begins a new one.
func (p *changeParser) delete(rest string) error {
	nameText, rest := cutWord(rest)
	typeText, rest := cutWord(rest)
	if nameText == "" || rest != "" {
		return errors.New("want: delete NAME [TYPE]")
	}
	owner, err := zonefile.ParseName(nameText, p.apex)
	if err != nil {
		return err
	}
	gone := control.RecordName{Name: owner.String()}
	if typeText != "" {
		t, err := zonefile.ParseType(typeText)
		if err != nil {
			return err
		}
		gone.Type = t.String()
		delete(p.growing[owner.Key()], t)
	} else {
		delete(p.growing, owner.Key())
	}
	return p.add(control.RecordChange{Delete: &gone})
}
