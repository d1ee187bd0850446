package spelling

import (
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

func TestNearest(t *testing.T) {
	known := []string{"dryRun", "expectedCount", "exclude", "wait", "filter"}
	for name, want := range map[string]string{
		"dry_run": "dryRun", "DRY-RUN": "dryRun", "dryrun": "dryRun", "Dry run": "dryRun", "dryRn": "dryRun",
		"expected_count": "expectedCount", "expectCount": "expectedCount", "xclude": "exclude", "waits": "wait", "Filter": "filter",
		"ｄｒｙＲｕｎ": "dryRun", "": "", "title": "", "ids": "", "conversation": "", "dr": "", "воскресенье": "",
	} {
		nearest, near := Nearest(name, known)
		if !near {
			nearest = ""
		}
		require.Equal(t, want, nearest, name)
	}
	_, near := Nearest("dryRun", nil)
	require.False(t, near)
}

func TestDistance(t *testing.T) {
	for pair, want := range map[[2]string]int{
		{"", ""}: 0, {"abc", ""}: 3, {"", "abc"}: 3, {"abc", "abc"}: 0, {"abc", "acb"}: 1, {"abc", "abd"}: 1,
		{"abc", "ab"}: 1, {"abc", "xabc"}: 1, {"größe", "grösse"}: 2,
		{"adrr", "addr"}: 1, {"url", "ulr"}: 1, {"kitten", "sitting"}: 3,
	} {
		require.Equal(t, want, Distance(pair[0], pair[1]), pair)
		require.Equal(t, want, Distance(pair[1], pair[0]), pair)
	}
}

// Names come from callers, and a very long one is not near to any known name.
func TestALongNameCostsOnlyItsReading(t *testing.T) {
	long := strings.Repeat("q", 100_000)
	allocations := testing.AllocsPerRun(1, func() {
		_, near := Nearest(long, []string{"dryRun", "expectedCount", "exclude", "wait"})
		require.False(t, near)
	})
	require.Less(t, allocations, 100.0)
}
