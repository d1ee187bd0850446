package archtest

import (
	"fmt"
	"go/ast"
	"slices"
)

// checkClock looks for tests that measure how long something takes, because the result
// depends on how busy the machine is. A test counts or waits for a signal. Benchmarks and
// the named files may measure.
func checkClock(pkgs []pkg, allowed []string) []string {
	return checkTestCalls(pkgs, "time", allowed, func(name string) bool { return name == "Since" },
		"a test that measures time fails on a busy machine; count, or wait for a signal")
}

// checkChance looks for tests that use random numbers without a seed, because their
// failures cannot be repeated.
func checkChance(pkgs []pkg, allowed []string) []string {
	seeded := []string{"New", "NewPCG", "NewChaCha8", "NewZipf", "Rand", "PCG", "ChaCha8", "Zipf", "Source"}
	return checkTestCalls(pkgs, "math/rand/v2", allowed, func(name string) bool { return !slices.Contains(seeded, name) },
		"use rand.New with storetest.Seed or a constant, so that a failure can be repeated")
}

// checkTestCalls looks for uses of forbidden names of a library in tests and test
// support, outside the packages and files that are allowed.
func checkTestCalls(pkgs []pkg, library string, allowed []string, forbidden func(name string) bool, why string) (broken []string) {
	for _, p := range pkgs {
		files := p.tests
		if slices.Contains(onlyForTests, p.path) {
			files = slices.Concat(p.files, p.tests)
		}
		for _, f := range files {
			local := importName(f.syntax, library)
			if local == "v2" {
				local = "rand" // the package's name is not its path's last element
			}
			if local == "" || slices.Contains(allowed, p.path) || slices.Contains(allowed, f.name) {
				continue
			}
			ast.Inspect(f.syntax, func(n ast.Node) bool {
				if sel, ok := n.(*ast.SelectorExpr); ok && isName(sel.X, local) && forbidden(sel.Sel.Name) {
					broken = append(broken, fmt.Sprintf("%s: %s.%s; %s", f.at(sel), local, sel.Sel.Name, why))
				}
				return true
			})
		}
	}
	return broken
}
