package archtest

import (
	"go/parser"
	"go/token"
	"testing"

	"github.com/stretchr/testify/require"
)

func TestArchitecture(t *testing.T) {
	pkgs := load(t)
	rules := map[string][]string{
		"every package is in the table":            checkTable(pkgs, mayImport),
		"imports go downwards":                     checkLayers(pkgs, mayImport),
		"the table allows only what is used":       checkUsed(pkgs, mayImport),
		"test support stays in tests":              checkTestSupport(pkgs, onlyForTests),
		"libraries keep their place":               checkConfined(pkgs, confined),
		"drivers keep their place":                 checkConfined(withoutTests(pkgs), confinedInProduct),
		"pure packages reach nothing":              checkAbsent(pkgs, pure, impure, "it works on values alone"),
		"codes know no clock and no SQL":           checkAbsent(pkgs, []string{"internal/store/bitcode"}, []string{"time", "gorm.io/gorm"}, "its callers say which version of the vectors they read"),
		"no HTTP below the transports":             checkAbsent(pkgs, noHTTP, []string{"net/http"}, "it knows no transport"),
		"packages have names":                      checkNames(pkgs, emptyNames),
		"the environment is read in one place":     checkEnvironment(pkgs, environmentReaders),
		"nothing runs because it is imported":      checkInit(pkgs),
		"confined libraries are there":             checkRequired(confined, required(t)),
		"tests do not measure time":                checkClock(pkgs, measuring),
		"tests can be repeated":                    checkChance(pkgs, seeding),
		"the domain speaks for no transport":       checkWireWords(pkgs, domain, wireNames(pkgs, "pkg/api")),
		"scopes are checked at the front door":     append(checkScopes(pkgs, scopeDeciders), checkNamedScopes(pkgs, transports)...),
		"package variables are constants at heart": checkGlobals(pkgs, setByLinker, onlyForTests),
	}
	for name, broken := range rules {
		t.Run(name, func(t *testing.T) {
			for _, b := range broken {
				t.Error(b)
			}
		})
	}
}

// source is a package with one file, for the tests of the rules.
func source(t *testing.T, path, text string) []pkg {
	t.Helper()
	set := token.NewFileSet()
	parsed, err := parser.ParseFile(set, "x.go", text, parser.ParseComments)
	require.NoError(t, err)
	return []pkg{{path: path, name: parsed.Name.Name, files: []file{{name: path + "/x.go", syntax: parsed, set: set}}}}
}

// importing returns a package that only has imports.
func importing(path string, imports ...string) []pkg {
	return []pkg{{path: path, name: "x", imports: imports}}
}

// Each rule is tested with code that it forbids and code that it allows.
func TestRulesFindWhatTheyForbid(t *testing.T) {
	table := map[string][]string{"internal/chat": {"internal/fault"}, "internal/fault": {}, "pkg/client": {"pkg/api"}}
	gorm := []confinement{{"gorm.io", []string{"internal/store"}, "why"}}
	inTest := []pkg{{path: "internal/history", name: "history", testImports: []string{"gorm.io/gorm"}}}

	tests := map[string]struct {
		broken []string
		want   int
	}{
		"a new package":                      {checkTable(append(importing("internal/chat"), append(importing("internal/fault"), append(importing("pkg/client"), importing("internal/new")...)...)...), table), 1},
		"a package that went":                {checkTable(append(importing("internal/chat"), importing("internal/fault")...), table), 1},
		"an import upwards":                  {checkLayers(importing("internal/fault", "internal/chat"), table), 1},
		"an import downwards":                {checkLayers(importing("internal/chat", "internal/fault", "time"), table), 0},
		"an allowed import that is not used": {checkUsed(importing("internal/chat", "time"), table), 1},
		"an allowed import that is used":     {checkUsed(importing("internal/chat", "internal/fault"), table), 0},
		"pkg reaching internal":              {checkLayers(importing("pkg/client", "internal/chat"), table), 1},
		"pkg reaching pkg":                   {checkLayers(importing("pkg/client", "pkg/api"), table), 0},
		"test support in the product":        {checkTestSupport(importing("internal/history", "internal/storetest"), []string{"internal/storetest"}), 1},
		"testing in the product":             {checkTestSupport(importing("internal/history", "testing"), []string{"internal/storetest"}), 1},
		"test support on test support":       {checkTestSupport(importing("internal/apptest", "internal/storetest"), []string{"internal/storetest", "internal/apptest"}), 0},
		"testing in test support":            {checkTestSupport(importing("internal/storetest", "testing"), []string{"internal/storetest"}), 0},
		"gorm outside the store":             {checkConfined(importing("internal/history", "gorm.io/gorm/clause"), gorm), 1},
		"gorm in a test outside the store":   {checkConfined(inTest, gorm), 1},
		"gorm below the store":               {checkConfined(importing("internal/store/rows", "gorm.io/gorm"), gorm), 0},
		"a driver in the store's own code":   {checkConfined(withoutTests(importing("internal/store", "github.com/jackc/pgx/v5")), confinedInProduct), 1},
		"a driver in a test of the store":    {checkConfined(withoutTests([]pkg{{path: "internal/store", testImports: []string{"github.com/jackc/pgx/v5"}}}), confinedInProduct), 0},
		"a database beside the store":        {checkConfined(importing("internal/history", "internal/store/sqlite"), confined), 1},
		"a database below the store":         {checkConfined(importing("internal/store", "internal/store/sqlite"), confined), 0},
		"a name that only begins like it":    {checkConfined(importing("internal/history", "gorm.iota/x"), gorm), 0},
		"a file opened in a pure package":    {checkAbsent(importing("internal/rank", "os"), pure, impure, "why"), 1},
		"HTTP in the front door":             {checkAbsent(importing("internal/history", "net/http"), noHTTP, []string{"net/http"}, "why"), 1},
		"HTTP in the server":                 {checkAbsent(importing("internal/server", "net/http"), noHTTP, []string{"net/http"}, "why"), 0},
		"a package called util":              {checkNames(importing("internal/util"), emptyNames), 1},
		"a package inside one called common": {checkNames(importing("internal/common/dates"), emptyNames), 1},
		"a library that is required":         {checkRequired(gorm, []string{"gorm.io/gorm"}), 0},
		"a package of a required module":     {checkRequired([]confinement{{"x.org/a/b", nil, ""}}, []string{"x.org/a"}), 0},
		"a library by a wrong name":          {checkRequired([]confinement{{"x.org/b", nil, ""}}, []string{"x.org/a", "x.org/bc"}), 1},
		"the standard library":               {checkRequired([]confinement{{"database/sql", nil, ""}}, nil), 0},
		"a package called rank":              {checkNames(importing("internal/rank"), emptyNames), 0},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) { require.Len(t, test.broken, test.want) })
	}
}

func TestSourceRulesFindWhatTheyForbid(t *testing.T) {
	environment := func(p []pkg) []string { return checkEnvironment(p, []string{"internal/config"}) }
	globals := func(p []pkg) []string {
		return checkGlobals(p, []string{"internal/x.version"}, []string{"internal/xtest"})
	}
	wireWords := func(p []pkg) []string { return checkWireWords(p, domain, []string{"expectedCount"}) }
	scopes := func(p []pkg) []string {
		return append(checkScopes(p, scopeDeciders), checkNamedScopes(p, transports)...)
	}
	tests := map[string]struct {
		check func([]pkg) []string
		path  string
		text  string
		want  int
	}{
		"os.Getenv":              {environment, "internal/x", `package x; import "os"; var a = os.Getenv("A")`, 1},
		"os.Getenv handed on":    {environment, "internal/x", `package x; import "os"; var a = f(os.Getenv)`, 1},
		"os.Environ, renamed":    {environment, "internal/x", `package x; import system "os"; var a = system.Environ()`, 1},
		"os.Getenv in config":    {environment, "internal/config", `package config; import "os"; var a = os.Getenv("A")`, 0},
		"somebody else's os":     {environment, "internal/x", `package x; func f(os own) { os.Getenv("A") }`, 0},
		"an init function":       {checkInit, "internal/x", `package x; func init() {}`, 1},
		"a method called init":   {checkInit, "internal/x", `package x; func (t T) init() {}`, 0},
		"a generated init":       {checkInit, "internal/x", "// Code generated by x. DO NOT EDIT.\n\npackage x\n\nfunc init() {}", 0},
		"no value":               {globals, "internal/x", `package x; var cache map[string]int`, 1},
		"a lock":                 {globals, "internal/x", `package x; import "sync"; var mu sync.Mutex`, 1},
		"an empty map":           {globals, "internal/x", `package x; var cache = make(map[string]int)`, 1},
		"a pointer":              {globals, "internal/x", `package x; var shared = &T{}`, 1},
		"assigned":               {globals, "internal/x", `package x; var n = 1; func f() { n = 2 }`, 1},
		"counted":                {globals, "internal/x", `package x; var n = 1; func f() { n++ }`, 1},
		"an entry added":         {globals, "internal/x", `package x; var m = map[string]int{}; func f() { m["a"] = 1 }`, 1},
		"an entry removed":       {globals, "internal/x", `package x; var m = map[string]int{"a": 1}; func f() { delete(m, "a") }`, 1},
		"changed by its address": {globals, "internal/x", `package x; var n = 1; func f() { g(&n) }`, 1},
		"an error":               {globals, "internal/x", `package x; import "errors"; var errGone = errors.New("gone")`, 0},
		"an expression":          {globals, "internal/x", `package x; import "regexp"; var word = regexp.MustCompile("a")`, 0},
		"a table":                {globals, "internal/x", `package x; var m = map[string]int{"a": 1}; func f() int { return m["a"] }`, 0},
		"an embedded file":       {globals, "internal/x", "package x\n\n//go:embed a.sql\nvar schema string\n", 0},
		"an interface held to":   {globals, "internal/x", `package x; var _ I = T{}`, 0},
		"set by the linker":      {globals, "internal/x", `package x; var version string`, 0},
		"shared by tests":        {globals, "internal/xtest", `package xtest; import "sync"; var mu sync.Mutex`, 0},
		"a field of the wire":    {wireWords, "internal/history", `package x; var e = fault.Invalidf("expectedCount is wrong")`, 1},
		"a place in a text":      {wireWords, "internal/chat", `package x; var e = fault.Invalidf("messages[%d].role must be known", i)`, 1},
		"words of every day":     {wireWords, "internal/history", `package x; var e = fault.Invalidf("the ids must be known: %d are not", n)`, 0},
		"a tag":                  {wireWords, "internal/store", "package x; type t struct { N int `gorm:\"column:expectedCount\"` }", 0},
		"the transport's words":  {wireWords, "internal/server", `package x; var e = fault.Invalidf("expectedCount is wrong")`, 0},
		"a transport that asks":  {scopes, "internal/server", `package x; func f(p P) bool { return p.Can("read") }`, 1},
		"a command that asks":    {scopes, "cmd/lethe", `package x; var ok = who.IsOperator()`, 1},
		"the front door asks":    {scopes, "internal/history", `package x; func f(p P) bool { return p.Can("read") }`, 0},
		"a scope in a route":     {scopes, "internal/server", `package x; import "github.com/lethe-chat/lethe/internal/auth"; var s = auth.Read`, 1},
		"a principal made there": {scopes, "internal/mcp", `package x; import who "github.com/lethe-chat/lethe/internal/auth"; var p = who.Operator(1)`, 1},
		"a header read there":    {scopes, "internal/server", `package x; import "github.com/lethe-chat/lethe/internal/auth"; var t, _ = auth.BearerToken("")`, 0},
		"a local of that name":   {globals, "internal/x", `package x; var n = 1; func f() { n := 2; n = 3; n++ }`, 0},
	}
	// The rules about tests read a package's tests.
	inTest := func(check func([]pkg, []string) []string, allowed ...string) func([]pkg) []string {
		return func(p []pkg) []string {
			p[0].tests, p[0].files = p[0].files, nil
			return check(p, allowed)
		}
	}
	for name, test := range map[string]struct {
		check func([]pkg) []string
		text  string
		want  int
	}{
		"a test that measures":       {inTest(checkClock), `package x; import "time"; var a = time.Since(b)`, 1},
		"one that may":               {inTest(checkClock, "internal/x/x.go"), `package x; import "time"; var a = time.Since(b)`, 0},
		"time that passes":           {inTest(checkClock), `package x; import "time"; var a = time.Now().Add(time.Second)`, 0},
		"a number that nobody knows": {inTest(checkChance), `package x; import "math/rand/v2"; var a = rand.IntN(7)`, 1},
		"the same, renamed":          {inTest(checkChance), `package x; import dice "math/rand/v2"; var a = dice.IntN(7)`, 1},
		"a number that repeats":      {inTest(checkChance), `package x; import "math/rand/v2"; var a = rand.New(rand.NewPCG(1, 2)).IntN(7)`, 0},
		"somebody else's rand":       {inTest(checkChance), `package x; import "crypto/rand"; var a = rand.Text()`, 0},
	} {
		t.Run(name, func(t *testing.T) { require.Len(t, test.check(source(t, "internal/x", test.text)), test.want) })
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) { require.Len(t, test.check(source(t, test.path, test.text)), test.want) })
	}
}
