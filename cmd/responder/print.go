package main

import (
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"strings"
	"text/tabwriter"
)

// print prints v as JSON where that is wanted, else what text writes.
func (p *program) print(v any, text func(w io.Writer)) error {
	if p.json {
		enc := json.NewEncoder(p.out)
		enc.SetEscapeHTML(false)
		enc.SetIndent("", "  ")
		return enc.Encode(v)
	}
	var b strings.Builder
	text(&b)
	_, err := io.WriteString(p.out, b.String())
	return err
}

// table writes rows in columns, under the heads.
func table(w io.Writer, heads string, rows func(row func(cells ...any))) {
	tab := tabwriter.NewWriter(w, 0, 8, 2, ' ', 0)
	fmt.Fprintln(tab, strings.ReplaceAll(heads, " ", "\t"))
	rows(func(cells ...any) {
		for i, cell := range cells {
			if i > 0 {
				fmt.Fprint(tab, "\t")
			}
			fmt.Fprint(tab, cell)
		}
		fmt.Fprintln(tab)
	})
	tab.Flush()
}

// yesNo shows a flag in a table.
func yesNo(b bool) string {
	if b {
		return "yes"
	}
	return "no"
}

// pathError leaves the operation out of an error of the file system.
func pathError(err error) error {
	var path *os.PathError
	if errors.As(err, &path) {
		return fmt.Errorf("%s: %w", path.Path, path.Err)
	}
	return err
}
