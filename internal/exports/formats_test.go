package exports

import (
	"io/fs"
	"os"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/lethe-chat/lethe/internal/exports/format"
)

// No fixture of any format is recognised by two formats, whatever their order.
func TestAFileHasOneFormat(t *testing.T) {
	files := 0
	require.NoError(t, fs.WalkDir(os.DirFS("."), ".", func(path string, e fs.DirEntry, err error) error {
		if err != nil || e.IsDir() || !strings.Contains(path, "/testdata/") || strings.Contains(path, "/fuzz/") || strings.HasSuffix(path, ".golden") {
			return err
		}
		head, err := os.ReadFile(path)
		if err != nil {
			return err
		}
		s := format.NewSample(path, head[:min(len(head), format.SampleBytes)])
		var names []string
		for _, f := range Formats() {
			if f.Matches(s) {
				names = append(names, f.Name)
			}
		}
		require.LessOrEqual(t, len(names), 1, "%s is %v", path, names)
		files += len(names)
		return nil
	}))
	require.Greater(t, files, 20)
}

func TestNamesOfFormats(t *testing.T) {
	seen := map[string]bool{}
	for _, f := range Formats() {
		require.Regexp(t, `^[a-z][a-z0-9-]*$`, f.Name)
		require.False(t, seen[f.Name], "two formats are called %s", f.Name)
		seen[f.Name] = true
		require.NotEmpty(t, f.Title, f.Name)
		require.NotEmpty(t, f.LookFor, f.Name)
		require.NotNil(t, f.Matches, f.Name)
		require.NotNil(t, f.Read, f.Name)
	}
}
