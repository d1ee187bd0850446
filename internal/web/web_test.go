package web

import (
	"io/fs"
	"maps"
	"regexp"
	"slices"
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

// The page names all modules that it begins with, so that the browser asks for them at once
// and not one level of imports after the other.
func TestThePagePreloadsItsModules(t *testing.T) {
	page, err := Load()
	require.NoError(t, err)
	var named []string
	for _, match := range regexp.MustCompile(`rel="modulepreload" href="page/([^"]+)"`).FindAllStringSubmatch(string(page["index.html"].Content), -1) {
		named = append(named, match[1])
	}
	needed := map[string]bool{}
	imported := regexp.MustCompile(`(?m)^import (?:.* from )?'\./([^']+)'`)
	for todo := []string{"main.js"}; len(todo) > 0; todo = todo[1:] {
		if needed[todo[0]] {
			continue
		}
		needed[todo[0]] = true
		for _, match := range imported.FindAllStringSubmatch(string(page[todo[0]].Content), -1) {
			todo = append(todo, match[1])
		}
	}
	require.ElementsMatch(t, slices.Collect(maps.Keys(needed)), named)
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
