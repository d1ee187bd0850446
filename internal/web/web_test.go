package web

import (
	"io/fs"
	"regexp"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

const (
	largestPage = 60_000 // bytes of all files together, compressed
	longestDOM  = 110    // lines of the render helper, without comments and empty lines
)

func TestThePageIsLight(t *testing.T) {
	page, err := Load()
	require.NoError(t, err)
	total := 0
	for name, file := range page {
		require.NotEmpty(t, file.Type, name)
		total += len(file.Gzipped)
	}
	t.Logf("%d bytes compressed in %d files", total, len(page))
	require.LessOrEqual(t, total, largestPage)
}

// Every module that is imported exists, and nothing is loaded from elsewhere.
func TestThePageLoadsOnlyItsOwnFiles(t *testing.T) {
	page, err := Load()
	require.NoError(t, err)
	imported := regexp.MustCompile(`(?:from |import |import\()'([^']+)'`)
	for name, file := range page {
		if !strings.HasSuffix(name, ".js") {
			continue
		}
		for _, match := range imported.FindAllStringSubmatch(string(file.Content), -1) {
			require.True(t, strings.HasPrefix(match[1], "./"), "%s imports %s", name, match[1])
			require.Contains(t, page, strings.TrimPrefix(match[1], "./"), "%s imports it", name)
		}
	}
	foreign := regexp.MustCompile(`https?://[^\s"'<)]+`)
	for name, file := range page {
		for _, address := range foreign.FindAllString(string(file.Content), -1) {
			require.Equal(t, "http://www.w3.org/2000/svg", address, name)
		}
	}
}

// HTML becomes elements in one place, and no text becomes a script or a style.
func TestDangerousWaysAreUsedInOnePlace(t *testing.T) {
	dangerous := regexp.MustCompile(`innerHTML|outerHTML|insertAdjacentHTML|document\.write|\beval\(|new Function|DOMParser|setHTML|createContextualFragment|javascript:|\.cssText|'style'`)
	err := fs.WalkDir(files, "page", func(name string, entry fs.DirEntry, err error) error {
		if err != nil || entry.IsDir() || name == "page/trusted.js" {
			return err
		}
		content, err := files.ReadFile(name)
		require.Empty(t, dangerous.FindAllString(string(content), -1), name)
		return err
	})
	require.NoError(t, err)
}

func TestTheRenderHelperIsSmall(t *testing.T) {
	content, err := files.ReadFile("page/dom.js")
	require.NoError(t, err)
	lines := 0
	for line := range strings.Lines(string(content)) {
		if text := strings.TrimSpace(line); text != "" && !strings.HasPrefix(text, "//") && !strings.HasPrefix(text, "*") && !strings.HasPrefix(text, "/**") {
			lines++
		}
	}
	require.LessOrEqual(t, lines, longestDOM)
}
