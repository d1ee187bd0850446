package exports

import (
	"context"
	"flag"
	"fmt"
	"maps"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/lethe-chat/lethe/internal/exports/container"
	"github.com/lethe-chat/lethe/internal/exports/format"
)

// folder is read instead of the fixtures of the readers, to see what is found in it:
//
//	go test ./internal/exports -run TestFolders -v -args -folder ~/exports
var folder = flag.String("folder", "", "a folder of exports; each file or folder directly in it is read as one export")

// TestFolders reads each folder of fixtures as one export and logs a table of the results.
func TestFolders(t *testing.T) {
	pattern := "*/testdata"
	if *folder != "" {
		pattern = filepath.Join(*folder, "*")
	}
	paths, err := filepath.Glob(pattern)
	require.NoError(t, err)
	require.NotEmpty(t, paths)
	var rows strings.Builder
	for _, path := range paths {
		if path == "tables/testdata" { // its columns have to be named
			continue
		}
		line, err := row(path)
		fmt.Fprintf(&rows, "%s\n", line)
		if *folder == "" {
			require.NoError(t, err, path)
		}
	}
	t.Logf("| export | members | conversations | messages, hidden, on branches | from, to | warnings | problems |\n%s", rows.String())
}

// row reads one export and returns its row of the table.
func row(path string) (string, error) {
	source, err := container.Open(container.Options{}, path)
	if err != nil {
		return err.Error(), err
	}
	platforms := map[string]int{}
	var messages, hidden, branches int
	first, last := "", ""
	report, err := Read(context.Background(), source, Options{}, func(c format.Conversation) error {
		platforms[c.Platform]++
		for _, m := range c.Messages {
			messages++
			hidden += map[bool]int{true: 1}[m.Hidden]
			branches += map[bool]int{true: 1}[m.Branch != ""]
		}
		if from := c.CreatedAt.Format("2006-01-02 15:04:05"); first == "" || from < first {
			first = from
		}
		last = max(last, c.UpdatedAt.Format("2006-01-02 15:04:05"))
		return nil
	})
	if err != nil {
		problem, _, _ := strings.Cut(err.Error(), "\n")
		return fmt.Sprintf("| %s | | | | | | %s |", path, problem), err
	}
	var conversations, warnings, problems []string
	for _, platform := range slices.Sorted(maps.Keys(platforms)) {
		conversations = append(conversations, fmt.Sprintf("%s %d", platform, platforms[platform]))
	}
	all := report.Warnings()
	for _, w := range slices.Sorted(maps.Keys(all)) {
		warnings = append(warnings, fmt.Sprintf("%d %s", all[w], w))
	}
	for _, m := range report.Members {
		for _, p := range m.Problems {
			problems = append(problems, p.Place.String()+": "+p.Text)
		}
	}
	return fmt.Sprintf("| %s | %d | %s | %d, %d, %d | %s, %s | %s | %s |", path, len(report.Members), strings.Join(conversations, ", "),
		messages, hidden, branches, first, last, strings.Join(warnings, "; "), strings.Join(problems, "; ")), nil
}
