package archtest

import (
	"fmt"
	"go/ast"
	"go/token"
	"slices"
	"strings"
)

// elements returns the folders of a path.
func elements(path string) []string { return strings.Split(path, "/") }

// checkEnvironment finds code that reads the process's environment.
func checkEnvironment(pkgs []pkg, readers []string) (broken []string) {
	for _, f := range written(pkgs) {
		if slices.Contains(readers, f.pkg) {
			continue
		}
		osName := importName(f.syntax, "os")
		ast.Inspect(f.syntax, func(n ast.Node) bool {
			sel, ok := n.(*ast.SelectorExpr)
			if !ok || osName == "" || !isName(sel.X, osName) {
				return true
			}
			switch sel.Sel.Name {
			case "Getenv", "LookupEnv", "Environ", "ExpandEnv":
				broken = append(broken, fmt.Sprintf("%s: os.%s; what comes from the environment arrives as a value from internal/config", f.at(n), sel.Sel.Name))
			}
			return true
		})
	}
	return broken
}

// checkInit finds init functions: an import runs them, in an order that is hard to see.
func checkInit(pkgs []pkg) (broken []string) {
	for _, f := range written(pkgs) {
		for _, d := range f.syntax.Decls {
			if fn, ok := d.(*ast.FuncDecl); ok && fn.Recv == nil && fn.Name.Name == "init" {
				broken = append(broken, fmt.Sprintf("%s: an init function; make the value where it is declared, or in a constructor", f.at(fn)))
			}
		}
	}
	return broken
}

// checkGlobals finds package variables that can change. Errors, regular expressions,
// tables and embedded files pass: they have a value from the start, are not pointers, and
// are never assigned in their package. Test support may share expensive values between
// the tests of a process.
func checkGlobals(pkgs []pkg, setByLinker, testSupport []string) (broken []string) {
	globals := map[string]map[string]bool{} // package -> its variables
	declared := map[any]bool{}              // their declarations
	for _, f := range written(pkgs) {
		if slices.Contains(testSupport, f.pkg) {
			continue
		}
		if globals[f.pkg] == nil {
			globals[f.pkg] = map[string]bool{}
		}
		for _, spec := range packageVars(f.syntax) {
			declared[spec] = true
			for i, name := range spec.Names {
				if name.Name == "_" {
					continue
				}
				globals[f.pkg][name.Name] = true
				if reason := mutable(spec, i); reason != "" && !slices.Contains(setByLinker, f.pkg+"."+name.Name) {
					broken = append(broken, fmt.Sprintf("%s: package variable %s %s; make it a field of what uses it", f.at(name), name.Name, reason))
				}
			}
		}
	}
	for _, f := range written(pkgs) {
		for _, target := range assigned(f.syntax) {
			// The parser resolves names that are declared inside functions. It resolves a name of the package to its
			// declaration, or not at all.
			local := target.Obj != nil && !declared[target.Obj.Decl]
			if globals[f.pkg][target.Name] && !local {
				broken = append(broken, fmt.Sprintf("%s: package variable %s changes here; make it a field of what uses it", f.at(target), target.Name))
			}
		}
	}
	return broken
}

// mutable returns why the i-th variable of a declaration can change; "" if it cannot.
func mutable(spec *ast.ValueSpec, i int) string {
	if len(spec.Values) == 0 {
		return "has no value yet"
	}
	if i >= len(spec.Values) {
		return "" // of a call with several results: a value all the same
	}
	switch v := spec.Values[i].(type) {
	case *ast.UnaryExpr:
		if v.Op == token.AND {
			return "is a pointer to something that can change"
		}
	case *ast.CallExpr:
		if isName(v.Fun, "make") || isName(v.Fun, "new") {
			return "is empty and waits to be filled"
		}
	}
	return ""
}

// packageVars returns the var declarations at the top of a file, except those with
// //go:embed.
func packageVars(f *ast.File) (specs []*ast.ValueSpec) {
	for _, d := range f.Decls {
		decl, ok := d.(*ast.GenDecl)
		if !ok || decl.Tok != token.VAR {
			continue
		}
		for _, s := range decl.Specs {
			spec, ok := s.(*ast.ValueSpec)
			if ok && !embeds(decl.Doc) && !embeds(spec.Doc) {
				specs = append(specs, spec)
			}
		}
	}
	return specs
}

func embeds(doc *ast.CommentGroup) bool {
	return doc != nil && slices.ContainsFunc(doc.List, func(c *ast.Comment) bool { return strings.HasPrefix(c.Text, "//go:embed ") })
}

// assigned returns the names at the root of everything that a file assigns to: x = 1, x.y
// = 1, x[i]++, and what a call could change through &x.
func assigned(f *ast.File) (names []*ast.Ident) {
	add := func(e ast.Expr) {
		if name := root(e); name != nil {
			names = append(names, name)
		}
	}
	ast.Inspect(f, func(n ast.Node) bool {
		switch n := n.(type) {
		case *ast.AssignStmt:
			if n.Tok != token.DEFINE {
				for _, left := range n.Lhs {
					add(left)
				}
			}
		case *ast.IncDecStmt:
			add(n.X)
		case *ast.CallExpr:
			if isName(n.Fun, "delete") || isName(n.Fun, "clear") || isName(n.Fun, "copy") {
				add(n.Args[0])
			}
		case *ast.RangeStmt:
			if n.Tok == token.ASSIGN {
				add(n.Key)
			}
		case *ast.UnaryExpr:
			if n.Op == token.AND {
				add(n.X)
			}
		}
		return true
	})
	return names
}

// root returns the name that an expression like x.y[i] begins with.
func root(e ast.Expr) *ast.Ident {
	switch e := e.(type) {
	case *ast.Ident:
		return e
	case *ast.SelectorExpr:
		return root(e.X)
	case *ast.IndexExpr:
		return root(e.X)
	case *ast.ParenExpr:
		return root(e.X)
	case *ast.StarExpr:
		return root(e.X)
	}
	return nil
}

// isName reports whether an expression is only this name.
func isName(e ast.Expr, name string) bool {
	id, ok := e.(*ast.Ident)
	return ok && id.Name == name
}

// importName returns the name that a file uses for an imported package; "" if it does not
// import it.
func importName(f *ast.File, path string) string {
	for _, imp := range f.Imports {
		if imp.Path.Value != `"`+path+`"` {
			continue
		}
		if imp.Name != nil {
			return imp.Name.Name
		}
		return elements(path)[len(elements(path))-1]
	}
	return ""
}

// sourceFile is a file and the package it belongs to.
type sourceFile struct {
	file
	pkg string
}

// written returns the files that are not generated.
func written(pkgs []pkg) (files []sourceFile) {
	for _, p := range pkgs {
		for _, f := range p.files {
			if !ast.IsGenerated(f.syntax) {
				files = append(files, sourceFile{f, p.path})
			}
		}
	}
	return files
}
