package archtest

import (
	"go/ast"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

// testCommand is a `go test` with a pattern of tests in one of the pages, and testPackage is
// one of its packages.
var (
	testCommand = regexp.MustCompile("`go test ([^`]*) -run ([A-Za-z]+)[^`]*`")
	testPackage = regexp.MustCompile(`\./[a-z/]+`)
)

// go test succeeds when no test matches a pattern, so a command of a page can prove nothing
// after a test was renamed.
func TestTheCommandsOfThePagesFindTests(t *testing.T) {
	pages, err := filepath.Glob("../../docs/*.md")
	require.NoError(t, err)
	pkgs, found := load(t), 0
	for _, page := range append(pages, "../../ARCHITECTURE.md", "../../CONTRIBUTING.md", "../../README.md") {
		text, err := os.ReadFile(page)
		require.NoError(t, err)
		for _, command := range testCommand.FindAllStringSubmatch(string(text), -1) {
			for _, folder := range testPackage.FindAllString(command[1], -1) {
				found++
				require.True(t, hasTest(pkgs, strings.TrimPrefix(folder, "./"), regexp.MustCompile(command[2])),
					"%s: %s runs no test of %s", page, command[0], folder)
			}
		}
	}
	require.Positive(t, found)
}

// hasTest reports whether a package has a test whose name matches.
func hasTest(pkgs []pkg, path string, name *regexp.Regexp) bool {
	return slices.ContainsFunc(pkgs, func(p pkg) bool {
		return p.path == path && slices.ContainsFunc(p.tests, func(f file) bool {
			return slices.ContainsFunc(f.syntax.Decls, func(d ast.Decl) bool {
				fn, ok := d.(*ast.FuncDecl)
				return ok && fn.Recv == nil && strings.HasPrefix(fn.Name.Name, "Test") && name.MatchString(fn.Name.Name)
			})
		})
	})
}
