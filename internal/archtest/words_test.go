package archtest

import (
	"fmt"
	"go/ast"
	"go/token"
	"reflect"
	"regexp"
	"slices"
	"strconv"
	"strings"
)

// wireNames returns the names of fields that only the API has: those of the generated
// types with a capital letter after a small one, such as expectedCount. Other names are
// common words.
func wireNames(pkgs []pkg, wire string) (names []string) {
	for _, p := range pkgs {
		if p.path != wire {
			continue
		}
		for _, f := range p.files {
			ast.Inspect(f.syntax, func(n ast.Node) bool {
				field, ok := n.(*ast.Field)
				if !ok || field.Tag == nil {
					return true
				}
				tag, err := strconv.Unquote(field.Tag.Value)
				if err != nil {
					return true
				}
				name, _, _ := strings.Cut(reflect.StructTag(tag).Get("json"), ",")
				if camelCase.MatchString(name) && !slices.Contains(names, name) {
					names = append(names, name)
				}
				return true
			})
		}
	}
	return names
}

var (
	camelCase = regexp.MustCompile(`[a-z][A-Z]`)
	words     = regexp.MustCompile(`\w+`)
	// place matches a position in a list that is written into a text. The front door uses
	// a fault.Path instead, which each transport translates.
	place = regexp.MustCompile(`\w\[%d\]`)
)

// checkWireWords finds texts of the domain that contain names of fields of one transport.
// Callers of another transport do not know these fields.
func checkWireWords(pkgs []pkg, domain, wire []string) (broken []string) {
	for _, f := range written(pkgs) {
		if !slices.Contains(domain, f.pkg) {
			continue
		}
		ast.Inspect(f.syntax, func(n ast.Node) bool {
			switch n := n.(type) {
			case *ast.ImportSpec:
				return false
			case *ast.Field:
				return n.Tag == nil // struct tags are not text
			case *ast.BasicLit:
				if n.Kind != token.STRING {
					return true
				}
				text, err := strconv.Unquote(n.Value)
				if err != nil {
					return true
				}
				for _, word := range words.FindAllString(text, -1) {
					if slices.Contains(wire, word) {
						broken = append(broken, fmt.Sprintf("%s: %q is a word of the wire; name the field with fault.At, and its name on the wire in internal/server/wording.go", f.at(n), word))
					}
				}
				if place.MatchString(text) {
					broken = append(broken, fmt.Sprintf("%s: %q writes a place into a text; say it with fault.At(...).Item(i)", f.at(n), text))
				}
			}
			return true
		})
	}
	return broken
}
