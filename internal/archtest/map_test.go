package archtest

import (
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

// mapLine is a line of the code map in ARCHITECTURE.md.
var mapLine = regexp.MustCompile("(?m)^\\| `(\\.|(?:cmd|internal|pkg)/[a-z/-]+)` \\| [^|]*\\| [^|]*\\|$")

// readersLine is the line of the code map for all packages of readersFolder that read one
// format each.
const (
	readersLine   = "| `internal/exports/<format>` |"
	readersFolder = "internal/exports/"
)

// isReader reports whether a package reads one format of export files.
func isReader(path string) bool {
	if !strings.HasPrefix(path, readersFolder) {
		return false
	}
	return !slices.ContainsFunc(readerMayImport, func(needed string) bool { return !slices.Contains(mayImport[path], needed) })
}

func TestTheCodeMapHasEveryPackageOnce(t *testing.T) {
	page, err := os.ReadFile(filepath.Join("..", "..", "ARCHITECTURE.md"))
	require.NoError(t, err)
	var mapped []string
	for _, line := range mapLine.FindAllSubmatch(page, -1) {
		mapped = append(mapped, string(line[1]))
	}
	require.Equal(t, 1, strings.Count(string(page), readersLine))
	var there []string
	for path := range mayImport { // which is compared with the packages of the module
		if !isReader(path) {
			there = append(there, path)
		}
	}
	slices.Sort(mapped)
	slices.Sort(there)
	require.Equal(t, there, mapped, "the code map of ARCHITECTURE.md")
}
