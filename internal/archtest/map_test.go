package archtest

import (
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"testing"

	"github.com/stretchr/testify/require"
)

// mapLine is a line of the code map in ARCHITECTURE.md.
var mapLine = regexp.MustCompile("(?m)^\\| `(\\.|(?:cmd|internal|pkg)/[a-z/-]+)` \\| [^|]*\\| [^|]*\\|$")

func TestTheCodeMapHasEveryPackageOnce(t *testing.T) {
	page, err := os.ReadFile(filepath.Join("..", "..", "ARCHITECTURE.md"))
	require.NoError(t, err)
	var mapped []string
	for _, line := range mapLine.FindAllSubmatch(page, -1) {
		mapped = append(mapped, string(line[1]))
	}
	var there []string
	for path := range mayImport { // which is compared with the packages of the module
		there = append(there, path)
	}
	slices.Sort(mapped)
	slices.Sort(there)
	require.Equal(t, there, mapped, "the code map of ARCHITECTURE.md")
}
