package archtest

import (
	"fmt"
	"slices"
	"strings"
)

// confinement is a library that only a few packages may import.
type confinement struct {
	library string
	places  []string
	why     string
}

// checkTable compares the module's packages with the table.
func checkTable(pkgs []pkg, table map[string][]string) (broken []string) {
	seen := map[string]bool{}
	for _, p := range pkgs {
		seen[p.path] = true
		if _, ok := table[p.path]; !ok {
			broken = append(broken, fmt.Sprintf("%s is a new package: add it to mayImport in table_test.go and to the code map in ARCHITECTURE.md, with what it may import", p.path))
		}
	}
	for path := range table {
		if !seen[path] {
			broken = append(broken, fmt.Sprintf("%s is in mayImport but not in the module: remove its line", path))
		}
	}
	return broken
}

// checkLayers compares every import between our own packages with the table. checkTable
// reports packages that are missing in the table.
func checkLayers(pkgs []pkg, table map[string][]string) (broken []string) {
	for _, p := range pkgs {
		allowed, known := table[p.path]
		for _, imported := range p.imports {
			switch {
			case !known || !own(imported) || slices.Contains(allowed, imported):
			case under(p.path, "pkg") && under(imported, "internal"):
				broken = append(broken, fmt.Sprintf("%s imports %s: what is in pkg is for programs outside this module, which cannot", p.path, imported))
			default:
				broken = append(broken, fmt.Sprintf("%s must not import %s: it may import %v", p.path, imported, allowed))
			}
		}
	}
	return broken
}

// checkUsed finds imports that the table allows and that are not used. A reader would take
// them for a part of the design. Of a list that several packages share, one must use it.
func checkUsed(pkgs []pkg, table map[string][]string) (broken []string) {
	for _, p := range pkgs {
		for _, allowed := range table[p.path] {
			used := slices.ContainsFunc(pkgs, func(q pkg) bool {
				return slices.Equal(table[q.path], table[p.path]) && slices.Contains(q.imports, allowed)
			})
			if !used {
				broken = append(broken, fmt.Sprintf("%s may import %s but does not: remove it from its line in table_test.go", p.path, allowed))
			}
		}
	}
	return broken
}

// checkTestSupport finds test support in the product. Test support may import test
// support.
func checkTestSupport(pkgs []pkg, onlyForTests []string) (broken []string) {
	for _, p := range pkgs {
		if slices.Contains(onlyForTests, p.path) {
			continue
		}
		for _, imported := range p.imports {
			if slices.Contains(onlyForTests, imported) || imported == "testing" {
				broken = append(broken, fmt.Sprintf("%s imports %s outside its tests", p.path, imported))
			}
		}
	}
	return broken
}

// checkConfined finds libraries outside their place, also in tests: a test that bypasses
// the front door depends on what is behind it.
func checkConfined(pkgs []pkg, rules []confinement) (broken []string) {
	for _, p := range pkgs {
		for _, imported := range slices.Concat(p.imports, p.testImports) {
			for _, rule := range rules {
				inPlace := slices.ContainsFunc(rule.places, func(place string) bool { return under(p.path, place) })
				if under(imported, rule.library) && !inPlace {
					broken = append(broken, fmt.Sprintf("%s imports %s, which belongs in %v: %s", p.path, imported, rule.places, rule.why))
				}
			}
		}
	}
	return broken
}

// checkRequired finds confinements of libraries that no module in go.mod provides. Such a
// line checks nothing, and the library may have another name. The standard library needs
// no module.
func checkRequired(rules []confinement, modules []string) (broken []string) {
	for _, rule := range rules {
		standard := !strings.Contains(elements(rule.library)[0], ".")
		provided := slices.ContainsFunc(modules, func(m string) bool { return under(m, rule.library) || under(rule.library, m) })
		if !standard && !provided {
			broken = append(broken, fmt.Sprintf("%s is confined to %v, and no module of go.mod provides it: correct its name or remove its line", rule.library, rule.places))
		}
	}
	return broken
}

// withoutTests returns the packages without their tests.
func withoutTests(pkgs []pkg) []pkg {
	product := slices.Clone(pkgs)
	for i := range product {
		product[i].testImports = nil
	}
	return product
}

// checkAbsent finds packages with imports that they must not have.
func checkAbsent(pkgs []pkg, packages, libraries []string, why string) (broken []string) {
	for _, p := range pkgs {
		if !slices.Contains(packages, p.path) {
			continue
		}
		for _, imported := range p.imports {
			if slices.Contains(libraries, imported) {
				broken = append(broken, fmt.Sprintf("%s imports %s: %s", p.path, imported, why))
			}
		}
	}
	return broken
}

// checkNames finds packages whose names have no meaning.
func checkNames(pkgs []pkg, empty []string) (broken []string) {
	for _, p := range pkgs {
		for _, name := range append(elements(p.path), p.name) {
			if slices.Contains(empty, name) {
				broken = append(broken, fmt.Sprintf("%s: a package called %q has no reason to refuse anything; name it after its noun", p.path, name))
			}
		}
	}
	return broken
}
