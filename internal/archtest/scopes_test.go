package archtest

import (
	"fmt"
	"go/ast"
	"slices"
)

// checkScopes finds packages that decide what a caller may do. Only the front door may: a
// rule in one transport would be missing in the next.
func checkScopes(pkgs []pkg, deciders []string) (broken []string) {
	for _, f := range written(pkgs) {
		if slices.Contains(deciders, f.pkg) {
			continue
		}
		ast.Inspect(f.syntax, func(n ast.Node) bool {
			if sel, ok := n.(*ast.SelectorExpr); ok && (sel.Sel.Name == "Can" || sel.Sel.Name == "IsOperator") {
				broken = append(broken, fmt.Sprintf("%s: .%s(); what a caller may do is decided by history.Access alone", f.at(sel), sel.Sel.Name))
			}
			return true
		})
	}
	return broken
}

// checkNamedScopes looks for transports that name a scope.
func checkNamedScopes(pkgs []pkg, transports []string) (broken []string) {
	for _, f := range written(pkgs) {
		authName := importName(f.syntax, "github.com/lethe-chat/lethe/internal/auth")
		if authName == "" || !slices.Contains(transports, f.pkg) {
			continue
		}
		ast.Inspect(f.syntax, func(n ast.Node) bool {
			sel, ok := n.(*ast.SelectorExpr)
			if ok && isName(sel.X, authName) && slices.Contains([]string{"Read", "Write", "Scope", "NewPrincipal", "Operator"}, sel.Sel.Name) {
				broken = append(broken, fmt.Sprintf("%s: auth.%s; a transport takes its principal from history.Authenticate and names no scope", f.at(sel), sel.Sel.Name))
			}
			return true
		})
	}
	return broken
}
