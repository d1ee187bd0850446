package exports

import (
	"errors"
	"fmt"
	"io/fs"
	"slices"
	"strings"

	"github.com/lethe-chat/lethe/internal/exports/format"
	"github.com/lethe-chat/lethe/internal/fault"
)

// describedFiles is how many files the error about an unknown export describes.
const describedFiles = 5

// unrecognised returns the error for a source in which no file has a known format. It says what was found and what
// was looked for.
func unrecognised(r *Report, formats []format.Format) error {
	if problem := (&reading{report: r}).firstProblem(); problem.Text != "" {
		return fault.Invalidf("nothing could be read: %s: %s", problem.Place, problem.Text)
	}
	if r.WithoutCount == 0 {
		return fault.Invalidf("there are no files to import")
	}
	if !slices.ContainsFunc(r.Without, func(w Without) bool { return !w.Empty }) {
		return fault.Invalidf("%s is an empty export of an unknown kind: there are no conversations in it", r.Without[0].Path)
	}
	var b strings.Builder
	if r.WithoutCount == 1 {
		b.WriteString("the file has no format that Lethe knows.")
	} else {
		fmt.Fprintf(&b, "none of the %d files has a format that Lethe knows.", r.WithoutCount)
	}
	b.WriteString("\nFound:")
	for i, w := range r.Without {
		if i == describedFiles {
			fmt.Fprintf(&b, "\n  and %d others", r.WithoutCount-describedFiles)
			break
		}
		fmt.Fprintf(&b, "\n  %s: %s", w.Path, w.Found)
	}
	b.WriteString("\nLooked for (--format takes the name):")
	for _, f := range formats {
		fmt.Fprintf(&b, "\n  %s: %s, %s", f.Name, f.Title, f.LookFor)
	}
	return fault.Invalidf("%s", b.String())
}

// text returns an error as a report shows it: without the cause of a fault, because its
// message is complete, and without paths of the machine.
func text(err error) string {
	var known *fault.Error
	if errors.As(err, &known) {
		return known.Message
	}
	var path *fs.PathError
	if errors.As(err, &path) {
		return path.Err.Error()
	}
	return err.Error()
}
