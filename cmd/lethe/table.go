package main

import (
	"fmt"
	"io"
	"strings"
	"text/tabwriter"
	"time"
)

// table writes rows with aligned columns under a header. A column whose width
// varies most, such as a title, belongs at the end.
type table struct{ columns *tabwriter.Writer }

// newTable begins a table. Without names it has no header.
func newTable(out io.Writer, names ...string) table {
	t := table{tabwriter.NewWriter(out, 0, 0, 2, ' ', 0)}
	if len(names) > 0 {
		fmt.Fprintln(t.columns, strings.Join(names, "\t"))
	}
	return t
}

// row adds a row. Characters that would break the line or the columns become spaces.
func (t table) row(cells ...string) {
	for i, cell := range cells {
		cells[i] = oneLine(cell)
	}
	fmt.Fprintln(t.columns, strings.TrimRight(strings.Join(cells, "\t"), "\t"))
}

// print writes the table. Nothing is written before.
func (t table) print() error { return t.columns.Flush() }

// titleLimit is how many characters of a title a table shows; --json shows all of it.
const titleLimit = 50

// shortTitle returns a title cut for a table.
func shortTitle(title string) string {
	if title == "" {
		return "(no title)"
	}
	if letters := []rune(title); len(letters) > titleLimit {
		return string(letters[:titleLimit-1]) + "…"
	}
	return title
}

// date formats a time for a table, in UTC to the minute; "-" for none.
func date(t *time.Time) string {
	if t == nil {
		return "-"
	}
	return t.UTC().Format("2006-01-02 15:04")
}
