package tables

import (
	"bytes"
	"context"
	"encoding/csv"
	"errors"
	"fmt"
	"io"
	"maps"
	"slices"
	"strconv"
	"strings"

	"github.com/go-json-experiment/json"
	"github.com/go-json-experiment/json/jsontext"

	"github.com/lethe-chat/lethe/internal/exports/format"
	"github.com/lethe-chat/lethe/internal/exports/lines"
	"github.com/lethe-chat/lethe/internal/exports/loose"
	"github.com/lethe-chat/lethe/internal/exports/session"
)

func (c Columns) matches(s *format.Sample) bool {
	if l, ok := session.LinesOf(s); ok {
		return l.Has(c.Text) && l.Has(c.Role)
	}
	if s.Kind == format.Binary || s.Kind == format.SQLite {
		return false
	}
	header, err := newCSV(bytes.NewReader(s.Head), s.Head).Read()
	return err == nil && column(header, c.Text) >= 0 && column(header, c.Role) >= 0
}

// rows passes the rows of a file to fn, in their order.
func (c Columns) rows(ctx context.Context, m format.Member, out *format.Out, fn func(row) error) error {
	in, err := m.Open()
	if err != nil {
		return err
	}
	head, err := io.ReadAll(io.LimitReader(in, 64<<10))
	if err := errors.Join(err, in.Close()); err != nil {
		return err
	}
	if trimmed := bytes.TrimLeft(head, " \t\r\n"); len(trimmed) > 0 && trimmed[0] == '{' {
		return c.jsonRows(ctx, m, out, fn)
	}
	return c.csvRows(ctx, m, head, out, fn)
}

func (c Columns) jsonRows(ctx context.Context, m format.Member, out *format.Out, fn func(row) error) error {
	return lines.Each(ctx, m, out, func(at lines.Place, object map[string]jsontext.Value) error {
		var without []string
		w := c.row(func(name string) string {
			text, found := valueAt(object, name)
			if !found {
				without = append(without, name)
			}
			return text
		})
		w.place, w.without = at.Line, without
		if len(without) > 0 {
			w.fields = slices.Sorted(maps.Keys(object))
		}
		return fn(w)
	})
}

// valueAt returns the text at a path of names with dots, and whether there is a value; it may be no text. An empty
// path is found.
func valueAt(object map[string]jsontext.Value, name string) (string, bool) {
	if name == "" {
		return "", true
	}
	value, ok := object[name]
	if !ok {
		first, rest, dotted := strings.Cut(name, ".")
		var inner map[string]jsontext.Value
		if dotted && json.Unmarshal(object[first], &inner, lines.Options) == nil {
			return valueAt(inner, rest)
		}
		return "", false
	}
	var text loose.Text
	if json.Unmarshal(value, &text, lines.Options) != nil {
		return "", true
	}
	return string(text), true
}

// row returns a row from the values of its columns.
func (c Columns) row(get func(column string) string) row {
	return row{
		conversation: strings.TrimSpace(get(c.Conversation)), role: get(c.Role), text: get(c.Text), time: get(c.Time),
		title: get(c.Title), id: strings.TrimSpace(get(c.ID)), project: get(c.Project),
	}
}

func (c Columns) csvRows(ctx context.Context, m format.Member, head []byte, out *format.Out, fn func(row) error) error {
	in, err := m.Open()
	if err != nil {
		return err
	}
	defer in.Close()
	table := newCSV(in, head)
	header, err := table.Read()
	if err != nil {
		out.Problem(format.Place{Member: m.Path, Line: 1}, errHeader) // the error may quote it
		return nil
	}
	for _, name := range []string{c.Conversation, c.Role, c.Text, c.Time, c.Title, c.ID, c.Project} {
		if name != "" && column(header, name) < 0 {
			out.Problem(format.Place{Member: m.Path, Line: 1}, missing(name, header))
			return nil
		}
	}
	for ctx.Err() == nil {
		record, err := table.Read()
		if errors.Is(err, io.EOF) {
			return nil
		}
		var syntax *csv.ParseError
		switch {
		case errors.As(err, &syntax):
			out.Problem(format.Place{Member: m.Path, Line: syntax.StartLine}, errRow)
			continue
		case err != nil:
			return fmt.Errorf("%s cannot be read: %w", m.Path, err)
		}
		w := c.row(func(name string) string {
			if at := column(header, name); at >= 0 && at < len(record) {
				return record[at]
			}
			return ""
		})
		w.place, _ = table.FieldPos(0)
		if err := fn(w); err != nil {
			return err
		}
	}
	return context.Cause(ctx)
}

// missing returns the error about a column that a table does not have. It names those that the
// table has, unless its first line may be a row: errors contain no text of messages.
func missing(name string, header []string) error {
	const longestName = 40
	for _, h := range header {
		if h = strings.TrimSpace(h); len(h) > longestName || len(strings.Fields(h)) > 3 || strings.ContainsAny(h, ".?!\n") {
			return fmt.Errorf("it has no column %q, and its first line does not look like names of columns", name)
		}
	}
	names := strings.Join(header[:min(len(header), mostNames)], ", ")
	return fmt.Errorf("it has no column %q; its columns are: %s", name, names)
}

// mostNames is how many names of columns an error lists.
const mostNames = 30

// nowhere returns the error about fields that no line of a file with JSON lines has. first are the fields of its
// first line.
func nowhere(names, first []string) error {
	return fmt.Errorf("no line has the field %s; the first line has: %s", quoted(names), strings.Join(first[:min(len(first), mostNames)], ", "))
}

func quoted(names []string) string {
	all := make([]string, len(names))
	for i, name := range names {
		all[i] = strconv.Quote(name)
	}
	return strings.Join(all, " and ")
}

var errHeader = errors.New("it has no header that can be read")

var errRow = errors.New("the row is not CSV")

// newCSV returns a reader for the separator that the first line has most of.
func newCSV(in io.Reader, head []byte) *csv.Reader {
	r := csv.NewReader(in)
	first, _, _ := bytes.Cut(head, []byte("\n"))
	for _, separator := range []rune{';', '\t'} {
		if bytes.Count(first, []byte(string(separator))) > bytes.Count(first, []byte(string(r.Comma))) {
			r.Comma = separator
		}
	}
	r.FieldsPerRecord, r.LazyQuotes, r.ReuseRecord = -1, true, false
	return r
}

// column returns the number of a column; -1 when there is none. Its name is compared without
// regard to case and to white space around it.
func column(header []string, name string) int {
	if name == "" {
		return -1
	}
	for i, h := range header {
		if strings.EqualFold(strings.TrimSpace(strings.TrimPrefix(h, "\uFEFF")), name) {
			return i
		}
	}
	return -1
}
