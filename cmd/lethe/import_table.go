package main

import (
	"cmp"
	"fmt"
	"io"
	"strings"
	"time"
	"unicode/utf8"

	"github.com/lethe-chat/lethe/internal/transfer"
)

// mostRows is how many files a table of results lists. More files are summed up by format.
const mostRows = 20

// sayResult prints the result of an import.
func sayResult(out io.Writer, r *transfer.Result, now indexState, took time.Duration) error {
	var b strings.Builder
	writeCounts(&b, r)
	writeRemarks(&b, r)
	fmt.Fprintf(&b, "Stored %s: %s.\n", thousands(r.Counts.Stored(), "conversation"), outcome(r.Counts))
	switch {
	case took >= time.Second:
		fmt.Fprintf(&b, "Read %s in %s (%s/s).\n", bytesText(r.Bytes), duration(took), bytesText(int64(float64(r.Bytes)/took.Seconds())))
	case took > 0:
		fmt.Fprintf(&b, "Read %s in less than a second.\n", bytesText(r.Bytes))
	}
	switch {
	case now.pending > 0:
		fmt.Fprintf(&b, "Search finds %s of the %s new ones so far; the others are being indexed.\n"+
			"`lethe import --watch` waits until all are indexed.\n", grouped(now.ready), grouped(r.Counts.New+r.Counts.Updated))
	case r.Counts.New+r.Counts.Updated > 0 && now.failed == 0:
		b.WriteString("Search finds all of them.\n")
	}
	_, err := io.WriteString(out, b.String())
	return err
}

// outcome describes the counts in words.
func outcome(c transfer.Counts) string {
	var parts []string
	add := func(n int, what string) {
		if n > 0 {
			parts = append(parts, grouped(n)+" "+what)
		}
	}
	add(c.New, "new")
	add(c.Updated, "updated")
	add(c.Unchanged, "unchanged")
	if len(parts) == 0 {
		parts = append(parts, "0 new")
	}
	add(c.Deleted, "left deleted (--restore-deleted stores them)")
	add(c.Excluded, "excluded (`lethe lift` accepts them again)")
	add(c.Skipped, "skipped")
	add(c.Failed, "failed")
	return strings.Join(parts, ", ")
}

// countColumns are the columns of the table. Columns after the third are shown only when they have numbers.
var countColumns = [...]struct {
	name string
	of   func(transfer.Counts) int
}{
	{"NEW", func(c transfer.Counts) int { return c.New }},
	{"UPDATED", func(c transfer.Counts) int { return c.Updated }},
	{"UNCHANGED", func(c transfer.Counts) int { return c.Unchanged }},
	{"DELETED", func(c transfer.Counts) int { return c.Deleted }},
	{"EXCLUDED", func(c transfer.Counts) int { return c.Excluded }},
	{"SKIPPED", func(c transfer.Counts) int { return c.Skipped }},
	{"FAILED", func(c transfer.Counts) int { return c.Failed }},
}

const alwaysShown = 3

// writeCounts writes the table of the files.
func writeCounts(b *strings.Builder, r *transfer.Result) {
	if len(r.Files) == 0 {
		return
	}
	header := []string{"FILE", "FORMAT"}
	rows := make([][]string, 0, len(r.Files)+1)
	for _, f := range listed(r.Files) {
		rows = append(rows, []string{fileLabel(f), cmp.Or(f.Format, "-")})
	}
	if len(rows) > 1 {
		rows = append(rows, []string{"all", ""})
	}
	for i, column := range countColumns {
		if i >= alwaysShown && column.of(r.Counts) == 0 {
			continue
		}
		header = append(header, column.name)
		for at, f := range listed(r.Files) {
			rows[at] = append(rows[at], grouped(column.of(f.Counts)))
		}
		if last := len(rows) - 1; last > 0 {
			rows[last] = append(rows[last], grouped(column.of(r.Counts)))
		}
	}
	writeColumns(b, 2, append([][]string{header}, rows...))
	b.WriteString("\n")
}

func fileLabel(f transfer.File) string {
	label := oneLine(f.Path)
	if letters := []rune(label); len(letters) > titleLimit {
		label = "…" + string(letters[len(letters)-titleLimit+1:]) // the end of a path distinguishes files better
	}
	if f.Path == "" {
		return count(f.Others, "file")
	}
	if f.Others > 0 {
		label += fmt.Sprintf(" and %d more", f.Others)
	}
	return label
}

// listed returns the rows of the table: one per file, or one per format if there are too many files.
func listed(files []transfer.File) []transfer.File {
	if len(files) <= mostRows {
		return files
	}
	var joined []transfer.File
	at := map[string]int{}
	for _, f := range files {
		i, known := at[f.Format]
		if !known {
			i = len(joined)
			at[f.Format] = i
			joined = append(joined, transfer.File{Format: f.Format})
		}
		joined[i].Others += 1 + f.Others
		joined[i].Counts = joined[i].Plus(f.Counts)
	}
	return joined
}

// writeColumns writes rows as aligned columns: the first ones are texts, aligned left, the others numbers, aligned
// right.
func writeColumns(b *strings.Builder, texts int, rows [][]string) {
	var widths []int
	for _, row := range rows {
		for i, cell := range row {
			if i == len(widths) {
				widths = append(widths, 0)
			}
			widths[i] = max(widths[i], utf8.RuneCountInString(cell))
		}
	}
	for _, row := range rows {
		var line strings.Builder
		for i, cell := range row {
			pad := strings.Repeat(" ", widths[i]-utf8.RuneCountInString(cell))
			if i > 0 {
				line.WriteString("  ")
			}
			if i < texts {
				line.WriteString(cell + pad)
			} else {
				line.WriteString(pad + cell)
			}
		}
		b.WriteString(strings.TrimRight(line.String(), " ") + "\n")
	}
}

// writeRemarks writes the warnings, problems and notes of reading.
func writeRemarks(b *strings.Builder, r *transfer.Result) {
	for _, note := range r.Notes {
		fmt.Fprintf(b, "To do: %s\n\n", oneLine(note))
	}
	if len(r.Warnings) > 0 || r.Without > 0 {
		rows := make([][]string, 0, len(r.Warnings)+1)
		for _, w := range r.Warnings {
			rows = append(rows, []string{"  " + grouped(w.Count), oneLine(w.Text)})
		}
		if r.Without > 0 {
			rows = append(rows, []string{"  " + grouped(r.Without), "files without conversations were left out"})
		}
		b.WriteString("Noticed:\n")
		writeNumbered(b, rows)
		b.WriteString("\n")
	}
	if len(r.Problems) > 0 {
		b.WriteString("Could not be imported completely:\n")
		for _, problem := range r.Problems {
			fmt.Fprintf(b, "  %s\n", strings.TrimPrefix(oneLine(problem.Place)+": "+oneLine(problem.Reason), ": "))
		}
		if more := r.ProblemCount - len(r.Problems); more > 0 {
			fmt.Fprintf(b, "  and %s\n", thousands(more, "other"))
		}
		b.WriteString("\n")
	}
}

// writeNumbered writes rows of a number and a text.
func writeNumbered(b *strings.Builder, rows [][]string) {
	width := 0
	for _, row := range rows {
		width = max(width, len(row[0]))
	}
	for _, row := range rows {
		fmt.Fprintf(b, "%*s  %s\n", width, row[0], row[1])
	}
}

// sayPreview prints what an import would store.
func sayPreview(out io.Writer, p *transfer.Preview) error {
	var b strings.Builder
	conversations, messages := 0, 0
	rows := [][]string{{"FORMAT", "PLATFORM", "FROM", "TO", "CONVERSATIONS", "MESSAGES"}}
	for _, k := range p.Kinds {
		rows = append(rows, []string{k.Format, oneLine(k.Platform), dateOnly(k.From), dateOnly(k.To), grouped(k.Conversations), grouped(k.Messages)})
		conversations += k.Conversations
		messages += k.Messages
	}
	if len(p.Kinds) > 0 {
		writeColumns(&b, 4, rows)
		b.WriteString("\n")
	}
	writeRemarks(&b, &p.Result)
	fmt.Fprintf(&b, "%s with %s would be imported", thousands(conversations, "conversation"), thousands(messages, "message"))
	if p.Counts.Skipped > 0 {
		fmt.Fprintf(&b, "; %s skipped", grouped(p.Counts.Skipped))
	}
	b.WriteString(". Nothing was stored.\n")
	_, err := io.WriteString(out, b.String())
	return err
}

func dateOnly(t time.Time) string {
	if t.IsZero() {
		return "-"
	}
	return t.UTC().Format(time.DateOnly)
}

// grouped formats a number with a comma after each thousand.
func grouped(n int) string {
	text := fmt.Sprint(n)
	for i := len(text) - 3; i > 0 && text[i-1] != '-'; i -= 3 {
		text = text[:i] + "," + text[i:]
	}
	return text
}

// thousands is count with a comma after each thousand.
func thousands(n int, noun string) string {
	if n == 1 {
		return "1 " + noun
	}
	return grouped(n) + " " + noun + "s"
}
