package archtest

import (
	"encoding/json"
	"errors"
	"fmt"
	"go/ast"
	"go/parser"
	"go/token"
	"io"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

const module = "github.com/lethe-chat/lethe"

// pkg is one package of the module, as the rules use it.
type pkg struct {
	path        string   // inside the module: internal/store
	name        string   // of its package clause
	imports     []string // outside tests; own packages without the module's path
	testImports []string
	files       []file // without tests
	tests       []file
}

// file is one parsed source file.
type file struct {
	name   string // inside the module
	syntax *ast.File
	set    *token.FileSet
}

// at returns the position of a node.
func (f file) at(n ast.Node) string {
	return fmt.Sprintf("%s:%d", f.name, f.set.Position(n.Pos()).Line)
}

// listed is the part of the output of `go list -json` that is used.
type listed struct {
	Dir, ImportPath, Name              string
	GoFiles, TestGoFiles, XTestGoFiles []string
	Imports, TestImports, XTestImports []string
}

// load lists and parses every package of the module.
func load(t *testing.T) []pkg {
	t.Helper()
	list := exec.CommandContext(t.Context(), "go", "list", "-e", "-json", module+"/...")
	var stderr strings.Builder
	list.Stderr = &stderr
	out, err := list.Output()
	require.NoError(t, err, stderr.String())

	var pkgs []pkg
	for dec := json.NewDecoder(strings.NewReader(string(out))); ; {
		var l listed
		err := dec.Decode(&l)
		if errors.Is(err, io.EOF) {
			break
		}
		require.NoError(t, err)
		if len(l.GoFiles)+len(l.TestGoFiles)+len(l.XTestGoFiles) == 0 {
			continue // nothing but files that other platforms or tools build
		}
		pkgs = append(pkgs, parse(t, l))
	}
	require.NotEmpty(t, pkgs)
	return pkgs
}

func parse(t *testing.T, l listed) pkg {
	t.Helper()
	p := pkg{
		path:        within(l.ImportPath),
		name:        l.Name,
		imports:     allWithin(l.Imports),
		testImports: allWithin(append(l.TestImports, l.XTestImports...)),
	}
	parseAll := func(names []string) (files []file) {
		for _, name := range names {
			set := token.NewFileSet()
			parsed, err := parser.ParseFile(set, filepath.Join(l.Dir, name), nil, parser.ParseComments)
			require.NoError(t, err)
			files = append(files, file{name: p.path + "/" + name, syntax: parsed, set: set})
		}
		return files
	}
	p.files = parseAll(l.GoFiles)
	p.tests = parseAll(append(l.TestGoFiles, l.XTestGoFiles...))
	return p
}

// required returns the modules that go.mod requires.
func required(t *testing.T) []string {
	t.Helper()
	out, err := exec.CommandContext(t.Context(), "go", "mod", "edit", "-json").Output()
	require.NoError(t, err)
	var mod struct {
		Require []struct{ Path string }
		Replace []struct{ Old struct{ Path string } }
	}
	require.NoError(t, json.Unmarshal(out, &mod))
	require.Empty(t, mod.Replace, "go install refuses a module that replaces others")
	var paths []string
	for _, r := range mod.Require {
		paths = append(paths, r.Path)
	}
	require.NotEmpty(t, paths)
	return paths
}

// within removes the module's path from an import path; "." is the module's root.
func within(path string) string {
	if path == module {
		return "."
	}
	return strings.TrimPrefix(path, module+"/")
}

func allWithin(paths []string) []string {
	short := make([]string, 0, len(paths))
	for _, p := range paths {
		short = append(short, within(p))
	}
	return short
}

// own reports whether an import is of this module.
func own(path string) bool {
	return path == "." || strings.HasPrefix(path, "internal/") || strings.HasPrefix(path, "pkg/") || strings.HasPrefix(path, "cmd/")
}

// under reports whether path is dir or inside it.
func under(path, dir string) bool { return path == dir || strings.HasPrefix(path, dir+"/") }
